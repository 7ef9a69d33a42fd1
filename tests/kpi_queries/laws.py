"""The laws of figures, each held against a played history, whatever rules and rates are in force.

Source: docs/kpis.md, laws.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import day_start
from app.domain.policy.fx import Rates
from app.domain.policy.rules import MetricRules, rate
from app.kpi_queries import KpiQuery, Scope
from app.kpi_queries.evaluate import evaluate_exactly
from app.kpi_queries.sources import SOURCES
from app.kpi_queries.sources.base import RowRequest
from app.store.engine import Database
from projections import VIEWS
from projections.kpis import KPIS
from projections.kpis.account_movements import AccountMovements, account_movements
from projections.kpis.base import Kpi, KpiContext, RowKind, measure
from projections.kpis.conversion import Exchange
from projections.kpis.retention import GROSS_REVENUE_RETENTION, NET_REVENUE_RETENTION
from projections.kpis.revenue import MRR_WATERFALL, waterfall
from projections.views.contract_lines import ContractLine
from tests.kpi_queries.histories import COUNTRIES, INDUSTRIES, OWNERS, PERIODS, TIERS
from tests.kpi_queries.history_factory import rates
from tests.kpi_queries.history_player import PlayedHistory

GROWING = (("2023-01-01", "1.05"), ("2025-02-28", "1.1234567891"), ("2025-07-01", "0.97"), ("2025-10-20", "1.3"))
FALLING = {"contraction": -1, "churn": -1}


def bounds(played: PlayedHistory, period: tuple[str, str]) -> tuple[int, int]:
    """A period's instants in the tenant's zone."""
    start, end = (day_start(day, played.application.runtime.projector.zone(played.tenant)) for day in period)
    return start, end


def lines(played: PlayedHistory, currency: str = "USD") -> list[ContractLine]:
    """The lines in a currency."""
    return [
        line for line in played.application.rows("contract_lines", tenant=played.tenant) if line.currency == currency
    ]


def over(played: PlayedHistory, period: tuple[str, str], currency: str = "USD") -> list[AccountMovements]:
    """The account movements of a period, in a currency, by the default rules."""
    return account_movements(lines(played, currency), *bounds(played, period))


def exact(kpi: Kpi, method: str, rows: Sequence[Any]) -> Fraction | None:
    """The exact value of a figure."""
    return measure(kpi.methods[method], rows).value


def value(played: PlayedHistory, name: str, period: tuple[str, str], method: str, **parameters: Any) -> Fraction | None:
    """The exact value of a figure by the rules in force. Raises: a DomainError where it is refused."""
    scope = Scope(currency=parameters.pop("currency", None))
    query = KpiQuery(name, *period, method, scope, **parameters)
    reader = played.application.runtime.reader
    return evaluate_exactly(reader, played.tenant, query, reader.when(played.tenant, None, None))[0].measure.value


def walked(rows: Iterable[dict[str, str]]) -> tuple[Decimal, Decimal]:
    """The sum of a written waterfall's steps, and its closing row."""
    *steps, closing = rows
    return sum((FALLING.get(row["name"], 1) * Decimal(row["amount"]) for row in steps), Decimal(0)), Decimal(
        closing["amount"]
    )


# --- the roll-forward ---


def every_waterfall_closes_and_sub_periods_add_up(played: PlayedHistory) -> None:
    """Property 1, in each currency."""
    for currency in ("USD", "EUR", "GBP"):
        first, second, whole = (waterfall(over(played, period, currency)) for period in PERIODS)
        for steps in (first, second, whole):
            assert sum(step.sign * step.amount for step in steps[:-1]) == steps[-1].amount
            assert all(step.amount >= step.hold + step.escalator >= 0 for step in steps)
        assert first[-1].amount == second[0].amount
        assert [one.sign * (one.amount + two.amount) for one, two in zip(first[1:-1], second[1:-1], strict=True)] == [
            step.sign * step.amount for step in whole[1:-1]
        ]


