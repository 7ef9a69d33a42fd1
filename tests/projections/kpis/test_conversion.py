"""Amounts of several currencies in one: exactly, at constant rates where they are compared, and what rates moved in a row of its own.

Source: docs/kpis.md, money of several currencies.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.kernel.errors import Invalid
from app.domain.policy.fx import Rates
from app.domain.policy.rules import FxRate, FxRules, MetricRules
from projections.kpis import KPIS
from projections.kpis.account_movements import AccountMovements, movements_of
from projections.kpis.base import KpiContext, Measure, RowKind, measure
from projections.kpis.conversion import ConvertedAmounts, Exchange, converted
from projections.kpis.counting_rules import counted
from projections.kpis.presentation import breakdown, figure
from projections.kpis.revenue import waterfall
from projections.kpis.rule_sets import DEFAULT_RULES
from projections.views.contract_lines import ContractLine
from tests.projections.kpis.contract_lines_factory import UTC, at, changed, line
from tests.projections.kpis.rules_factory import ANY_RULES, books

YEAR = ("2025-01-01", "2026-01-01")
HALVES = (("2025-01-01", "2025-07-01"), ("2025-07-01", "2026-01-01"))
SPOT = MetricRules(fx="spot")


def table(*rates: tuple[str, str, str], base: str = "USD") -> Rates:
    """A table of (date, currency, rate)."""
    rows = tuple(FxRate(date=date, currency=currency, rate=rate) for date, currency, rate in rates)
    return Rates(FxRules(base=base, rates=rows))


RISING = table(("2023-01-01", "EUR", "1.1"), ("2025-03-01", "EUR", "1.2"), ("2025-10-01", "EUR", "1.25"))


def exchanged(
    lines: Iterable[ContractLine], period: tuple[str, str], rates: Rates | None, *, to: str = "USD", rules: MetricRules = DEFAULT_RULES,
    spot: bool | None = None,
) -> tuple[list[AccountMovements], int]:  # fmt: skip
    """The standings of a period in one currency, and in how many parts of the usual ones they count."""
    own, (start, end) = counted(lines, rules), map(at, period)
    amounts = ConvertedAmounts(
        own, start, end, Exchange(to, rates, UTC), spot=rules.fx == "spot" if spot is None else spot
    )
    return movements_of(own, start, end, rules, UTC, amounts), amounts.scale_factor


def steps_of(lines: Iterable[ContractLine], period: tuple[str, str], rates: Rates, **more: Any) -> dict[str, Fraction]:
    """The waterfall's rows, monthly, those that are 0 left out."""
    rows, per = exchanged(lines, period, rates, **more)
    return {one.name: Fraction(one.amount, 12_000_000 * per) for one in waterfall(rows) if one.amount}


def converted_measure(
    name: str, method: str | None, lines: Iterable[ContractLine], period: tuple[str, str], rates: Rates, **more: Any
) -> Measure:
    """A KPI in one currency."""
    kpi = next(kpi for kpi in KPIS if kpi.name == name)
    rows, per = exchanged(lines, period, rates, spot=False, **more)
    return measure(kpi.methods[method or kpi.default], rows, per)


def test_totals_are_at_their_own_days_rates_and_the_difference_has_a_row_of_its_own() -> None:
    """Source: ChartMogul: FX is shown in its own row, never as expansion."""
    book = [line("a", "100", "2024-01-01"), line("b", "100", "2024-01-01", currency="EUR")]

    assert steps_of(book, YEAR, RISING) == {"opening": 210, "fx": 15, "closing": 225}
    assert steps_of(book, YEAR, RISING, rules=SPOT) == {"opening": 210, "fx": 15, "closing": 225}


