"""The renewal forecast, what it promises at least and at most, and how well such forecasts came true."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any, Final, NamedTuple

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import MICRO, scaled, unscaled
from projections.kpis.base import (
    YEARLY,
    ComputedValue,
    Kpi,
    KpiContext,
    Measure,
    Method,
    RowKind,
    Scale,
    Share,
    Warnings,
    counted,
)
from projections.kpis.decimals import quantity, ratio, rising
from projections.kpis.renewals import cycle_streams, unassessed
from projections.kpis.row_type import RowType, items
from projections.kpis.rule_sets import NO_RULES
from projections.kpis.sharing import GROUPS, share_out
from projections.views.forecasts import Forecast
from projections.views.renewals import Renewal

CHANCES: Final = {"on_track": 950_000, "watch": 750_000, "at_risk": 450_000, "critical": 150_000}
"""How likely a renewal of a risk class is, in 10^-6, where no probability is given. Source: docs/kpis.md#renewal_forecast."""
CATEGORIES: Final = {"on_track": "commit", "watch": "best_case", "at_risk": "at_risk", "critical": "at_risk"}
"""What a risk class counts as where nobody submitted a forecast."""
COMMITTED: Final = {"commit": 950_000, "best_case": 750_000, "at_risk": 450_000, "lost": 0}
"""How likely a renewal of a forecast category is, in 10^-6, where no probability is given."""
EXPECTED: Final = Scale(MICRO * MICRO, money=True)
"""Annual amounts in 10^-6 times chances in 10^-6."""
COLUMNS: Final = ("low", "base", "high")
"""What a forecast says: at the least, on average, at the most."""
DAYS_BEFORE: Final = 30
MOST_DAYS: Final = 1_000


class Expected(NamedTuple):
    """What is expected of a term: its category, or renewed; the chance in 10^-6, and the annual value if it is renewed."""

    category: str
    chance: int
    value: int

    @property
    def base(self) -> int:
        """The value times the chance, in 10^-12."""
        return self.value * self.chance

    @property
    def bounds(self) -> tuple[int, int, int]:
        """Low, base and high, in 10^-12, in this order for whatever value.

        At least what is certain or committed, at its chance; at most the whole value, unless it was given up. A negative value, that
        of a credit, is least where it comes whole.
        """
        sure = self.base if self.category in ("commit", "renewed") else 0
        whole = self.base if self.category == "lost" else self.value * MICRO
        return min(sure, whole), self.base, max(sure, whole)


class Outlook(NamedTuple):
    """A term that falls due, and whose account it is of. native: the currency of its contract, whatever amounts are converted to."""

    account: str
    term: Renewal
    owner: str | None = None
    tier: str | None = None
    industry: str | None = None
    country: str | None = None
    native: str | None = None

    def item(self, per: int = 1) -> dict[str, Any]:
        """As an explanation shows it. Takes: in how many parts of the usual ones its amounts are."""
        expectation = expected(self.term)
        return {
            **_term(self.term, per),
            "category": expectation.category,
            "probability": unscaled(expectation.chance),
            "expected_value": quantity(expectation.value, YEARLY.times(per), self.term.currency),
            "forecast": quantity(expectation.base, EXPECTED.times(per), self.term.currency),
        }


class Predicted(NamedTuple):
    """A term that fell due, and the forecast that stood so many days before."""

    account: str
    term: Renewal
    forecast: Forecast | None

    @property
    def counts(self) -> bool:
        """Whether there is something to compare: a decision, and a forecast of it."""
        return self.term.outcome != "open" and self.forecast is not None

    @property
    def actual(self) -> int:
        """The annual value that was renewed, in 10^-6."""
        return (self.term.renewed or 0) if self.counts else 0

    @property
    def chance(self) -> int:
        """The probability that the forecast gave, in 10^-6."""
        if self.forecast is None:
            return 0
        return _chance(self.forecast.probability, COMMITTED[self.forecast.category])

    @property
    def predicted(self) -> int:
        """What was expected, in 10^-12."""
        return self.forecast.expected * self.chance if self.counts and self.forecast is not None else 0

    def item(self, per: int = 1) -> dict[str, Any]:
        """As an explanation shows it. Takes: in how many parts of the usual ones its amounts are."""
        currency = self.term.currency
        return {
            **_term(self.term, per),
            "counts": self.counts,
            "by": None if self.forecast is None else self.forecast.by,
            "category": None if self.forecast is None else self.forecast.category,
            "probability": None if self.forecast is None else unscaled(self.chance),
            "forecast": quantity(self.predicted, EXPECTED.times(per), currency),
            "actual": quantity(self.actual, YEARLY.times(per), currency),
        }


