"""The view of scope changes: whose turn it is, what it took, and what was known when."""

from typing import Any

from app.domain.kernel.command import Command
from app.domain.kernel.values import MICRO, micros
from app.domain.scope_change.commands import (
    AbsorbWork,
    AnswerConsult,
    ApproveScopeChange,
    AssessImpact,
    DeliverScopeChange,
    Option,
    RecordClientDecision,
    RequestConsult,
    RespondToClient,
    WaiveConsult,
    WithdrawScopeChange,
)
from projections.views.scope_changes import VIEW, ScopeChange
from tests.domain.scope_change.scope_changes import account, amendment, assessed, contract, raised
from tests.support.application import Steward


def row(steward: Steward, **clocks: str) -> ScopeChange:
    """The only scope change."""
    (found,) = steward.rows("scope_changes", **clocks)
    assert isinstance(found, ScopeChange)
    return found


def stages(steward: Steward, wish: str, *commands: Command) -> list[tuple[str, list[str]]]:
    """State and whose turn it is, after each of the commands."""
    seen = []
    for command in commands:
        steward.do(command, scope_change=wish, actor="david" if isinstance(command, ApproveScopeChange) else "maria")
        seen.append((row(steward).state, row(steward).waiting_on))
    return seen


def test_the_inbox_says_at_every_stage_whose_turn_it_is(steward: Steward) -> None:
    client = account(steward)
    wish = raised(steward, client, contract=contract(steward, client))
    assert (row(steward).state, row(steward).waiting_on) == ("raised", ["account_manager"])

    seen = stages(
        steward,
        wish,
        RequestConsult(team="creative"),
        RequestConsult(team="pm"),
        AnswerConsult(team="creative", feasible=True),
        AssessImpact(effort_hours="60", price="6000"),
        WaiveConsult(team="pm", reason="on leave"),
        ApproveScopeChange(),
        RespondToClient(kind="accept"),
        RecordClientDecision(accepted=True),
        amendment(),
        DeliverScopeChange(),
    )

    assert seen == [
        ("consulting", ["creative"]),
        ("consulting", ["creative", "pm"]),
        ("consulting", ["pm"]),
        ("assessed", ["pm"]),
        ("assessed", ["approver"]),
        ("assessed", ["account_manager"]),
        ("responded", ["client"]),
        ("decided", ["account_manager"]),
        ("amended", ["account_manager"]),
        ("delivered", []),
    ]


def test_a_row_holds_what_its_figures_need(steward: Steward) -> None:
    client = account(steward)
    agreed = contract(steward, client)
    wish = raised(steward, client, contract=agreed, external_ref="W-7", needed_by="2026-01-30")
    steward.do(
        AssessImpact(
            effort_hours="12.5",
            price="900.00",
            cost="600",
            timeline_shift_days=3,
            margin_effect="-0.5",
            scope_delta=("a landing page",),
        ),
        scope_change=wish,
    )
    steward.do(RespondToClient(kind="accept"), scope_change=wish)
    steward.do(RecordClientDecision(accepted=True, decided_at="2026-01-15T08:00:00Z"), scope_change=wish)
    steward.do(amendment(effective_at="2026-01-10"), scope_change=wish)
    steward.do(DeliverScopeChange(hours="14", effective_at="2026-01-14"), scope_change=wish)

    told = row(steward)

    assert (told.scope_change, told.account, told.contract, told.external_ref) == (wish, client, agreed, "W-7")
    assert (told.title, told.needed_by, told.version) == ("A last-minute feature", "2026-01-30", 6)
    assert (told.effort_hours, told.price, told.cost, told.currency) == (12_500_000, 900 * MICRO, 600 * MICRO, "EUR")
    assert (told.shift_days, told.margin_effect, told.scope_delta) == (3, -500_000, ["a landing page"])
    assert (told.approval_needed, told.accepted, told.response_kind) == (False, True, "accept")
    assert (told.decided_at, told.amended_at) == (micros("2026-01-15T08:00:00Z"), micros("2026-01-10T00:00:00Z"))
    assert (told.amendment_no, told.mrr_delta, told.one_off, told.contract_currency) == (1, 250 * MICRO, 0, "EUR")
    assert (told.delivered_at, told.delivered_hours) == (micros("2026-01-14T00:00:00Z"), 14 * MICRO)


