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
from tests.domain.scope_change_factory import accepted, account, amendment, assessed, closed, contract, raised, refusal
from tests.support.application import Steward

ASK = RequestConsult(team="creative", question="How much work is it?", due="2026-01-16")
ANSWER = AnswerConsult(team="creative", feasible=True, effort_hours="8")
ACCEPT = RespondToClient(kind="accept")
NO_BUT = RespondToClient(kind="decline_with_alternative", alternative="In the next campaign, with a teaser in this one")
NO = RespondToClient(kind="decline", no_alternative_reason="the law forbids it")
ABSORB = AbsorbWork(hours="3.5", cause="goodwill", approved_by="usr_director")


# --- raising ---


def test_a_wish_may_name_the_contract_and_the_interaction_it_came_from(steward: Steward) -> None:
    client = account(steward)
    agreed = contract(steward, client, external_ref="C-1")
    mail = steward.do(
        LogInteraction(channel="mail", direction="inbound", occurred_at="2026-01-15T08:55:00Z"), account=client
    ).id

    wish = raised(steward, client, contract="ref:C-1", interaction=mail, external_ref="W-1")

    event = steward.runtime.log.after(steward.tenant, 0, 100)[-1]
    assert (event.stream_id, event.account_id) == (wish, client)
    assert (event.data["contract"], event.data["interaction"]) == (agreed, mail)
    assert b"last-minute feature to this campaign" not in event.body


@pytest.mark.parametrize("noun", ["contract", "interaction"])
def test_a_wish_cannot_name_what_does_not_exist(sqlite_steward: Steward, noun: str) -> None:
    client = account(sqlite_steward)

    with pytest.raises(NotFound) as missing:
        raised(sqlite_steward, client, **{noun: "ref:nowhere"})

    assert missing.value.code == f"{noun}_not_found"


def test_a_wish_cannot_name_the_contract_or_the_interaction_of_another_account(sqlite_steward: Steward) -> None:
    client, stranger = account(sqlite_steward), account(sqlite_steward)
    agreed = contract(sqlite_steward, stranger)
    call = sqlite_steward.do(
        LogInteraction(channel="call", direction="inbound", occurred_at="2026-01-15T08:55:00Z"), account=stranger
    ).id

    for members in ({"contract": agreed}, {"interaction": call}):
        command = RaiseScopeChange(title="More", request="More, please", **members)
        assert refusal(sqlite_steward, command, account=client) == "other_account"


