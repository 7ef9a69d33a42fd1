"""The view of scope changes: its state and whom it waits for, its figures, and what was known when."""

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
    (only,) = steward.rows("scope_changes", **clocks)
    assert isinstance(only, ScopeChange)
    return only


def stages(steward: Steward, scope_change: str, *commands: Command) -> list[tuple[str, list[str]]]:
    """The state and whom the scope change waits for, after each command."""
    seen = []
    for command in commands:
        steward.do(
            command, scope_change=scope_change, actor="david" if isinstance(command, ApproveScopeChange) else "maria"
        )
        seen.append((row(steward).state, row(steward).waiting_on))
    return seen


def test_the_row_names_at_every_stage_whom_it_waits_for(steward: Steward) -> None:
    client = account(steward)
    scope_change = raised(steward, client, contract=contract(steward, client))
    assert (row(steward).state, row(steward).waiting_on) == ("raised", ["account_manager"])

    seen = stages(
        steward,
        scope_change,
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


def test_a_row_holds_the_figures_of_its_scope_change(steward: Steward) -> None:
    client = account(steward)
    contract_id = contract(steward, client)
    scope_change = raised(steward, client, contract=contract_id, external_ref="W-7", needed_by="2026-01-30")
    steward.do(
        AssessImpact(
            effort_hours="12.5",
            price="900.00",
            cost="600",
            timeline_shift_days=3,
            margin_effect="-0.5",
            scope_delta=("a landing page",),
        ),
        scope_change=scope_change,
    )
    steward.do(RespondToClient(kind="accept"), scope_change=scope_change)
    steward.do(RecordClientDecision(accepted=True, decided_at="2026-01-15T08:00:00Z"), scope_change=scope_change)
    steward.do(amendment(effective_at="2026-01-10"), scope_change=scope_change)
    steward.do(DeliverScopeChange(hours="14", effective_at="2026-01-14"), scope_change=scope_change)

    stored = row(steward)

    assert (stored.scope_change, stored.account, stored.contract, stored.external_ref) == (
        scope_change,
        client,
        contract_id,
        "W-7",
    )
    assert (stored.title, stored.needed_by, stored.version) == ("A last-minute feature", "2026-01-30", 6)
    assert (stored.effort_hours, stored.price, stored.cost, stored.currency) == (
        12_500_000,
        900 * MICRO,
        600 * MICRO,
        "EUR",
    )
    assert (stored.shift_days, stored.margin_effect, stored.scope_delta) == (3, -500_000, ["a landing page"])
    assert (stored.approval_needed, stored.accepted, stored.response_kind) == (False, True, "accept")
    assert (stored.decided_at, stored.amended_at) == (micros("2026-01-15T08:00:00Z"), micros("2026-01-10T00:00:00Z"))
    assert (stored.amendment_no, stored.mrr_delta, stored.one_off, stored.contract_currency) == (
        1,
        250 * MICRO,
        0,
        "EUR",
    )
    assert (stored.delivered_at, stored.delivered_hours) == (micros("2026-01-14T00:00:00Z"), 14 * MICRO)


def test_absorbed_hours_stand_at_the_instant_they_were_absorbed(sqlite_steward: Steward) -> None:
    scope_change = raised(sqlite_steward, account(sqlite_steward))
    command = AbsorbWork(hours="3.5", cost="280", cause="goodwill", approved_by="usr_dir", effective_at="2026-01-12")
    sqlite_steward.do(command, scope_change=scope_change)

    stored = row(sqlite_steward)

    assert (stored.state, stored.absorbed_at) == ("absorbed", micros("2026-01-12T00:00:00Z"))
    assert (stored.absorbed_hours, stored.absorbed_cost, stored.absorbed_currency) == (3_500_000, 280 * MICRO, "EUR")


def test_an_alternative_is_marked_as_offered_and_as_accepted(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    accepted, declined, without_alternative = (raised(sqlite_steward, client) for _ in range(3))
    for scope_change in (accepted, declined):
        answer = RespondToClient(kind="decline_with_alternative", alternative="next month")
        sqlite_steward.do(answer, scope_change=scope_change)
    sqlite_steward.do(
        RespondToClient(kind="decline", no_alternative_reason="unlawful"), scope_change=without_alternative
    )
    sqlite_steward.do(RecordClientDecision(accepted=True), scope_change=accepted)
    sqlite_steward.do(RecordClientDecision(accepted=False), scope_change=declined)

    rows = {stored.scope_change: stored for stored in sqlite_steward.rows("scope_changes")}

    assert [
        (rows[scope_change].with_alternative, rows[scope_change].accepted)
        for scope_change in (accepted, declined, without_alternative)
    ] == [
        (True, True),
        (True, False),
        (False, None),
    ]
    assert [
        (rows[scope_change].state, rows[scope_change].closed_as)
        for scope_change in (accepted, declined, without_alternative)
    ] == [
        ("decided", None),
        ("closed", "declined"),
        ("closed", "declined"),
    ]


def test_a_new_assessment_takes_the_answer_and_the_approval_back(sqlite_steward: Steward) -> None:
    scope_change = raised(sqlite_steward, account(sqlite_steward))
    assessed(sqlite_steward, scope_change, price="6000")
    sqlite_steward.do(ApproveScopeChange(), scope_change=scope_change, actor="david")
    answer = RespondToClient(kind="decline_with_alternative", alternative="next month")
    sqlite_steward.do(answer, scope_change=scope_change)
    assessed(sqlite_steward, scope_change, price="7000")

    stored = row(sqlite_steward)

    assert (stored.state, stored.waiting_on, stored.approved) == ("assessed", ["approver"], False)
    assert (stored.response_kind, stored.responded_at, stored.response) == (None, None, None)
    assert stored.with_alternative is False


def test_work_delivered_before_the_amendment_stays_delivered(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    scope_change = raised(sqlite_steward, client, contract=contract(sqlite_steward, client))
    assessed(sqlite_steward, scope_change)
    commands = (
        RespondToClient(kind="accept"),
        RecordClientDecision(accepted=True),
        DeliverScopeChange(),
        amendment(),
    )

    assert stages(sqlite_steward, scope_change, *commands)[-2:] == [("delivered", []), ("delivered", [])]
    assert row(sqlite_steward).amendment_no == 1


def test_earlier_knowledge_stays_unchanged(steward: Steward) -> None:
    scope_change = raised(steward, account(steward))
    known = [steward.catch_up()]
    for command in (RequestConsult(team="ux"), AssessImpact(effort_hours="4"), WithdrawScopeChange()):
        steward.do(command, scope_change=scope_change)
        known.append(steward.catch_up())

    states = [row(steward, known_at=str(position)).state for position in known]

    assert states == ["raised", "consulting", "assessed", "closed"]
    assert row(steward, known_at=str(known[1])).waiting_on == ["ux"]


def test_an_event_that_takes_effect_later_is_not_shown_yet(steward: Steward) -> None:
    scope_change = raised(steward, account(steward))
    steward.do(AssessImpact(effort_hours="4", effective_at="2026-03-01"), scope_change=scope_change)

    assert row(steward, as_of="2026-02-28").state == "raised"
    assert row(steward, as_of="2026-03-01").state == "assessed"


def test_a_scope_change_effective_later_than_its_withdrawal_still_folds(sqlite_steward: Steward) -> None:
    client = account(sqlite_steward)
    scope_change = raised(sqlite_steward, client, effective_at="2026-05-01")
    sqlite_steward.do(WithdrawScopeChange(effective_at="2026-02-01"), scope_change=scope_change)

    assert sqlite_steward.rows("scope_changes", as_of="2026-03-01") == []
    assert row(sqlite_steward, as_of="2026-06-01").closed_as == "withdrawn"


def test_texts_stay_sealed_and_open_by_the_event_that_their_key_names(steward: Steward) -> None:
    scope_change = raised(steward, account(steward))
    steward.do(RequestConsult(team="legal", question="May we say so?"), scope_change=scope_change)
    steward.do(AnswerConsult(team="legal", feasible=False, risk="a fine"), scope_change=scope_change)
    options = (Option(option="later", description="after the ruling"),)
    answer = RespondToClient(kind="accept_with_change", options=options, message="Dear Rosa")
    assessed(steward, scope_change, risk="a fine for us")
    steward.do(answer, scope_change=scope_change)

    stored = row(steward)
    (consult,) = stored.consults or []
    response = stored.response or {}

    def opened(member: str, envelope: dict[str, Any]) -> Any:
        return steward.runtime.log.reveal(steward.tenant, [(envelope["key"], {member: envelope})])[0][member]

    assert opened("request", stored.request or {}).startswith("Hey, can we add")
    assert opened("question", consult["question"]) == "May we say so?"
    assert opened("risk", consult["risk"]) == "a fine"
    assert opened("risk", stored.risk or {}) == "a fine for us"
    revealed = steward.runtime.log.reveal(steward.tenant, [(response["message"]["key"], response)])[0]
    assert (revealed["message"], revealed["options"][0]["description"]) == ("Dear Rosa", "after the ruling")


def test_table_and_replay_are_the_same_rows(steward: Steward) -> None:
    client = account(steward)
    for answer in ("accept", "decline_with_alternative", "absorb"):
        scope_change = raised(steward, client)
        steward.do(RequestConsult(team="content", mandatory=False), scope_change=scope_change)
        assessed(steward, scope_change)
        steward.do(RespondToClient.model_validate({"kind": answer, "alternative": "later"}), scope_change=scope_change)
        steward.do(RecordClientDecision(accepted=answer != "accept"), scope_change=scope_change)
    tabled = steward.rows("scope_changes")

    replayed = steward.runtime.projector.replay(steward.tenant, [VIEW], steward.catch_up())
    with replayed.read(steward.tenant) as connection:
        replayed_rows = connection.execute(VIEW.table.select().where(VIEW.table.c.pos_to == VIEW.OPEN)).all()
    replayed.close()

    assert len(tabled) == 3
    assert sorted((r.scope_change, r.state, r.version, r.waiting_on, r.consults) for r in replayed_rows) == sorted(
        (r.scope_change, r.state, r.version, r.waiting_on, r.consults) for r in tabled
    )
