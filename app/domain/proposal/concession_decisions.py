"""Concessions: where the client stands, what is given way on the live version, and who says yes or no to it."""

from typing import Final

from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import scaled
from app.domain.policy.decisions import version_in_force
from app.domain.policy.rules import DIRECTING, ApprovalRules
from app.domain.proposal import commands
from app.domain.proposal import events as facts
from app.domain.proposal.decisions import require_undecided, rules_of
from app.domain.proposal.negotiation import Concession, limit_of, needs, require_covered, require_senior
from app.domain.proposal.state import ProposalState

MOST_CONCESSIONS: Final = 200
MOST_POSITIONS: Final = 200
"""How far one proposal goes: longer talks are another proposal."""
HOUSE_RULES: Final = "default/1"
"""What an approval names where the tenant has no policy of its own."""


def record_position(
    state: ProposalState, command: commands.RecordClientPosition, context: Context
) -> tuple[Event, ...]:
    """Where the client stands. Raises: Refused once it is decided."""
    require_undecided(state, context)
    if state.positions == MOST_POSITIONS:
        raise Refused("too_many_positions", f"a proposal has at most {MOST_POSITIONS} of the client's positions")
    members = {"position", "wants", "stakeholder"}
    return (facts.ClientPositionRecorded(version=state.version, **command.model_dump(include=members)),)


def concede(state: ProposalState, command: commands.OfferConcession, context: Context) -> tuple[Event, ...]:
    """Something given way, binding at once or waiting for somebody more senior. Raises: Refused for a give without a get."""
    require_undecided(state, context)
    if command.in_exchange_for is None and command.no_exchange_reason is None:
        raise Refused("exchange_missing", "a give needs a get, or the no_exchange_reason why there is none")
    name, amount, rules = command.concession or _next_name(state), scaled(command.value), rules_of(context)
    if name in state.names:
        raise Refused("concession_exists", "the proposal has a concession of this name")
    if len(state.names) == MOST_CONCESSIONS:
        raise Refused("too_many_concessions", f"a proposal has at most {MOST_CONCESSIONS} concessions")
    given = sum(one.value for one in state.concessions.values() if one.state != "rejected")
    if given + amount > state.offer.value:
        raise Refused("concession_exceeds_value", "more would be given than the version is worth a year")
    why = needs(state.offer, state.concessions.values(), amount, rules, context)
    event = facts.ConcessionOffered(
        version=state.version,
        concession=name,
        currency=state.currency,
        role=context.role,
        limit=limit_of(rules, context.role),
        margin_floor=rules.margin_floor,
        awaiting_approval=bool(why),
        needs=why,
        **command.model_dump(include={"kind", "value", "given", "in_exchange_for", "no_exchange_reason"}),
    )
    if not why:
        return (event,)
    return event, facts.ApprovalRequested(version=state.version, concession=name, needs=why)


def approve(state: ProposalState, command: commands.ApproveConcession, context: Context) -> tuple[Event, ...]:
    """A yes of somebody more senior whose own limit reaches. Raises: Refused for who offered it, and for everybody else."""
    require_undecided(state, context)
    rules = rules_of(context)
    if command.concession is None:
        _require_margin_approver(state, rules, context)
    else:
        one = _awaiting(state, command.concession)
        if one.by == context.actor:
            raise Refused("self_approval", "who offered a concession may not approve it")
        require_senior(one.role, context)
        require_covered(one, state.offer, state.concessions.values(), rules, context)
    return (
        facts.ApprovalGranted(
            version=state.version,
            concession=command.concession,
            role=context.role,
            limit_rule=version_in_force(context) or HOUSE_RULES,
            limit=limit_of(rules, context.role),
            margin_floor=rules.margin_floor,
        ),
    )


def reject(state: ProposalState, command: commands.RejectConcession, context: Context) -> tuple[Event, ...]:
    """A no of somebody more senior, or of who offered it. Raises: Refused for others, and where nothing waits."""
    require_undecided(state, context)
    one = _awaiting(state, command.concession)
    if one.by != context.actor:
        require_senior(one.role, context)
    return (
        facts.ApprovalRejected(
            version=state.version, concession=command.concession, role=context.role, reason=command.reason
        ),
    )


def _require_margin_approver(state: ProposalState, rules: ApprovalRules, context: Context) -> None:
    if state.offer.stands(rules):
        raise Refused("nothing_awaits", "the version's margin is not below the floor")
    if state.author == context.actor:
        raise Refused("self_approval", "who wrote a version may not approve its margin")
    if context.role not in DIRECTING:
        raise Refused("approval_not_allowed", "a director approves what goes below the margin floor", role="director")


def _awaiting(state: ProposalState, name: str) -> Concession:
    one = state.concessions.get(name)
    if one is None:
        raise Refused("unknown_concession", "the live version has no concession of this name")
    if one.state != "awaiting":
        raise Refused("nothing_awaits", f"the concession is {one.state}")
    return one


def _next_name(state: ProposalState) -> str:
    number = len(state.names) + 1
    while f"c{number}" in state.names:
        number += 1
    return f"c{number}"
