"""Growth: what is in the pipeline, how much of it is won, and how much is conceded on the way there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.kernel.values import MICRO, unscaled
from projections.kpis.base import COUNT, YEARLY, Kpi, Measure, Method, RowKind, Scale, Share, Warnings, counted
from projections.kpis.decimals import quantity
from projections.kpis.row_type import RowType, items
from projections.kpis.rule_sets import NO_RULES
from projections.views.opportunities import DECIDED, PARKED, Opportunity, stage_at
from projections.views.proposals import Proposal

WEIGHTED: Final = Scale(MICRO * MICRO, money=True)
"""Annual amounts in 10^-6 times probabilities in 10^-6, so that nothing is rounded on the way."""


@dataclass(frozen=True)
class Deal:
    """An opportunity as a figure sees it. stream: its id. value: annual, in 10^-6; of a won one what the contract's event added.

    probability: in 10^-6. outcome: open, parked, won or lost. currency: of the value; none while nobody has estimated it.
    """

    account: str
    stream: str
    stage: str
    outcome: str
    value: int = 0
    probability: int = 0
    currency: str | None = None

    @property
    def estimated(self) -> bool:
        """Whether it is known what it may bring."""
        return self.currency is not None

    def item(self, per: int = 1) -> dict[str, Any]:
        """As an explanation shows it. Takes: in how many parts of the usual ones its amounts are."""
        return {
            "opportunity": self.stream,
            "stage": self.stage,
            "outcome": self.outcome,
            "currency": self.currency,
            "value": quantity(self.value, YEARLY.times(per), self.currency) if self.estimated else None,
            "probability": unscaled(self.probability) if self.estimated else None,
        }


DEAL_ROW: Final = RowType(content=items(Deal.item), streams=lambda row: (row.stream,), amounts=("value",))


def pipeline(rows: Iterable[Opportunity], at: int) -> list[Deal]:
    """The opportunities that are not decided at an instant, parked ones too, by account and id."""
    deals = []
    for row in rows:
        stands = stage_at(row, at)
        if row.identified_at > at or stands.outcome in DECIDED:
            continue
        deals.append(
            Deal(
                account=row.account,
                stream=row.opportunity,
                stage=stands.stage,
                outcome=stands.outcome,
                value=stands.annual_value or 0,
                probability=stands.probability or 0,
                currency=stands.currency,
            )
        )
    return sorted(deals, key=lambda deal: (deal.account, deal.stream))


def decided(rows: Iterable[Opportunity], start: int, end: int) -> list[Deal]:
    """The opportunities that were won or lost within [start, end), by account and id; a lost one at its last estimate."""
    deals = []
    for row in rows:
        if row.decided_at is None or not start <= row.decided_at < end:
            continue
        stands = stage_at(row, row.decided_at)
        won = row.outcome == "won"
        value, currency = (row.won, row.won_currency) if won else (stands.annual_value, stands.currency)
        deals.append(
            Deal(
                account=row.account,
                stream=row.opportunity,
                stage=stands.stage,
                outcome=row.outcome,
                value=value or 0,
                probability=stands.probability or 0,
                currency=currency,
            )
        )
    return sorted(deals, key=lambda deal: (deal.account, deal.stream))


@dataclass(frozen=True)
class Agreement:
    """A proposal that was accepted. value, conceded, price: as it was listed, all that was conceded, and what of it was price."""

    account: str
    stream: str
    currency: str
    value: int
    conceded: int
    price: int

    def item(self, per: int = 1) -> dict[str, Any]:
        """As an explanation shows it. Takes: in how many parts of the usual ones its amounts are."""
        amounts = {"value": self.value, "conceded": self.conceded, "of_which_price": self.price}
        return {
            "proposal": self.stream,
            "currency": self.currency,
            **{name: quantity(amount, YEARLY.times(per), self.currency) for name, amount in amounts.items()},
        }


AGREEMENT_ROW: Final = RowType(
    content=items(Agreement.item), streams=lambda row: (row.stream,), amounts=("value", "conceded", "price")
)


def agreements(rows: Iterable[Proposal], start: int, end: int) -> list[Agreement]:
    """The proposals that were accepted within [start, end), by account and id."""
    accepted = (
        row for row in rows if row.agreed is not None and row.decided_at is not None and start <= row.decided_at < end
    )
    listed = (
        Agreement(
            account=row.account,
            stream=row.proposal,
            currency=row.currency,
            value=row.value,
            conceded=row.conceded,
            price=row.price_conceded,
        )
        for row in accepted
    )
    return sorted(listed, key=lambda row: (row.account, row.stream))


# --- shares ---


def _weighted(row: Deal) -> Share:
    return (0 if row.outcome == PARKED else row.value * row.probability), 0


def _whole(row: Deal) -> Share:
    return (0 if row.outcome == PARKED else row.value), 0


def _won_count(row: Deal) -> Share:
    return int(row.outcome == "won"), 1


def _won_value(row: Deal) -> Share:
    return (row.value if row.outcome == "won" else 0), row.value


def _conceded(row: Agreement) -> Share:
    return row.conceded, row.value


def _price(row: Agreement) -> Share:
    return row.price, row.value


# --- warnings ---


def _left_out(rows: Sequence[Deal], _measure: Measure) -> Warnings:
    return {
        **counted("parked_opportunities_left_out", (row for row in rows if row.outcome == PARKED)),
        **_unestimated([row for row in rows if row.outcome != PARKED], _measure),
    }


def _unestimated(rows: Sequence[Deal], _measure: Measure) -> Warnings:
    return counted("opportunities_without_estimate", (row for row in rows if not row.estimated))


# --- the catalogue ---

PIPELINE_VALUE: Final = Kpi(
    name="pipeline_value",
    title="Pipeline value",
    unit="money",
    kind="point",
    reads=RowKind.OPEN_OPPORTUNITIES,
    methods={
        "weighted": Method(
            formula="sum of annual value x probability of open opportunities of open accounts",
            share=_weighted,
            numerator=WEIGHTED,
            depends_on=NO_RULES,
        ),
        "total": Method(
            formula="sum of annual value of open opportunities of open accounts",
            share=_whole,
            numerator=YEARLY,
            depends_on=NO_RULES,
        ),
    },
    warn=_left_out,
    calculation=2,
    source="docs/kpis.md#pipeline_value",
)

WIN_RATE: Final = Kpi(
    name="win_rate",
    title="Win rate",
    unit="ratio",
    kind="period",
    reads=RowKind.DECIDED_OPPORTUNITIES,
    methods={
        "count": Method(
            formula="opportunities won / opportunities won or lost",
            share=_won_count,
            numerator=COUNT,
            denominator=COUNT,
            null_reason="nothing_decided_in_period",
            depends_on=NO_RULES,
        ),
        "value": Method(
            formula="annual value won / annual value won, or lost as last estimated",
            share=_won_value,
            numerator=YEARLY,
            denominator=YEARLY,
            null_reason="no_value_decided_in_period",
            depends_on=NO_RULES,
        ),
    },
    warn=_unestimated,
    source="docs/kpis.md#win_rate",
)

CONCESSION_RATE: Final = Kpi(
    name="concession_rate",
    title="Concession rate",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCEPTED_PROPOSALS,
    methods={
        "all": Method(
            formula="annual value conceded / annual value listed, of accepted proposals",
            share=_conceded,
            numerator=YEARLY,
            denominator=YEARLY,
            null_reason="no_value_accepted_in_period",
            depends_on=NO_RULES,
        ),
        "price": Method(
            formula="annual value conceded of the price / annual value listed, of accepted proposals",
            share=_price,
            numerator=YEARLY,
            denominator=YEARLY,
            null_reason="no_value_accepted_in_period",
            depends_on=NO_RULES,
        ),
    },
    source="docs/kpis.md#concession_rate",
)