def test_movements_are_at_the_openings_rates_or_their_own_days() -> None:
    book = [
        line("a", "100", "2024-01-01"),
        *changed("b", ("2024-01-01", "100"), ("2025-04-01", "150"), ("2025-11-01", "140")),
        line("c", "10", "2025-05-01", currency="EUR"),
    ]
    book = [one._replace(currency="EUR") if one.account == "b" else one for one in book]

    assert steps_of(book, YEAR, RISING) == {
        "opening": 210, "new": 11, "expansion": 55, "contraction": 11, "fx": Fraction("22.5"), "closing": Fraction("287.5"),
    }  # fmt: skip
    assert steps_of(book, YEAR, RISING, rules=SPOT) == {
        "opening": 210, "new": 12, "expansion": 60, "contraction": Fraction("12.5"), "fx": 18, "closing": Fraction("287.5"),
    }  # fmt: skip


def test_no_rate_moves_a_ratio() -> None:
    book = [
        line("a", "100", "2024-01-01", currency="EUR"),
        line("b", "100", "2024-01-01"),
        line("b", "50", "2025-06-01", contract="b-2"),
    ]

    for method in ("point_to_point", "movement"):
        assert converted_measure("net_revenue_retention", method, book, YEAR, RISING).value == Fraction(260, 210)
    assert converted_measure("gross_revenue_retention", None, book, YEAR, RISING).value == 1
    assert converted_measure("arr_growth", None, book, YEAR, RISING).value == Fraction(50, 210)
    assert converted_measure("mrr", None, book, ("2026-01-01", "2026-01-01"), RISING).value == 275
    assert converted_measure("arpa", None, book, ("2026-01-01", "2026-01-01"), RISING).value == Fraction(275, 2)


def test_the_lesser_of_start_and_end_is_taken_of_an_accounts_converted_total() -> None:
    """One currency less and another one more of the same account is no loss as far as one makes up for the other."""
    book = [
        line("a", "100", "2024-01-01", "2025-06-01", currency="EUR"),
        line("a", "20", "2025-06-01", currency="EUR"),
        *changed("a", ("2024-01-01", "100"), ("2025-06-01", "160")),
    ]
    book = [one if one.currency == "EUR" else one._replace(contract="a-2") for one in book]

    assert converted_measure("gross_revenue_retention", None, book, YEAR, RISING).value == Fraction(182, 210)


def test_a_contract_that_switches_currency_goes_on_from_its_amount_on_that_day() -> None:
    book = [
        line("a", "100", "2024-01-01", "2025-06-01", currency="EUR"),
        line("a", "120", "2025-06-01", contract="a-2"),
    ]

    for rules in (DEFAULT_RULES, SPOT):
        assert steps_of(book, YEAR, RISING, rules=rules) == {"opening": 110, "fx": 10, "closing": 120}
    assert converted_measure("net_revenue_retention", "movement", book, YEAR, RISING).value == 1
    assert converted_measure("net_revenue_retention", None, book, YEAR, RISING).value == 1


def test_what_a_switch_adds_beyond_the_rate_is_expansion_and_its_later_end_is_churn_of_just_that() -> None:
    raised = [
        line("a", "100", "2024-01-01", "2025-06-01", currency="EUR"),
        line("a", "132", "2025-06-01", "2025-11-01", contract="a-2"),
    ]

    assert steps_of(raised, HALVES[0], RISING) == {"opening": 110, "expansion": 11, "fx": 11, "closing": 132}
    assert steps_of(raised, YEAR, RISING) == {"opening": 110, "expansion": 11, "churn": 121}
    assert steps_of(raised, YEAR, RISING, rules=SPOT) == {"opening": 110, "expansion": 12, "churn": 132, "fx": 10}


