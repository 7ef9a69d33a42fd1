"""The scope change: a request beyond what was agreed, from the client's words to a response, a decision and the work."""

from typing import Final

from app.domain.account.decisions import require_open
from app.domain.contract import commands as contract_commands
from app.domain.contract import decisions as contract_decisions
from app.domain.contract import schedule as schedules
from app.domain.contract import state as contract_state
from app.domain.contract.schedule import LARGEST_ANNUAL, Schedule
from app.domain.contract.value import line_annual
from app.domain.interaction.decisions import SKEW_SECONDS
from app.domain.kernel.context import Context, Decided
from app.domain.kernel.denomination import require_in
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import (
    MICRO,
    day_start,
    half_up,
    instant,
    moment_start,
    nearest_day,
    require_currency,
    scaled,
    unscaled,
)
from app.domain.policy.decisions import rules_in_force
from app.domain.policy.rules import ApprovalRules
from app.domain.scope_change import commands, events
from app.domain.scope_change.state import ScopeChangeState

THRESHOLD_AMOUNT: Final = 5000 * MICRO
"""From this price or cost on, in whatever currency, somebody else approves. Source: a published agency procedure."""
THRESHOLD_DAYS: Final = 14
"""From this delay on, too."""
ACCEPTING: Final = frozenset({"accept", "accept_with_change"})


def raise_(_state: ScopeChangeState, command: commands.RaiseScopeChange, context: Context) -> tuple[Event, ...]:
    """A new request. Raises: Refused on a closed account, or for a contract or an interaction of another one."""
    require_open(context.states["account"])
    for noun in ("contract", "interaction"):
        _require_same_account(context, noun, context.ids["account"])
    return (
        events.ScopeChangeRaised(
            account=context.ids["account"],
            contract=context.ids.get("contract"),
            interaction=context.ids.get("interaction"),
            **command.model_dump(include={"title", "request", "needed_by", "external_ref"}),
        ),
    )


def request_consult(state: ScopeChangeState, command: commands.RequestConsult, context: Context) -> tuple[Event, ...]:
    """A team asked. Raises: Refused while its answer is open, or once the client has decided."""
    _require_undecided(state, context)
    if command.team in state.open_teams:
        raise Refused("consult_open", "the team was asked and has not answered yet")
    return (events.ConsultRequested(**command.model_dump(include={"team", "question", "due", "mandatory"})),)


def answer_consult(state: ScopeChangeState, command: commands.AnswerConsult, context: Context) -> tuple[Event, ...]:
    """A team's answer. Raises: Refused when it was not asked or is settled."""
    _require_asked(state, command.team, context)
    members = {"team", "feasible", "effort_hours", "earliest", "capacity_note", "risk"}
    return (events.ConsultAnswered(**command.model_dump(include=members)),)


def waive_consult(state: ScopeChangeState, command: commands.WaiveConsult, context: Context) -> tuple[Event, ...]:
    """A team's answer waived. Raises: Refused when it was not asked or is settled."""
    _require_asked(state, command.team, context)
    return (events.ConsultWaived(team=command.team, reason=command.reason),)


def assess(state: ScopeChangeState, command: commands.AssessImpact, context: Context) -> tuple[Event, ...]:
    """What it takes, and whether that goes over the threshold. Raises: Refused once the client has decided."""
    _require_undecided(state, context)
    amounts = {"currency": _currency(command, context, command.cost, command.price)}
    needed = _over(command.cost) or _over(command.price) or command.timeline_shift_days >= THRESHOLD_DAYS
    members = {"effort_hours", "cost", "price", "timeline_shift_days", "margin_effect", "risk", "scope_delta"}
    return (events.ImpactAssessed(approval_needed=needed, **amounts, **command.model_dump(include=members)),)


def approve(state: ScopeChangeState, command: commands.ApproveScopeChange, context: Context) -> tuple[Event, ...]:
    """The agency's approval. Raises: Refused for whoever assessed it, before an assessment, and twice."""
    _require_going_on(state, context)
    if state.assessed_by is None:
        raise Refused("impact_not_assessed", "nobody has assessed what it takes")
    if state.approved:
        raise Refused("already_approved", "this assessment was approved already")
    if context.is_own(state.assessed_by):
        raise Refused("self_approval", "nobody approves their own assessment")
    return (events.InternalApprovalGranted(rule=command.rule),)