def every_written_waterfall_closes(played: PlayedHistory) -> None:
    """Property 1, of each currency and in total, by the rules and at the rates in force."""
    for period in PERIODS:
        for scope in ({"currency": "USD"}, {"currency": "EUR"}, {"currency": None, "reporting": "GBP"}):
            try:
                sum_of_steps, closing = walked(played.ask("mrr_waterfall", period, **scope)["rows"])
            except DomainError as refused:
                assert refused.code in ("fx_table_missing", "fx_rate_missing")
            else:
                assert sum_of_steps == closing


# --- retention ---


def retention_is_sound(played: PlayedHistory) -> None:
    """Properties 2 and 3, by the rules and at the rates in force."""
    for period in PERIODS:
        for scope in ({"currency": "USD"}, {"reporting_currency": "EUR"}):
            try:
                net, moved, gross, taken = (
                    value(played, name, period, method, **scope)
                    for name in ("net_revenue_retention", "gross_revenue_retention")
                    for method in ("point_to_point", "movement")
                )
            except DomainError as refused:
                assert refused.code in ("fx_table_missing", "fx_rate_missing")
                continue
            assert net == moved
            assert (net is None) == (gross is None)
            if net is not None and gross is not None and taken is not None:
                assert 0 <= gross <= min(1, net)
                assert taken <= gross


def retention_counts_who_was_there(played: PlayedHistory) -> None:
    """Property 2, by the default rules."""
    for period in PERIODS:
        rows = over(played, period)
        net = exact(NET_REVENUE_RETENTION, "point_to_point", rows)
        gross = exact(GROSS_REVENUE_RETENTION, "point_to_point", rows)
        assert net == exact(NET_REVENUE_RETENTION, "movement", rows)
        assert net == exact(NET_REVENUE_RETENTION, "point_to_point", [row for row in rows if row.opening])
        assert (net is None) == (gross is None) == (not any(row.opening for row in rows))
        if net is not None and gross is not None:
            moved = exact(GROSS_REVENUE_RETENTION, "movement", rows)
            assert moved is not None
            assert moved <= gross
            assert 0 <= gross <= min(1, net)


# --- rates ---


def converted_movements(
    played: PlayedHistory, period: tuple[str, str], factor: int = 1, *, fx: str = "constant"
) -> tuple[list[AccountMovements], int]:
    """The account movements of a period in pounds, and in how many parts they count. Takes: what every rate is multiplied by."""
    growing_rates = [
        (day, money, f"{number // 10**10}.{number % 10**10:010d}")
        for day, text in GROWING
        for money, times in (("EUR", 2), ("USD", 1), ("GBP", 3))
        for number in [rate(text) * times * factor]
    ]
    where = played.application.runtime.projector.zone(played.tenant)
    exchange = Exchange("GBP", Rates(rates(*growing_rates, base="CHF")), where)
    reader = played.application.runtime.reader
    rules = MetricRules(fx=fx)  # type: ignore[arg-type]
    request = RowRequest(
        reader=reader,
        tenant_id=played.tenant,
        kpi=MRR_WATERFALL,
        method=MRR_WATERFALL.methods["movement"],
        scope=Scope(),
        position=reader.log.head(played.tenant),
        context=KpiContext(*bounds(played, period), where, rules=rules),
    )
    rows, _, scale_factor = SOURCES[MRR_WATERFALL.reads].convert(request, exchange)
    return rows, scale_factor


def in_total(rows: list[AccountMovements], per: int) -> list[Fraction]:
    """The waterfall's rows, signed as they add up to the last one."""
    *steps, closing = waterfall(rows)
    return [*(step.sign * Fraction(step.amount, per) for step in steps), Fraction(closing.amount, per)]


def totals_close_and_differ_by_the_row_of_rates_alone(played: PlayedHistory) -> None:
    """Properties 1 and 8, in total."""
    for period in PERIODS:
        fixed, spot = (in_total(*converted_movements(played, period, fx=fx)) for fx in ("constant", "spot"))
        assert sum(fixed[:-1]) == fixed[-1] == spot[-1] == sum(spot[:-1])
        assert fixed[0] == spot[0]
    first, second, whole = (in_total(*converted_movements(played, period, fx="spot")) for period in PERIODS)
    assert [one + two for one, two in zip(first[1:-1], second[1:-1], strict=True)] == whole[1:-1]


