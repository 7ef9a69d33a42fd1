"""The scope change: what may be promised when, and by whom."""

import pytest
from pydantic import ValidationError

from app.domain.interaction.commands import LogInteraction
from app.domain.kernel.errors import NotFound
from app.domain.kernel.values import micros
from app.domain.scope_change.commands import (
    AbsorbWork,
    AnswerConsult,
    ApproveScopeChange,
    AssessImpact,
    DeliverScopeChange,
    Option,
    RaiseScopeChange,
    RecordClientDecision,
    RequestConsult,
    RespondToClient,
    WaiveConsult,
    WithdrawScopeChange,
)
from tests.domain.scenario import Scenario
from tests.domain.scope_change.scope_changes import (
    accepted,
    account,
    amendment,
    assessed,
    closed,
    contract,
    raised,
    refusal,
)
from tests.support.application import Steward

ASK = RequestConsult(team="creative", question="How much work is it?", due="2026-01-16")
ANSWER = AnswerConsult(team="creative", feasible=True, effort_hours="8")
ACCEPT = RespondToClient(kind="accept")
NO_BUT = RespondToClient(kind="decline_with_alternative", alternative="In the next campaign, with a teaser in this one")
NO = RespondToClient(kind="decline", no_alternative_reason="the law forbids it")
ABSORB = AbsorbWork(hours="3.5", cause="goodwill", approved_by="usr_director")


# --- raising ---


def test_a_request_may_name_the_contract_and_the_interaction_it_came_from(steward: Steward) -> None:
    client = account(steward)
    agreed = contract(steward, client, external_ref="C-1")
    mail = steward.do(
        LogInteraction(channel="mail", direction="inbound", occurred_at="2026-01-15T08:55:00Z"), account=client
    ).id

    change = raised(steward, client, contract="ref:C-1", interaction=mail, external_ref="W-1")

    event = steward.events()[-1]
    assert (event.stream_id, event.account_id) == (change, client)
    assert (event.data["contract"], event.data["interaction"]) == (agreed, mail)
    assert b"last-minute feature to this campaign" not in event.body


@pytest.mark.parametrize("noun", ["contract", "interaction"])
def test_a_request_cannot_name_what_does_not_exist(sqlite_steward: Steward, noun: str) -> None:
    client = account(sqlite_steward)

    with pytest.raises(NotFound) as missing:
        raised(sqlite_steward, client, **{noun: "ref:nowhere"})

    assert missing.value.code == f"{noun}_not_found"


def test_a_request_cannot_name_the_contract_or_the_interaction_of_another_account(scenario: Scenario) -> None:
    client, stranger = account(scenario), account(scenario)
    agreed = contract(scenario, stranger)
    call = scenario.do(
        LogInteraction(channel="call", direction="inbound", occurred_at="2026-01-15T08:55:00Z"), account=stranger
    ).id

    for members in ({"contract": agreed}, {"interaction": call}):
        command = RaiseScopeChange(title="More", request="More, please", **members)
        assert refusal(scenario, command, account=client) == "other_account"


def test_nothing_is_requested_for_on_a_closed_account(scenario: Scenario) -> None:
    client = account(scenario)
    change = raised(scenario, client)
    closed(scenario, client)

    assert refusal(scenario, RaiseScopeChange(title="More", request="More"), account=client) == "account_closed"
    assert refusal(scenario, ASK, scope_change=change) == "account_closed"
    assert refusal(scenario, ABSORB, scope_change=change) == "account_closed"


def test_a_request_may_still_be_taken_back_on_a_closed_account(scenario: Scenario) -> None:
    client = account(scenario)
    change = raised(scenario, client)
    closed(scenario, client)

    scenario.do(WithdrawScopeChange(), scope_change=change)

    assert scenario.topics()[-1] == "scope_change.withdrawn"


def test_a_request_cannot_be_worked_on_under_the_name_of_another_account(scenario: Scenario) -> None:
    client, stranger = account(scenario), account(scenario)
    change = raised(scenario, client)
    closed(scenario, client)

    assert refusal(scenario, ABSORB, scope_change=change, account=stranger) == "other_account"


# --- consulting ---


def test_a_team_is_asked_answers_and_may_be_asked_anew(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))

    for command in (ASK, ANSWER, ASK, ANSWER):
        scenario.do(command, scope_change=change)

    assert scenario.topics()[-4:] == ["scope_change.consult_requested", "scope_change.consult_answered"] * 2


