"""Terms of a contract that had been recorded wrongly: said again by a later event, with what was known left as it was known."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.contract.commands import (
    AmendContract,
    CorrectContract,
    DraftContract,
    GiveNotice,
    Line,
    RenewContract,
    SignContract,
    SuspendContract,
    TerminateContract,
    Terms,
    WithdrawNotice,
)
from app.domain.kernel.values import day_start
from app.domain.renewal.commands import OpenRenewal
from tests.domain.contract.contracts import MAIN, YEAR, account, annual, reprice, schedule, signed
from tests.domain.scenario import Scenario, TakesCommands, refusal
from tests.support.application import Steward
from tests.support.campaigns import examples

TERMINATE = TerminateContract(effective_end="2026-07-01", reason="price", voluntary=True)


def event(scenario: TakesCommands, contract: str, topic: str) -> str:
    """The id of a contract's last event of a topic."""
    return [one.event_id for one in scenario.stream(contract) if one.type == topic][-1]


def correct(scenario: TakesCommands, contract: str, topic: str, **terms: Any) -> None:
    """The terms that an event of a topic should have said."""
    scenario.do(CorrectContract(corrects=event(scenario, contract, topic), terms=Terms(**terms)), contract=contract)


def correcting(scenario: TakesCommands, contract: str, topic: str, **terms: Any) -> str:
    """How such a correction is refused."""
    command = CorrectContract(corrects=event(scenario, contract, topic), terms=Terms(**terms))
    return refusal(scenario, command, contract=contract)


def test_a_draft_that_said_a_wrong_end_is_set_right(scenario: Scenario) -> None:
    contract = signed(scenario)

    correct(scenario, contract, "contract.drafted", end="2026-10-01")

    assert annual(scenario, contract, "2026-09-30", "2026-10-01") == ["12000", "0"]
    late = AmendContract(effective_at="2026-11-01", changes=(reprice("main", "1.00"),))
    assert refusal(scenario, late, contract=contract) == "Refused outside_term"


@pytest.mark.parametrize(
    ("start", "paid"), [("2025-11-01", ["12000", "12000", "6000"]), ("2026-01-20", ["0", "0", "6000"])]
)
def test_a_draft_that_said_a_wrong_start_is_set_right_with_its_lines(
    scenario: Scenario, start: str, paid: list[str]
) -> None:
    contract = signed(scenario)
    scenario.do(AmendContract(effective_at="2026-01-15", changes=(reprice("main", "500.00"),)), contract=contract)

    correct(scenario, contract, "contract.drafted", start=start)

    assert annual(scenario, contract, "2025-11-01", "2026-01-01", "2026-01-20") == paid


def test_a_discount_begins_with_the_line_that_had_begun_earlier(scenario: Scenario) -> None:
    sold = Line(**{**MAIN.model_dump(), "discount_percent": "50", "discount_end": "2026-11-01"})
    contract = signed(scenario, lines=(sold,))
    assert annual(scenario, contract, "2026-02-01") == ["12000"]

    correct(scenario, contract, "contract.drafted", start="2025-11-01")

    assert annual(scenario, contract, "2025-11-01", "2026-10-31", "2026-11-01") == ["6000", "6000", "12000"]


def test_what_was_known_before_a_correction_stays_as_it_was_known(steward: Steward) -> None:
    contract = signed(steward)
    known = steward.catch_up()
    before = {name: steward.rows(name, known_at=str(known)) for name in ("contracts", "contract_lines", "run_rates")}

    correct(
        steward,
        contract,
        "contract.drafted",
        end="2026-10-01",
        start="2025-12-01",
        notice_days=60,
        auto_renew=False,
    )

    for name, rows in before.items():
        told = steward.rows(name, known_at=str(known))
        plain = [[value for member, value in row._asdict().items() if member != "schedule"] for row in rows]
        assert [[value for member, value in row._asdict().items() if member != "schedule"] for row in told] == plain
    (row,) = steward.rows("contracts")
    assert (row.start, row.end, row.notice_days) == ("2025-12-01", "2026-10-01", 60)
    assert [(term["start"], term["end"]) for term in row.terms] == [("2025-12-01", "2026-10-01")]
    (line,) = [one for one in steward.rows("contract_lines") if one.line]
    assert (line.valid_from, line.valid_to) == tuple(
        day_start(day, steward.zone) for day in ("2025-12-01", "2026-10-01")
    )


