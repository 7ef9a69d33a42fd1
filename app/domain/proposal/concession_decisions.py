"""Concessions: the client's position, what is conceded on the live version, and who approves or rejects it."""

from typing import Final

from app.domain.kernel.context import Context
from app.domain.kernel.denomination import require_in
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import scaled
from app.domain.policy.decisions import version_in_force
from app.domain.policy.rules import DIRECTING, ApprovalRules
from app.domain.proposal import commands, events
from app.domain.proposal.decisions import require_undecided, rules_of
from app.domain.proposal.negotiation import Concession, approval_reasons, limit_of, require_covered, require_senior
from app.domain.proposal.state import ProposalState

MOST_CONCESSIONS: Final = 200
MOST_POSITIONS: Final = 200
"""What one proposal holds; longer negotiations are another proposal."""
DEFAULT_RULES: Final = "default/1"
"""What an approval names where the tenant has no policy of its own."""


def record_position(
    state: ProposalState, command: commands.RecordClientPosition, context: Context
) -> tuple[Event, ...]:
    """The client's position. Raises: Refused once the proposal is decided."""
    require_undecided(state, context)
    if state.positions == MOST_POSITIONS:
        raise Refused("too_many_positions", f"a proposal has at most {MOST_POSITIONS} of the client's positions")
    members = {"position", "wants", "stakeholder"}
    return (events.ClientPositionRecorded(version=state.version, **command.model_dump(include=members)),)


def concede(state: ProposalState, command: commands.OfferConcession, context: Context) -> tuple[Event, ...]:
    """A concession, binding at once or waiting for approval. Raises: Refused for one without anything in exchange and no reason."""
    require_undecided(state, context)
    require_in(state.currency, command)
    if command.in_exchange_for is None and command.no_exchange_reason is None:
        raise Refused("exchange_missing", "name what is given in exchange, or the no_exchange_reason why nothing is")
    name, amount, rules = command.concession or _next_name(state), scaled(command.value), rules_of(context)
    if name in state.names:
        raise Refused("concession_exists", "the proposal has a concession of this name")
    if len(state.names) == MOST_CONCESSIONS:
        raise Refused("too_many_concessions", f"a proposal has at most {MOST_CONCESSIONS} concessions")
    conceded = sum(each.value for each in state.concessions.values() if each.state != "rejected")
    if conceded + amount > state.offer.value:
        raise Refused("concession_exceeds_value", "more would be conceded than the version's annual value")
    reasons = approval_reasons(state.offer, state.concessions.values(), amount, rules, context)
    event = events.ConcessionOffered(
        version=state.version,
        concession=name,
        currency=state.currency,
        role=context.role,
        limit=limit_of(rules, context.role),
        margin_floor=rules.margin_floor,
        awaiting_approval=bool(reasons),
        needs=reasons,
        **command.model_dump(include={"kind", "value", "given", "in_exchange_for", "no_exchange_reason"}),
    )
    if not reasons:
        return (event,)
    return event, events.ApprovalRequested(version=state.version, concession=name, needs=reasons)


def approve(state: ProposalState, command: commands.ApproveConcession, context: Context) -> tuple[Event, ...]:
    """An approval by somebody more senior, within their own limit. Raises: Refused for whoever offered it, and for everybody else."""
    require_undecided(state, context)
    rules = rules_of(context)
    if command.concession is None:
        _require_margin_approver(state, rules, context)
    else:
        concession = _awaiting(state, command.concession)
        if context.is_own(concession.by):
            raise Refused("self_approval", "nobody approves their own concession")
        require_senior(concession.role, context)
        require_covered(concession, state.offer, state.concessions.values(), rules, context)
    return (
        events.ApprovalGranted(
            version=state.version,
            concession=command.concession,
            role=context.role,
            limit_rule=version_in_force(context) or DEFAULT_RULES,
            limit=limit_of(rules, context.role),
            margin_floor=rules.margin_floor,
        ),
    )


def reject(state: ProposalState, command: commands.RejectConcession, context: Context) -> tuple[Event, ...]:
    """A rejection by somebody more senior or by whoever offered it. Raises: Refused for others, and where nothing waits."""
    require_undecided(state, context)
    concession = _awaiting(state, command.concession)
    if context.limit != "veto" and not context.is_own(concession.by):
        require_senior(concession.role, context)
    return (
        events.ApprovalRejected(
            version=state.version, concession=command.concession, role=context.role, reason=command.reason
        ),
    )


def _require_margin_approver(state: ProposalState, rules: ApprovalRules, context: Context) -> None:
    if state.offer.margin_suffices(rules):
        raise Refused("nothing_awaits", "the version's margin is not below the floor")
    if context.is_own(state.author):
        raise Refused("self_approval", "nobody approves the margin of their own version")
    if context.role not in DIRECTING:
        raise Refused("approval_not_allowed", "a director approves what goes below the margin floor", role="director")


def _awaiting(state: ProposalState, name: str) -> Concession:
    concession = state.concessions.get(name)
    if concession is None:
        raise Refused("unknown_concession", "the live version has no concession of this name")
    if concession.state != "awaiting":
        raise Refused("nothing_awaits", f"the concession is {concession.state}")
    return concession


def _next_name(state: ProposalState) -> str:
    number = len(state.names) + 1
    while f"c{number}" in state.names:
        number += 1
    return f"c{number}"
