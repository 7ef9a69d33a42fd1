"""The contract: what can be agreed when, and every rule that says no."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.account import CloseAccount
from app.domain.contract_commands import (
    AmendContract,
    CorrectContract,
    DraftContract,
    GiveNotice,
    Line,
    RecordContract,
    RenewContract,
    ResumeContract,
    SetLine,
    SignContract,
    SuspendContract,
    TerminateContract,
    WithdrawNotice,
)
from app.domain.errors import DomainError
from app.domain.values import day_start, unscaled
from tests.domain.contract_words import (
    MAIN,
    YEAR,
    account,
    add,
    annual,
    drafted,
    line,
    refusal,
    remove,
    reprice,
    signed,
)
from tests.support.house import House

SIGN = SignContract(signed_at="2025-12-20T10:00:00Z", document_sha256="ab" * 32)
TERMINATE = TerminateContract(effective_end="2026-07-01", reason="price", voluntary=True)
AMEND = AmendContract(effective_at="2026-03-01", changes=(reprice("main", "1200.00"),))
ON_A_LIVE_CONTRACT = (
    AMEND,
    GiveNotice(effective_at="2026-03-01"),
    WithdrawNotice(),
    SuspendContract(effective_at="2026-03-01"),
    ResumeContract(effective_at="2026-03-01"),
    RenewContract(end="2028-01-01"),
    TERMINATE,
)
by_name = pytest.mark.parametrize("command", ON_A_LIVE_CONTRACT, ids=lambda one: type(one).__name__)


# --- draft and signature ---


def test_a_draft_binds_nobody_until_it_is_signed(cottage: House) -> None:
    contract = drafted(cottage)
    before = annual(cottage, contract, "2026-02-01")

    cottage.do(SIGN, contract=contract)

    assert before == ["0"]
    assert annual(cottage, contract, "2025-12-31", "2026-01-01", "2026-12-31", "2027-01-01") == [
        "0",
        "12000",
        "12000",
        "0",
    ]


def test_a_signature_is_given_once(cottage: House) -> None:
    contract = signed(cottage)

    assert refusal(cottage, SIGN, contract=contract) == "Refused contract_signed"


def test_a_draft_and_its_signature_can_be_recorded_at_once(cottage: House) -> None:
    receipt = cottage.do(RecordContract(**YEAR, signed_at="2025-12-20"), account=account(cottage))

    assert [kind for _, kind, _ in receipt.events] == ["contract.drafted", "contract.signed"]


def test_nothing_is_drafted_or_signed_on_a_closed_account(cottage: House) -> None:
    client = account(cottage)
    contract = cottage.do(DraftContract(**YEAR), account=client).id
    cottage.do(CloseAccount(), account=client)

    assert refusal(cottage, DraftContract(**YEAR), account=client) == "Refused account_closed"
    assert refusal(cottage, SIGN, contract=contract) == "Refused account_closed"


@pytest.mark.parametrize(
    ("terms", "told"),
    [
        ({"end": "2026-01-01"}, "Invalid end_before_start"),
        ({"end": "2025-12-31"}, "Invalid end_before_start"),
        ({"lines": (MAIN, MAIN)}, "Invalid overlapping_lines"),
        ({"lines": (line("early", start="2025-12-31"),)}, "Invalid line_outside_term"),
        ({"lines": (line("long", end="2027-01-02"),)}, "Invalid line_outside_term"),
        ({"lines": (line("later", start="2027-01-01"),)}, "Invalid line_outside_term"),
        ({"lines": (line("before", end="2026-01-01"),)}, "Invalid line_outside_term"),
    ],
)
def test_terms_that_do_not_fit_together_are_refused(cottage: House, terms: dict[str, Any], told: str) -> None:
    assert refusal(cottage, DraftContract(**{**YEAR, **terms}), account=account(cottage)) == told


def test_a_line_may_have_a_term_of_its_own(cottage: House) -> None:
    ramp = (line("ramp", "50.00", end="2026-04-01"), line("full", "100.00", start="2026-04-01"))

    contract = signed(cottage, lines=ramp)

    assert annual(cottage, contract, "2026-03-31", "2026-04-01") == ["600", "1200"]


@pytest.mark.parametrize(
    "members",
    [
        {"interval": None},
        {"interval": "fortnight"},
        {"kind": "barter"},
        {"quantity": "-1"},
        {"unit_price": 100},
        {"unit_price": "1e3"},
        {"unit_price": "100.1234567"},
        {"discount_percent": "101"},
        {"start": "2026-02-01", "end": "2026-02-01"},
        {"unit_price": "999999999999", "quantity": "2"},
        {"line": ""},
        {"colour": "blue"},
    ],
)
def test_a_line_that_makes_no_sense_is_no_line(members: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Line(**{"line": "main", "product": "x", "unit_price": "1", "interval": "month", **members})


def test_a_one_off_line_needs_no_interval_and_recurs_in_no_figure(cottage: House) -> None:
    contract = signed(cottage, lines=(MAIN, Line(line="setup", product="setup", kind="one_off", unit_price="5000")))

    assert annual(cottage, contract, "2026-01-01") == ["12000"]


# --- what needs a live contract ---


@by_name
def test_nothing_commercial_happens_before_signature(cottage: House, command: Any) -> None:
    assert refusal(cottage, command, contract=drafted(cottage)) == "Refused contract_not_signed"


@by_name
def test_nothing_commercial_happens_after_termination(cottage: House, command: Any) -> None:
    contract = signed(cottage)
    cottage.do(TERMINATE, contract=contract)

    assert refusal(cottage, command, contract=contract) == "Refused contract_terminated"


@by_name
def test_nothing_commercial_happens_on_a_closed_account(cottage: House, command: Any) -> None:
    client = account(cottage)
    contract = cottage.do(RecordContract(**YEAR, signed_at="2025-12-20"), account=client).id
    cottage.do(CloseAccount(), account=client)

    assert refusal(cottage, command, contract=contract) == "Refused account_closed"


def test_there_is_no_contract_of_a_name_that_nobody_gave(cottage: House) -> None:
    assert refusal(cottage, AMEND, contract="ref:nobody") == "NotFound contract_not_found"
    assert refusal(cottage, DraftContract(**YEAR)) == "Invalid account_missing"


# --- amendments ---


def test_an_amendment_changes_what_is_paid_from_its_day_on(cottage: House) -> None:
    contract = signed(cottage)

    cottage.do(AMEND, contract=contract)
    cottage.do(AmendContract(effective_at="2026-05-01", changes=(add("extra", "100.00"),)), contract=contract)
    cottage.do(AmendContract(effective_at="2026-09-01", changes=(remove("extra"),)), contract=contract)

    days = ("2026-02-28", "2026-03-01", "2026-05-01", "2026-08-31", "2026-09-01")
    assert annual(cottage, contract, *days) == ["12000", "14400", "15600", "15600", "14400"]


def test_amendments_are_numbered_without_a_gap(cottage: House) -> None:
    contract = signed(cottage)

    for _ in range(3):
        cottage.do(AMEND, contract=contract)

    numbers = [
        event.data["amendment_no"]
        for event in cottage.runtime.log.stream(cottage.tenant, contract)
        if event.type == "contract.amended"
    ]
    assert numbers == [1, 2, 3]


@pytest.mark.parametrize(
    ("day", "changes", "told"),
    [
        ("2025-12-31", (reprice("main", "1"),), "Refused outside_term"),
        ("2027-01-01", (reprice("main", "1"),), "Refused outside_term"),
        ("2026-03-01", (reprice("main", "1"), remove("main")), "Invalid overlapping_lines"),
        ("2026-03-01", (add("main"),), "Refused line_exists"),
        ("2026-03-01", (add("early", start="2026-02-01"),), "Refused line_outside_term"),
        ("2026-03-01", (add("late", start="2027-01-01"),), "Refused line_outside_term"),
        ("2026-03-01", (remove("unheard"),), "Refused unknown_line"),
        ("2026-03-01", (reprice("unheard", "1"),), "Refused unknown_line"),
        ("2026-03-01", (SetLine(op="set_line", line="main", quantity="999999999999"),), "Invalid amount_out_of_range"),
    ],
)
def test_a_change_that_fits_no_term_or_line_is_refused(cottage: House, day: str, changes: Any, told: str) -> None:
    assert refusal(cottage, AmendContract(effective_at=day, changes=changes), contract=signed(cottage)) == told


def test_a_line_that_was_taken_off_cannot_be_changed_or_begun_again(cottage: House) -> None:
    contract = signed(cottage, lines=(MAIN, line("extra")))
    cottage.do(AmendContract(effective_at="2026-03-01", changes=(remove("extra"),)), contract=contract)

    for change, told in ((reprice("extra", "1"), "unknown_line"), (add("extra"), "line_exists")):
        assert (
            refusal(cottage, AmendContract(effective_at="2026-04-01", changes=(change,)), contract=contract)
            == f"Refused {told}"
        )


def test_a_change_says_something_and_there_is_one_at_least() -> None:
    with pytest.raises(ValidationError, match="needs a quantity or a unit_price"):
        SetLine(op="set_line", line="main")
    with pytest.raises(ValidationError):
        AmendContract(effective_at="2026-03-01", changes=())


# --- corrections ---


def test_a_correction_takes_the_place_of_the_amendment_it_names(cottage: House) -> None:
    contract = signed(cottage)
    wrong = cottage.do(AMEND, contract=contract).events[0][0]

    cottage.do(CorrectContract(corrects=wrong, changes=(reprice("main", "1100.00"),)), contract=contract)

    assert annual(cottage, contract, "2026-02-28", "2026-03-01") == ["12000", "13200"]


def test_a_correction_of_the_draft_counts_from_the_beginning(cottage: House) -> None:
    contract = signed(cottage)
    draft = next(iter(cottage.runtime.log.stream(cottage.tenant, contract))).event_id

    cottage.do(
        CorrectContract(corrects=draft, changes=(reprice("main", "900.00", cause="correction"),)), contract=contract
    )

    assert annual(cottage, contract, "2026-01-01", "2026-12-31") == ["10800", "10800"]


def test_a_correction_names_an_event_of_its_own_contract(cottage: House) -> None:
    contract, other = signed(cottage), signed(cottage)
    foreign = cottage.do(AMEND, contract=other).events[0][0]

    for named in (foreign, "evt_01jd7z5m3sf8x9v0w1y2z3a4b5", "nonsense"):
        told = refusal(cottage, CorrectContract(corrects=named, changes=(reprice("main", "1"),)), contract=contract)
        assert told == "Refused unknown_event"


def test_a_draft_is_not_corrected_but_drafted_anew(cottage: House) -> None:
    command = CorrectContract(corrects="evt_x", changes=(reprice("main", "1"),))

    assert refusal(cottage, command, contract=drafted(cottage)) == "Refused contract_not_signed"


# --- notice ---


def test_notice_ends_the_contract_with_its_term(cottage: House) -> None:
    contract = signed(cottage, auto_renew=True)

    cottage.do(GiveNotice(effective_at="2026-11-01"), contract=contract)

    given = list(cottage.runtime.log.stream(cottage.tenant, contract))[-1].data
    assert (given["effective_end"], given["late"], given["by"]) == ("2027-01-01", False, "client")
    assert annual(cottage, contract, "2026-12-31", "2027-01-01") == ["12000", "0"]


def test_notice_after_the_deadline_is_taken_and_marked_as_late(cottage: House) -> None:
    for day, late in (("2026-12-02", False), ("2026-12-03", True)):
        contract = signed(cottage, auto_renew=True)
        cottage.do(GiveNotice(effective_at=day), contract=contract)
        assert list(cottage.runtime.log.stream(cottage.tenant, contract))[-1].data["late"] is late


def test_notice_of_an_open_ended_contract_ends_it_after_its_notice_days(cottage: House) -> None:
    contract = signed(cottage, end=None)

    cottage.do(GiveNotice(effective_at="2026-03-01", by="us"), contract=contract)

    assert annual(cottage, contract, "2026-03-30", "2026-03-31") == ["12000", "0"]


def test_notice_of_a_contract_that_renewed_itself_ends_it_with_the_running_term(cottage: House) -> None:
    contract = signed(cottage, auto_renew=True, renewal_term_months=6)

    cottage.do(GiveNotice(effective_at="2027-02-01"), contract=contract)

    assert annual(cottage, contract, "2027-06-30", "2027-07-01") == ["12000", "0"]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (GiveNotice(effective_at="2026-03-01", effective_end="2026-02-28"), "Refused end_before_start"),
        (GiveNotice(effective_at="2025-12-01", effective_end="2026-01-01"), "Refused end_before_start"),
        (GiveNotice(effective_at="2026-03-01", effective_end="2027-01-02"), "Refused end_after_term"),
    ],
)
def test_notice_names_an_end_within_the_contract(cottage: House, command: GiveNotice, told: str) -> None:
    assert refusal(cottage, command, contract=signed(cottage)) == told


def test_notice_is_given_once_until_it_is_withdrawn(cottage: House) -> None:
    contract, notice = signed(cottage, auto_renew=True), GiveNotice(effective_at="2026-11-01")
    assert refusal(cottage, WithdrawNotice(), contract=contract) == "Refused no_notice"

    cottage.do(notice, contract=contract)
    assert refusal(cottage, notice, contract=contract) == "Refused notice_given"
    cottage.do(WithdrawNotice(), contract=contract)

    assert annual(cottage, contract, "2027-01-01") == ["12000"]
    cottage.do(notice, contract=contract)


# --- rest ---


def test_a_suspended_contract_is_in_force_at_nothing(cottage: House) -> None:
    contract = signed(cottage)

    cottage.do(SuspendContract(effective_at="2026-07-01", effective_end="2026-08-01"), contract=contract)

    assert annual(cottage, contract, "2026-06-30", "2026-07-01", "2026-07-31", "2026-08-01") == [
        "12000",
        "0",
        "0",
        "12000",
    ]


def test_a_rest_may_end_sooner_than_agreed(cottage: House) -> None:
    contract = signed(cottage)
    cottage.do(SuspendContract(effective_at="2026-07-01"), contract=contract)

    cottage.do(ResumeContract(effective_at="2026-07-20"), contract=contract)

    assert annual(cottage, contract, "2026-07-19", "2026-07-20") == ["0", "12000"]


def test_a_contract_whose_rest_ended_as_agreed_may_rest_again(cottage: House) -> None:
    contract = signed(cottage)
    cottage.do(SuspendContract(effective_at="2026-07-01", effective_end="2026-08-01"), contract=contract)

    cottage.do(SuspendContract(effective_at="2026-10-01", effective_end="2026-11-01"), contract=contract)

    assert annual(cottage, contract, "2026-07-01", "2026-09-01", "2026-10-01", "2026-11-01") == [
        "0",
        "12000",
        "0",
        "12000",
    ]


def test_what_rests_is_not_suspended_and_what_works_is_not_resumed(cottage: House) -> None:
    contract = signed(cottage)
    assert (
        refusal(cottage, ResumeContract(effective_at="2026-03-01"), contract=contract)
        == "Refused contract_not_suspended"
    )

    cottage.do(SuspendContract(effective_at="2026-03-01"), contract=contract)

    again = SuspendContract(effective_at="2026-04-01")
    assert refusal(cottage, again, contract=contract) == "Refused contract_suspended"
    assert refusal(cottage, ResumeContract(effective_at="2026-02-28"), contract=contract) == "Refused end_before_start"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (SuspendContract(effective_at="2025-12-31"), "Refused outside_term"),
        (SuspendContract(effective_at="2027-01-01"), "Refused outside_term"),
        (SuspendContract(effective_at="2026-03-01", effective_end="2026-03-01"), "Invalid end_before_start"),
    ],
)
def test_a_rest_lies_within_the_term(cottage: House, command: SuspendContract, told: str) -> None:
    assert refusal(cottage, command, contract=signed(cottage)) == told


# --- renewal ---


@pytest.mark.parametrize(
    ("terms", "timing", "paid"),
    [
        ({"end": "2028-01-01"}, "on_time", ["12000", "12000"]),
        ({"start": "2026-10-01", "end": "2028-01-01"}, "early", ["12000", "12000"]),
        ({"start": "2027-01-15", "end": "2028-01-01"}, "late", ["0", "12000"]),
        ({"start": "2027-01-15", "end": "2028-01-01", "retroactive": True}, "late", ["12000", "12000"]),
    ],
)
def test_a_renewal_is_early_on_time_or_late(
    cottage: House, terms: dict[str, Any], timing: str, paid: list[str]
) -> None:
    contract = signed(cottage)

    cottage.do(RenewContract(**terms), contract=contract)

    told = list(cottage.runtime.log.stream(cottage.tenant, contract))[-1].data
    assert (told["timing"], told["previous_end"]) == (timing, "2027-01-01")
    assert annual(cottage, contract, "2027-01-10", "2027-01-20") == paid
    assert annual(cottage, contract, "2028-01-01") == ["0"]


def test_a_renewal_may_bring_other_lines(cottage: House) -> None:
    contract = signed(cottage, lines=(MAIN, line("extra")))

    cottage.do(RenewContract(end="2028-01-01", lines=(line("main", "1500.00"),)), contract=contract)

    assert annual(cottage, contract, "2026-12-31", "2027-01-01") == ["13200", "18000"]


def test_a_renewal_takes_a_notice_back(cottage: House) -> None:
    contract = signed(cottage)
    cottage.do(GiveNotice(effective_at="2026-10-01"), contract=contract)

    cottage.do(RenewContract(end="2028-01-01"), contract=contract)

    assert annual(cottage, contract, "2027-06-01") == ["12000"]
    assert refusal(cottage, WithdrawNotice(), contract=contract) == "Refused no_notice"


@pytest.mark.parametrize(
    ("terms", "command", "told"),
    [
        ({"end": None}, {"end": "2028-01-01"}, "Refused open_ended"),
        ({}, {"end": "2027-01-01"}, "Invalid end_before_start"),
        ({}, {"start": "2026-01-01", "end": "2028-01-01"}, "Refused overlapping_term"),
        ({}, {"start": "2025-06-01", "end": "2028-01-01"}, "Refused overlapping_term"),
        ({}, {"start": "2027-02-01", "end": "2028-01-01", "retroactive": True}, "Refused grace_exceeded"),
        ({}, {"end": "2028-01-01", "lines": (MAIN, MAIN)}, "Invalid overlapping_lines"),
        ({}, {"end": "2028-01-01", "lines": (line("x", end="2028-02-01"),)}, "Invalid line_outside_term"),
    ],
)
def test_a_term_that_does_not_follow_is_refused(
    cottage: House, terms: dict[str, Any], command: dict[str, Any], told: str
) -> None:
    assert refusal(cottage, RenewContract(**command), contract=signed(cottage, **terms)) == told


def test_thirty_days_of_grace_close_a_gap(cottage: House) -> None:
    contract = signed(cottage)

    cottage.do(RenewContract(start="2027-01-31", end="2028-01-01", retroactive=True), contract=contract)

    assert annual(cottage, contract, "2027-01-01", "2027-01-30") == ["12000", "12000"]


def test_a_second_renewal_follows_the_first(cottage: House) -> None:
    contract = signed(cottage)
    cottage.do(RenewContract(end="2028-01-01"), contract=contract)

    told = refusal(cottage, RenewContract(start="2027-01-01", end="2029-01-01"), contract=contract)
    cottage.do(RenewContract(end="2029-01-01"), contract=contract)

    assert told == "Refused overlapping_term"
    assert annual(cottage, contract, "2028-12-31", "2029-01-01") == ["12000", "0"]


# --- termination ---


def test_a_terminated_contract_ends_on_its_day_and_stays_ended(cottage: House) -> None:
    contract = signed(cottage, auto_renew=True)

    cottage.do(TERMINATE, contract=contract)

    assert annual(cottage, contract, "2026-06-30", "2026-07-01", "2027-06-01") == ["12000", "0", "0"]


@pytest.mark.parametrize(
    ("day", "told"), [("2025-12-31", "Refused end_before_start"), ("2027-01-02", "Refused end_after_term")]
)
def test_a_termination_lies_within_the_term(cottage: House, day: str, told: str) -> None:
    command = TerminateContract(effective_end=day, reason="price", voluntary=True)

    assert refusal(cottage, command, contract=signed(cottage)) == told


# --- whatever is tried ---

DAYS = st.dates(min_value=date(2025, 11, 1), max_value=date(2028, 3, 1)).map(str)
PRICES = st.integers(1, 5000).map(str)
STEPS = st.one_of(
    st.builds(lambda day, price: AmendContract(effective_at=day, changes=(reprice("main", price),)), DAYS, PRICES),
    st.builds(lambda day, name: AmendContract(effective_at=day, changes=(add(name),)), DAYS, st.sampled_from("abc")),
    st.builds(lambda day, name: AmendContract(effective_at=day, changes=(remove(name),)), DAYS, st.sampled_from("abc")),
    st.builds(lambda day: GiveNotice(effective_at=day), DAYS),
    st.just(WithdrawNotice()),
    st.builds(lambda day, end: SuspendContract(effective_at=day, effective_end=end), DAYS, st.none() | DAYS),
    st.builds(lambda day: ResumeContract(effective_at=day), DAYS),
    st.builds(
        lambda day, end, back: RenewContract(start=day, end=end, retroactive=back),
        st.none() | DAYS,
        DAYS,
        st.booleans(),
    ),
    st.builds(lambda day: TerminateContract(effective_end=day, reason="x", voluntary=True), DAYS),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=8), st.booleans(), st.lists(DAYS, min_size=1, max_size=5))
def test_whatever_is_agreed_the_views_tell_what_the_decisions_rest_on(
    cottage: House, steps: list[Any], auto_renew: bool, days: list[str]
) -> None:
    contract = signed(cottage, auto_renew=auto_renew)

    for step in steps:
        try:
            cottage.do(step, contract=contract)
        except DomainError as refused:
            assert refused.code != "error"

    cottage.catch_up()
    rows = [row for row in cottage.rows("contract_lines") if row.contract == contract and row.line]
    where = cottage.runtime.handler.zone(cottage.tenant)
    for day in days:
        moment = day_start(day, where)
        paid = sum(row.annual for row in rows if row.valid_from <= moment < row.valid_to)
        assert [unscaled(paid)] == annual(cottage, contract, day)