FORECAST_ROW: Final = RowType(amounts=("expected",))
"""A forecast is converted with the term that it is compared to."""
OUTLOOK_ROW: Final = RowType(content=items(Outlook.item), streams=lambda row: cycle_streams(row.term), parts=("term",))
PREDICTED_ROW: Final = RowType(
    content=items(Predicted.item), streams=lambda row: cycle_streams(row.term), parts=("term", "forecast")
)


def _term(row: Renewal, per: int) -> dict[str, Any]:
    members = {"contract": row.contract, "renewal": row.renewal, "due": row.due, "outcome": row.outcome}
    return {**members, "currency": row.currency, "expiring": quantity(row.atr, YEARLY.times(per), row.currency)}


def _chance(probability: str | None, default: int) -> int:
    return default if probability is None else scaled(probability)


def expected(row: Renewal) -> Expected:
    """What is expected of a term: the newest forecast, else what its risk suggests, else that it is on track.

    What was decided is certain. Under notice nothing is expected, unless somebody submitted a forecast all the same.
    """
    if row.outcome == "renewed":
        return Expected("renewed", MICRO, row.renewed or 0)
    if row.outcome == "lost":
        return Expected("lost", 0, 0)
    value = row.atr
    if row.category is not None:
        return Expected(
            row.category, _chance(row.chance, COMMITTED[row.category]), value if row.expected is None else row.expected
        )
    if row.noticed:
        return Expected("lost", 0, value)
    risk = row.risk or "on_track"
    return Expected(CATEGORIES[risk], _chance(row.probability, CHANCES[risk]), value)


# --- the forecast ---


def _base(row: Outlook) -> Share:
    return expected(row.term).base, 0


def _outlook(measure: Measure, context: KpiContext) -> ComputedValue:
    rows, currency = [row for row, _ in measure.shares], context.currency
    yearly, weighted = YEARLY.times(measure.scale_factor), EXPECTED.times(measure.scale_factor)
    expectations = [expected(row.term) for row in rows]
    stake = sum(expectation.chance * row.term.atr for row, expectation in zip(rows, expectations, strict=True))
    members: dict[str, Any] = {
        **{
            column: quantity(sum(expectation.bounds[at] for expectation in expectations), weighted, currency)
            for at, column in enumerate(COLUMNS)
        },
        "uplift": quantity(measure.numerator - stake, weighted, currency),
        "available_to_renew": quantity(sum(row.term.atr for row in rows), yearly, currency),
        "renewed": quantity(sum(row.term.renewed or 0 for row in rows), yearly, currency),
        "renewals": len(rows),
    }
    if "group_by" in context.options:
        members["groups"] = _groups(rows, context.options["group_by"], weighted, currency)
    return ComputedValue(measure.value, members)


def _groups(rows: Sequence[Outlook], by: str, scale: Scale, currency: str | None) -> list[dict[str, Any]]:
    """Low, base and high of each group, in this order; each column sums to that of the whole."""
    if by not in GROUPS:
        raise Invalid("invalid_option", f"group_by is one of {', '.join(GROUPS)}")
    groups: dict[str | None, list[int]] = {}
    for row in rows:
        least, base, most = expected(row.term).bounds
        parts = row.term.products if by == "product" else {getattr(row, "native" if by == "currency" else by): 1}
        for name, amounts in share_out((least, base - least, most - base), parts).items():
            sums = groups.setdefault(name, [0, 0, 0, 0])
            groups[name] = [one + other for one, other in zip(sums, (*amounts, 1), strict=True)]
    names = sorted(groups, key=lambda name: (name is None, name or ""))
    bounds = [tuple(accumulate(groups[name][:3])) for name in names]
    columns = rising([[amounts[at] for amounts in bounds] for at in range(3)], scale, currency)
    return [
        {
            "name": name,
            "value": columns[1][at],
            "numerator": columns[1][at],
            "denominator": None,
            **{column: columns[of][at] for of, column in enumerate(COLUMNS)},
            "renewals": groups[name][3],
        }
        for at, name in enumerate(names)
    ]


def _undoubted(rows: Sequence[Outlook], _measure: Measure) -> Warnings:
    return counted("unassessed_renewals", (row for row in rows if unassessed(row.term)))


