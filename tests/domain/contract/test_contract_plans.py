"""Contracts that change by plan: ramps, and discounts that last or end."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.contract.commands import AmendContract, DraftContract, Line, RampStep, RenewContract, SetLine
from app.domain.contract.schedule import Schedule
from app.domain.kernel.values import FOREVER, MICRO, add_days, add_months, day_start, half_up, scaled, unscaled
from tests.domain.contract.contracts import MAIN, YEAR, account, add, annual, line, remove, reprice, signed
from tests.domain.contract.test_schedule import UTC, Told, amended, build, contract, paid, set_line
from tests.domain.contract.test_schedule import line as told_line
from tests.domain.scenario import Scenario, refusal
from tests.support.application import Steward


def month(schedule: Schedule, day: str) -> str:
    """What recurs in the month of a day."""
    return unscaled(half_up(schedule.annual_at(day_start(day, UTC)), 12))


def columns(steward: Steward, contract: str) -> list[tuple[str, str, str, str, str, str]]:
    """A contract's rows: from, a year, before discounts, lasting, temporary, cause."""
    where = steward.zone
    rows = sorted(
        (one for one in steward.rows("contract_lines") if one.line and one.contract == contract),
        key=lambda one: one.valid_from,
    )
    days = {day_start(day, where): day for one in range(60) for day in [add_months("2026-01-01", one)]}
    amounts = ("annual", "gross", "lasting", "temporary")
    return [(days[row.valid_from], *(unscaled(getattr(row, name)) for name in amounts), row.cause) for row in rows]  # type: ignore[misc]


# --- worked examples ---


def test_a_hundred_at_a_hundred_a_month_and_fifty_at_six_hundred_a_year_are_twelve_and_a_half_thousand() -> None:
    """Source: D6, Stripe's MRR page."""
    monthly, yearly = (
        told_line("monthly", "100", quantity="100"),
        told_line("yearly", "600", quantity="50", interval="year"),
    )

    assert month(build(contract(monthly, yearly)), "2026-06-01") == "12500"


@pytest.mark.parametrize(
    ("discount", "a_month"),
    [
        ({}, "100"),
        ({"discount_percent": "50"}, "50"),
        ({"discount_percent": "50", "discount_end": "2026-04-01"}, "100"),
    ],
)
def test_a_coupon_for_ever_halves_what_recurs_and_a_passing_one_leaves_it(
    discount: dict[str, str], a_month: str
) -> None:
    """Source: D7, Stripe's coupons: 1,200 a year."""
    sold = told_line(unit_price="1200", interval="year", **discount)

    assert month(build(contract(sold)), "2026-02-01") == a_month


def test_what_is_sold_for_a_term_recurs_at_its_yearly_part_whatever_the_term() -> None:
    """A contract of two years at 30 a year; one of 100 days at 10,000 is 36,500 a year."""
    two_years = build(contract(told_line(unit_price="30", interval="year"), end="2028-01-01"))
    hundred_days = build(contract(told_line(unit_price="100", interval="day"), end="2026-04-11"))

    assert [paid(two_years, day) for day in ("2026-01-01", "2027-12-31", "2028-01-01")] == ["30", "30", "0"]
    assert paid(hundred_days, "2026-04-10") == "36500"


def test_what_is_sold_for_a_term_is_its_yearly_price_by_the_length_of_the_term() -> None:
    """Source: D18, Salesforce CPQ, proration: 830 days on 365 are 2.2740; 35 months on 12 2.9167; 30 for 12 months over 24 are 60."""

    def sold(price: str, end: str) -> Schedule:
        return build(contract(told_line(unit_price=price, interval="year"), end=end))

    def by_day(schedule: Schedule) -> Fraction:
        days = (add_days("2026-01-01", day) for day in range(2_000))
        return sum(Fraction(schedule.annual_at(day_start(day, UTC)), 365 * MICRO) for day in days)  # type: ignore[return-value]

    def by_month(schedule: Schedule) -> Fraction:
        months = (add_months("2026-01-01", month) for month in range(60))
        return sum(Fraction(schedule.annual_at(day_start(day, UTC)), 12 * MICRO) for day in months)  # type: ignore[return-value]

    assert by_day(sold("1", add_days("2026-01-01", 830))) == Fraction(830, 365)
    assert by_month(sold("1", "2028-12-01")) == Fraction(35, 12)
    assert by_month(sold("30", "2028-01-01")) == 60
    rounded = [half_up(one.numerator * 10_000, one.denominator) for one in (Fraction(830, 365), Fraction(35, 12))]
    assert rounded == [22740, 29167]


