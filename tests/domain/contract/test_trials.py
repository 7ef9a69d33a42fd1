"""Trials: what a line is contracted at while nothing has been paid for it, whatever makes it free at first."""

from typing import Any

import pytest

from app.domain.contract.schedule import Schedule
from app.domain.kernel.values import day_of, scaled, unscaled
from tests.domain.contract.test_schedule import UTC, Told, amended, build, contract, set_line
from tests.domain.contract.test_schedule import line as told_line

FREE = {"discount_percent": "100", "discount_end": "2026-04-01"}
LATER = [{"start": "2026-04-01", "unit_price": "100", "cause": "escalator"}]


def rows(schedule: Schedule, line: str = "main") -> list[tuple[str, str, str | None]]:
    """A line's rows: from, what it pays a month, what it is contracted at while it is a trial."""
    return [
        (day_of(one.start, UTC), _monthly(one.annual), None if one.trial is None else _monthly(one.trial))
        for one in schedule.intervals()
        if one.line == line
    ]


def _monthly(annual: int) -> str:
    return unscaled(annual // 12)


def renewed(day: str, *lines: dict[str, Any]) -> Told:
    """A term that begins on a day, with lines of its own."""
    return ("contract.renewed", day, {"timing": "on_time", "start": day, "end": "2028-01-01", "lines": list(lines)})


@pytest.mark.parametrize(
    "free",
    [FREE, {"unit_price": "0", "ramp": LATER}, {"quantity": "0", "ramp": [LATER[0] | {"quantity": "1"}]}],
    ids=["discount", "price", "quantity"],
)
def test_a_line_that_is_free_at_first_is_a_trial_until_it_is_paid_for(free: dict[str, Any]) -> None:
    trial = build(contract(told_line(**free)))

    assert rows(trial) == [("2026-01-01", "0", "100"), ("2026-04-01", "100", None)]


def test_a_discount_below_a_hundred_percent_is_no_trial() -> None:
    almost = build(contract(told_line(**FREE | {"discount_percent": "99.9"})))

    assert rows(almost) == [("2026-01-01", "100", None), ("2026-04-01", "100", None)]


def test_a_full_discount_of_a_year_or_more_at_the_beginning_is_a_trial_like_a_shorter_one() -> None:
    long = build(contract(told_line(**FREE | {"discount_end": "2027-02-01"}), end=None))

    assert rows(long) == [("2026-01-01", "0", "100"), ("2027-02-01", "100", None)]


def test_what_is_free_for_ever_is_contracted_at_nothing() -> None:
    for free in ({"discount_percent": "100"}, {"unit_price": "0"}):
        assert rows(build(contract(told_line(**free)))) == [("2026-01-01", "0", "0")]


def test_a_trial_that_ends_before_it_is_paid_for_keeps_what_it_was_contracted_at() -> None:
    ended = ("contract.terminated", "2026-02-15", {"effective_end": "2026-03-01", "reason": "price", "voluntary": True})

    for free in (FREE, {"unit_price": "0", "ramp": LATER}):
        assert rows(build([*contract(told_line(**free)), ended])) == [("2026-01-01", "0", "100")]


def test_a_trial_is_prolonged_and_shortened() -> None:
    longer = amended("2026-03-10", set_line("main", discount_end="2026-06-01"))
    shorter = amended("2026-02-01", set_line("main", discount_percent="50", discount_end="2026-04-01"))

    told = contract(told_line(**FREE))
    assert rows(build([*told, longer])) == [
        ("2026-01-01", "0", "100"), ("2026-03-10", "0", "100"), ("2026-06-01", "100", None),
    ]  # fmt: skip
    assert rows(build([*told, shorter]))[:2] == [("2026-01-01", "0", "100"), ("2026-02-01", "100", None)]


def test_a_price_that_is_negotiated_later_was_not_contracted_at_the_beginning() -> None:
    pilot = [*contract(told_line(unit_price="0")), amended("2026-04-01", set_line("main", unit_price="100"))]

    assert rows(build(pilot)) == [("2026-01-01", "0", "0"), ("2026-04-01", "100", None)]


def test_a_full_discount_after_something_was_paid_is_no_trial() -> None:
    free = amended("2026-03-01", set_line("main", discount_percent="100", discount_end="2026-05-01"))

    assert rows(build([*contract(), free])) == [
        ("2026-01-01", "100", None), ("2026-03-01", "100", None), ("2026-05-01", "100", None),
    ]  # fmt: skip


def test_a_trial_beside_a_paid_line_is_a_trial_of_its_own() -> None:
    both = build(contract(told_line(), told_line("more", "40", **FREE)))
    joins = amended("2026-02-01", {"op": "add_line", **told_line("more", "40", **FREE)})

    assert rows(both) == [("2026-01-01", "100", None)]
    assert rows(both, "more") == [("2026-01-01", "0", "40"), ("2026-04-01", "40", None)]
    assert rows(build([*contract(), joins]), "more") == [("2026-02-01", "0", "40"), ("2026-04-01", "40", None)]


def test_a_line_that_takes_the_place_of_a_paid_one_is_no_trial() -> None:
    better = {"op": "add_line", **told_line("better", "150", **FREE)}
    swapped = amended("2026-02-01", {"op": "remove_line", "line": "main"}, better)
    free_month = {"discount_percent": "100", "discount_end": "2027-02-01"}

    assert rows(build([*contract(), swapped]), "better")[0] == ("2026-02-01", "150", None)
    for name in ("main", "other"):
        again = build([*contract(), renewed("2027-01-01", told_line(name, **free_month))])
        assert rows(again, name)[-2:] == [("2027-01-01", "100", None), ("2027-02-01", "100", None)]
    assert rows(build(contract(told_line(**FREE), replaces="ctr_0")))[0] == ("2026-01-01", "100", None)


def test_a_trial_that_is_renewed_free_goes_on_and_one_after_a_gap_begins_anew() -> None:
    free_month = {"discount_percent": "100", "discount_end": "2027-02-01"}
    pilot = [*contract(told_line(unit_price="0")), renewed("2027-01-01", told_line(**free_month))]
    returns = [*contract(end="2026-07-01"), renewed("2027-01-01", told_line(**free_month))]

    assert rows(build(pilot)) == [("2026-01-01", "0", "0"), ("2027-01-01", "0", "100"), ("2027-02-01", "100", None)]
    assert rows(build(returns)) == [
        ("2026-01-01", "100", None), ("2027-01-01", "0", "100"), ("2027-02-01", "100", None),
    ]  # fmt: skip


def test_a_line_at_rest_has_not_been_paid_for_yet() -> None:
    rests = ("contract.suspended", "2026-01-01", {})
    resumes = ("contract.resumed", "2026-03-01", {})

    assert rows(build([*contract(told_line(**FREE)), rests, resumes])) == [
        ("2026-01-01", "0", "100"), ("2026-03-01", "0", "100"), ("2026-04-01", "100", None),
    ]  # fmt: skip


def test_the_value_of_a_draft_is_what_it_is_contracted_at_and_not_what_its_trial_pays() -> None:
    trial = build(contract(told_line(**FREE)))

    assert trial.annual_at(trial.intervals()[0].start) == scaled("1200")