# --- how well it came true ---


def days_before(options: Mapping[str, str]) -> int:
    """How many days before the due day a forecast must have stood. Raises: Invalid."""
    text = options.get("days_before", str(DAYS_BEFORE))
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= MOST_DAYS):
        raise Invalid("invalid_option", f"days_before is a number of days from 0 to {MOST_DAYS}")
    return int(text)


def stood(forecasts: Iterable[Forecast], until: int) -> Forecast | None:
    """The forecast that stood just before an instant: the newest in business, and of equals the one submitted later."""
    earlier = [forecast for forecast in forecasts if forecast.effective_at < until]
    return max(earlier, key=lambda forecast: (forecast.effective_at, forecast.position), default=None)


def _predicted(row: Predicted) -> Share:
    return row.predicted, row.actual


def _accuracy(measure: Measure, context: KpiContext) -> ComputedValue:
    rows = [row for row, _ in measure.shares if row.counts]
    people = sorted({row.forecast.by for row in rows if row.forecast is not None})
    of = {name: [row for row in rows if row.forecast and row.forecast.by == name] for name in people}
    members = {
        **_scores(rows),
        "days_before": days_before(context.options),
        "by_person": [{"by": name, "value": _text(_accurate(of[name])), **_scores(of[name])} for name in people],
    }
    null_reason = "nothing_renewed_in_period" if rows else "no_forecasts_in_period"
    return ComputedValue(_accurate(rows), members, null_reason)


def _accurate(rows: Sequence[Predicted]) -> Fraction | None:
    actual, predicted = _sums(rows)
    return 1 - Fraction(abs(actual - predicted), actual) if actual else None


def _sums(rows: Sequence[Predicted]) -> tuple[Fraction, Fraction]:
    """What was renewed, and what was predicted: only compared, so that it does not matter in how many parts both are."""
    return Fraction(sum(row.actual for row in rows), YEARLY.per), Fraction(
        sum(row.predicted for row in rows), EXPECTED.per
    )


def _scores(rows: Sequence[Predicted]) -> dict[str, Any]:
    """Bias: by how much too high, as a share of what was renewed. Brier score: 0 for perfect foresight, 1 for its opposite."""
    actual, predicted = _sums(rows)
    missed = sum((row.chance - MICRO * (row.term.outcome == "renewed")) ** 2 for row in rows)
    return {
        "bias": _text(Fraction(predicted - actual, actual) if actual else None),
        "brier_score": _text(Fraction(missed, MICRO * MICRO * len(rows)) if rows else None),
        "renewals": len(rows),
    }


def _text(value: Fraction | None) -> str | None:
    return None if value is None else ratio(value)


def _left_out(rows: Sequence[Predicted], _measure: Measure) -> Warnings:
    return {
        **counted("undecided_renewals", (row for row in rows if row.term.outcome == "open")),
        **counted(
            "renewals_without_forecast", (row for row in rows if row.term.outcome != "open" and not row.forecast)
        ),
    }


RENEWAL_FORECAST: Final = Kpi(
    name="renewal_forecast",
    title="Renewal forecast",
    unit="money",
    kind="period",
    reads=RowKind.FORECAST_OUTLOOKS,
    methods={
        "weighted": Method(
            formula="sum of (available to renew + expected uplift) x probability; low: what is committed, at its probability; "
            "high: all that is not given up",
            share=_base,
            numerator=EXPECTED,
            compute=_outlook,
            depends_on=NO_RULES,
        )
    },
    warn=_undoubted,
    source="docs/kpis.md#renewal_forecast",
    options=frozenset({"group_by"}),
    calculation=3,
)
FORECAST_ACCURACY: Final = Kpi(
    name="forecast_accuracy",
    title="Forecast accuracy",
    unit="ratio",
    kind="period",
    reads=RowKind.FORECAST_PREDICTIONS,
    methods={
        "standing": Method(
            formula="1 - |renewed - forecast| / renewed, by the forecast that stood days_before the due day",
            share=_predicted,
            numerator=EXPECTED,
            denominator=YEARLY,
            null_reason="nothing_renewed_in_period",
            compute=_accuracy,
            depends_on=NO_RULES,
        )
    },
    warn=_left_out,
    source="docs/kpis.md#forecast_accuracy",
    calculation=2,
    options=frozenset({"days_before"}),
)
