"""Laws that hold for every history, on SQLite often and on PostgreSQL a few times.

Source: docs/kpis.md, laws: roll-forward, retention, splitting and reordering, replay, knowledge, owners.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import select

from app.bootstrap import owner
from app.domain.fx import Rates
from app.domain.rules import MetricRules, rate
from app.domain.values import day_start, zone
from app.figures import Scope
from app.figures.rows import Load, converted_of
from projections import contract_lines, portfolios, renewals
from projections.contract_lines import ContractLine
from projections.kpis import KPIS
from projections.kpis.base import Kpi, measure
from projections.kpis.conversion import Exchange
from projections.kpis.retention import GROSS_REVENUE_RETENTION, NET_REVENUE_RETENTION
from projections.kpis.revenue import MRR_WATERFALL, waterfall
from projections.kpis.standings import Standing, standings
from tests.figures.histories import OWNERS, PERIODS, History, Told, histories, sums
from tests.figures.words import in_force, rates
from tests.support.databases import BACKENDS, Databases
from tests.support.house import House

EXAMPLES = {"sqlite": 12, "postgresql": 2}
VIEWS = (contract_lines.VIEW, portfolios.VIEW, renewals.VIEW)


@pytest.fixture(scope="module", params=BACKENDS)
def estate(request: pytest.FixtureRequest, databases: Databases) -> Iterator[House]:
    """A house in which every history gets a tenant of its own."""
    made = House(databases.fresh(request.param))
    yield made
    made.close()


def for_every_history(estate: House, law: Callable[[Told], None], told: Callable[[Told], Told] = Told.all) -> None:
    """Tells random histories, each to a tenant of its own, and holds a law against them."""
    backend = "postgresql" if estate.runtime.database.postgres else "sqlite"

    @settings(max_examples=EXAMPLES[backend], deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(histories())
    def holds(history: History) -> None:
        law(told(Told(estate, estate.new_tenant("Agency"), history)))

    holds()


def lines(told: Told) -> list[ContractLine]:
    """The lines in dollars."""
    return [line for line in told.house.rows("contract_lines", tenant=told.tenant) if line.currency == "USD"]


def over(told: Told, period: tuple[str, str]) -> list[Standing]:
    """The standings of a period, in dollars."""
    start, end = (day_start(day, zone("UTC")) for day in period)
    return standings(lines(told), start, end)


def exact(kpi: Kpi, method: str, rows: list[Standing]) -> Fraction | None:
    """The exact value of a figure."""
    return measure(kpi.methods[method], rows).value


def test_every_waterfall_leads_from_opening_to_closing_and_sub_periods_add_up(estate: House) -> None:
    def law(told: Told) -> None:
        first, second, whole = (waterfall(over(told, period)) for period in PERIODS)
        for steps in (first, second, whole):
            assert sum(step.sign * step.amount for step in steps[:-1]) == steps[-1].amount
            assert all(step.amount >= step.hold + step.escalator >= 0 for step in steps)
        assert first[-1].amount == second[0].amount
        assert [one.sign * (one.amount + two.amount) for one, two in zip(first[1:-1], second[1:-1], strict=True)] == [
            step.sign * step.amount for step in whole[1:-1]
        ]
        for period in PERIODS:
            written = told.ask("mrr_waterfall", period)["rows"]
            signs = {"contraction": -1, "churn": -1}
            walked = sum(signs.get(row["name"], 1) * Decimal(row["amount"]) for row in written[:-1])
            assert walked == Decimal(written[-1]["amount"])

    for_every_history(estate, law)


def test_gross_retention_never_exceeds_net_and_net_is_the_same_by_movements(estate: House) -> None:
    def law(told: Told) -> None:
        for period in PERIODS:
            rows = over(told, period)
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

    for_every_history(estate, law)


def test_splitting_lines_and_reordering_what_is_told_change_no_figure(estate: House) -> None:
    def law(told: Told) -> None:
        figures = sums(told.everything())
        assert sums(Told(estate, estate.new_tenant("Split"), told.history, split=True).all().everything()) == figures
        assert sums(Told(estate, estate.new_tenant("Reordered"), told.history).by_deal().everything()) == figures

    for_every_history(estate, law)


def test_views_grown_step_by_step_are_those_rebuilt_and_those_replayed(estate: House) -> None:
    owned = owner(estate.settings)

    def step_by_step(told: Told) -> Told:
        for _, step in told.steps():
            step()
            estate.catch_up(told.tenant)
        return told

    def law(told: Told) -> None:
        head = estate.catch_up(told.tenant)
        memory = estate.runtime.projector.replay(told.tenant, VIEWS, head)
        for view in VIEWS:
            with memory.read(told.tenant) as connection:
                order = [view.table.c[name] for name in view.keys]
                current = view.table.c.pos_to == view.OPEN
                replayed = [
                    view.row(*row) for row in connection.execute(select(*view.columns).where(current).order_by(*order))
                ]
            by_key = {view.key(row): row for row in estate.rows(view.name, tenant=told.tenant)}
            assert {view.key(row): row for row in replayed} == by_key
            compared = estate.runtime.projector.rebuild(owned, told.tenant, view, verify=True)
            assert (compared.missing, compared.surplus, compared.position) == (0, 0, head)
        memory.close()

    for_every_history(estate, law, step_by_step)
    owned.close()


def test_what_was_known_at_a_position_never_changes(estate: House) -> None:
    def law(told: Told) -> None:
        steps = told.steps()
        known = {}
        for at, (_, step) in enumerate(steps):
            step()
            if at in (0, len(steps) // 2):
                position = estate.catch_up(told.tenant)
                known[position] = told.everything(known_at=position)
        estate.catch_up(told.tenant)
        for position, answers in known.items():
            assert told.everything(known_at=position) == answers

    for_every_history(estate, law, lambda told: told)


def test_the_owners_figures_sum_to_the_houses_whatever_the_attribution(estate: House) -> None:
    def law(told: Told) -> None:
        for period in PERIODS:
            house = told.ask("arr_growth", period)
            for attribution in ("start", "end"):
                owned = [told.ask("arr_growth", period, owner=name, attribution=attribution) for name in OWNERS]
                for part in ("numerator", "denominator"):
                    assert sum(Decimal(one[part]) for one in owned) == Decimal(house[part])

    for_every_history(estate, law)


# --- money of several currencies ---

GROWING = (("2023-01-01", "1.05"), ("2025-02-28", "1.1234567891"), ("2025-07-01", "0.97"), ("2025-10-20", "1.3"))


def worth_of(
    told: Told, period: tuple[str, str], factor: int = 1, *, fx: str = "constant"
) -> tuple[list[Standing], int]:
    """The standings of a period in pounds, and in how many parts they count. Takes: what every rate is multiplied by."""
    told_rates = [
        (day, money, f"{number // 10**10}.{number % 10**10:010d}")
        for day, text in GROWING
        for money, times in (("EUR", 2), ("USD", 1))
        for number in [rate(text) * times * factor]
    ]
    exchange = Exchange("GBP", Rates(rates(*told_rates, base="GBP")), zone("UTC"))
    reader, (start, end) = told.house.runtime.reader, (day_start(day, zone("UTC")) for day in period)
    rules = MetricRules(fx=fx)  # type: ignore[arg-type]
    load = Load(reader, told.tenant, Scope(), reader.log.head(told.tenant), start, end, rules=rules)
    rows, _, per = converted_of(load, MRR_WATERFALL, exchange)
    return rows, per


def in_total(rows: list[Standing], per: int) -> list[Fraction]:
    """The waterfall's rows, signed as they add up."""
    return [step.sign * Fraction(step.amount, per) for step in waterfall(rows)]


