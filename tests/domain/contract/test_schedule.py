"""The schedule of a contract: what is paid when, whatever happened to it and in whatever order it was told."""

import itertools
import json
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.catalogue import CATALOGUE
from app.domain.contract import schedule as schedules
from app.domain.contract.schedule import PER_YEAR, Interval, Schedule, annual
from app.domain.kernel.values import FOREVER, MICRO, add_days, day_start, half_up, scaled, unscaled
from app.domain.recorded import Recorded

UTC = ZoneInfo("UTC")
START, END = "2026-01-01", "2027-01-01"
Told = tuple[str, str, dict[str, Any]]
"""(topic, the day on which it is effective, data)"""


def at(day: str, where: ZoneInfo = UTC) -> int:
    return day_start(day, where)


def line(name: str = "main", unit_price: str = "100.00", **members: Any) -> dict[str, Any]:
    return {
        "line": name,
        "product": "retainer",
        "kind": "recurring",
        "quantity": "1",
        "unit_price": unit_price,
        "interval": "month",
        **members,
    }


def contract(*lines: dict[str, Any], end: str | None = END, **members: Any) -> list[Told]:
    """A contract that was drafted and signed."""
    drafted = {
        "account": "acct_1",
        "currency": "EUR",
        "start": START,
        "end": end,
        "lines": list(lines or [line()]),
        **members,
    }
    return [("contract.drafted", START, drafted), ("contract.signed", START, {"signed_at": START})]


def amended(day: str, *changes: dict[str, Any]) -> Told:
    return ("contract.amended", day, {"amendment_no": 1, "changes": list(changes)})


def set_line(name: str, **members: Any) -> dict[str, Any]:
    return {"op": "set_line", "line": name, **members}


def events(told: Sequence[Told], where: ZoneInfo = UTC) -> list[Recorded]:
    """What was told of a contract, in this order, as it stands in the log."""
    recorded = []
    for version, (topic, day, data) in enumerate(told, 1):
        body = json.dumps(
            {"data": CATALOGUE[topic].model_validate(data).model_dump(mode="json", exclude_none=True)}
        ).encode()
        recorded.append(
            Recorded(
                "tnt_1", version, f"evt_{version}", "ctr_1", version, "acct_1", topic, 1, at(day, where), 0, "x", body
            )
        )
    return recorded


def build(told: Sequence[Told], where: ZoneInfo = UTC) -> Schedule:
    """The schedule after what was told, in this order."""
    return schedules.build(events(told, where), where)


def paid(schedule: Schedule, day: str) -> str:
    """The annual amount on a day."""
    return unscaled(schedule.annual_at(at(day)))


# --- amounts ---


@pytest.mark.parametrize(
    ("unit_price", "a_month"), [("19.95", "1.6625"), ("49.00", "4.0833"), ("159.95", "13.3292"), ("5499.00", "458.25")]
)
def test_a_yearly_price_is_a_twelfth_of_it_a_month_rounded_half_up_to_four_digits(
    unit_price: str, a_month: str
) -> None:
    """Kill Bill's table of monthly recurring revenue."""
    assert unscaled(half_up(annual("1", unit_price, "year"), 12 * 100) * 100) == a_month


def test_a_monthly_price_is_itself_and_a_thing_without_a_period_is_nothing() -> None:
    once = line("setup", "999.95", kind="one_off", interval=None)
    schedule = build(contract(line(unit_price="29.95"), once))

    assert unscaled(half_up(schedule.annual_at(at(START)), 12)) == "29.95"
    assert {(one.line, unscaled(one.annual)) for one in schedule.intervals()} == {("main", "359.4"), ("setup", "0")}