def respond(state: ScopeChangeState, command: commands.RespondToClient, context: Context) -> tuple[Event, ...]:
    """The answer to the client. Raises: Refused for a promise made too early, or for a refusal without alternative or reason."""
    _require_undecided(state, context, account_open=command.kind != "decline")
    _require_same_account(context, "interaction", state.account)
    require_in(state.currency or context.states["account"].currency, command)
    if command.kind in ACCEPTING and state.assessed_by is None:
        raise Refused("impact_not_assessed", "nothing is promised before somebody assessed what it takes")
    if command.kind in ACCEPTING and state.mandatory:
        raise Refused(
            "consults_open", "mandatory consults are neither answered nor waived", teams=sorted(state.mandatory)
        )
    if command.kind in ACCEPTING or command.kind == "absorb":
        _require_approval(state, context, over=state.approval_needed)
    if command.kind == "decline_with_alternative" and command.alternative is None:
        raise Refused("alternative_missing", "name the alternative that still reaches the goal")
    if command.kind == "decline" and command.alternative is None and command.no_alternative_reason is None:
        raise Refused(
            "no_alternative_reason_missing", "a decline needs an alternative, or the reason why there is none"
        )
    return (
        events.ResponseSent(
            interaction=context.ids.get("interaction"),
            options=tuple(events.Option(**option.model_dump()) for option in command.options),
            **command.model_dump(include={"kind", "alternative", "no_alternative_reason", "message"}),
        ),
    )


def decide(state: ScopeChangeState, command: commands.RecordClientDecision, context: Context) -> tuple[Decided, ...]:
    """The client's choice, true when it was made. Raises: Refused before an answer, twice, and for a yes on a closed account."""
    accepted = command.option is not None if command.accepted is None else command.accepted
    _require_undecided(state, context, account_open=accepted)
    if state.response is None:
        raise Refused("not_responded", "the client was not answered yet")
    if command.option is not None and state.options and command.option not in state.options:
        raise Refused("unknown_option", "this option was not offered")
    at = moment_start(command.decided_at, context.zone) if command.decided_at else context.effective_at
    if at > context.now + SKEW_SECONDS * MICRO:
        raise Refused("decided_in_future", "a decision is recorded once it is made")
    event = events.ClientDecided(
        accepted=accepted,
        decided_at=instant(at),
        **command.model_dump(include={"option", "by", "stakeholder"}),
    )
    return (Decided(event, effective_at=at if command.effective_at is None else context.effective_at),)


def absorb(state: ScopeChangeState, command: commands.AbsorbWork, context: Context) -> tuple[Event, ...]:
    """Unpaid work. Raises: Refused without somebody else's consent, over the threshold without approval, and twice."""
    _require_going_on(state, context)
    _require_unsettled(state)
    theirs = context.suggested_by is not None and not context.is_own(context.suggested_by)
    if context.is_own(command.approved_by) and not theirs:  # who approves another one's suggestion is its second person
        raise Refused("self_approval", "nobody approves their own unpaid work")
    _require_approval(state, context, over=state.approval_needed or _over(command.cost))
    currency = _currency(command, context, command.cost)
    members = {"hours", "cost", "cause", "approved_by"}
    return (events.WorkAbsorbed(currency=currency, **command.model_dump(include=members)),)


def amend(state: ScopeChangeState, command: commands.AmendScopeChange, context: Context) -> tuple[Decided, ...]:
    """The contract amended, and this become part of it, as one append. Raises: Refused as both nouns demand."""
    _require_going_on(state, context)
    _require_unsettled(state)
    if not state.accepted:
        raise Refused("not_accepted", "the client has not accepted it")
    _require_same_account(context, "contract", state.account)
    contract: contract_state.ContractState = context.states["contract"]
    amendment = contract_commands.AmendContract(
        effective_at=command.effective_at, changes=command.changes, scope_change=context.stream_id
    )
    (amended,) = contract_decisions.amend(contract, amendment, context)
    event_id, before = context.new_id("evt"), contract.schedule(context)
    preview = contract_decisions.preview(amended, event_id, context.ids["contract"], contract, context)
    annual = _annual_delta(before, schedules.apply(before, preview, context.zone), command.changes, context)
    one_off = sum(
        schedules.annual(line.quantity, line.unit_price, "year", line.discount_percent or "0")
        for line in command.changes
        if line.op == "add_line" and line.kind == "one_off"
    )
    if max(abs(annual), abs(one_off)) > LARGEST_ANNUAL:
        raise Invalid("amount_out_of_range", "the amendment exceeds 10^12")
    event = events.ScopeChangeAmended(
        contract=context.ids["contract"],
        contract_event=event_id,
        amendment_no=contract.amendments + 1,
        mrr_delta=unscaled(half_up(annual, 12)),
        one_off=unscaled(one_off),
        currency=contract.currency,
    )
    agreed = min(context.now, context.effective_at)  # a contract that changes next month was agreed on now
    return Decided(amended, beside="contract", event_id=event_id), Decided(event, effective_at=agreed)