def test_a_notice_and_a_termination_that_named_a_wrong_day_are_set_right(sqlite_steward: Steward) -> None:
    noticed, ended = signed(sqlite_steward), signed(sqlite_steward)
    sqlite_steward.do(GiveNotice(effective_at="2026-03-01", effective_end="2026-06-01"), contract=noticed)
    sqlite_steward.do(TERMINATE, contract=ended)

    correct(sqlite_steward, noticed, "contract.notice_given", effective_end="2026-09-01")
    correct(sqlite_steward, ended, "contract.terminated", effective_end="2026-10-01")

    assert annual(sqlite_steward, noticed, "2026-06-01", "2026-08-31", "2026-09-01") == ["12000", "12000", "0"]
    assert annual(sqlite_steward, ended, "2026-07-01", "2026-09-30", "2026-10-01") == ["12000", "12000", "0"]
    rows = {row.contract: row for row in sqlite_steward.rows("contracts")}
    assert rows[noticed].notice["effective_end"] == "2026-09-01"
    assert (rows[ended].termination["effective_end"], rows[ended].termination["reason"]) == ("2026-10-01", "price")
    assert all(one.noticed_at for one in sqlite_steward.rows("contract_lines") if one.contract == noticed and one.line)


def test_a_contract_that_was_not_to_renew_itself_ends_by_its_date(scenario: Scenario) -> None:
    contract = signed(scenario, auto_renew=True)
    assert annual(scenario, contract, "2027-06-01") == ["12000"]

    correct(scenario, contract, "contract.drafted", auto_renew=False)

    assert annual(scenario, contract, "2027-06-01") == ["0"]