def test_a_switch_by_way_of_a_third_currency_is_followed() -> None:
    rates = table(
        *(("2023-01-01", "EUR", "1.1"), ("2023-01-01", "GBP", "1.3")),
        *(("2025-03-01", "EUR", "1.2"), ("2025-03-01", "GBP", "1.4")),
    )
    book = [
        line("a", "1.4", "2024-01-01", "2025-04-01", currency="EUR"),
        line("a", "1.2", "2025-04-01", "2025-07-01", contract="a-2", currency="GBP"),
        line("a", "1.68", "2025-07-01", contract="a-3"),
    ]

    assert steps_of(book, YEAR, rates) == {
        "opening": Fraction("1.54"),
        "fx": Fraction("0.14"),
        "closing": Fraction("1.68"),
    }
    assert converted_measure("gross_revenue_retention", None, book, YEAR, rates).value == 1


THREE = table(
    *(("2023-01-01", "EUR", "1.1"), ("2023-01-01", "GBP", "1.3")),
    *(("2025-03-01", "EUR", "1.2"), ("2025-03-01", "GBP", "1.8")),
)


def merged(lines: Iterable[ContractLine], switched: str = "a-2", steady_: str = "a-3") -> list[ContractLine]:
    """Of two contracts in euros that end at once, one was in pounds before; what follows both is in dollars."""
    return [
        line("a", "1.2", "2024-01-01", "2025-04-01", currency="GBP"),
        line("a", "1.8", "2025-04-01", "2025-07-01", contract=switched, currency="EUR"),
        *(one._replace(contract=steady_) for one in lines),
        line("a", "4.8", "2025-07-01", contract="a-4"),
    ]


def test_splitting_a_line_before_a_switch_of_currency_moves_no_figure() -> None:
    one = [line("a", "2.2", "2024-01-01", "2025-07-01", currency="EUR")]
    two = [line("a", "1.1", "2024-01-01", "2025-07-01", currency="EUR", line=name) for name in ("main-a", "main-b")]

    assert steps_of(merged(one), YEAR, THREE) == steps_of(merged(two), YEAR, THREE)


def test_of_equal_contracts_that_end_at_a_switch_neither_goes_before_the_other() -> None:
    equal = [line("a", "1.8", "2024-01-01", "2025-07-01", currency="EUR")]

    assert steps_of(merged(equal), YEAR, THREE) == steps_of(merged(equal, "a-3", "a-2"), YEAR, THREE)


def test_what_follows_several_contracts_goes_on_from_their_converted_sum() -> None:
    book = merged([line("a", "2.2", "2024-01-01", "2025-07-01", currency="EUR")])

    steps = steps_of(book, YEAR, THREE)

    # 1.20 pounds at 1.30 became 1.80 euros of the same amount; with 2.20 euros at 1.10 that makes 3.98, for 4.80 dollars then.
    assert steps == {"opening": Fraction("3.98"), "fx": Fraction("0.82"), "closing": Fraction("4.8")}
    assert converted_measure("net_revenue_retention", None, book, YEAR, THREE).value == 1


def test_a_second_contract_in_another_currency_is_expansion() -> None:
    book = [line("a", "100", "2024-01-01"), line("a", "100", "2025-06-01", contract="a-2", currency="EUR")]

    assert steps_of(book, YEAR, RISING) == {"opening": 100, "expansion": 110, "fx": 15, "closing": 225}


def test_a_currency_that_is_not_the_tables_own_is_reached_by_way_of_it_without_rounding() -> None:
    rates = table(("2023-01-01", "EUR", "1.1"), ("2023-01-01", "JPY", "0.007"))
    book = [line(f"in-{one}", "100", "2024-01-01", currency=one) for one in ("USD", "EUR", "JPY")]

    value = converted_measure("mrr", None, book, ("2025-01-01", "2025-01-01"), rates, to="EUR").value

    assert value == 100 + 100 / Fraction("1.1") + 100 * Fraction("0.007") / Fraction("1.1")
    kpi = next(kpi for kpi in KPIS if kpi.name == "mrr")
    converted = converted_measure("mrr", None, book, ("2025-01-01", "2025-01-01"), rates, to="EUR")
    terms = KpiContext(at("2025-01-01"), at("2025-01-01"), UTC, "EUR")
    assert figure(kpi, converted, terms)["value"] == "191.55"
    assert [row["contribution"]["numerator"] for row in breakdown(converted, "EUR")[0]] == ["100.00", "0.64", "90.91"]