def test_absorbed_hours_stand_at_the_instant_they_were_absorbed(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    command = AbsorbWork(hours="3.5", cost="280", cause="goodwill", approved_by="usr_dir", effective_at="2026-01-12")
    sqlite_steward.do(command, scope_change=wish)

    told = row(sqlite_steward)

    assert (told.state, told.absorbed_at) == ("absorbed", micros("2026-01-12T00:00:00Z"))
    assert (told.absorbed_hours, told.absorbed_cost, told.absorbed_currency) == (3_500_000, 280 * MICRO, "EUR")


def test_an_alternative_is_counted_as_offered_and_as_taken(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    taken, left, bare = (raised(sqlite_steward, client) for _ in range(3))
    for wish in (taken, left):
        answer = RespondToClient(kind="decline_with_alternative", alternative="next month")
        sqlite_steward.do(answer, scope_change=wish)
    sqlite_steward.do(RespondToClient(kind="decline", no_alternative_reason="unlawful"), scope_change=bare)
    sqlite_steward.do(RecordClientDecision(accepted=True), scope_change=taken)
    sqlite_steward.do(RecordClientDecision(accepted=False), scope_change=left)

    rows = {told.scope_change: told for told in sqlite_steward.rows("scope_changes")}

    assert [(rows[wish].with_alternative, rows[wish].accepted) for wish in (taken, left, bare)] == [
        (True, True),
        (True, False),
        (False, None),
    ]
    assert [(rows[wish].state, rows[wish].closed_as) for wish in (taken, left, bare)] == [
        ("decided", None),
        ("closed", "declined"),
        ("closed", "declined"),
    ]


def test_a_new_assessment_takes_the_answer_and_the_approval_back(sqlite_steward: Steward) -> None:
    wish = raised(sqlite_steward, account(sqlite_steward))
    assessed(sqlite_steward, wish, price="6000")
    sqlite_steward.do(ApproveScopeChange(), scope_change=wish, actor="david")
    answer = RespondToClient(kind="decline_with_alternative", alternative="next month")
    sqlite_steward.do(answer, scope_change=wish)
    assessed(sqlite_steward, wish, price="7000")

    told = row(sqlite_steward)

    assert (told.state, told.waiting_on, told.approved) == ("assessed", ["approver"], False)
    assert (told.response_kind, told.responded_at, told.response) == (None, None, None)
    assert told.with_alternative is False


def test_work_that_was_done_before_its_paper_stays_done(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    wish = raised(sqlite_steward, client, contract=contract(sqlite_steward, client))
    assessed(sqlite_steward, wish)
    commands = (
        RespondToClient(kind="accept"),
        RecordClientDecision(accepted=True),
        DeliverScopeChange(),
        amendment(),
    )

    assert stages(sqlite_steward, wish, *commands)[-2:] == [("delivered", []), ("delivered", [])]
    assert row(sqlite_steward).amendment_no == 1


def test_what_was_known_stays_as_it_was_known(steward: Steward) -> None:
    wish = raised(steward, account(steward))
    known = [steward.catch_up()]
    for command in (RequestConsult(team="ux"), AssessImpact(effort_hours="4"), WithdrawScopeChange()):
        steward.do(command, scope_change=wish)
        known.append(steward.catch_up())

    states = [row(steward, known_at=str(position)).state for position in known]

    assert states == ["raised", "consulting", "assessed", "closed"]
    assert row(steward, known_at=str(known[1])).waiting_on == ["ux"]


def test_what_lies_ahead_in_business_is_not_shown_yet(steward: Steward) -> None:
    wish = raised(steward, account(steward))
    steward.do(AssessImpact(effort_hours="4", effective_at="2026-03-01"), scope_change=wish)

    assert row(steward, as_of="2026-02-28").state == "raised"
    assert row(steward, as_of="2026-03-01").state == "assessed"


def test_a_wish_raised_later_in_business_than_its_answer_harms_no_fold(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    wish = raised(sqlite_steward, client, effective_at="2026-05-01")
    sqlite_steward.do(WithdrawScopeChange(effective_at="2026-02-01"), scope_change=wish)

    assert sqlite_steward.rows("scope_changes", as_of="2026-03-01") == []
    assert row(sqlite_steward, as_of="2026-06-01").closed_as == "withdrawn"


def test_texts_stay_sealed_and_open_by_the_event_that_their_key_names(steward: Steward) -> None:
    wish = raised(steward, account(steward))
    steward.do(RequestConsult(team="legal", question="May we say so?"), scope_change=wish)
    steward.do(AnswerConsult(team="legal", feasible=False, risk="a fine"), scope_change=wish)
    options = (Option(option="later", description="after the ruling"),)
    answer = RespondToClient(kind="accept_with_change", options=options, message="Dear Rosa")
    assessed(steward, wish, risk="a fine for us")
    steward.do(answer, scope_change=wish)

    told = row(steward)
    (consult,) = told.consults or []
    response = told.response or {}

    def opened(member: str, envelope: dict[str, Any]) -> Any:
        return steward.runtime.log.reveal(steward.tenant, [(envelope["key"], {member: envelope})])[0][member]

    assert opened("request", told.request or {}).startswith("Hey, can we add")
    assert opened("question", consult["question"]) == "May we say so?"
    assert opened("risk", consult["risk"]) == "a fine"
    assert opened("risk", told.risk or {}) == "a fine for us"
    revealed = steward.runtime.log.reveal(steward.tenant, [(response["message"]["key"], response)])[0]
    assert (revealed["message"], revealed["options"][0]["description"]) == ("Dear Rosa", "after the ruling")


def test_table_and_replay_are_the_same_rows(steward: Steward) -> None:
    client = account(steward)
    for answer in ("accept", "decline_with_alternative", "absorb"):
        wish = raised(steward, client)
        steward.do(RequestConsult(team="content", mandatory=False), scope_change=wish)
        assessed(steward, wish)
        steward.do(RespondToClient.model_validate({"kind": answer, "alternative": "later"}), scope_change=wish)
        steward.do(RecordClientDecision(accepted=answer != "accept"), scope_change=wish)
    tabled = steward.rows("scope_changes")

    replayed = steward.runtime.projector.replay(steward.tenant, [VIEW], steward.catch_up())
    with replayed.read(steward.tenant) as connection:
        grown = connection.execute(VIEW.table.select().where(VIEW.table.c.pos_to == VIEW.OPEN)).all()
    replayed.close()

    assert len(tabled) == 3
    assert sorted((r.scope_change, r.state, r.version, r.waiting_on, r.consults) for r in grown) == sorted(
        (r.scope_change, r.state, r.version, r.waiting_on, r.consults) for r in tabled
    )
