"""Cohorts by first payment, and what is left of each; expansion and concentration."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.kernel.errors import Invalid
from projections.kpis import cohorts
from projections.kpis.base import ComputedValue, KpiContext, measure
from projections.kpis.cohorts import COHORT_RETENTION, Cell, cells, joined
from projections.kpis.concentration import CONCENTRATION, weights
from projections.kpis.customer_lifetimes import customer_lifetimes
from projections.views.contract_lines import ContractLine
from tests.projections.kpis.contract_lines_factory import UTC, at, changed, line, over, value
from tests.support.campaigns import examples

BOOK = [
    *changed("a", ("2025-01-10", "100"), ("2025-02-10", "150")),
    line("b", "100", "2025-01-20", "2025-03-01"),
    *changed("c", ("2025-02-01", "60"), ("2025-03-31", "30")),
    line("brief", "500", "2025-02-03", "2025-02-20"),
]


def cells_of(book: list[ContractLine], until: str, months: int = 1, *, money: bool = True) -> list[Cell]:
    return cells(joined(customer_lifetimes(book, at(until)), months, UTC), months, UTC, money=money)


def computed(book: list[ContractLine], until: str, method: str, **options: str) -> ComputedValue:
    """Cohorts seen until a day's first instant."""
    method_ = COHORT_RETENTION.methods[method]
    rows = joined(customer_lifetimes(book, at(until)), cohorts.granularity(options), UTC)
    assert method_.compute is not None
    return method_.compute(measure(method_, rows), KpiContext(at(until), at(until), UTC, "USD", options=options))


def test_a_cell_is_the_value_at_the_end_of_a_month_over_that_at_the_end_of_the_first() -> None:
    answer = computed(BOOK, "2025-04-01", "revenue")
    shares = {(cell["cohort"], cell["age"]): (cell["value"], cell["share"]) for cell in answer.members["cells"]}

    assert shares == {
        ("2025-01", 0): ("200.00", "1"), ("2025-01", 1): ("250.00", "1.25"), ("2025-01", 2): ("150.00", "0.75"),
        ("2025-02", 0): ("60.00", "1"), ("2025-02", 1): ("30.00", "0.5"),
    }  # fmt: skip
    assert answer.value == Fraction(180, 260)
    logos = computed(BOOK, "2025-04-01", "logos")
    assert [(cell["size"], cell["opening"], cell["value"]) for cell in logos.members["cells"]] == [
        (2, "2", "2"), (2, "2", "2"), (2, "2", "1"), (2, "1", "1"), (2, "1", "1"),
    ]  # fmt: skip
    assert logos.value == Fraction(2, 3)


def test_who_joined_and_left_in_the_same_month_is_of_the_cohort_but_not_followed() -> None:
    answer = computed([line("brief", "500", "2025-02-03", "2025-02-20")], "2025-04-01", "logos")

    assert answer.members["cells"][0] == {
        "cohort": "2025-02", "age": 0, "size": 1, "opening": "0", "value": "0", "share": None, "mature": True,
    }  # fmt: skip
    assert (answer.value, answer.null_reason) == (None, "no_cohorts")


def test_only_cohorts_old_enough_are_averaged_by_what_they_began_with() -> None:
    averages = computed(BOOK, "2025-04-01", "revenue").members["averages"]

    assert averages == [
        {"age": 0, "cohorts": 2, "opening": "260.00", "value": "260.00", "share": "1"},
        {"age": 1, "cohorts": 2, "opening": "260.00", "value": "280.00", "share": "1.076923"},
        {"age": 2, "cohorts": 1, "opening": "200.00", "value": "150.00", "share": "0.75"},
    ]


def test_a_month_that_is_not_over_is_flagged_and_not_averaged() -> None:
    answer = computed(BOOK, "2025-03-20", "revenue")

    assert [(cell["cohort"], cell["age"]) for cell in answer.members["cells"] if not cell["mature"]] == [
        ("2025-01", 2), ("2025-02", 1),
    ]  # fmt: skip
    assert answer.warnings == {"incomplete_cells": 2}
    assert [row["cohorts"] for row in answer.members["averages"]] == [2, 1]


def test_cohorts_may_span_quarters_and_years() -> None:
    quarters = computed(BOOK, "2025-07-01", "logos", granularity="quarter").members["cells"]
    years = computed(BOOK, "2025-07-01", "logos", granularity="year").members["cells"]

    assert [(cell["cohort"], cell["age"], cell["opening"], cell["value"], cell["mature"]) for cell in quarters] == [
        ("2025-Q1", 0, "2", "2", True), ("2025-Q1", 1, "2", "2", True),
    ]  # fmt: skip
    assert [(cell["cohort"], cell["size"], cell["mature"]) for cell in years] == [("2025", 4, False)]