def test_from_a_yearly_to_a_dearer_monthly_plan_is_an_expansion() -> None:
    """Lago's plan change: 134 a year to 17 a month is 5.83 a month more, whatever a day costs."""
    leaves = contract(line("yearly", "134", interval="year"))
    changes = [{"op": "remove_line", "line": "yearly"}, {"op": "add_line", **line("monthly", "17")}]
    schedule = build([*leaves, amended("2026-07-01", *changes)])
    before, after = (half_up(schedule.annual_at(at(day)), 12 * 10_000) for day in ("2026-06-30", "2026-07-01"))

    assert (before, after, after - before) == (1117, 1700, 583)


@pytest.mark.parametrize(
    ("interval", "paid_a_year"),
    [
        ("day", "365"),
        ("week", "52"),
        ("month", "12"),
        ("quarter", "4"),
        ("half_year", "2"),
        ("year", "1"),
        ("two_years", "0.5"),
    ],
)
def test_every_interval_of_billing_divides_a_year(interval: str, paid_a_year: str) -> None:
    assert unscaled(annual("1", "1", interval)) == paid_a_year
    assert set(PER_YEAR) == {"day", "week", "month", "quarter", "half_year", "year", "two_years"}


def test_a_lasting_discount_is_taken_off() -> None:
    assert unscaled(annual("3", "99.99", "month", "12.5")) == "3149.685"
    assert annual("3", "99.99", "month", "100") == 0


# --- what happens to a contract ---


def test_nothing_is_in_force_before_signature_or_outside_the_term() -> None:
    assert build(contract()[:1]).intervals() == []
    signed = build(contract())
    assert [paid(signed, day) for day in ("2025-12-31", START, "2026-12-31", END)] == ["0", "1200", "1200", "0"]


def test_a_line_has_its_own_term_within_the_contracts() -> None:
    schedule = build(contract(line(), line("extra", "10", start="2026-03-01", end="2026-06-01")))
    assert [paid(schedule, day) for day in ("2026-02-28", "2026-03-01", "2026-05-31", "2026-06-01")] == [
        "1200",
        "1320",
        "1320",
        "1200",
    ]


def test_the_later_said_of_two_changes_at_one_time_counts() -> None:
    one, other = (amended("2026-05-01", set_line("main", unit_price=price)) for price in ("110", "120"))

    assert paid(build([*contract(), one, other]), "2026-05-01") == "1440"
    assert paid(build([*contract(), other, one]), "2026-05-01") == "1320"


def test_a_change_told_late_counts_from_its_own_day_until_the_next() -> None:
    later, earlier = (
        amended("2026-09-01", set_line("main", unit_price="200")),
        amended("2026-03-01", set_line("main", unit_price="150")),
    )
    assert build([*contract(), later, earlier]).annual_at(at("2026-03-01")) == scaled("1800")
    assert [paid(build([*contract(), later, earlier]), day) for day in ("2026-02-28", "2026-08-31", "2026-09-01")] == [
        "1200",
        "1800",
        "2400",
    ]


def test_a_price_told_late_reaches_beneath_a_later_change_that_says_nothing_of_it() -> None:
    grown = amended("2026-06-01", set_line("main", quantity="2"))
    dearer = amended("2026-03-01", set_line("main", unit_price="150.00"))
    schedule = build([*contract(), grown, dearer])

    assert [paid(schedule, day) for day in ("2026-02-01", "2026-03-01", "2026-06-01")] == ["1200", "1800", "3600"]


def test_a_correction_reaches_beneath_a_later_change_that_says_nothing_of_it() -> None:
    wrong = amended("2026-03-01", set_line("main", unit_price="500.00"))
    grown = amended("2026-06-01", set_line("main", quantity="2"))
    right = (
        "contract.corrected",
        "2026-03-01",
        {"corrects": "evt_3", "changes": [set_line("main", unit_price="150.00")]},
    )
    schedule = build([*contract(), wrong, grown, right])

    assert [paid(schedule, day) for day in ("2026-03-01", "2026-06-01")] == ["1800", "3600"]