def test_in_total_waterfalls_close_and_at_each_days_rates_their_sub_periods_add_up(estate: House) -> None:
    def law(told: Told) -> None:
        for fx in ("constant", "spot"):
            first, second, whole = ([*waterfall(rows)] for rows, _ in (worth_of(told, one, fx=fx) for one in PERIODS))
            for steps in (first, second, whole):
                assert sum(step.sign * step.amount for step in steps[:-1]) == steps[-1].amount
        first_, second_, whole_ = (in_total(*worth_of(told, period, fx="spot")) for period in PERIODS)
        closing = [Fraction(waterfall(rows)[-1].amount, per) for rows, per in (worth_of(told, one) for one in PERIODS)]
        assert closing[1] == closing[2]
        assert [one + two for one, two in zip(first_[1:-1], second_[1:-1], strict=True)] == whole_[1:-1]

    for_every_history(estate, law)


def test_retention_of_several_currencies_is_sound_and_no_common_factor_of_rates_moves_it(estate: House) -> None:
    def law(told: Told) -> None:
        for period in PERIODS:
            rows, _ = worth_of(told, period)
            others, _ = worth_of(told, period, 7)
            net, gross = (
                exact(kpi, "point_to_point", rows) for kpi in (NET_REVENUE_RETENTION, GROSS_REVENUE_RETENTION)
            )
            assert net == exact(NET_REVENUE_RETENTION, "movement", rows)
            if net is not None and gross is not None:
                assert 0 <= gross <= min(1, net)
            for kpi in (kpi for kpi in KPIS if kpi.reads == "contract_lines" and kpi.unit == "ratio"):
                for method in (name for name, one in kpi.methods.items() if one.tell is None):
                    assert exact(kpi, method, others) == exact(kpi, method, rows)

    for_every_history(estate, law)


def test_the_owners_openings_sum_to_the_houses_in_one_currency_too(estate: House) -> None:
    def law(told: Told) -> None:
        in_force(estate, rates(*((day, "EUR", text) for day, text in GROWING)), tenant=told.tenant)
        estate.catch_up(told.tenant)
        for attribution in ("start", "end"):
            asked = [
                told.ask(
                    "arr_growth", PERIODS[2], currency=None, reporting="USD", owner=owner_, attribution=attribution
                )
                for owner_ in (None, *OWNERS)
            ]
            for part in ("numerator", "denominator"):
                house, *owned = (Decimal(one[part]) for one in asked)
                assert abs(house - sum(owned)) <= Decimal("0.02")  # each is rounded to the cent by itself

    for_every_history(estate, law)
