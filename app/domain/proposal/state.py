"""What decisions need to know of a proposal, folded from its events."""

from dataclasses import dataclass, field, replace
from typing import Literal

from app.domain.kernel.values import scaled
from app.domain.policy.rules import DIRECTING
from app.domain.proposal import events as facts
from app.domain.proposal.negotiation import POLICY, Concession, Offer
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class ProposalState:
    """What decisions need of a proposal.

    offer, concessions: of the live version, by name. names: of the concessions of all versions. author, author_role: whose the
    live version is. one_off: what it sells once; costed: whether it says what it costs. annual: what the accepted version pays
    a year, in 10^-6. outcome: accepted, declined or expired.
    """

    account: str | None = None
    contract: str | None = None
    currency: str = ""
    version: int = 0
    one_off: int = 0
    costed: bool = False
    valid_until: str = ""
    author: str = ""
    submitted_at: int | None = None
    offer: Offer = field(default_factory=Offer)
    concessions: dict[str, Concession] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    positions: int = 0
    annual: int = 0
    outcome: Literal["accepted", "declined", "expired"] | None = None
    contracted: bool = False

    @property
    def policy(self) -> str:
        """The policy that its negotiation is bound by."""
        return POLICY

    @property
    def awaiting(self) -> list[str]:
        """The concessions that wait for approval."""
        return sorted(name for name, one in self.concessions.items() if one.state == "awaiting")


def evolve(state: ProposalState, recorded: Recorded) -> ProposalState:
    """The state after one more event."""
    match recorded.event:
        case facts.ProposalVersioned() as told:
            offer = Offer(scaled(told.value), scaled(told.cost or "0"))
            return replace(
                state,
                account=told.account,
                contract=told.contract if told.version == 1 else state.contract,
                currency=told.currency,
                version=told.version,
                one_off=scaled(told.one_off),
                costed=told.cost is not None,
                valid_until=told.valid_until,
                author=recorded.actor,
                submitted_at=None,
                offer=_cleared(offer, told.role),
                concessions={},
            )
        case facts.ProposalSubmitted():
            return replace(state, submitted_at=recorded.effective_at)
        case facts.ClientPositionRecorded():
            return replace(state, positions=state.positions + 1)
        case facts.ConcessionOffered() as told:
            standing = "awaiting" if told.awaiting_approval else "binding"
            one = Concession(scaled(told.value), told.kind == "price", recorded.actor, told.role, standing)
            state = replace(state, names=state.names | {told.concession})
            return _with(state, told.concession, one, told.role)
        case facts.ApprovalGranted(concession=None, role=role):
            return replace(state, offer=_cleared(state.offer, role))
        case facts.ApprovalGranted(concession=str() as name, role=role) if name in state.concessions:
            one = replace(state.concessions[name], state="binding", approved_by=recorded.actor)
            return _with(state, name, one, role)
        case facts.ApprovalRejected(concession=name, role=role) if name in state.concessions:
            return _with(state, name, replace(state.concessions[name], state="rejected"), role)
        case facts.ProposalAccepted(annual_value=annual):
            return replace(state, outcome="accepted", annual=scaled(annual))
        case facts.ProposalDeclined():
            return replace(state, outcome="declined")
        case facts.ProposalExpired():
            return replace(state, outcome="expired")
        case facts.ProposalContracted():
            return replace(state, contracted=True)
        case _:
            return state


def _with(state: ProposalState, name: str, one: Concession, role: str) -> ProposalState:
    """The state with a concession as it stands now; what binds is less for us, and a director lets that be."""
    offer = state.offer
    if one.binds:
        offer = _cleared(replace(offer, conceded=offer.conceded + one.value), role)
    return replace(state, concessions={**state.concessions, name: one}, offer=offer)


def _cleared(offer: Offer, role: str) -> Offer:
    return replace(offer, cleared=offer.left) if role in DIRECTING else offer