def test_a_line_that_was_removed_does_not_come_back_with_a_later_change_that_was_told_before() -> None:
    dearer = amended("2026-06-01", set_line("main", unit_price="150.00"))
    removed = amended("2026-03-01", {"op": "remove_line", "line": "main"})
    schedule = build([*contract(), dearer, removed])

    assert [paid(schedule, day) for day in ("2026-02-28", "2026-03-01", "2026-06-01")] == ["1200", "0", "0"]


def test_a_rest_is_in_force_at_nothing_and_ends_when_work_goes_on() -> None:
    rests = [*contract(), ("contract.suspended", "2026-04-01", {})]
    resumed = build([*rests, ("contract.resumed", "2026-06-01", {})])

    assert [paid(resumed, day) for day in ("2026-03-31", "2026-04-01", "2026-05-31", "2026-06-01")] == [
        "1200",
        "0",
        "0",
        "1200",
    ]
    assert [one.suspended for one in resumed.intervals()] == [False, True, False]
    assert paid(build(rests), "2026-12-31") == "0"
    agreed = build([*contract(), ("contract.suspended", "2026-04-01", {"effective_end": "2026-05-01"})])
    assert [paid(agreed, day) for day in ("2026-04-30", "2026-05-01")] == ["0", "1200"]


def test_notice_and_termination_cut_the_term_and_a_withdrawn_notice_does_not() -> None:
    noticed = [
        *contract(auto_renew=True),
        ("contract.notice_given", "2026-05-01", {"by": "client", "effective_end": "2026-08-01", "late": False}),
    ]
    ended = ("contract.terminated", "2026-05-01", {"effective_end": "2026-08-01", "reason": "price", "voluntary": True})

    for cut in (noticed, [*contract(), ended]):
        assert [paid(build(cut), day) for day in ("2026-07-31", "2026-08-01")] == ["1200", "0"]
    assert paid(build([*noticed, ("contract.notice_withdrawn", "2026-06-01", {})]), "2030-01-01") == "1200"


def test_a_contract_that_renews_itself_and_one_without_an_end_go_on() -> None:
    for endless in (contract(auto_renew=True), contract(end=None)):
        assert [one.end for one in build(endless).intervals()] == [FOREVER]


def test_an_early_renewal_begins_the_new_term_at_its_own_start() -> None:
    renewed = (
        "contract.renewed",
        "2026-06-01",
        {"start": "2026-07-01", "end": "2028-01-01", "timing": "early", "lines": [line(unit_price="150")]},
    )
    schedule = build([*contract(), amended("2026-09-01", set_line("main", unit_price="999")), renewed])

    assert [paid(schedule, day) for day in ("2026-06-30", "2026-07-01", "2026-09-01", "2027-12-31", "2028-01-01")] == [
        "1200",
        "1800",
        "1800",
        "1800",
        "0",
    ]


def test_an_amendment_on_the_day_a_renewal_begins_changes_the_renewed_line() -> None:
    renewed = (
        "contract.renewed",
        "2026-06-01",
        {"start": END, "end": "2028-01-01", "timing": "on_time", "lines": [line(unit_price="150")]},
    )
    doubled, dearer = (
        amended(END, set_line("main", quantity="2")),
        amended("2027-02-01", set_line("main", unit_price="160")),
    )

    schedule = build([*contract(), renewed, doubled, dearer])
    assert [paid(schedule, day) for day in (END, "2027-02-01")] == ["3600", "3840"]


def test_a_renewal_without_lines_takes_them_along_as_they_are() -> None:
    renewed = ("contract.renewed", "2026-06-01", {"start": END, "end": "2028-01-01", "timing": "on_time"})
    schedule = build([*contract(), amended("2026-09-01", set_line("main", quantity="2")), renewed])
    assert [paid(schedule, day) for day in ("2026-12-31", END, "2027-12-31")] == ["2400", "2400", "2400"]
    assert len({(one.start, one.end) for one in schedule.intervals()}) == 2