def test_a_team_is_not_asked_twice_while_it_has_not_answered(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    scenario.do(ASK, scope_change=change)

    assert refusal(scenario, ASK, scope_change=change) == "consult_open"


def test_a_team_that_was_not_asked_neither_answers_nor_is_waived(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    scenario.do(ASK, scope_change=change)

    assert refusal(scenario, AnswerConsult(team="pm", feasible=True), scope_change=change) == "consult_not_asked"
    assert refusal(scenario, WaiveConsult(team="pm", reason="ill"), scope_change=change) == "consult_not_asked"


def test_a_settled_consult_stays_settled(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    for command in (ASK, ANSWER, RequestConsult(team="pm"), WaiveConsult(team="pm", reason="on leave")):
        scenario.do(command, scope_change=change)

    assert refusal(scenario, ANSWER, scope_change=change) == "consult_settled"
    assert refusal(scenario, WaiveConsult(team="creative", reason="late"), scope_change=change) == "consult_settled"
    assert refusal(scenario, AnswerConsult(team="pm", feasible=False), scope_change=change) == "consult_settled"


def test_a_waiver_needs_a_reason() -> None:
    with pytest.raises(ValidationError):
        WaiveConsult.model_validate({"team": "pm"})


# --- promising ---


@pytest.mark.parametrize("kind", ["accept", "accept_with_change"])
def test_nothing_is_promised_before_the_impact_is_assessed(scenario: Scenario, kind: str) -> None:
    change = raised(scenario, account(scenario))

    command = RespondToClient.model_validate({"kind": kind})
    assert refusal(scenario, command, scope_change=change) == "impact_not_assessed"

    assessed(scenario, change)
    scenario.do(command, scope_change=change)


@pytest.mark.parametrize("kind", ["accept", "accept_with_change"])
@pytest.mark.parametrize("settled", [ANSWER, WaiveConsult(team="creative", reason="on leave")])
def test_nothing_is_promised_before_mandatory_consults_are_settled(
    scenario: Scenario, kind: str, settled: AnswerConsult | WaiveConsult
) -> None:
    change = raised(scenario, account(scenario))
    scenario.do(ASK, scope_change=change)
    assessed(scenario, change)

    command = RespondToClient.model_validate({"kind": kind})
    assert refusal(scenario, command, scope_change=change) == "consults_open"

    scenario.do(settled, scope_change=change)
    scenario.do(command, scope_change=change)


def test_an_optional_consult_holds_no_promise_up(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    scenario.do(RequestConsult(team="ux", mandatory=False), scope_change=change)
    assessed(scenario, change)

    scenario.do(ACCEPT, scope_change=change)

    assert scenario.topics()[-1] == "scope_change.responded"


@pytest.mark.parametrize(
    ("members", "needed"),
    [
        ({"price": "4999.999999"}, False),
        ({"price": "5000"}, True),
        ({"price": None, "cost": "5000.00"}, True),
        ({"timeline_shift_days": 13}, False),
        ({"timeline_shift_days": 14}, True),
    ],
)
def test_from_five_thousand_or_two_weeks_on_somebody_else_approves_before_a_promise(
    scenario: Scenario, members: dict[str, object], needed: bool
) -> None:
    change = raised(scenario, account(scenario))
    assessed(scenario, change, **members)

    if needed:
        for kind in ("accept", "accept_with_change", "absorb"):
            command = RespondToClient.model_validate({"kind": kind})
            assert refusal(scenario, command, scope_change=change) == "approval_needed"
        scenario.do(ApproveScopeChange(), scope_change=change, actor="david")
    scenario.do(ACCEPT, scope_change=change)

    assert scenario.topics()[-1] == "scope_change.responded"


def test_who_assessed_it_does_not_approve_it(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    assessed(scenario, change, actor="maria", price="9000")

    assert refusal(scenario, ApproveScopeChange(), actor="maria", scope_change=change) == "self_approval"


def test_an_approval_needs_an_assessment_and_holds_for_that_one_only(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    assert refusal(scenario, ApproveScopeChange(), scope_change=change) == "impact_not_assessed"

    assessed(scenario, change, price="9000")
    scenario.do(ApproveScopeChange(), scope_change=change, actor="david")
    assert refusal(scenario, ApproveScopeChange(), actor="david", scope_change=change) == "already_approved"

    assessed(scenario, change, price="12000")
    assert refusal(scenario, ACCEPT, scope_change=change) == "approval_needed"


def test_amounts_are_in_the_currency_of_the_account_unless_said_otherwise(scenario: Scenario) -> None:
    client = account(scenario, currency="SEK")
    change = raised(scenario, client)

    currencies = []
    for members in ({"price": "10"}, {"price": "10", "currency": "USD"}, {"price": None}):
        assessed(scenario, change, **members)
        currencies.append(scenario.events()[-1].data.get("currency"))

    assert currencies == ["SEK", "USD", None]


def test_an_answer_cannot_have_been_given_in_a_contact_with_another_account(scenario: Scenario) -> None:
    client, stranger = account(scenario), account(scenario)
    change = raised(scenario, client)
    spoken = LogInteraction(channel="call", direction="outbound", occurred_at="2026-01-15T08:55:00Z")
    foreign, own = (scenario.do(spoken, account=one).id for one in (stranger, client))
    answer = {"kind": "decline_with_alternative", "alternative": "In March"}

    command = RespondToClient.model_validate({**answer, "interaction": foreign})
    assert refusal(scenario, command, scope_change=change) == "other_account"

    scenario.do(RespondToClient.model_validate({**answer, "interaction": own}), scope_change=change)
    assert scenario.events()[-1].data["interaction"] == own


# --- saying no ---


def test_a_no_needs_an_alternative_or_the_reason_why_there_is_none(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))

    bare = RespondToClient(kind="decline")
    promised = RespondToClient(kind="decline_with_alternative", no_alternative_reason="none comes to mind")
    assert refusal(scenario, bare, scope_change=change) == "no_alternative_reason_missing"
    assert refusal(scenario, promised, scope_change=change) == "alternative_missing"

    scenario.do(NO_BUT, scope_change=change)
    scenario.do(NO, scope_change=change)


def test_a_final_no_closes_the_request(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    scenario.do(NO, scope_change=change)

    assert refusal(scenario, RecordClientDecision(accepted=True), scope_change=change) == "scope_change_declined"


# --- the client's decision ---


def test_the_client_decides_only_after_an_answer(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    assessed(scenario, change)

    assert refusal(scenario, RecordClientDecision(accepted=True), scope_change=change) == "not_responded"


def test_a_new_assessment_asks_for_a_new_answer(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    assessed(scenario, change)
    scenario.do(ACCEPT, scope_change=change)
    assessed(scenario, change, price="800")

    assert refusal(scenario, RecordClientDecision(accepted=True), scope_change=change) == "not_responded"


def test_the_client_chooses_among_the_options_that_were_offered(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    assessed(scenario, change)
    options = (Option(option="now", price="900"), Option(option="in March", price="600", shift_days=30))
    scenario.do(RespondToClient(kind="accept_with_change", options=options), scope_change=change)

    assert refusal(scenario, RecordClientDecision(option="for free"), scope_change=change) == "unknown_option"

    scenario.do(RecordClientDecision(option="in March", by="Rosa Diaz"), scope_change=change)
    event = scenario.events()[-1]
    assert (event.data["accepted"], event.data["option"]) == (True, "in March")


def test_who_decided_at_the_client_is_sealed(sqlite_steward: Steward) -> None:
    change = raised(sqlite_steward, account(sqlite_steward))
    assessed(sqlite_steward, change)
    sqlite_steward.do(ACCEPT, scope_change=change)

    sqlite_steward.do(RecordClientDecision(accepted=True, by="Rosa Diaz"), scope_change=change)

    assert b"Rosa" not in sqlite_steward.events()[-1].body


def test_a_decision_says_something_and_takes_at_for_decided_at() -> None:
    with pytest.raises(ValidationError):
        RecordClientDecision.model_validate({})
    told = RecordClientDecision.model_validate({"option": "now", "by": "Rosa", "at": "2026-01-15T10:00:00Z"})
    assert told.decided_at == "2026-01-15T10:00:00.000000Z"


def test_a_decision_is_true_when_it_was_made_and_not_before_it_is(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    assessed(scenario, change)
    scenario.do(ACCEPT, scope_change=change)

    ahead = RecordClientDecision(accepted=True, decided_at="2026-01-16T09:00:00Z")
    assert refusal(scenario, ahead, scope_change=change) == "decided_in_future"

    scenario.do(RecordClientDecision(accepted=True, decided_at="2026-01-15T08:59:00Z"), scope_change=change)
    event = scenario.events()[-1]
    assert micros(event.data["decided_at"]) == event.effective_at == micros("2026-01-15T08:59:00Z")


def test_what_is_decided_is_not_worked_on_as_a_request_any_more(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    accepted(scenario, change)

    for command in (ASK, AssessImpact(effort_hours="1"), ACCEPT, RecordClientDecision(accepted=False)):
        assert refusal(scenario, command, scope_change=change) == "already_decided"


def test_a_declined_offer_closes_the_request(scenario: Scenario) -> None:
    client = account(scenario)
    change = raised(scenario, client, contract=contract(scenario, client))
    assessed(scenario, change)
    scenario.do(ACCEPT, scope_change=change)
    scenario.do(RecordClientDecision(accepted=False), scope_change=change)

    for command in (ASK, ACCEPT, ABSORB, amendment(), DeliverScopeChange(), WithdrawScopeChange()):
        assert refusal(scenario, command, scope_change=change) == "scope_change_declined"


# --- unpaid work ---


def test_nobody_allows_himself_to_work_unpaid(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))

    assert refusal(scenario, ABSORB, actor="usr_director", scope_change=change) == "self_approval"
    with pytest.raises(ValidationError):
        AbsorbWork.model_validate({"hours": "1", "cause": "goodwill"})


def test_work_over_the_threshold_is_not_absorbed_without_approval(scenario: Scenario) -> None:
    client = account(scenario)
    known, unknown = raised(scenario, client), raised(scenario, client)
    assessed(scenario, known, price="5000")
    dear = AbsorbWork(hours="90", cost="7200", cause="goodwill", approved_by="usr_director")

    assert refusal(scenario, ABSORB, scope_change=known) == "approval_needed"
    assert refusal(scenario, dear, scope_change=unknown) == "approval_needed"

    scenario.do(ApproveScopeChange(), scope_change=known, actor="david")
    scenario.do(ABSORB, scope_change=known)


def test_what_is_absorbed_is_not_absorbed_decided_amended_or_taken_back(scenario: Scenario) -> None:
    client = account(scenario)
    agreed = contract(scenario, client)
    change = raised(scenario, client, contract=agreed)
    accepted(scenario, change)
    scenario.do(ABSORB, scope_change=change)

    for command in (ABSORB, amendment(), ASK, WithdrawScopeChange(), RecordClientDecision(accepted=True)):
        assert refusal(scenario, command, scope_change=change) == "scope_change_absorbed"


# --- the end ---


def test_only_what_was_agreed_is_delivered_and_only_once(scenario: Scenario) -> None:
    change = raised(scenario, account(scenario))
    assert refusal(scenario, DeliverScopeChange(), scope_change=change) == "not_agreed"

    scenario.do(ABSORB, scope_change=change)
    scenario.do(DeliverScopeChange(hours="4"), scope_change=change)

    assert refusal(scenario, DeliverScopeChange(), scope_change=change) == "scope_change_delivered"


def test_what_the_client_accepted_may_be_delivered_before_its_paper(scenario: Scenario) -> None:
    client = account(scenario)
    change = raised(scenario, client, contract=contract(scenario, client))
    accepted(scenario, change)

    scenario.do(DeliverScopeChange(), scope_change=change)
    assert refusal(scenario, WithdrawScopeChange(), scope_change=change) == "scope_change_delivered"
    scenario.do(amendment(), scope_change=change)

    assert scenario.topics()[-1] == "scope_change.amended"


def test_nothing_happens_to_a_request_that_was_taken_back(scenario: Scenario) -> None:
    client = account(scenario)
    change = raised(scenario, client, contract=contract(scenario, client))
    scenario.do(ASK, scope_change=change)
    scenario.do(WithdrawScopeChange(reason="the campaign was called off"), scope_change=change)

    every = (
        RequestConsult(team="pm"),
        ANSWER,
        WaiveConsult(team="creative", reason="late"),
        AssessImpact(effort_hours="1"),
        ApproveScopeChange(),
        NO_BUT,
        RecordClientDecision(accepted=True),
        ABSORB,
        amendment(),
        WithdrawScopeChange(),
        DeliverScopeChange(),
    )
    for command in every:
        assert refusal(scenario, command, scope_change=change) == "scope_change_withdrawn"
