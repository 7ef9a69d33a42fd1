"""Exchange rates: the latest on or before a day, exactly."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import add_days
from app.domain.policy.fx import Rates, rate_at
from app.domain.policy.rules import RATE, FxRate, FxRules, rate

TABLE = FxRules(
    base="EUR",
    rates=(
        FxRate(date="2026-02-01", currency="USD", rate="0.8"),
        FxRate(date="2026-01-01", currency="USD", rate="0.9"),
        FxRate(date="2026-01-01", currency="JPY", rate="0.0062"),
        FxRate(date="2026-02-01", currency="JPY", rate="0.0061"),
    ),
)


def test_a_rate_holds_until_the_next_day_of_the_table() -> None:
    told = [rate_at(TABLE, "USD", day) for day in ("2026-01-01", "2026-01-31", "2026-02-01", "2030-01-01")]

    assert told == [9_000_000_000, 9_000_000_000, 8_000_000_000, 8_000_000_000]


def test_the_base_is_worth_one_on_any_day() -> None:
    assert rate_at(TABLE, "EUR", "1999-01-01") == RATE


@pytest.mark.parametrize(("currency", "day"), [("USD", "2025-12-31"), ("CHF", "2026-01-01")])
def test_a_day_before_the_first_and_an_unknown_currency_are_refused_by_name(currency: str, day: str) -> None:
    with pytest.raises(Invalid, match=f"none for {currency} on {day}") as refused:
        rate_at(TABLE, currency, day)

    assert refused.value.code == "fx_rate_missing"


def test_an_amount_is_converted_through_the_base_and_rounded_once() -> None:
    rates = Rates(TABLE)

    assert rates.convert(100_000_000, "USD", "EUR", "2026-01-01") == 90_000_000
    assert rates.convert(100_000_000, "EUR", "USD", "2026-01-01") == 111_111_111
    assert rates.convert(1_000_000, "USD", "JPY", "2026-02-01") == 131_147_541  # 0.8 / 0.0061
    assert rates.convert(-1, "EUR", "EUR", "1999-01-01") == -1
    assert rates.currencies == ("EUR", "JPY", "USD")
    assert rates.steps("USD") == (("2026-01-01", 9_000_000_000), ("2026-02-01", 8_000_000_000))
    assert rates.steps("EUR") == ()


worths = st.integers(1, 10**19 - 1).map(lambda n: f"{n // RATE}.{n % RATE:010d}".rstrip("0").rstrip("."))


@given(st.lists(worths, min_size=1, max_size=30), st.integers(0, 40), st.integers(-(10**15), 10**15))
def test_a_look_up_is_what_a_walk_through_the_table_finds(told: list[str], at: int, amount: int) -> None:
    days = [add_days("2026-01-01", number) for number in range(len(told))]
    table = FxRules(
        base="EUR",
        rates=tuple(FxRate(date=day, currency="USD", rate=worth) for day, worth in zip(days, told, strict=True)),
    )
    day = add_days("2026-01-01", at)

    found = Rates(table).at("USD", day)

    assert found == rate(told[min(at, len(told) - 1)])
    exact = Fraction(amount * found, RATE)
    assert abs(Rates(table).convert(amount, "USD", "EUR", day) - exact) <= Fraction(1, 2)