def no_common_factor_of_rates_moves_a_ratio(played: PlayedHistory) -> None:
    """Properties 2, 3 and 8, of several currencies."""
    for period in PERIODS:
        rows, _ = converted_movements(played, period)
        others, _ = converted_movements(played, period, 7)
        net, gross = (exact(kpi, "point_to_point", rows) for kpi in (NET_REVENUE_RETENTION, GROSS_REVENUE_RETENTION))
        assert net == exact(NET_REVENUE_RETENTION, "movement", rows)
        if net is not None and gross is not None:
            assert 0 <= gross <= min(1, net)
        for kpi in (kpi for kpi in KPIS if kpi.reads is RowKind.ACCOUNT_MOVEMENTS and kpi.unit == "ratio"):
            for method in (name for name, one in kpi.methods.items() if one.compute is None):
                assert exact(kpi, method, others) == exact(kpi, method, rows)


# --- owners ---


HOLDERS = (*OWNERS, "none")
"""Whose an account may be, nobody's too."""
WORDS = {"owner": HOLDERS, "tier": (*TIERS, "none"), "industry": (*INDUSTRIES, "none"), "country": (*COUNTRIES, "none")}
"""What accounts may have, and that they have none."""
SUMMED = [
    (kpi, method)
    for kpi in KPIS
    if kpi.reads in (RowKind.ACCOUNT_MOVEMENTS, RowKind.RENEWALS, RowKind.FORECAST_OUTLOOKS)
    for method in kpi.methods
]
"""Every revenue figure: each is a sum over accounts."""
AT_ONCE = 4
"""How many figures one history is asked for."""


def filtered_figures_sum_to_the_agency(played: PlayedHistory) -> None:
    """Property 9, for each attribution, by the rules in force; accounts without an owner are nobody's, and a part of the whole.

    The same holds of tiers, industries and countries.
    """
    first = played.application.catch_up(played.tenant) * AT_ONCE
    for at in range(first, first + AT_ONCE):
        kpi, method = SUMMED[at % len(SUMMED)]
        period = PERIODS[at % len(PERIODS)] if kpi.kind == "period" else None
        by = list(WORDS)[(at + at // AT_ONCE) % len(WORDS)]
        whole = played.sums(kpi.name, period, method)
        for attribution in ("start", "end"):
            parts = [played.sums(kpi.name, period, method, **{by: word}, attribution=attribution) for word in WORDS[by]]
            for part in (0, 1):
                assert sum(one[part] for one in parts) == whole[part], (kpi.name, method, by, attribution)


# --- views ---


def views_are_those_rebuilt_and_replayed(played: PlayedHistory, owned: Database) -> None:
    """Property 5, of every view, byte for byte."""
    steward, head = played.application, played.application.catch_up(played.tenant)
    for compared in steward.runtime.projector.rebuild_all(owned, played.tenant, VIEWS, verify=True):
        assert (compared.view, compared.missing, compared.surplus) == (compared.view, 0, 0)
    histories = [view for view in VIEWS if view.history]
    memory = steward.runtime.projector.replay(played.tenant, histories, head)
    for view in histories:
        order = [view.table.c[name] for name in view.keys]
        select_rows = select(*view.columns).where(view.table.c.pos_to == view.OPEN).order_by(*order)
        with memory.read(played.tenant) as connection:
            replayed = [view.row(*row) for row in connection.execute(select_rows)]
        with steward.runtime.database.read(played.tenant) as connection:
            current = select_rows.where(view.table.c.tenant_id == played.tenant)
            served = [view.row(*row) for row in connection.execute(current)]
        assert repr(replayed) == repr(served), view.name
    memory.close()


# --- lifetimes ---


def survival_only_falls(played: PlayedHistory) -> None:
    """Property 11, of the product limit: S(t) falls from 1, and never below 0."""
    answer = played.ask("customer_lifetime_value", None, "kaplan_meier")
    shares = [Decimal(row["share"]) for row in answer.get("survival") or ()]
    assert all(1 >= earlier >= later >= 0 for earlier, later in pairwise(shares))