def test_a_late_renewal_leaves_a_gap_and_a_retroactive_one_does_not() -> None:
    def renewed(start: str) -> Told:
        return ("contract.renewed", "2027-02-10", {"start": start, "end": "2028-01-01", "timing": "late"})

    assert [
        paid(build([*contract(), renewed("2027-02-01")]), day) for day in ("2026-12-31", "2027-01-31", "2027-02-01")
    ] == ["1200", "0", "1200"]
    assert [paid(build([*contract(), renewed(END)]), day) for day in ("2026-12-31", END, "2027-02-01")] == ["1200"] * 3


def test_a_corrected_amendment_gives_way_from_its_own_day() -> None:
    wrong = amended("2026-05-01", set_line("main", unit_price="1000"))
    right = ("contract.corrected", "2026-05-01", {"corrects": "evt_3", "changes": [set_line("main", unit_price="110")]})

    assert [paid(build([*contract(), wrong, right]), day) for day in ("2026-04-30", "2026-05-01")] == ["1200", "1320"]


def test_a_corrected_draft_keeps_its_other_lines() -> None:
    right = ("contract.corrected", START, {"corrects": "evt_1", "changes": [set_line("main", unit_price="110")]})
    schedule = build([*contract(line(), line("extra", "10")), right])
    assert [paid(schedule, day) for day in (START, "2026-12-31")] == ["1440", "1440"]


def test_days_begin_in_the_zone_of_the_tenant() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    schedule = build(contract(line(end="2026-07-01")), berlin)
    assert [(one.start, one.end) for one in schedule.intervals()] == [(at(START, berlin), at("2026-07-01", berlin))]
    assert at(START, UTC) - at(START, berlin) == 3600 * MICRO


# --- whatever happens ---


DAYS = st.integers(0, 500).map(lambda days: add_days("2025-11-01", days))
CENTS = st.integers(1, 10_000_000).map(lambda cents: f"{cents // 100}.{cents % 100:02d}")
NAMES = st.sampled_from(["main", "extra", "third"])
CHANGES = st.one_of(
    st.builds(lambda name, price: set_line(name, unit_price=price), NAMES, CENTS),
    st.builds(lambda name, quantity: set_line(name, quantity=str(quantity)), NAMES, st.integers(1, 50)),
    st.builds(lambda name: {"op": "remove_line", "line": name}, NAMES),
    st.builds(
        lambda name, price, interval: {"op": "add_line", **line(name, price, interval=interval)},
        NAMES,
        CENTS,
        st.sampled_from(sorted(PER_YEAR)),
    ),
)
HAPPENINGS = st.one_of(
    st.builds(lambda day, changes: amended(day, *changes), DAYS, st.lists(CHANGES, min_size=1, max_size=3)),
    st.builds(
        lambda day, nth, changes: ("contract.corrected", day, {"corrects": f"evt_{nth}", "changes": changes}),
        DAYS,
        st.integers(1, 8),
        st.lists(CHANGES, min_size=1, max_size=2),
    ),
    st.builds(lambda day, end: ("contract.suspended", day, {"effective_end": end}), DAYS, st.none() | DAYS),
    st.builds(lambda day: ("contract.resumed", day, {}), DAYS),
    st.builds(
        lambda day, end: ("contract.notice_given", day, {"by": "us", "effective_end": end, "late": False}), DAYS, DAYS
    ),
    st.builds(lambda day: ("contract.notice_withdrawn", day, {}), DAYS),
    st.builds(
        lambda start, days, lines: (
            "contract.renewed",
            start,
            {"start": start, "end": add_days(start, days), "timing": "early", "lines": lines},
        ),
        DAYS,
        st.integers(1, 400),
        st.none() | st.lists(st.builds(line, NAMES, CENTS), min_size=1, max_size=2),
    ),
    st.builds(
        lambda day, end: ("contract.terminated", day, {"effective_end": end, "reason": "x", "voluntary": True}),
        DAYS,
        DAYS,
    ),
)
HISTORIES = st.builds(
    lambda first, endless, happenings: (
        contract(line(unit_price=first), line("extra", "7.77"), end=None if endless else END) + happenings
    ),
    CENTS,
    st.booleans(),
    st.lists(HAPPENINGS, max_size=7),
)


