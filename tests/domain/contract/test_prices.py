"""Prices: every other week, three years, a millionth of a millionth, and what is taken off as a line of its own."""

import pytest
from pydantic import ValidationError

from app.domain.contract.commands import AmendContract, Line
from app.domain.contract.line_steps import annual, billed
from app.domain.kernel.values import unscaled
from tests.domain.contract import contracts
from tests.domain.contract.contracts import reprice, signed
from tests.domain.scenario import Scenario


@pytest.mark.parametrize(
    ("price", "quantity", "interval", "count", "a_year"),
    [
        ("100", "1", "week", 2, "2600"),
        ("100", "1", "week", 4, "1300"),
        ("3600", "1", "year", 3, "1200"),
        ("1000", "1", "year", 3, "333.333333"),
        ("100", "1", "two_years", 2, "25"),
        ("90", "1", "day", 90, "365"),
        ("0.000000000001", "1000000000000", "month", None, "12"),
        ("0.000000123457", "1000000", "month", 1, "1.481484"),
        ("0.000000000001", "1", "year", None, "0"),
        ("-50.00", "2", "month", None, "-1200"),
        ("-0.0000005", "1", "year", 1, "-0.000001"),
    ],
)
def test_what_is_paid_a_year_is_computed_exactly_and_rounded_once(
    price: str, quantity: str, interval: str, count: int | None, a_year: str
) -> None:
    line = Line(line="m", product="p", unit_price=price, quantity=quantity, interval=interval, interval_count=count)

    assert unscaled(annual(line.quantity, line.unit_price, line.billed)) == a_year
    scenario = Scenario()
    assert contracts.annual(scenario, signed(scenario, lines=(line,)), "2026-02-01") == [a_year]


@pytest.mark.parametrize(
    "members",
    [
        {"interval_count": 0},
        {"interval_count": 366},
        {"interval_count": "2"},
        {"interval_count": 2, "interval": None, "kind": "one_off"},
        {"unit_price": "0.0000000000001"},
        {"unit_price": "1e-12"},
        {"quantity": "-1"},
        {"quantity": "1000000000000000"},
        {"unit_price": "-1", "kind": "usage_commit"},
        {"unit_price": "-999999999999", "quantity": "10"},
    ],
)
def test_a_price_keeps_to_its_bounds(members: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Line.model_validate({"line": "m", "product": "p", "unit_price": "1", "interval": "month"} | members)


def test_one_interval_is_the_same_whether_it_is_counted_or_not() -> None:
    assert billed("month", None) == billed("month", 1) == "month"
    assert billed("week", 2) == "2 week"


def test_a_credit_counts_with_its_sign_and_may_be_changed_like_every_line() -> None:
    main = Line(line="main", product="p", unit_price="100", interval="month")
    credit = Line(line="credit", product="p", unit_price="-30", interval="month", end="2026-07-01")
    scenario = Scenario()
    contract = signed(scenario, lines=(main, credit))

    scenario.do(AmendContract(effective_at="2026-03-01", changes=(reprice("credit", "-10"),)), contract=contract)

    days = ("2026-02-01", "2026-03-01", "2026-07-01")
    assert contracts.annual(scenario, contract, *days) == ["840", "1080", "1200"]
