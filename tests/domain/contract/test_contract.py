"""The contract: what is put on paper, signed, amended and corrected, and every rule that says no."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.account.commands import CloseAccount
from app.domain.account.events import AccountClosed
from app.domain.contract.commands import (
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
from tests.domain.contract.contracts import MAIN, YEAR, account, add, annual, drafted, line, remove, reprice, signed
from tests.domain.scenario import Scenario, refusal
from tests.support.application import Steward

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


def test_a_draft_binds_nobody_until_it_is_signed(scenario: Scenario) -> None:
    contract = drafted(scenario)
    before = annual(scenario, contract, "2026-02-01")

    scenario.do(SIGN, contract=contract)

    assert before == ["0"]
    assert annual(scenario, contract, "2025-12-31", "2026-01-01", "2026-12-31", "2027-01-01") == [
        "0",
        "12000",
        "12000",
        "0",
    ]


def test_a_signature_is_given_once(scenario: Scenario) -> None:
    contract = signed(scenario)

    assert refusal(scenario, SIGN, contract=contract) == "Refused contract_signed"


def test_a_draft_and_its_signature_can_be_recorded_at_once(scenario: Scenario) -> None:
    receipt = scenario.do(RecordContract(**YEAR, signed_at="2025-12-20"), account=account(scenario))

    assert [kind for _, kind, _ in receipt.events] == ["contract.drafted", "contract.signed"]


def test_nothing_is_drafted_or_signed_on_a_closed_account(scenario: Scenario) -> None:
    client = account(scenario)
    contract = scenario.do(DraftContract(**YEAR), account=client).id
    scenario.do(CloseAccount(), account=client)

    assert refusal(scenario, DraftContract(**YEAR), account=client) == "Refused account_closed"
    assert refusal(scenario, SIGN, contract=contract) == "Refused account_closed"


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
def test_terms_that_do_not_fit_together_are_refused(scenario: Scenario, terms: dict[str, Any], told: str) -> None:
    assert refusal(scenario, DraftContract(**{**YEAR, **terms}), account=account(scenario)) == told


def test_a_line_may_have_a_term_of_its_own(scenario: Scenario) -> None:
    ramp = (line("ramp", "50.00", end="2026-04-01"), line("full", "100.00", start="2026-04-01"))

    contract = signed(scenario, lines=ramp)

    assert annual(scenario, contract, "2026-03-31", "2026-04-01") == ["600", "1200"]


@pytest.mark.parametrize(
    "members",
    [
        {"interval": None},
        {"interval": "fortnight"},
        {"kind": "barter"},
        {"quantity": "-1"},
        {"unit_price": 100},
        {"unit_price": "1e3"},
        {"unit_price": "100.1234567890123"},
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


def test_a_one_off_line_needs_no_interval_and_recurs_in_no_figure(scenario: Scenario) -> None:
    contract = signed(scenario, lines=(MAIN, Line(line="setup", product="setup", kind="one_off", unit_price="5000")))

    assert annual(scenario, contract, "2026-01-01") == ["12000"]


# --- what needs a live contract ---


@by_name
def test_nothing_commercial_happens_before_signature(scenario: Scenario, command: Any) -> None:
    assert refusal(scenario, command, contract=drafted(scenario)) == "Refused contract_not_signed"


@by_name
def test_nothing_commercial_happens_after_termination(scenario: Scenario, command: Any) -> None:
    contract = signed(scenario)
    scenario.do(TERMINATE, contract=contract)

    assert refusal(scenario, command, contract=contract) == "Refused contract_terminated"


ENDING = (GiveNotice, TerminateContract)


def closed_around(scenario: Scenario, **terms: Any) -> str:
    """A contract that goes on in an account that was closed before closings asked for contracts."""
    client = account(scenario)
    contract = scenario.do(RecordContract(**{**YEAR, **terms}, signed_at="2025-12-20"), account=client).id
    scenario.given(client, AccountClosed())
    return contract


@pytest.mark.parametrize(
    "command", [one for one in ON_A_LIVE_CONTRACT if not isinstance(one, ENDING)], ids=lambda one: type(one).__name__
)
def test_nothing_commercial_happens_on_a_closed_account(scenario: Scenario, command: Any) -> None:
    assert refusal(scenario, command, contract=closed_around(scenario)) == "Refused account_closed"


@pytest.mark.parametrize("command", [one for one in ON_A_LIVE_CONTRACT if isinstance(one, ENDING)])
def test_what_a_closed_account_still_has_can_be_ended(scenario: Scenario, command: Any) -> None:
    contract = closed_around(scenario, auto_renew=True)

    scenario.do(command, contract=contract)

    assert annual(scenario, contract, "2026-02-01", "2027-01-01") == ["12000", "0"]


def test_on_a_closed_account_a_correction_may_end_a_contract_earlier_and_not_later(scenario: Scenario) -> None:
    contract = closed_around(scenario)
    drafted_as = scenario.stream(contract)[0].event_id

    scenario.do(CorrectContract(corrects=drafted_as, terms={"end": "2026-09-01"}), contract=contract)
    longer = CorrectContract(corrects=drafted_as, terms={"end": "2026-10-01"})

    assert refusal(scenario, longer, contract=contract) == "Refused account_closed"
    assert annual(scenario, contract, "2026-08-31", "2026-09-01") == ["12000", "0"]


def test_there_is_no_contract_of_a_name_that_nobody_gave(sqlite_steward: Steward) -> None:
    assert refusal(sqlite_steward, AMEND, contract="ref:nobody") == "NotFound contract_not_found"
    assert refusal(sqlite_steward, DraftContract(**YEAR)) == "Invalid account_missing"


# --- amendments ---


def test_an_amendment_changes_what_is_paid_from_its_day_on(scenario: Scenario) -> None:
    contract = signed(scenario)

    scenario.do(AMEND, contract=contract)
    scenario.do(AmendContract(effective_at="2026-05-01", changes=(add("extra", "100.00"),)), contract=contract)
    scenario.do(AmendContract(effective_at="2026-09-01", changes=(remove("extra"),)), contract=contract)

    days = ("2026-02-28", "2026-03-01", "2026-05-01", "2026-08-31", "2026-09-01")
    assert annual(scenario, contract, *days) == ["12000", "14400", "15600", "15600", "14400"]


def test_amendments_are_numbered_without_a_gap(scenario: Scenario) -> None:
    contract = signed(scenario)

    for _ in range(3):
        scenario.do(AMEND, contract=contract)

    numbers = [event.data["amendment_no"] for event in scenario.stream(contract) if event.type == "contract.amended"]
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
def test_a_change_that_fits_no_term_or_line_is_refused(scenario: Scenario, day: str, changes: Any, told: str) -> None:
    assert refusal(scenario, AmendContract(effective_at=day, changes=changes), contract=signed(scenario)) == told


def test_a_line_that_was_taken_off_cannot_be_changed_or_begun_again(scenario: Scenario) -> None:
    contract = signed(scenario, lines=(MAIN, line("extra")))
    scenario.do(AmendContract(effective_at="2026-03-01", changes=(remove("extra"),)), contract=contract)

    for change, told in ((reprice("extra", "1"), "unknown_line"), (add("extra"), "line_exists")):
        assert (
            refusal(scenario, AmendContract(effective_at="2026-04-01", changes=(change,)), contract=contract)
            == f"Refused {told}"
        )


def test_a_change_says_something_and_there_is_one_at_least() -> None:
    with pytest.raises(ValidationError, match="set_line needs a quantity"):
        SetLine(op="set_line", line="main")
    with pytest.raises(ValidationError):
        AmendContract(effective_at="2026-03-01", changes=())


# --- corrections ---


def test_a_correction_takes_the_place_of_the_amendment_it_names(scenario: Scenario) -> None:
    contract = signed(scenario)
    wrong = scenario.do(AMEND, contract=contract).events[0][0]

    scenario.do(CorrectContract(corrects=wrong, changes=(reprice("main", "1100.00"),)), contract=contract)

    assert annual(scenario, contract, "2026-02-28", "2026-03-01") == ["12000", "13200"]


def test_a_correction_of_the_draft_counts_from_the_beginning(scenario: Scenario) -> None:
    contract = signed(scenario)
    draft = next(iter(scenario.stream(contract))).event_id

    scenario.do(
        CorrectContract(corrects=draft, changes=(reprice("main", "900.00", cause="correction"),)), contract=contract
    )

    assert annual(scenario, contract, "2026-01-01", "2026-12-31") == ["10800", "10800"]


def test_a_correction_names_an_event_of_its_own_contract(scenario: Scenario) -> None:
    contract, other = signed(scenario), signed(scenario)
    foreign = scenario.do(AMEND, contract=other).events[0][0]

    for named in (foreign, "evt_01jd7z5m3sf8x9v0w1y2z3a4b5", "nonsense"):
        told = refusal(scenario, CorrectContract(corrects=named, changes=(reprice("main", "1"),)), contract=contract)
        assert told == "Refused unknown_event"


def test_a_draft_is_not_corrected_but_drafted_anew(scenario: Scenario) -> None:
    command = CorrectContract(corrects="evt_x", changes=(reprice("main", "1"),))

    assert refusal(scenario, command, contract=drafted(scenario)) == "Refused contract_not_signed"