def withdraw(state: ScopeChangeState, _command: commands.WithdrawScopeChange, context: Context) -> tuple[Event, ...]:
    """The request withdrawn. Raises: Refused once it is closed, or became a contract or work."""
    _require_going_on(state, context, account_open=False)
    _require_unsettled(state)
    contract: contract_state.ContractState | None = context.states.get("contract")
    if contract is not None and contract.amended_by(context.stream_id):
        raise Refused("scope_change_amended", "the contract was amended by it already")
    _require_undelivered(state)
    return (events.ScopeChangeWithdrawn(),)


def deliver(state: ScopeChangeState, command: commands.DeliverScopeChange, context: Context) -> tuple[Event, ...]:
    """The work done. Raises: Refused unless it was accepted or absorbed, and twice."""
    _require_going_on(state, context, account_open=False)
    _require_undelivered(state)
    if not (state.accepted or state.absorbed):
        raise Refused("not_agreed", "only what was accepted, amended or absorbed is delivered")
    return (events.ScopeChangeDelivered(hours=command.hours),)


def _require_going_on(state: ScopeChangeState, context: Context, *, account_open: bool = True) -> None:
    """Raises: Refused on one that is closed, or of a closed account, or named under another account."""
    if context.ids["account"] != state.account:
        raise Refused("other_account", "the scope change belongs to another account")
    if account_open:
        require_open(context.states["account"])
    if state.closed:
        raise Refused(f"scope_change_{state.closed}", f"it was {state.closed}; a new request is a new scope change")


def _require_unsettled(state: ScopeChangeState) -> None:
    if state.amended:
        raise Refused("scope_change_amended", "it is part of a contract already")
    if state.absorbed:
        raise Refused("scope_change_absorbed", "the agency does it unpaid already")


def _require_undecided(state: ScopeChangeState, context: Context, *, account_open: bool = True) -> None:
    _require_going_on(state, context, account_open=account_open)
    _require_unsettled(state)
    if state.accepted:
        raise Refused("already_decided", "the client has decided; a new request is a new scope change")


def _require_undelivered(state: ScopeChangeState) -> None:
    if state.delivered:
        raise Refused("scope_change_delivered", "the work is done already")


def _require_asked(state: ScopeChangeState, team: str, context: Context) -> None:
    _require_going_on(state, context)
    if team not in state.teams:
        raise Refused("consult_not_asked", "the team was not asked")
    if team not in state.open_teams:
        raise Refused("consult_settled", "the team has answered, or its answer was waived")


def _require_approval(state: ScopeChangeState, context: Context, *, over: bool) -> None:
    """Raises: Refused over the threshold, unless it was approved or the actor's own limit goes further."""
    if over and not state.approved and not _within_limit(state, context):
        raise Refused("approval_needed", "it goes over the threshold; somebody else must approve it first")


def _within_limit(state: ScopeChangeState, context: Context) -> bool:
    """Whether the right by which it is done goes further than the threshold: without a limit, or up to the tenant's for the role."""
    if context.limit == "any":
        return True
    if context.limit != "higher" or state.delay >= THRESHOLD_DAYS:
        return False
    limit = rules_in_force(context, ApprovalRules()).limit(context.role)
    return limit is None or state.amount <= limit


def _require_same_account(context: Context, noun: str, account: str | None) -> None:
    related = context.states.get(noun)
    if related is not None and related.account != account:
        raise Refused("other_account", f"the {noun} belongs to another account")


def _over(amount: str | None) -> bool:
    return amount is not None and scaled(amount) >= THRESHOLD_AMOUNT


def _currency(
    command: commands.AssessImpact | commands.AbsorbWork, context: Context, *amounts: str | None
) -> str | None:
    """The currency of amounts, where there are any. Raises: Invalid where one of them names another."""
    named = command.currency
    if named is None and any(amount is not None for amount in amounts):
        currency: str = context.states["account"].currency
        return currency
    if named is not None:
        require_in(named, command)
        require_currency(named, nearest_day(context.effective_at, context.zone))
    return named


def _annual_delta(before: Schedule, after: Schedule, changes: contract_commands.Changes, context: Context) -> int:
    """What changed lines pay more a year, each from when its change begins; in 10^-6."""
    delta = 0
    for change in changes:
        start = change.start if change.op == "add_line" else None
        at = day_start(start, context.zone) if start else context.effective_at
        delta += line_annual(after, change.line, at) - line_annual(before, change.line, at)
    return delta