def test_nothing_is_wished_for_on_a_closed_account(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    wish = raised(sqlite_steward, client)
    closed(sqlite_steward, client)

    assert refusal(sqlite_steward, RaiseScopeChange(title="More", request="More"), account=client) == "account_closed"
    assert refusal(sqlite_steward, ASK, scope_change=wish) == "account_closed"
    assert refusal(sqlite_steward, ABSORB, scope_change=wish) == "account_closed"


def test_a_wish_may_still_be_taken_back_on_a_closed_account(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    wish = raised(sqlite_steward, client)
    closed(sqlite_steward, client)

    sqlite_steward.do(WithdrawScopeChange(), scope_change=wish)

    assert sqlite_steward.topics()[-1] == "scope_change.withdrawn"


def test_a_wish_cannot_be_worked_on_under_the_name_of_another_account(sqlite_steward: Steward) -> None:
    client, stranger = account(sqlite_steward), account(sqlite_steward)
    wish = raised(sqlite_steward, client)
    closed(sqlite_steward, client)

    assert refusal(sqlite_steward, ABSORB, scope_change=wish, account=stranger) == "other_account"


# --- consulting ---


def test_a_team_is_asked_answers_and_may_be_asked_anew(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))

    for command in (ASK, ANSWER, ASK, ANSWER):
        sqlite_steward.do(command, scope_change=wish)

    assert sqlite_steward.topics()[-4:] == ["scope_change.consult_requested", "scope_change.consult_answered"] * 2


def test_a_team_is_not_asked_twice_while_it_has_not_answered(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    sqlite_steward.do(ASK, scope_change=wish)

    assert refusal(sqlite_steward, ASK, scope_change=wish) == "consult_open"


def test_a_team_that_was_not_asked_neither_answers_nor_is_waived(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    sqlite_steward.do(ASK, scope_change=wish)

    assert refusal(sqlite_steward, AnswerConsult(team="pm", feasible=True), scope_change=wish) == "consult_not_asked"
    assert refusal(sqlite_steward, WaiveConsult(team="pm", reason="ill"), scope_change=wish) == "consult_not_asked"


def test_a_settled_consult_stays_settled(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    for command in (ASK, ANSWER, RequestConsult(team="pm"), WaiveConsult(team="pm", reason="on leave")):
        sqlite_steward.do(command, scope_change=wish)

    assert refusal(sqlite_steward, ANSWER, scope_change=wish) == "consult_settled"
    assert refusal(sqlite_steward, WaiveConsult(team="creative", reason="late"), scope_change=wish) == "consult_settled"
    assert refusal(sqlite_steward, AnswerConsult(team="pm", feasible=False), scope_change=wish) == "consult_settled"


def test_a_waiver_needs_a_reason() -> None:
    with pytest.raises(ValidationError):
        WaiveConsult.model_validate({"team": "pm"})


# --- promising ---


@pytest.mark.parametrize("kind", ["accept", "accept_with_change"])
def test_nothing_is_promised_before_the_impact_is_assessed(sqlite_steward: Steward, kind: str) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))

    command = RespondToClient.model_validate({"kind": kind})
    assert refusal(sqlite_steward, command, scope_change=wish) == "impact_not_assessed"

    assessed(sqlite_steward, wish)
    sqlite_steward.do(command, scope_change=wish)


@pytest.mark.parametrize("kind", ["accept", "accept_with_change"])
@pytest.mark.parametrize("settled", [ANSWER, WaiveConsult(team="creative", reason="on leave")])
def test_nothing_is_promised_before_mandatory_consults_are_settled(
    sqlite_steward: Steward, kind: str, settled: AnswerConsult | WaiveConsult
) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    sqlite_steward.do(ASK, scope_change=wish)
    assessed(sqlite_steward, wish)

    command = RespondToClient.model_validate({"kind": kind})
    assert refusal(sqlite_steward, command, scope_change=wish) == "consults_open"

    sqlite_steward.do(settled, scope_change=wish)
    sqlite_steward.do(command, scope_change=wish)


def test_an_optional_consult_holds_no_promise_up(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    sqlite_steward.do(RequestConsult(team="ux", mandatory=False), scope_change=wish)
    assessed(sqlite_steward, wish)

    sqlite_steward.do(ACCEPT, scope_change=wish)

    assert sqlite_steward.topics()[-1] == "scope_change.responded"


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
    sqlite_steward: Steward, members: dict[str, object], needed: bool
) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    assessed(sqlite_steward, wish, **members)

    if needed:
        for kind in ("accept", "accept_with_change", "absorb"):
            command = RespondToClient.model_validate({"kind": kind})
            assert refusal(sqlite_steward, command, scope_change=wish) == "approval_needed"
        sqlite_steward.do(ApproveScopeChange(), scope_change=wish, actor="david")
    sqlite_steward.do(ACCEPT, scope_change=wish)

    assert sqlite_steward.topics()[-1] == "scope_change.responded"


def test_who_assessed_it_does_not_approve_it(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    assessed(sqlite_steward, wish, actor="maria", price="9000")

    assert refusal(sqlite_steward, ApproveScopeChange(), actor="maria", scope_change=wish) == "self_approval"


def test_an_approval_needs_an_assessment_and_holds_for_that_one_only(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    assert refusal(sqlite_steward, ApproveScopeChange(), scope_change=wish) == "impact_not_assessed"

    assessed(sqlite_steward, wish, price="9000")
    sqlite_steward.do(ApproveScopeChange(), scope_change=wish, actor="david")
    assert refusal(sqlite_steward, ApproveScopeChange(), actor="david", scope_change=wish) == "already_approved"

    assessed(sqlite_steward, wish, price="12000")
    assert refusal(sqlite_steward, ACCEPT, scope_change=wish) == "approval_needed"


def test_amounts_are_in_the_currency_of_the_account_unless_said_otherwise(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward, currency="SEK")
    wish = raised(sqlite_steward, client)

    currencies = []
    for members in ({"price": "10"}, {"price": "10", "currency": "USD"}, {"price": None}):
        assessed(sqlite_steward, wish, **members)
        currencies.append(sqlite_steward.runtime.log.after(sqlite_steward.tenant, 0, 100)[-1].data.get("currency"))

    assert currencies == ["SEK", "USD", None]


def test_an_answer_cannot_have_been_given_in_a_contact_with_another_account(sqlite_steward: Steward) -> None:
    client, stranger = account(sqlite_steward), account(sqlite_steward)
    wish = raised(sqlite_steward, client)
    spoken = LogInteraction(channel="call", direction="outbound", occurred_at="2026-01-15T08:55:00Z")
    foreign, own = (sqlite_steward.do(spoken, account=one).id for one in (stranger, client))
    answer = {"kind": "decline_with_alternative", "alternative": "In March"}

    command = RespondToClient.model_validate({**answer, "interaction": foreign})
    assert refusal(sqlite_steward, command, scope_change=wish) == "other_account"

    sqlite_steward.do(RespondToClient.model_validate({**answer, "interaction": own}), scope_change=wish)
    assert sqlite_steward.runtime.log.after(sqlite_steward.tenant, 0, 100)[-1].data["interaction"] == own


# --- saying no ---


def test_a_no_needs_an_alternative_or_the_reason_why_there_is_none(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))

    bare = RespondToClient(kind="decline")
    promised = RespondToClient(kind="decline_with_alternative", no_alternative_reason="none comes to mind")
    assert refusal(sqlite_steward, bare, scope_change=wish) == "no_alternative_reason_missing"
    assert refusal(sqlite_steward, promised, scope_change=wish) == "alternative_missing"

    sqlite_steward.do(NO_BUT, scope_change=wish)
    sqlite_steward.do(NO, scope_change=wish)


def test_a_final_no_closes_the_wish(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    sqlite_steward.do(NO, scope_change=wish)

    assert refusal(sqlite_steward, RecordClientDecision(accepted=True), scope_change=wish) == "scope_change_declined"


# --- the client's decision ---


def test_the_client_decides_only_after_an_answer(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    assessed(sqlite_steward, wish)

    assert refusal(sqlite_steward, RecordClientDecision(accepted=True), scope_change=wish) == "not_responded"


def test_a_new_assessment_asks_for_a_new_answer(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    assessed(sqlite_steward, wish)
    sqlite_steward.do(ACCEPT, scope_change=wish)
    assessed(sqlite_steward, wish, price="800")

    assert refusal(sqlite_steward, RecordClientDecision(accepted=True), scope_change=wish) == "not_responded"


def test_the_client_chooses_among_the_options_that_were_offered(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    assessed(sqlite_steward, wish)
    options = (Option(option="now", price="900"), Option(option="in March", price="600", shift_days=30))
    sqlite_steward.do(RespondToClient(kind="accept_with_change", options=options), scope_change=wish)

    assert refusal(sqlite_steward, RecordClientDecision(option="for free"), scope_change=wish) == "unknown_option"

    sqlite_steward.do(RecordClientDecision(option="in March", by="Rosa Diaz"), scope_change=wish)
    event = sqlite_steward.runtime.log.after(sqlite_steward.tenant, 0, 100)[-1]
    assert (event.data["accepted"], event.data["option"]) == (True, "in March")
    assert b"Rosa" not in event.body


def test_a_decision_says_something_and_takes_at_for_decided_at() -> None:
    with pytest.raises(ValidationError):
        RecordClientDecision.model_validate({})
    told = RecordClientDecision.model_validate({"option": "now", "by": "Rosa", "at": "2026-01-15T10:00:00Z"})
    assert told.decided_at == "2026-01-15T10:00:00.000000Z"


def test_a_decision_is_true_when_it_was_made_and_not_before_it_is(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    assessed(sqlite_steward, wish)
    sqlite_steward.do(ACCEPT, scope_change=wish)

    ahead = RecordClientDecision(accepted=True, decided_at="2026-01-16T09:00:00Z")
    assert refusal(sqlite_steward, ahead, scope_change=wish) == "decided_in_future"

    sqlite_steward.do(RecordClientDecision(accepted=True, decided_at="2026-01-15T08:59:00Z"), scope_change=wish)
    event = sqlite_steward.runtime.log.after(sqlite_steward.tenant, 0, 100)[-1]
    assert micros(event.data["decided_at"]) == event.effective_at == micros("2026-01-15T08:59:00Z")


def test_what_is_decided_is_not_worked_on_as_a_wish_any_more(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    accepted(sqlite_steward, wish)

    for command in (ASK, AssessImpact(effort_hours="1"), ACCEPT, RecordClientDecision(accepted=False)):
        assert refusal(sqlite_steward, command, scope_change=wish) == "already_decided"


def test_a_declined_offer_closes_the_wish(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    wish = raised(sqlite_steward, client, contract=contract(sqlite_steward, client))
    assessed(sqlite_steward, wish)
    sqlite_steward.do(ACCEPT, scope_change=wish)
    sqlite_steward.do(RecordClientDecision(accepted=False), scope_change=wish)

    for command in (ASK, ACCEPT, ABSORB, amendment(), DeliverScopeChange(), WithdrawScopeChange()):
        assert refusal(sqlite_steward, command, scope_change=wish) == "scope_change_declined"


# --- unpaid work ---


def test_nobody_allows_himself_to_work_unpaid(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))

    assert refusal(sqlite_steward, ABSORB, actor="usr_director", scope_change=wish) == "self_approval"
    with pytest.raises(ValidationError):
        AbsorbWork.model_validate({"hours": "1", "cause": "goodwill"})


def test_work_over_the_threshold_is_not_absorbed_without_approval(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    known, unknown = raised(sqlite_steward, client), raised(sqlite_steward, client)
    assessed(sqlite_steward, known, price="5000")
    dear = AbsorbWork(hours="90", cost="7200", cause="goodwill", approved_by="usr_director")

    assert refusal(sqlite_steward, ABSORB, scope_change=known) == "approval_needed"
    assert refusal(sqlite_steward, dear, scope_change=unknown) == "approval_needed"

    sqlite_steward.do(ApproveScopeChange(), scope_change=known, actor="david")
    sqlite_steward.do(ABSORB, scope_change=known)


def test_what_is_absorbed_is_not_absorbed_decided_amended_or_taken_back(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    agreed = contract(sqlite_steward, client)
    wish = raised(sqlite_steward, client, contract=agreed)
    accepted(sqlite_steward, wish)
    sqlite_steward.do(ABSORB, scope_change=wish)

    for command in (ABSORB, amendment(), ASK, WithdrawScopeChange(), RecordClientDecision(accepted=True)):
        assert refusal(sqlite_steward, command, scope_change=wish) == "scope_change_absorbed"


# --- the end ---


def test_only_what_was_agreed_is_delivered_and_only_once(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    assert refusal(sqlite_steward, DeliverScopeChange(), scope_change=wish) == "not_agreed"

    sqlite_steward.do(ABSORB, scope_change=wish)
    sqlite_steward.do(DeliverScopeChange(hours="4"), scope_change=wish)

    assert refusal(sqlite_steward, DeliverScopeChange(), scope_change=wish) == "scope_change_delivered"


def test_what_the_client_accepted_may_be_delivered_before_its_paper(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    wish = raised(sqlite_steward, client, contract=contract(sqlite_steward, client))
    accepted(sqlite_steward, wish)

    sqlite_steward.do(DeliverScopeChange(), scope_change=wish)
    assert refusal(sqlite_steward, WithdrawScopeChange(), scope_change=wish) == "scope_change_delivered"
    sqlite_steward.do(amendment(), scope_change=wish)

    assert sqlite_steward.topics()[-1] == "scope_change.amended"


def test_nothing_happens_to_a_wish_that_was_taken_back(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    wish = raised(sqlite_steward, client, contract=contract(sqlite_steward, client))
    sqlite_steward.do(ASK, scope_change=wish)
    sqlite_steward.do(WithdrawScopeChange(reason="the campaign was called off"), scope_change=wish)

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
        assert refusal(sqlite_steward, command, scope_change=wish) == "scope_change_withdrawn"