def test_a_later_end_closes_the_gap_that_a_late_renewal_had_left(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(RenewContract(start="2027-06-01", end="2028-06-01"), contract=contract)
    assert annual(scenario, contract, "2027-03-01") == ["0"]

    correct(scenario, contract, "contract.drafted", end="2027-06-01")

    assert annual(scenario, contract, "2027-03-01", "2027-06-01", "2028-06-01") == ["12000", "12000", "0"]
    correct(scenario, contract, "contract.renewed", start="2027-07-01", end="2028-09-01")
    assert annual(scenario, contract, "2027-06-15", "2027-07-01", "2028-08-31") == ["0", "12000", "12000"]


def test_the_same_event_is_corrected_twice_and_its_corrections_add_up(scenario: Scenario) -> None:
    contract = signed(scenario)

    correct(scenario, contract, "contract.drafted", end="2026-10-01")
    correct(scenario, contract, "contract.drafted", start="2026-01-10")

    assert annual(scenario, contract, "2026-01-09", "2026-01-10", "2026-09-30", "2026-10-01") == [
        "0",
        "12000",
        "12000",
        "0",
    ]


def test_rests_and_lines_stay_as_they_were(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(SuspendContract(effective_at="2026-03-01", effective_end="2026-04-01"), contract=contract)
    scenario.do(AmendContract(effective_at="2026-05-01", changes=(reprice("main", "2000.00"),)), contract=contract)

    correct(scenario, contract, "contract.drafted", end="2027-07-01")

    assert annual(scenario, contract, "2026-03-15", "2026-04-01", "2026-05-01", "2027-06-30") == [
        "0",
        "12000",
        "24000",
        "24000",
    ]


def test_lines_and_terms_are_set_right_together(scenario: Scenario) -> None:
    contract = signed(scenario)
    command = CorrectContract(
        corrects=event(scenario, contract, "contract.drafted"),
        changes=(reprice("main", "900.00", cause="correction"),),
        terms=Terms(start="2025-12-01"),
    )

    receipt = scenario.do(command, contract=contract)

    assert [topic for _, topic, *_ in receipt.events] == ["contract.terms_corrected", "contract.corrected"]
    assert annual(scenario, contract, "2025-12-01", "2026-01-01") == ["10800", "10800"]


def test_a_correction_moves_the_due_day_of_an_open_cycle_and_the_cycle_is_still_won(
    scenario: Scenario,
) -> None:
    contract = signed(scenario)
    cycle = scenario.do(OpenRenewal(), contract=contract).id

    correct(scenario, contract, "contract.drafted", end="2027-03-01")
    renewed = scenario.do(RenewContract(end="2028-03-01"), contract=contract)

    told = [one.type for one in scenario.stream(cycle)]
    assert told == ["renewal.opened", "renewal.deferred", "renewal.won"]
    assert [topic for _, topic, *_ in renewed.events] == ["contract.renewed", "renewal.won"]


@pytest.mark.parametrize(
    ("topic", "terms", "told"),
    [
        ("contract.drafted", {"end": "2026-01-01"}, "Invalid end_before_start"),
        ("contract.drafted", {"start": "2027-01-01"}, "Invalid end_before_start"),
        ("contract.drafted", {"end": "2027-01-01"}, "Refused nothing_to_correct"),
        ("contract.drafted", {"notice_days": 30}, "Refused nothing_to_correct"),
        ("contract.drafted", {"effective_end": "2026-07-01"}, "Refused not_correctable"),
        ("contract.signed", {"start": "2026-02-01"}, "Refused not_correctable"),
        ("contract.renewed", {"start": "2026-01-01"}, "Refused overlapping_term"),
        ("contract.renewed", {"auto_renew": True}, "Refused not_correctable"),
        ("contract.notice_given", {"effective_end": "2025-12-31"}, "Refused end_before_start"),
        ("contract.notice_given", {"effective_end": "2028-01-02"}, "Refused end_after_term"),
        ("contract.notice_given", {"start": "2026-02-01"}, "Refused not_correctable"),
    ],
)
def test_a_correction_that_makes_no_sense_is_refused(
    scenario: Scenario, topic: str, terms: dict[str, Any], told: str
) -> None:
    contract = signed(scenario)
    scenario.do(RenewContract(end="2028-01-01"), contract=contract)
    scenario.do(GiveNotice(effective_at="2027-03-01", effective_end="2027-10-01"), contract=contract)

    assert correcting(scenario, contract, topic, **terms) == told


def test_what_no_longer_holds_is_not_corrected(scenario: Scenario) -> None:
    contract = signed(scenario)
    scenario.do(GiveNotice(effective_at="2026-03-01"), contract=contract)
    scenario.do(WithdrawNotice(effective_at="2026-03-02"), contract=contract)

    told = correcting(scenario, contract, "contract.notice_given", effective_end="2026-09-01")

    assert told == "Refused not_correctable"
    correct(scenario, contract, "contract.drafted", end="2026-10-01")
    assert correcting(scenario, contract, "contract.terms_corrected", end="2026-11-01") == "Refused not_correctable"


def test_another_contracts_event_and_a_draft_are_not_corrected(scenario: Scenario) -> None:
    one, other = signed(scenario), signed(scenario)
    theirs = CorrectContract(corrects=event(scenario, other, "contract.drafted"), terms=Terms(end="2026-10-01"))
    client = account(scenario)
    paper = scenario.do(DraftContract(**YEAR), account=client).id
    own = CorrectContract(corrects=event(scenario, paper, "contract.drafted"), terms=Terms(end="2026-10-01"))

    assert refusal(scenario, theirs, contract=one) == "Refused unknown_event"
    assert refusal(scenario, own, contract=paper) == "Refused contract_not_signed"


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["2025-10-01", "2026-01-01", "2026-02-15"]),
    st.sampled_from(["2026-10-01", "2027-01-01", "2027-05-01"]),
    st.lists(st.tuples(st.dates(date(2026, 2, 15), date(2026, 9, 30)).map(str), st.integers(1, 99)), max_size=4),
    st.booleans(),
)
def test_a_contract_that_was_set_right_pays_what_it_would_had_it_been_told_right(
    scenario: Scenario, start: str, end: str, changes: list[tuple[str, int]], renewed: bool
) -> None:
    wrong, right = signed(scenario), signed(scenario, start=start, end=end)
    for contract in (wrong, right):
        for day, price in changes:
            scenario.do(AmendContract(effective_at=day, changes=(reprice("main", f"{price}"),)), contract=contract)
        if renewed:
            scenario.do(RenewContract(start="2027-05-01", end="2028-05-01"), contract=contract)

    if (start, end) != ("2026-01-01", "2027-01-01"):
        correct(scenario, wrong, "contract.drafted", start=start, end=end)

    days = [f"{year}-{month:02d}-{day:02d}" for year in (2025, 2026, 2027) for month in range(1, 13) for day in (1, 16)]
    assert annual(scenario, wrong, *days) == annual(scenario, right, *days)


def test_a_contract_follows_another_of_its_account(steward: Steward) -> None:
    client = account(steward)
    first = steward.do(DraftContract(**YEAR), account=client).id
    assert (
        refusal(steward, DraftContract(**{**YEAR, "replaces": first}), account=client) == "Refused contract_not_signed"
    )
    steward.do(SignContract(signed_at="2025-12-20"), contract=first)
    steward.do(TERMINATE, contract=first)

    back = {**YEAR, "start": "2026-09-01", "currency": "USD", "replaces": first}
    returned = steward.do(DraftContract(**back), account=client).id

    assert {row.contract: row.replaces for row in steward.rows("contracts")} == {first: None, returned: first}
    assert refusal(steward, DraftContract(**back), account=account(steward)) == "Refused other_account"
    nobody = DraftContract(**{**back, "replaces": "ctr_01jd0000000000000000000000"})
    assert refusal(steward, nobody, account=client) == "NotFound contract_not_found"
    assert schedule(steward, returned).terms.periods[0][0] == day_start("2026-09-01", steward.zone)
