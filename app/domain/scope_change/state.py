"""What decisions need to know of a scope change, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.kernel.values import scaled
from app.domain.policy.rules import POLICY_REFERENCE
from app.domain.recorded import Recorded
from app.domain.scope_change import events


@dataclass(frozen=True)
class ScopeChangeState:
    """What decisions need of it. open_teams, mandatory: asked and neither answered nor waived; closed: withdrawn or declined.

    amount: what it costs or is priced at, the higher of the two, in 10^-6; delay: in days, as it was assessed.
    """

    account: str | None = None
    contract: str | None = None
    teams: frozenset[str] = frozenset()
    open_teams: frozenset[str] = frozenset()
    mandatory: frozenset[str] = frozenset()
    assessed_by: str | None = None
    currency: str | None = None
    amount: int = 0
    delay: int = 0
    approval_needed: bool = False
    approved: bool = False
    response: str | None = None
    options: frozenset[str] = frozenset()
    accepted: bool = False
    amended: bool = False
    absorbed: bool = False
    delivered: bool = False
    closed: str | None = None

    @property
    def policy(self) -> str:
        """The reference of the rules that say how much a role may promise without approval."""
        return POLICY_REFERENCE


def evolve(state: ScopeChangeState, recorded: Recorded) -> ScopeChangeState:
    """The state after one more event."""
    match recorded.event:
        case events.ScopeChangeRaised() as raised:
            return ScopeChangeState(account=raised.account, contract=raised.contract)
        case events.ConsultRequested(team=team, mandatory=mandatory):
            return replace(
                state,
                teams=state.teams | {team},
                open_teams=state.open_teams | {team},
                mandatory=state.mandatory | ({team} if mandatory else set()),
            )
        case events.ConsultAnswered(team=team) | events.ConsultWaived(team=team):
            return replace(state, open_teams=state.open_teams - {team}, mandatory=state.mandatory - {team})
        case events.ImpactAssessed(approval_needed=needed, currency=currency) as assessed:
            return replace(
                state,
                assessed_by=recorded.actor,
                currency=currency,
                amount=max(scaled(assessed.cost or "0"), scaled(assessed.price or "0")),
                delay=assessed.timeline_shift_days,
                approval_needed=needed,
                approved=False,
                response=None,
                options=frozenset(),
            )
        case events.InternalApprovalGranted():
            return replace(state, approved=True)
        case events.ResponseSent() as sent:
            final = sent.kind == "decline" and sent.alternative is None
            offered = frozenset(option.option for option in sent.options)
            return replace(state, response=sent.kind, options=offered, closed="declined" if final else None)
        case events.ClientDecided(accepted=accepted):
            return replace(state, accepted=accepted, closed=None if accepted else "declined")
        case events.WorkAbsorbed():
            return replace(state, absorbed=True)
        case events.ScopeChangeAmended(contract=contract):
            return replace(state, amended=True, contract=contract)
        case events.ScopeChangeWithdrawn():
            return replace(state, closed="withdrawn")
        case events.ScopeChangeDelivered():
            return replace(state, delivered=True)
        case _:
            return state
