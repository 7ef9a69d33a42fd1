"""How figures are written: rounded once, half up, and so that parts sum to their whole."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.kpis.base import COUNT, HOURS, MONTHLY, YEARLY
from projections.kpis.decimals import money, quantities, quantity, ratio, rising, steps

ANNUAL = st.integers(0, 10**13)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(869, 1000), "0.869"),
        (Fraction(743, 869), "0.855006"),
        (Fraction(1), "1"),
        (Fraction(0), "0"),
        (Fraction(4, 5), "0.8"),
        (Fraction(-1, 10), "-0.1"),
        (Fraction(1, 2_000_000), "0.000001"),
        (Fraction(11, 7), "1.571429"),
        (Fraction(10), "10"),
    ],
)
def test_a_ratio_has_six_decimals_at_most_and_no_needless_zeros(value: Fraction, text: str) -> None:
    assert ratio(value) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        (Fraction(2000, 12), "USD", "166.67"),
        (Fraction(1, 200), "EUR", "0.01"),
        (Fraction(-1, 200), "EUR", "-0.01"),
        (Fraction(1, 2), "JPY", "1"),
        (Fraction(1, 3), "KWD", "0.333"),
        (Fraction(5), "CLF", "5.0000"),
        (Fraction(5), None, "5.00"),
    ],
)
def test_money_has_the_digits_of_its_currency(value: Fraction, currency: str | None, text: str) -> None:
    assert money(value, currency) == text


def test_counts_and_hours_are_written_as_they_are() -> None:
    assert quantity(7, COUNT, "USD") == "7"
    assert quantity(7_500_000, HOURS, None) == "7.5"
    assert quantity(1_000_000_000, MONTHLY, "USD") == "83.33"
    assert quantity(1_000_000_000, YEARLY, "USD") == "1000.00"


@given(st.lists(ANNUAL, min_size=1, max_size=30), st.sampled_from(["USD", "JPY", "KWD"]))
def test_parts_as_written_sum_to_the_whole_as_written_and_are_off_by_less_than_a_unit(
    amounts: list[int], currency: str
) -> None:
    unit = {"USD": Decimal("0.01"), "JPY": Decimal(1), "KWD": Decimal("0.001")}[currency]

    parts = [Decimal(part) for part in quantities(amounts, MONTHLY, currency)]

    assert sum(parts) == Decimal(quantity(sum(amounts), MONTHLY, currency))
    for amount, part in zip(amounts, parts, strict=True):
        assert abs(Fraction(amount, 12_000_000) - Fraction(part)) < Fraction(unit)
        assert amount or part == 0


@given(st.lists(ANNUAL, min_size=1, max_size=30))
def test_parts_whose_rounding_sums_are_rounded_half_up_and_nothing_else(amounts: list[int]) -> None:
    monthly = [amount * 12 for amount in amounts]
    counts_by_default = [(Decimal(amount) / 10**6).quantize(Decimal("0.01"), ROUND_HALF_UP) for amount in amounts]
    whole = (Decimal(sum(amounts)) / 10**6).quantize(Decimal("0.01"), ROUND_HALF_UP)

    written = [Decimal(part) for part in quantities(monthly, MONTHLY, "USD")]

    assert (written == counts_by_default) == (sum(counts_by_default) == whole)


@given(ANNUAL, st.lists(ANNUAL, min_size=3, max_size=3), st.lists(ANNUAL, min_size=2, max_size=2))
def test_a_waterfall_as_written_leads_from_opening_to_closing(
    opening: int, gains: list[int], losses: list[int]
) -> None:
    changes = [*gains, *(-loss for loss in losses)]
    closing = opening + sum(changes)

    written = steps(opening, changes, closing, MONTHLY, "USD")

    first, last = quantity(opening, MONTHLY, "USD"), quantity(closing, MONTHLY, "USD")
    assert Decimal(first) + sum(map(Decimal, written)) == Decimal(last)
    assert all(Decimal(text) >= 0 for text in written[:3])
    assert all(Decimal(text) <= 0 for text in written[3:])


@given(st.lists(st.tuples(st.integers(-(10**8), 10**8), st.integers(0, 10**7), st.integers(0, 10**7)), max_size=8))
def test_columns_that_rise_are_written_so_that_they_rise_and_sum(rows: list[tuple[int, int, int]]) -> None:
    columns = [[least for least, _, _ in rows], [a + b for a, b, _ in rows], [a + b + c for a, b, c in rows]]

    written = rising(columns, YEARLY, "EUR")

    for column, texts in zip(columns, written, strict=True):
        assert sum(map(Fraction, texts)) == Fraction(quantity(sum(column), YEARLY, "EUR"))
        assert all(
            abs(Fraction(text) - Fraction(amount, YEARLY.per)) < Fraction(3, 100)
            for amount, text in zip(column, texts, strict=True)
        )
    for low, base, high in zip(*written, strict=True):
        assert Fraction(low) <= Fraction(base) <= Fraction(high)
