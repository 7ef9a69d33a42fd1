"""The measured constructors of hot types put every member in its place."""

from app.domain.contract import schedule as schedules
from app.domain.contract.line_steps import LineStep, change_step
from app.domain.contract.schedule import Interval, Schedule
from app.domain.contract.terms import ContractTerms
from app.domain.kernel.values import MICRO

BEFORE = LineStep(
    at=10, seq=2, line="main", product="retainer", kind="recurring", quantity="3", unit_price="100", interval="year",
    discount="10", end=9_000, cause="new", source="evt_1", annual=300 * MICRO, sets=None, since="1970-01-01",
    ends="1970-02-01", until=8_000, gross=300 * MICRO, temporary=30 * MICRO,
)  # fmt: skip


def test_a_change_keeps_what_it_does_not_set_and_every_member_has_its_place() -> None:
    step = change_step(BEFORE, 20, 4, "evt_2", "negotiation", "quantity unit_price", "5", "200")

    assert step == BEFORE._replace(
        at=20,
        seq=4,
        source="evt_2",
        cause="negotiation",
        sets="quantity unit_price",
        quantity="5",
        unit_price="200",
        annual=1_000 * MICRO,
        gross=1_000 * MICRO,
        temporary=100 * MICRO,
    )


def test_a_change_with_a_discount_sets_its_four_members() -> None:
    step = change_step(
        BEFORE, 20, 4, "evt_2", "negotiation", "discount_percent discount_end", None, None, ("50", "1970-01-05", "1970-03-01", 7_000)
    )  # fmt: skip

    assert step == BEFORE._replace(
        at=20,
        seq=4,
        source="evt_2",
        cause="negotiation",
        sets="discount_percent discount_end",
        discount="50",
        since="1970-01-05",
        ends="1970-03-01",
        until=7_000,
        temporary=150 * MICRO,
    )


def test_a_line_that_is_removed_keeps_its_amounts_and_says_so() -> None:
    step = change_step(BEFORE, 20, 4, "evt_2", "new", "removed")

    assert step == BEFORE._replace(at=20, seq=4, source="evt_2", sets="removed", removed=True)


def test_an_interval_has_every_member_of_its_step_in_its_place() -> None:
    step = BEFORE._replace(discount="10", ends="", until=10**15, annual=270 * MICRO, temporary=7)
    terms = ContractTerms(periods=((0, 100),), suspensions=((40, 60),), signed=True)
    schedule = Schedule(terms=terms, lines={"main": (step,)})

    paid = Interval(
        line="main", start=10, end=40, annual=270 * MICRO, suspended=False, product="retainer", kind="recurring",
        quantity="3", unit_price="100", cause="new", source="evt_1", gross=300 * MICRO, lasting=30 * MICRO, temporary=7,
    )  # fmt: skip
    assert schedule.intervals() == [
        paid,
        paid._replace(start=40, end=60, annual=0, suspended=True),
        paid._replace(start=60, end=100),
    ]
    assert schedule.annual_at(50) == 0


def test_a_line_is_worth_a_year_what_its_interval_says() -> None:
    assert schedules.annual("3", "100", "year", "10") == 270 * MICRO