def test_amounts_in_the_reporting_currency_need_no_table() -> None:
    exchange = Exchange("USD", None, UTC)
    own = [line("a", "100", "2024-01-01")]

    assert (
        movements_of(own, *map(at, YEAR), amounts=ConvertedAmounts(own, *map(at, YEAR), exchange))[0].opening
        == 1_200_000_000
    )
    assert exchange.used() == []


def test_without_a_table_or_a_rate_for_the_day_nothing_is_converted() -> None:
    book = [line("a", "100", "2024-01-01", currency="EUR")]
    late = table(("2025-01-01", "EUR", "1.1"))
    for rates, code, says in ((None, "fx_table_missing", "EUR"), (late, "fx_rate_missing", "EUR on 2024-12-31")):
        with pytest.raises(Invalid) as refused:
            exchanged(book, YEAR, rates)
        assert refused.value.code == code
        assert says in str(refused.value)
    with pytest.raises(Invalid) as refused:
        exchanged(book, YEAR, RISING, to="CHF")
    assert refused.value.code == "fx_rate_missing"
    assert "CHF on 2024-12-31" in str(refused.value)


def test_a_period_that_begins_with_the_calendar_is_refused_by_name() -> None:
    with pytest.raises(Invalid) as refused:
        exchanged([line("a", "100", "0001-01-01", currency="EUR")], ("0001-01-01", "0001-02-01"), RISING)
    assert refused.value.code == "fx_rate_missing"


def test_the_rates_that_were_used_are_listed_once_each_with_their_own_date() -> None:
    exchange = Exchange("GBP", table(("2024-01-01", "EUR", "1.1"), ("2024-01-01", "GBP", "1.25")), UTC)
    assert converted([("EUR", 100), ("GBP", 7), ("EUR", 50)], at("2025-05-05"), exchange) == ([2200, 175, 1100], 25)

    exchange.rate("EUR", at("2025-06-06"))
    assert exchange.used() == [
        {"currency": "EUR", "base": "USD", "date": "2024-01-01", "rate": "1.1"},
        {"currency": "GBP", "base": "USD", "date": "2024-01-01", "rate": "1.25"},
    ]


# --- laws ---

DAYS = ("2023-01-01", "2024-12-01", "2025-02-05", "2025-07-01", "2025-11-11")
RATES = st.integers(1, 5 * 10**5).map(lambda rate: f"{rate // 10**5}.{rate % 10**5:05d}")


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    """Rates of two currencies on some days."""
    days = ["2023-01-01", *sorted(set(draw(st.lists(st.sampled_from(DAYS[1:]), max_size=3))))]
    return [(day, currency, draw(RATES)) for day in days for currency in ("EUR", "GBP")]