# --- discounts ---


@pytest.mark.parametrize(
    ("ends", "rows"),
    [
        (None, [("2026-01-01", "9000", "12000", "3000", "0", "new")]),
        ("2027-01-01", [("2026-01-01", "9000", "12000", "3000", "0", "new")]),
        ("2026-12-31", None),
        ("2026-07-01", [("2026-01-01", "12000", "12000", "0", "3000", "new"), ("2026-07-01", "12000", "12000", "0", "0", "discount_end")]),
    ],
)  # fmt: skip
def test_a_discount_counts_that_lasts_a_year(steward: Steward, ends: str | None, rows: list[Any] | None) -> None:
    discounted = Line(**{**MAIN.model_dump(), "discount_percent": "25", "discount_end": ends})
    made = signed(steward, lines=(discounted,))

    assert annual(steward, made, "2026-03-01") == ["9000" if ends in (None, "2027-01-01") else "12000"]
    if rows:
        assert columns(steward, made) == rows


def test_a_lasting_discount_ends_with_a_step_of_its_own_cause(steward: Steward) -> None:
    discounted = Line(**{**MAIN.model_dump(), "discount_percent": "50", "discount_end": "2027-04-01"})
    made = signed(steward, lines=(discounted,), end="2028-01-01")

    assert columns(steward, made) == [
        ("2026-01-01", "6000", "12000", "6000", "0", "new"),
        ("2027-04-01", "12000", "12000", "0", "0", "discount_end"),
    ]
    assert annual(steward, made, "2027-03-31", "2027-04-01") == ["6000", "12000"]


def test_a_discount_is_given_taken_away_and_prolonged_by_amendments(scenario: Scenario) -> None:
    made = signed(scenario, end="2028-01-01")

    def amend(day: str, **says: str) -> None:
        change = SetLine(op="set_line", line="main", **says)
        scenario.do(AmendContract(effective_at=day, changes=(change,)), contract=made)

    amend("2026-02-01", discount_percent="10", discount_end="2026-08-01")
    assert annual(scenario, made, "2026-02-01", "2026-08-01") == ["12000", "12000"]
    amend("2026-04-01", discount_end="2027-06-01")
    assert annual(scenario, made, "2026-03-01", "2026-04-01", "2027-05-31", "2027-06-01") == [
        "12000", "10800", "10800", "12000"]  # fmt: skip
    amend("2026-09-01", discount_percent="20")
    assert annual(scenario, made, "2026-08-31", "2026-09-01", "2027-07-01") == ["10800", "9600", "9600"]
    amend("2026-10-01", unit_price="2000.00")
    amend("2026-12-01", discount_percent="0")
    assert annual(scenario, made, "2026-10-01", "2026-12-01") == ["19200", "24000"]


def test_a_price_told_late_reaches_beneath_a_discount_agreed_before() -> None:
    discounted = amended("2026-06-01", set_line("main", discount_percent="50"))
    dearer = amended("2026-03-01", set_line("main", unit_price="200"))

    made = build([*contract(end="2028-01-01"), discounted, dearer])

    assert [paid(made, day) for day in ("2026-02-01", "2026-03-01", "2026-06-01")] == ["1200", "2400", "1200"]


def test_a_discount_told_late_reaches_beneath_the_end_that_was_agreed_before() -> None:
    shorter = amended("2026-06-01", set_line("main", discount_end="2026-09-01"))
    larger = amended("2026-03-01", set_line("main", discount_percent="50", discount_end="2028-01-01"))
    begun = contract(told_line(discount_percent="10"), end="2029-01-01")

    made = build([*begun, shorter, larger])

    assert [paid(made, day) for day in ("2026-02-01", "2026-03-01")] == ["1080", "600"]
    (june,) = [one for one in made.intervals() if one.start == day_start("2026-06-01", UTC)]
    assert (unscaled(june.annual), unscaled(june.temporary), june.end) == ("1200", "600", day_start("2026-09-01", UTC))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"discount_end": "2026-09-01"}, "Refused no_discount"),
        ({"discount_percent": "10", "discount_end": "2026-03-01"}, "Invalid end_before_start"),
        ({"discount_percent": "10", "discount_end": "2026-02-01"}, "Invalid end_before_start"),
        ({"quantity": "99999999", "unit_price": "99999999"}, "Invalid amount_out_of_range"),
    ],
)
def test_a_discount_that_cannot_be_is_refused(scenario: Scenario, change: dict[str, str], told: str) -> None:
    command = AmendContract(effective_at="2026-03-01", changes=(SetLine(op="set_line", line="main", **change),))

    assert refusal(scenario, command, contract=signed(scenario)) == told


