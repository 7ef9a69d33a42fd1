"""Any walk through the life of a scope change: what must hold after every append, seen from the events alone."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.account.state import AccountState
from app.domain.aggregates import DECISIONS
from app.domain.contract import decisions as contract_decisions
from app.domain.contract import state as contract_state
from app.domain.contract.aggregate import CONTRACT
from app.domain.contract.commands import Line, RecordContract
from app.domain.kernel.command import Command
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import day_start
from app.domain.recorded import Recorded
from app.domain.scope_change import events as facts
from app.domain.scope_change.aggregate import SCOPE_CHANGE
from app.domain.scope_change.commands import (
    AbsorbWork,
    AnswerConsult,
    ApproveScopeChange,
    AssessImpact,
    DeliverScopeChange,
    RaiseScopeChange,
    RecordClientDecision,
    RequestConsult,
    RespondToClient,
    WaiveConsult,
    WithdrawScopeChange,
)
from app.domain.scope_change.decisions import raise_
from app.domain.scope_change.state import ScopeChangeState
from projections.views.scope_changes import VIEW, ScopeChange
from tests.domain.scenario import recorded
from tests.domain.scope_change.scope_changes import amendment
from tests.support.campaigns import examples

UTC = ZoneInfo("UTC")
NOW = day_start("2026-02-01", UTC)
PROMISES = ("accept", "accept_with_change")
COMMANDS: tuple[Command, ...] = (
    RequestConsult(team="pm"),
    RequestConsult(team="ux", mandatory=False),
    AnswerConsult(team="pm", feasible=True),
    AnswerConsult(team="ux", feasible=False),
    WaiveConsult(team="pm", reason="on leave"),
    AssessImpact(effort_hours="2", price="100"),
    AssessImpact(effort_hours="80", price="8000"),
    ApproveScopeChange(),
    RespondToClient(kind="accept"),
    RespondToClient(kind="accept_with_change"),
    RespondToClient(kind="decline_with_alternative", alternative="later"),
    RespondToClient(kind="decline", no_alternative_reason="unlawful"),
    RespondToClient(kind="decline"),
    RespondToClient(kind="absorb"),
    RecordClientDecision(accepted=True),
    RecordClientDecision(accepted=False),
    AbsorbWork(hours="1", cause="goodwill", approved_by="david"),
    amendment(),
    DeliverScopeChange(),
    WithdrawScopeChange(),
)


class Walk:
    """A scope change in memory: each command is decided, its events are folded to the state and to the row of the view."""

    def __init__(self) -> None:
        self.account = AccountState(account="acct", open=True, currency="EUR")
        self.contract = contract_state.ContractState()
        line = Line(line="main", product="retainer", unit_price="1000", interval="month")
        terms = RecordContract(currency="EUR", start="2026-01-01", signed_at="2026-01-01", lines=(line,))
        for event in contract_decisions.record(self.contract, terms, self.context("maria")):
            version = len(self.contract.history) + 1
            self.contract = CONTRACT.fold(
                [recorded(event, stream_id="ctr", version=version, recorded_at=NOW, actor="maria")], self.contract
            )
        self.state, self.row = ScopeChangeState(), None
        self.events: list[Recorded] = []
        self.append("maria", raise_(self.state, RaiseScopeChange(title="More", request="More"), self.context("maria")))

    def context(self, actor: str) -> Context:
        """What a decision may read."""
        ids = {"account": "acct", "contract": "ctr"}
        states = {"account": self.account, "contract": self.contract}
        return Context(
            tenant_id="tnt",
            principal=Principal(actor),
            now=NOW,
            effective_at=NOW,
            zone=UTC,
            stream_id="scr",
            new_id=lambda prefix: f"{prefix}_new",
            states=states,
            ids=ids,
        )

    def append(self, actor: str, decided: Sequence[Event | Decided]) -> None:
        """Appends what was decided about this scope change."""
        for item in decided:
            if isinstance(item, Decided) and item.beside:
                continue
            event = item.event if isinstance(item, Decided) else item
            latest = recorded(event, stream_id="scr", version=len(self.events) + 1, recorded_at=NOW, actor=actor)
            self.events.append(latest)
            self.state = SCOPE_CHANGE.fold([latest], self.state)
            rows: Any = {} if self.row is None else {("scr",): self.row}
            self.row = VIEW.fold(rows, latest, UTC)[("scr",)]

    def try_(self, actor: str, command: Command) -> bool:
        """Whether a command was taken."""
        try:
            decided = DECISIONS[type(command)].decide(self.state, command, self.context(actor))
        except Refused:
            return False
        self.append(actor, decided)
        return True


def last(events: Sequence[Recorded], kind: type[Event]) -> int:
    """Where the last event of a kind stands; -1 for none."""
    return max((at for at, one in enumerate(events) if isinstance(one.event, kind)), default=-1)


def check_promise(before: Sequence[Recorded], sent: facts.ResponseSent) -> None:
    """What must have happened before an answer went out."""
    at = last(before, facts.ImpactAssessed)
    if sent.kind in PROMISES:
        assert at >= 0
        for index, one in enumerate(before):
            if isinstance(one.event, facts.ConsultRequested) and one.event.mandatory:
                settled = (facts.ConsultAnswered, facts.ConsultWaived)
                later = [follower.event for follower in before[index:]]
                assert any(isinstance(event, settled) and event.team == one.event.team for event in later)
    if sent.kind in (*PROMISES, "absorb") and at >= 0:
        check_approval(before, at)
    if sent.kind == "decline":
        assert sent.alternative or sent.no_alternative_reason


def check_approval(before: Sequence[Recorded], assessed_at: int) -> None:
    """What goes over the threshold was approved afterwards, and by somebody else."""
    assessment = before[assessed_at]
    if assessment.data["approval_needed"]:
        approvals = [one for one in before[assessed_at:] if isinstance(one.event, facts.InternalApprovalGranted)]
        assert [one.actor for one in approvals] != []
        assert assessment.actor not in {one.actor for one in approvals}


def check(events: Sequence[Recorded], row: ScopeChange) -> None:
    """What must hold after an append."""
    before, newest = events[:-1], events[-1].event
    topics = [one.type for one in events]
    assert not any(one.type == "scope_change.withdrawn" for one in before)
    assert topics.count("scope_change.amended") + topics.count("scope_change.absorbed") <= 1
    assert topics.count("scope_change.delivered") <= 1
    match newest:
        case facts.ResponseSent():
            check_promise(before, newest)
        case facts.ClientDecided():
            assert last(before, facts.ResponseSent) > last(before, facts.ImpactAssessed)
        case facts.ScopeChangeAmended():
            assert any(isinstance(one.event, facts.ClientDecided) and one.event.accepted for one in before)
        case facts.WorkAbsorbed():
            assert newest.approved_by != events[-1].actor
            if (at := last(before, facts.ImpactAssessed)) >= 0:
                check_approval(before, at)
        case _:
            pass
    assert (row.waiting_on == []) == (row.state in ("closed", "delivered"))
    assert row.version == len(events)


@settings(max_examples=examples(300))
@given(st.lists(st.tuples(st.sampled_from(("maria", "david")), st.sampled_from(COMMANDS)), max_size=40))
def test_no_walk_leads_to_a_promise_that_the_rules_forbid(steps: list[tuple[str, Command]]) -> None:
    walk = Walk()
    for actor, command in steps:
        if walk.try_(actor, command):
            assert isinstance(walk.row, ScopeChange)
            check(walk.events, walk.row)
            closed = (walk.row.state == "closed", walk.row.closed_as)
            assert closed == (walk.state.closed is not None, walk.state.closed)
            assert (walk.row.absorbed_at is not None, walk.row.amended_at is not None) == (
                walk.state.absorbed,
                walk.state.amended,
            )


def test_a_walk_can_reach_the_end() -> None:
    walk = Walk()
    steps = (
        ("maria", RequestConsult(team="pm")),
        ("david", AnswerConsult(team="pm", feasible=True)),
        ("maria", AssessImpact(effort_hours="80", price="8000")),
        ("david", ApproveScopeChange()),
        ("maria", RespondToClient(kind="accept")),
        ("maria", RecordClientDecision(accepted=True)),
        ("maria", amendment()),
        ("maria", DeliverScopeChange()),
    )

    assert all(walk.try_(actor, command) for actor, command in steps)
    assert isinstance(walk.row, ScopeChange)
    assert (walk.row.state, walk.row.effort_hours) == ("delivered", 80_000_000)
