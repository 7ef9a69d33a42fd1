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
from tests.support.applications import House

ASK = RequestConsult(team="creative", question="How much work is it?", due="2026-01-16")
ANSWER = AnswerConsult(team="creative", feasible=True, effort_hours="8")
ACCEPT = RespondToClient(kind="accept")
NO_BUT = RespondToClient(kind="decline_with_alternative", alternative="In the next campaign, with a teaser in this one")
NO = RespondToClient(kind="decline", no_alternative_reason="the law forbids it")
ABSORB = AbsorbWork(hours="3.5", cause="goodwill", approved_by="usr_director")


# --- raising ---


def test_a_wish_may_name_the_contract_and_the_interaction_it_came_from(house: House) -> None:
    client = account(house)
    agreed = contract(house, client, external_ref="C-1")
    mail = house.do(
        LogInteraction(channel="mail", direction="inbound", occurred_at="2026-01-15T08:55:00Z"), account=client
    ).id

    wish = raised(house, client, contract="ref:C-1", interaction=mail, external_ref="W-1")

    event = house.runtime.log.after(house.tenant, 0, 100)[-1]
    assert (event.stream_id, event.account_id) == (wish, client)
    assert (event.data["contract"], event.data["interaction"]) == (agreed, mail)
    assert b"last-minute feature to this campaign" not in event.body


@pytest.mark.parametrize("noun", ["contract", "interaction"])
def test_a_wish_cannot_name_what_does_not_exist(cottage: House, noun: str) -> None:
    client = account(cottage)

    with pytest.raises(NotFound) as missing:
        raised(cottage, client, **{noun: "ref:nowhere"})

    assert missing.value.code == f"{noun}_not_found"


def test_a_wish_cannot_name_the_contract_or_the_interaction_of_another_account(cottage: House) -> None:
    client, stranger = account(cottage), account(cottage)
    agreed = contract(cottage, stranger)
    call = cottage.do(
        LogInteraction(channel="call", direction="inbound", occurred_at="2026-01-15T08:55:00Z"), account=stranger
    ).id

    for members in ({"contract": agreed}, {"interaction": call}):
        command = RaiseScopeChange(title="More", request="More, please", **members)
        assert refusal(cottage, command, account=client) == "other_account"


def test_nothing_is_wished_for_on_a_closed_account(cottage: House) -> None:
    client = account(cottage)
    wish = raised(cottage, client)
    closed(cottage, client)

    assert refusal(cottage, RaiseScopeChange(title="More", request="More"), account=client) == "account_closed"
    assert refusal(cottage, ASK, scope_change=wish) == "account_closed"
    assert refusal(cottage, ABSORB, scope_change=wish) == "account_closed"


def test_a_wish_may_still_be_taken_back_on_a_closed_account(cottage: House) -> None:
    client = account(cottage)
    wish = raised(cottage, client)
    closed(cottage, client)

    cottage.do(WithdrawScopeChange(), scope_change=wish)

    assert cottage.topics()[-1] == "scope_change.withdrawn"


def test_a_wish_cannot_be_worked_on_under_the_name_of_another_account(cottage: House) -> None:
    client, stranger = account(cottage), account(cottage)
    wish = raised(cottage, client)
    closed(cottage, client)

    assert refusal(cottage, ABSORB, scope_change=wish, account=stranger) == "other_account"


# --- consulting ---


def test_a_team_is_asked_answers_and_may_be_asked_anew(cottage: House) -> None:
    wish = raised(cottage, account(cottage))

    for command in (ASK, ANSWER, ASK, ANSWER):
        cottage.do(command, scope_change=wish)

    assert cottage.topics()[-4:] == ["scope_change.consult_requested", "scope_change.consult_answered"] * 2