def times_seven(rates: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Every rate multiplied by one factor."""
    return [
        (day, currency, f"{7 * number // 10**5}.{7 * number % 10**5:05d}")
        for day, currency, rate in rates
        for number in [int(rate.replace(".", ""))]
    ]


@given(books(), tables(), ANY_RULES, st.sampled_from(["USD", "GBP"]))
def test_in_total_every_waterfall_closes_and_retention_is_the_same_by_movements(
    book: list[ContractLine], rates: list[tuple[str, str, str]], rules: MetricRules, to: str
) -> None:
    for fx in ("constant", "spot"):
        rows, per = exchanged(book, YEAR, table(*rates), to=to, rules=rules.model_copy(update={"fx": fx}))
        steps = waterfall(rows)
        assert sum(step.sign * step.amount for step in steps[:-1]) == steps[-1].amount
        in_force = [one for one in counted(book, rules) if one.valid_from < at(YEAR[1]) <= one.valid_to]
        exchange, last = Exchange(to, table(*rates), UTC), at(YEAR[1]) - 1
        closing = sum(one.annual * exchange.rate(one.currency, last) for one in in_force)
        assert Fraction(steps[-1].amount, per) == closing
    net, moved, gross = (
        converted_measure(name, method, book, YEAR, table(*rates), to=to, rules=rules).value
        for name, method in (
            ("net_revenue_retention", "point_to_point"), ("net_revenue_retention", "movement"), ("gross_revenue_retention", None),
        )
    )  # fmt: skip
    assert net == moved
    if net is not None and gross is not None:
        assert 0 <= gross <= min(1, net)


@given(books(), tables())
def test_one_factor_on_every_rate_leaves_ratios_as_they_are(
    book: list[ContractLine], rates: list[tuple[str, str, str]]
) -> None:
    """All amounts in foreign currencies, so that the factor is on everything that is compared."""
    foreign = [one._replace(currency="EUR") if one.currency == "USD" else one for one in book]
    for kpi in (kpi for kpi in KPIS if kpi.reads is RowKind.ACCOUNT_MOVEMENTS and kpi.unit == "ratio"):
        for method in kpi.methods:
            once = converted_measure(kpi.name, method, foreign, YEAR, table(*rates)).value
            assert converted_measure(kpi.name, method, foreign, YEAR, table(*times_seven(rates))).value == once


@given(books(), tables())
def test_the_fx_row_is_all_that_lies_between_totals_at_constant_rates_and_at_the_days_own(
    book: list[ContractLine], rates: list[tuple[str, str, str]]
) -> None:
    if any(_switched(book)):
        return  # its own day's rates convert a switch
    rows, per = exchanged(book, YEAR, table(*rates))
    known = [step for step in rates if step[0] < YEAR[0]]
    still, parts = exchanged(book, YEAR, table(*(step for step in known if step[0] == known[-1][0])))

    assert not any(row.fx for row in still)
    for moving, constant in zip(waterfall(rows), waterfall(still), strict=True):
        fx = sum(row.fx for row in rows) if moving.name in ("fx", "closing") else 0
        assert Fraction(moving.amount - fx, per) == Fraction(constant.amount, parts)


def _switched(book: list[ContractLine]) -> Iterable[bool]:
    """Whether some line begins where one of its account ends in another currency."""
    for one in book:
        for other in book:
            yield one.account == other.account and one.valid_to == other.valid_from and one.currency != other.currency


@given(books(), tables())
def test_sub_periods_add_up_in_total_where_movements_are_at_their_own_days_rates(
    book: list[ContractLine], rates: list[tuple[str, str, str]]
) -> None:
    parts = []
    for period in (*HALVES, YEAR):
        rows, per = exchanged(book, period, table(*rates), rules=SPOT)
        parts.append([Fraction(step.amount, per) for step in waterfall(rows)])
    first, second, whole = parts

    assert first[-1] == second[0]
    assert [one + two for one, two in zip(first[1:-1], second[1:-1], strict=True)] == whole[1:-1]


@given(books(), tables(), ANY_RULES)
def test_what_accounts_give_sums_to_the_figure_as_it_is_written(
    book: list[ContractLine], rates: list[tuple[str, str, str]], rules: MetricRules
) -> None:
    for kpi in (kpi for kpi in KPIS if kpi.reads is RowKind.ACCOUNT_MOVEMENTS):
        converted = converted_measure(kpi.name, None, book, YEAR, table(*rates), rules=rules)
        answer = figure(kpi, converted, KpiContext(at(YEAR[0]), at(YEAR[1]), UTC, "USD"))
        rows, _ = breakdown(converted, "USD")
        given_ = sum(Fraction(row["contribution"]["numerator"]) for row in rows)
        assert given_ == Fraction(answer["numerator"])
        assert len({row["account"] for row in rows}) == len(rows)
