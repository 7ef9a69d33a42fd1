"""What decisions need to know of a proposal, folded from its events."""

from dataclasses import dataclass, field, replace
from typing import Literal

from app.domain.kernel.values import scaled
from app.domain.policy.rules import DIRECTING, POLICY_REFERENCE
from app.domain.proposal import events
from app.domain.proposal.negotiation import Concession, Offer
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class ProposalState:
    """What decisions need of a proposal.

    offer, concessions: of the live version, by name. names: of the concessions of all versions. author: of the live version. one_off: what
    it sells once; costed: whether it names a cost. annual: what the accepted version pays a year, in 10^-6. outcome: accepted,
    declined or expired.
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
        """The reference of the rules that bind its negotiation."""
        return POLICY_REFERENCE

    @property
    def awaiting(self) -> list[str]:
        """The concessions that wait for approval."""
        return sorted(name for name, concession in self.concessions.items() if concession.state == "awaiting")


def evolve(state: ProposalState, recorded: Recorded) -> ProposalState:
    """The state after one more event."""
    match recorded.event:
        case events.ProposalVersioned() as version:
            offer = Offer(value=scaled(version.value), cost=scaled(version.cost or "0"))
            return replace(
                state,
                account=version.account,
                contract=version.contract if version.version == 1 else state.contract,
                currency=version.currency,
                version=version.version,
                one_off=scaled(version.one_off),
                costed=version.cost is not None,
                valid_until=version.valid_until,
                author=recorded.actor,
                submitted_at=None,
                offer=with_approved_margin(offer, version.role),
                concessions={},
            )
        case events.ProposalSubmitted():
            return replace(state, submitted_at=recorded.effective_at)
        case events.ClientPositionRecorded():
            return replace(state, positions=state.positions + 1)
        case events.ConcessionOffered() as offered:
            concession = Concession(
                value=scaled(offered.value),
                price=offered.kind == "price",
                by=recorded.actor,
                role=offered.role,
                state="awaiting" if offered.awaiting_approval else "binding",
            )
            state = replace(state, names=state.names | {offered.concession})
            return _with_concession(state, offered.concession, concession, offered.role)
        case events.ApprovalGranted(concession=None, role=role):
            return replace(state, offer=with_approved_margin(state.offer, role))
        case events.ApprovalGranted(concession=str() as name, role=role) if name in state.concessions:
            approved = replace(state.concessions[name], state="binding", approved_by=recorded.actor)
            return _with_concession(state, name, approved, role)
        case events.ApprovalRejected(concession=name, role=role) if name in state.concessions:
            return _with_concession(state, name, replace(state.concessions[name], state="rejected"), role)
        case events.ProposalAccepted(annual_value=annual):
            return replace(state, outcome="accepted", annual=scaled(annual))
        case events.ProposalDeclined():
            return replace(state, outcome="declined")
        case events.ProposalExpired():
            return replace(state, outcome="expired")
        case events.ProposalContracted():
            return replace(state, contracted=True)
        case _:
            return state


def _with_concession(state: ProposalState, name: str, concession: Concession, role: str) -> ProposalState:
    """The state with a concession as it is now. One that binds lowers the margin; in a director's role that is approved too."""
    offer = state.offer
    if concession.binds:
        offer = with_approved_margin(replace(offer, conceded=offer.conceded + concession.value), role)
    return replace(state, concessions={**state.concessions, name: concession}, offer=offer)


def with_approved_margin(offer: Offer, role: str) -> Offer:
    """The offer with its margin approved as it is, where the role may go below the floor."""
    return replace(offer, approved_margin=offer.margin) if role in DIRECTING else offer