def test_a_team_is_not_asked_twice_while_it_has_not_answered(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    cottage.do(ASK, scope_change=wish)

    assert refusal(cottage, ASK, scope_change=wish) == "consult_open"


def test_a_team_that_was_not_asked_neither_answers_nor_is_waived(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    cottage.do(ASK, scope_change=wish)

    assert refusal(cottage, AnswerConsult(team="pm", feasible=True), scope_change=wish) == "consult_not_asked"
    assert refusal(cottage, WaiveConsult(team="pm", reason="ill"), scope_change=wish) == "consult_not_asked"


def test_a_settled_consult_stays_settled(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    for command in (ASK, ANSWER, RequestConsult(team="pm"), WaiveConsult(team="pm", reason="on leave")):
        cottage.do(command, scope_change=wish)

    assert refusal(cottage, ANSWER, scope_change=wish) == "consult_settled"
    assert refusal(cottage, WaiveConsult(team="creative", reason="late"), scope_change=wish) == "consult_settled"
    assert refusal(cottage, AnswerConsult(team="pm", feasible=False), scope_change=wish) == "consult_settled"


def test_a_waiver_needs_a_reason() -> None:
    with pytest.raises(ValidationError):
        WaiveConsult.model_validate({"team": "pm"})


# --- promising ---


@pytest.mark.parametrize("kind", ["accept", "accept_with_change"])
def test_nothing_is_promised_before_the_impact_is_assessed(cottage: House, kind: str) -> None:
    wish = raised(cottage, account(cottage))

    command = RespondToClient.model_validate({"kind": kind})
    assert refusal(cottage, command, scope_change=wish) == "impact_not_assessed"

    assessed(cottage, wish)
    cottage.do(command, scope_change=wish)


@pytest.mark.parametrize("kind", ["accept", "accept_with_change"])
@pytest.mark.parametrize("settled", [ANSWER, WaiveConsult(team="creative", reason="on leave")])
def test_nothing_is_promised_before_mandatory_consults_are_settled(
    cottage: House, kind: str, settled: AnswerConsult | WaiveConsult
) -> None:
    wish = raised(cottage, account(cottage))
    cottage.do(ASK, scope_change=wish)
    assessed(cottage, wish)

    command = RespondToClient.model_validate({"kind": kind})
    assert refusal(cottage, command, scope_change=wish) == "consults_open"

    cottage.do(settled, scope_change=wish)
    cottage.do(command, scope_change=wish)


def test_an_optional_consult_holds_no_promise_up(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    cottage.do(RequestConsult(team="ux", mandatory=False), scope_change=wish)
    assessed(cottage, wish)

    cottage.do(ACCEPT, scope_change=wish)

    assert cottage.topics()[-1] == "scope_change.responded"


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
    cottage: House, members: dict[str, object], needed: bool
) -> None:
    wish = raised(cottage, account(cottage))
    assessed(cottage, wish, **members)

    if needed:
        for kind in ("accept", "accept_with_change", "absorb"):
            command = RespondToClient.model_validate({"kind": kind})
            assert refusal(cottage, command, scope_change=wish) == "approval_needed"
        cottage.do(ApproveScopeChange(), scope_change=wish, actor="david")
    cottage.do(ACCEPT, scope_change=wish)

    assert cottage.topics()[-1] == "scope_change.responded"


def test_who_assessed_it_does_not_approve_it(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    assessed(cottage, wish, actor="maria", price="9000")

    assert refusal(cottage, ApproveScopeChange(), actor="maria", scope_change=wish) == "self_approval"


def test_an_approval_needs_an_assessment_and_holds_for_that_one_only(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    assert refusal(cottage, ApproveScopeChange(), scope_change=wish) == "impact_not_assessed"

    assessed(cottage, wish, price="9000")
    cottage.do(ApproveScopeChange(), scope_change=wish, actor="david")
    assert refusal(cottage, ApproveScopeChange(), actor="david", scope_change=wish) == "already_approved"

    assessed(cottage, wish, price="12000")
    assert refusal(cottage, ACCEPT, scope_change=wish) == "approval_needed"


def test_amounts_are_in_the_currency_of_the_account_unless_said_otherwise(cottage: House) -> None:
    client = account(cottage, currency="SEK")
    wish = raised(cottage, client)

    currencies = []
    for members in ({"price": "10"}, {"price": "10", "currency": "USD"}, {"price": None}):
        assessed(cottage, wish, **members)
        currencies.append(cottage.runtime.log.after(cottage.tenant, 0, 100)[-1].data.get("currency"))

    assert currencies == ["SEK", "USD", None]


def test_an_answer_cannot_have_been_given_in_a_contact_with_another_account(cottage: House) -> None:
    client, stranger = account(cottage), account(cottage)
    wish = raised(cottage, client)
    spoken = LogInteraction(channel="call", direction="outbound", occurred_at="2026-01-15T08:55:00Z")
    foreign, own = (cottage.do(spoken, account=one).id for one in (stranger, client))
    answer = {"kind": "decline_with_alternative", "alternative": "In March"}

    command = RespondToClient.model_validate({**answer, "interaction": foreign})
    assert refusal(cottage, command, scope_change=wish) == "other_account"

    cottage.do(RespondToClient.model_validate({**answer, "interaction": own}), scope_change=wish)
    assert cottage.runtime.log.after(cottage.tenant, 0, 100)[-1].data["interaction"] == own


# --- saying no ---


def test_a_no_needs_an_alternative_or_the_reason_why_there_is_none(cottage: House) -> None:
    wish = raised(cottage, account(cottage))

    bare = RespondToClient(kind="decline")
    promised = RespondToClient(kind="decline_with_alternative", no_alternative_reason="none comes to mind")
    assert refusal(cottage, bare, scope_change=wish) == "no_alternative_reason_missing"
    assert refusal(cottage, promised, scope_change=wish) == "alternative_missing"

    cottage.do(NO_BUT, scope_change=wish)
    cottage.do(NO, scope_change=wish)


def test_a_final_no_closes_the_wish(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    cottage.do(NO, scope_change=wish)

    assert refusal(cottage, RecordClientDecision(accepted=True), scope_change=wish) == "scope_change_declined"


# --- the client's decision ---


def test_the_client_decides_only_after_an_answer(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    assessed(cottage, wish)

    assert refusal(cottage, RecordClientDecision(accepted=True), scope_change=wish) == "not_responded"


def test_a_new_assessment_asks_for_a_new_answer(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    assessed(cottage, wish)
    cottage.do(ACCEPT, scope_change=wish)
    assessed(cottage, wish, price="800")

    assert refusal(cottage, RecordClientDecision(accepted=True), scope_change=wish) == "not_responded"


def test_the_client_chooses_among_the_options_that_were_offered(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    assessed(cottage, wish)
    options = (Option(option="now", price="900"), Option(option="in March", price="600", shift_days=30))
    cottage.do(RespondToClient(kind="accept_with_change", options=options), scope_change=wish)

    assert refusal(cottage, RecordClientDecision(option="for free"), scope_change=wish) == "unknown_option"

    cottage.do(RecordClientDecision(option="in March", by="Rosa Diaz"), scope_change=wish)
    event = cottage.runtime.log.after(cottage.tenant, 0, 100)[-1]
    assert (event.data["accepted"], event.data["option"]) == (True, "in March")
    assert b"Rosa" not in event.body


def test_a_decision_says_something_and_takes_at_for_decided_at() -> None:
    with pytest.raises(ValidationError):
        RecordClientDecision.model_validate({})
    told = RecordClientDecision.model_validate({"option": "now", "by": "Rosa", "at": "2026-01-15T10:00:00Z"})
    assert told.decided_at == "2026-01-15T10:00:00.000000Z"


def test_a_decision_is_true_when_it_was_made_and_not_before_it_is(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    assessed(cottage, wish)
    cottage.do(ACCEPT, scope_change=wish)

    ahead = RecordClientDecision(accepted=True, decided_at="2026-01-16T09:00:00Z")
    assert refusal(cottage, ahead, scope_change=wish) == "decided_in_future"

    cottage.do(RecordClientDecision(accepted=True, decided_at="2026-01-15T08:59:00Z"), scope_change=wish)
    event = cottage.runtime.log.after(cottage.tenant, 0, 100)[-1]
    assert micros(event.data["decided_at"]) == event.effective_at == micros("2026-01-15T08:59:00Z")


def test_what_is_decided_is_not_worked_on_as_a_wish_any_more(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    accepted(cottage, wish)

    for command in (ASK, AssessImpact(effort_hours="1"), ACCEPT, RecordClientDecision(accepted=False)):
        assert refusal(cottage, command, scope_change=wish) == "already_decided"


def test_a_declined_offer_closes_the_wish(cottage: House) -> None:
    client = account(cottage)
    wish = raised(cottage, client, contract=contract(cottage, client))
    assessed(cottage, wish)
    cottage.do(ACCEPT, scope_change=wish)
    cottage.do(RecordClientDecision(accepted=False), scope_change=wish)

    for command in (ASK, ACCEPT, ABSORB, amendment(), DeliverScopeChange(), WithdrawScopeChange()):
        assert refusal(cottage, command, scope_change=wish) == "scope_change_declined"


# --- unpaid work ---


def test_nobody_allows_himself_to_work_unpaid(cottage: House) -> None:
    wish = raised(cottage, account(cottage))

    assert refusal(cottage, ABSORB, actor="usr_director", scope_change=wish) == "self_approval"
    with pytest.raises(ValidationError):
        AbsorbWork.model_validate({"hours": "1", "cause": "goodwill"})


def test_work_over_the_threshold_is_not_absorbed_without_approval(cottage: House) -> None:
    client = account(cottage)
    known, unknown = raised(cottage, client), raised(cottage, client)
    assessed(cottage, known, price="5000")
    dear = AbsorbWork(hours="90", cost="7200", cause="goodwill", approved_by="usr_director")

    assert refusal(cottage, ABSORB, scope_change=known) == "approval_needed"
    assert refusal(cottage, dear, scope_change=unknown) == "approval_needed"

    cottage.do(ApproveScopeChange(), scope_change=known, actor="david")
    cottage.do(ABSORB, scope_change=known)


def test_what_is_absorbed_is_not_absorbed_decided_amended_or_taken_back(cottage: House) -> None:
    client = account(cottage)
    agreed = contract(cottage, client)
    wish = raised(cottage, client, contract=agreed)
    accepted(cottage, wish)
    cottage.do(ABSORB, scope_change=wish)

    for command in (ABSORB, amendment(), ASK, WithdrawScopeChange(), RecordClientDecision(accepted=True)):
        assert refusal(cottage, command, scope_change=wish) == "scope_change_absorbed"


# --- the end ---


def test_only_what_was_agreed_is_delivered_and_only_once(cottage: House) -> None:
    wish = raised(cottage, account(cottage))
    assert refusal(cottage, DeliverScopeChange(), scope_change=wish) == "not_agreed"

    cottage.do(ABSORB, scope_change=wish)
    cottage.do(DeliverScopeChange(hours="4"), scope_change=wish)

    assert refusal(cottage, DeliverScopeChange(), scope_change=wish) == "scope_change_delivered"


def test_what_the_client_accepted_may_be_delivered_before_its_paper(cottage: House) -> None:
    client = account(cottage)
    wish = raised(cottage, client, contract=contract(cottage, client))
    accepted(cottage, wish)

    cottage.do(DeliverScopeChange(), scope_change=wish)
    assert refusal(cottage, WithdrawScopeChange(), scope_change=wish) == "scope_change_delivered"
    cottage.do(amendment(), scope_change=wish)

    assert cottage.topics()[-1] == "scope_change.amended"


def test_nothing_happens_to_a_wish_that_was_taken_back(cottage: House) -> None:
    client = account(cottage)
    wish = raised(cottage, client, contract=contract(cottage, client))
    cottage.do(ASK, scope_change=wish)
    cottage.do(WithdrawScopeChange(reason="the campaign was called off"), scope_change=wish)

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
        assert refusal(cottage, command, scope_change=wish) == "scope_change_withdrawn"