def test_who_comes_back_counts_again_in_the_cohort_of_the_first_payment() -> None:
    book = [line("a", "100", "2025-01-10", "2025-02-10"), line("a", "40", "2025-04-10", contract="a-2")]
    shares = [cell["share"] for cell in computed(book, "2025-06-01", "revenue").members["cells"]]

    assert shares == ["1", "0", "0", "0.4", "0.4"]


def test_more_cells_than_anybody_can_plot_are_refused_by_name() -> None:
    book = [line("old", "1", "0100-01-01"), line("new", "1", "2025-01-01")]

    with pytest.raises(Invalid) as refused:
        computed(book, "2025-06-01", "logos")
    assert refused.value.code == "too_many_cells"
    assert computed(book, "2025-06-01", "logos", granularity="year").value == 1
    with pytest.raises(Invalid) as refused:
        computed(book, "2025-06-01", "logos", granularity="week")
    assert refused.value.code == "invalid_option"


DAYS = ["2025-01-01", "2025-01-15", "2025-01-31", "2025-02-01", "2025-03-31", "2025-04-01", "2025-06-30"]
PRICES = st.sampled_from(["0", "10", "33.333333"])
ENDS = st.sampled_from([*DAYS[2:], None])
LINES = st.lists(st.tuples(st.sampled_from("abcd"), PRICES, st.sampled_from(DAYS), ENDS), max_size=10)


@settings(max_examples=examples(60), deadline=None)
@given(LINES, st.sampled_from(["2025-01-20", "2025-04-01", "2025-08-01"]), st.sampled_from([1, 3, 12]))
def test_every_account_is_in_one_cohort_and_every_cell_is_what_its_accounts_pay_then(
    drawn: list[tuple[str, str, str, str | None]], until: str, months: int
) -> None:
    book = [
        line(name, price, start, end, contract=f"{name}-{number}")
        for number, (name, price, start, end) in enumerate(drawn)
        if end is None or start < end
    ]
    rows = joined(customer_lifetimes(book, at(until)), months, UTC)
    for money in (True, False):
        answer = cells(rows, months, UTC, money=money)
        assert sum(cell.size for cell in answer if cell.age == 0) == len(rows)
        assert all(cell.value == cell.opening for cell in answer if cell.age == 0)
        last = [cell for cell in answer if cell.age == max(one.age for one in answer if one.first == cell.first)]
        followed = [row for row in rows if row.opening]
        assert sum(cell.value for cell in last) == sum(
            row.life.closing if money else int(row.life.closing > 0) for row in followed
        )


def test_expansion_of_who_was_there_over_what_they_paid() -> None:
    book = [*changed("a", ("2024-01-01", "100"), ("2025-03-01", "150"), ("2025-06-01", "120")), line("b", "100", "2024-01-01"),
            *changed("new", ("2025-02-01", "100"), ("2025-03-01", "900"))]  # fmt: skip

    assert value("expansion_rate", book, "2025-01-01", "2026-01-01") == Fraction(50, 200)


def test_concentration_is_the_share_of_the_largest_and_its_index_the_sum_of_squares() -> None:
    book = [
        line(name, price, "2024-01-01")
        for name, price in (("a", "10"), ("b", "50"), ("c", "30"), ("d", "10"), ("free", "0"))
    ]
    method_ = CONCENTRATION.methods["top_share"]
    rows = weights(over(book, "2025-01-01", "2025-01-01"), {"top": "2"})
    answer = measure(method_, rows)
    assert method_.compute is not None
    answer = method_.compute(answer, KpiContext(0, 0, UTC, "USD", options={"top": "2"}))

    assert answer.value == Fraction(80, 100)
    assert answer.members["herfindahl_index"] == "0.36"
    assert answer.members["accounts"] == 4
    assert [(row["account"], row["rank"], row["arr"], row["share"]) for row in answer.members["largest"]] == [
        ("b", 1, "600.00", "0.5"), ("c", 2, "360.00", "0.3"),
    ]  # fmt: skip
    assert [row.rank for row in weights(over(book, "2025-01-01", "2025-01-01"), {})] == [1, 2, 3, 4]
    for wrong in ("0", "-1", "1001", "all"):
        with pytest.raises(Invalid):
            weights([], {"top": wrong})


def test_concentration_of_nothing_is_null() -> None:
    method_ = CONCENTRATION.methods["top_share"]
    assert method_.compute is not None
    answer = method_.compute(measure(method_, []), KpiContext(0, 0, UTC))

    assert (answer.value, answer.null_reason, answer.members["largest"]) == (None, "no_recurring_revenue", [])