def test_a_discount_that_has_ended_cannot_end_again(scenario: Scenario) -> None:
    discounted = Line(**{**MAIN.model_dump(), "discount_percent": "25", "discount_end": "2026-04-01"})
    later = SetLine(op="set_line", line="main", discount_end="2026-09-01")

    told = refusal(
        scenario,
        AmendContract(effective_at="2026-05-01", changes=(later,)),
        contract=signed(scenario, lines=(discounted,)),
    )

    assert told == "Refused no_discount"


def test_a_change_may_not_make_what_was_agreed_for_later_too_large(scenario: Scenario) -> None:
    made = signed(scenario)
    scenario.do(AmendContract(effective_at="2026-09-01", changes=(reprice("main", "80000000000"),)), contract=made)
    many = SetLine(op="set_line", line="main", quantity="1000")

    assert refusal(scenario, AmendContract(effective_at="2026-03-01", changes=(many,)), contract=made) == (
        "Invalid amount_out_of_range"
    )


@pytest.mark.parametrize(
    "members",
    [
        {"discount_end": "2026-09-01"},
        {"discount_end": "2026-09-01", "discount_percent": "0.00"},
        {"ramp": ()},
        {"ramp": ({"start": "2026-09-01"},)},
        {"kind": "one_off", "ramp": ({"start": "2026-09-01", "quantity": "2"},)},
        {"discount_percent": "100", "unit_price": "999999999999"},
    ],
)
def test_a_line_that_says_half_of_something_is_none(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        line("main", **members)


# --- ramps ---

RAMP = (
    RampStep(start="2026-04-01", quantity="2"),
    RampStep(start="2026-07-01", unit_price="1100.00", cause="negotiation"),
)


def test_a_ramp_is_a_row_of_steps_from_the_signature_on(steward: Steward) -> None:
    made = signed(steward, lines=(Line(**{**MAIN.model_dump(), "ramp": RAMP}),))

    assert columns(steward, made) == [
        ("2026-01-01", "12000", "12000", "0", "0", "new"),
        ("2026-04-01", "24000", "24000", "0", "0", "escalator"),
        ("2026-07-01", "26400", "26400", "0", "0", "negotiation"),
    ]


def test_a_ramp_comes_with_a_line_that_joins_and_with_a_renewal(scenario: Scenario) -> None:
    made = signed(scenario)
    joins = add("extra", "100.00", start="2026-03-01", ramp=(RampStep(start="2026-05-01", unit_price="150.00"),))
    scenario.do(AmendContract(effective_at="2026-02-01", changes=(joins,)), contract=made)
    again = line("main", "1000.00", ramp=(RampStep(start="2027-07-01", unit_price="1050.00"),))
    scenario.do(RenewContract(end="2028-01-01", lines=(again,)), contract=made)

    assert annual(scenario, made, "2026-03-01", "2026-05-01", "2027-01-01", "2027-07-01") == [
        "13200", "13800", "12000", "12600"]  # fmt: skip


def test_what_a_ramp_does_not_say_it_has_from_changes_before_it(scenario: Scenario) -> None:
    made = signed(scenario, lines=(Line(**{**MAIN.model_dump(), "ramp": RAMP}),))
    scenario.do(AmendContract(effective_at="2026-02-01", changes=(reprice("main", "500.00"),)), contract=made)
    assert annual(scenario, made, "2026-02-01", "2026-04-01", "2026-07-01") == ["6000", "12000", "26400"]

    scenario.do(AmendContract(effective_at="2026-06-01", changes=(remove("main"),)), contract=made)
    assert annual(scenario, made, "2026-05-31", "2026-07-01") == ["12000", "0"]


@pytest.mark.parametrize(
    ("days", "members", "told"),
    [
        (["2026-04-01", "2026-04-01"], {}, "Invalid ramp_unordered"),
        (["2026-07-01", "2026-04-01"], {}, "Invalid ramp_unordered"),
        (["2026-01-01"], {}, "Invalid ramp_unordered"),
        (["2025-12-01"], {}, "Invalid ramp_unordered"),
        (["2026-04-01"], {"start": "2026-05-01"}, "Invalid ramp_unordered"),
        (["2027-01-01"], {}, "Invalid ramp_outside_term"),
        (["2026-06-01"], {"end": "2026-06-01"}, "Invalid ramp_outside_term"),
    ],
)
def test_a_ramp_rises_by_day_within_the_term(
    scenario: Scenario, days: list[str], members: dict[str, str], told: str
) -> None:
    ramp = tuple(RampStep(start=day, quantity="2") for day in days)
    sold = {**MAIN.model_dump(), "ramp": ramp, **members}
    client, made = account(scenario), signed(scenario)

    assert refusal(scenario, DraftContract(**{**YEAR, "lines": (Line(**sold),)}), account=client) == told
    joins = add(**{"name": "other", "price": "10", "start": "2026-01-01", "ramp": ramp, **members})
    assert refusal(scenario, AmendContract(effective_at="2026-01-01", changes=(joins,)), contract=made) == told


def test_a_ramp_may_not_rise_beyond_what_is_counted(scenario: Scenario) -> None:
    ramp = (RampStep(start="2026-04-01", quantity="999999999"),)
    client = account(scenario)

    told = refusal(
        scenario,
        DraftContract(**{**YEAR, "lines": (Line(**{**MAIN.model_dump(), "ramp": ramp}),)}),
        account=client,
    )

    assert told == "Invalid amount_out_of_range"


def test_a_line_that_joins_ends_within_the_term_or_with_it(scenario: Scenario) -> None:
    made = signed(scenario)
    scenario.do(
        AmendContract(effective_at="2026-03-01", changes=(add("with"), add("inside", end="2026-06-01"))), contract=made
    )

    assert annual(scenario, made, "2026-03-01", "2026-06-01", "2026-12-31", "2027-01-01") == [
        "14400", "13200", "13200", "0"]  # fmt: skip
    beyond = AmendContract(effective_at="2026-03-01", changes=(add("beyond", end="2027-01-02"),))
    assert refusal(scenario, beyond, contract=made) == "Refused line_outside_term"


# --- properties ---

DAYS = st.integers(1, 700).map(lambda days: add_days("2026-01-01", days))
PERCENT = st.integers(1, 100).map(str)


@given(PERCENT, DAYS, st.integers(1, 100_000).map(lambda cents: unscaled(cents * 10_000)))
def test_a_discount_is_counted_or_stands_apart_and_never_both(percent: str, ends: str, price: str) -> None:
    sold = told_line(unit_price=price, discount_percent=percent, discount_end=ends)
    less = told_line(unit_price=price, discount_percent=percent)
    made, net = build(contract(sold, end=None)), build(contract(less, end=None))
    reduced = net.annual_at(day_start("2026-01-01", UTC))

    before, *after = made.intervals()

    assert (before.lasting == 0) or (before.temporary == 0)
    assert (before.trial is not None) == (reduced == 0)
    assert before.annual == (0 if before.trial is not None else before.gross - before.lasting)
    assert before.gross - before.lasting - before.temporary == reduced
    assert (before.lasting == 0) == (ends < "2027-01-01" or reduced == before.gross)
    if reduced != before.gross:
        assert [(one.start, one.annual, one.temporary, one.cause) for one in after] == [
            (day_start(ends, UTC), before.gross, 0, "discount_end")
        ]


@given(st.lists(st.tuples(DAYS, st.integers(1, 9).map(str)), min_size=1, max_size=6, unique_by=lambda one: one[0]))
def test_a_ramp_pays_what_the_same_amendments_would(steps: list[tuple[str, str]]) -> None:
    steps.sort()
    ramp = [{"start": day, "quantity": many, "cause": "escalator"} for day, many in steps]
    planned = build(contract(told_line(ramp=ramp), end=None))
    amends: list[Told] = [amended(day, set_line("main", quantity=many, cause="escalator")) for day, many in steps]
    changed = build([*contract(end=None), *amends])

    for day in ("2026-01-01", *(day for day, _ in steps)):
        at = day_start(day, UTC)
        (plan,), (change,) = (
            [one for one in made.intervals() if one.start <= at < one.end] for made in (planned, changed)
        )
        assert (plan.annual, plan.quantity, plan.cause) == (change.annual, change.quantity, change.cause)
    assert planned.intervals()[-1].end == FOREVER
    assert planned.annual_at(day_start(steps[-1][0], UTC)) == scaled("1200") * scaled(steps[-1][1]) // MICRO