def by_line(schedule: Schedule) -> list[list[Interval]]:
    found = schedule.intervals()
    return [
        sorted((one for one in found if one.line == name), key=lambda one: one.start)
        for name in {one.line for one in found}
    ]


@given(HISTORIES)
def test_a_line_is_never_in_force_twice_at_once_nor_outside_the_terms(history: list[Told]) -> None:
    schedule = build(history)
    windows = schedule.windows()

    for intervals in by_line(schedule):
        assert all(one.start < one.end for one in intervals)
        assert all(one.end <= other.start for one, other in itertools.pairwise(intervals))
        assert all(any(opens <= one.start and one.end <= closes for opens, closes in windows) for one in intervals)
        assert all(one.annual >= 0 and (not one.suspended or one.annual == 0) for one in intervals)


@given(HISTORIES)
def test_a_schedule_survives_being_kept_as_json(history: list[Told]) -> None:
    schedule = build(history)
    assert Schedule.load(json.loads(json.dumps(schedule))) == schedule


@given(HISTORIES, DAYS)
def test_what_is_paid_at_an_instant_is_the_sum_of_what_is_in_force(history: list[Told], day: str) -> None:
    schedule = build(history)
    in_force = [one for one in schedule.intervals() if one.start <= at(day) < one.end]
    assert schedule.annual_at(at(day)) == sum(one.annual for one in in_force)
    assert len({one.line for one in in_force}) == len(in_force)


def split(told: Told, shares: dict[str, tuple[str, str]]) -> Told:
    """The same with every line named `main` sold as two lines, `left` and `right`, at a part of its price each."""
    topic, day, data = told

    def parts(one: dict[str, Any]) -> list[dict[str, Any]]:
        if one["line"] != "main":
            return [one]
        prices = shares[one["unit_price"]] if one.get("unit_price") else (None, None)
        return [
            {**one, "line": name, **({"unit_price": price} if price else {})}
            for name, price in zip(("left", "right"), prices, strict=True)
        ]

    divided = {
        member: [part for one in data[member] for part in parts(one)]
        for member in ("lines", "changes")
        if data.get(member)
    }
    return topic, day, {**data, **divided}


@given(HISTORIES, st.integers(1, 99), DAYS)
def test_a_line_sold_as_two_that_sum_up_to_it_is_paid_the_same(history: list[Told], percent: int, day: str) -> None:
    prices = {
        one["unit_price"]
        for _, _, data in history
        for one in [*(data.get("lines") or []), *data.get("changes", [])]
        if one.get("unit_price")
    }
    shares = {
        price: (unscaled(scaled(price) * percent // 100), unscaled(scaled(price) - scaled(price) * percent // 100))
        for price in prices
    }

    whole, halves = build(history), build([split(told, shares) for told in history])
    assert whole.annual_at(at(day)) == halves.annual_at(at(day))


@given(
    st.lists(
        st.tuples(st.sampled_from(["one", "two", "three", "four"]), CENTS),
        min_size=2,
        max_size=4,
        unique_by=lambda told: told[0],
    ),
    st.randoms(use_true_random=False),
)
def test_changes_of_several_lines_at_one_time_may_be_told_in_any_order(
    changes: list[tuple[str, str]], dice: Any
) -> None:
    begun = contract(*(line(name) for name in ("one", "two", "three", "four")))
    told = [amended("2026-05-01", set_line(name, unit_price=price)) for name, price in changes]
    shuffled = dice.sample(told, len(told))

    assert {one._replace(source="") for one in build([*begun, *told]).intervals()} == {
        one._replace(source="") for one in build([*begun, *shuffled]).intervals()
    }
