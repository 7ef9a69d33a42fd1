"""What can have happened to a proposal: its versions, the negotiation about the live one, and how it ended."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from app.domain.kernel.event import Event, WithRenamedRole
from app.domain.kernel.roles import renamed
from app.domain.kernel.values import Business, Commercial, FreeText, Personal, Public, days_earlier


class Item(BaseModel):
    """A thing that is offered.

    item: its name within the version. kind: recurring, one_off or usage_commit. quantity, unit_price: decimal strings, the
    price for one interval, or for interval_count of them; below 0 for a credit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    item: Business[str]
    product: Business[str]
    kind: Public[str]
    quantity: Business[str]
    unit_price: Commercial[str]
    interval: Public[str | None] = None
    interval_count: Public[int | None] = None


class ProposalVersioned(Event):
    """An offer was put on paper; a version with a higher number supersedes the one before.

    version: 1..n; the first begins the proposal and has its title and what it is about. value: annual, one_off: once, as
    the items sum to; cost: of delivering it for a year; decimal strings. valid_until: the last day on which it can be accepted.
    role: the author's, for it decides what needs approval.
    """

    TOPIC = "proposal.versioned"
    VERSION = 3
    account: Public[str]
    version: Public[int]
    title: Business[str | None] = None
    contract: Public[str | None] = None
    renewal: Public[str | None] = None
    opportunity: Public[str | None] = None
    currency: Public[str]
    items: Business[tuple[Item, ...]]
    value: Commercial[str]
    one_off: Commercial[str]
    cost: Commercial[str | None] = None
    terms: FreeText[str | None] = None
    value_evidence: Commercial[tuple[str, ...]] = ()
    valid_until: Public[str]
    role: Public[str]
    external_ref: Business[str | None] = None

    @staticmethod
    def upcast_v1(data: dict[str, Any]) -> dict[str, Any]:
        """Names the last day, where the first version named the day after it."""
        return {**data, "valid_until": days_earlier(data["valid_until"], 1)}

    @staticmethod
    def upcast_v2(data: dict[str, Any]) -> dict[str, Any]:
        """Names the role as today."""
        return renamed(data)


class ProposalSubmitted(Event):
    """The live version went to the client. value: annual, what is left of it after what binds already was conceded."""

    TOPIC = "proposal.submitted"
    version: Public[int]
    value: Commercial[str]


class ClientPositionRecorded(Event):
    """The client's position. wants: in short, what they ask for; stakeholder: who spoke, when known."""

    TOPIC = "proposal.client_position_recorded"
    version: Public[int]
    position: FreeText[str]
    wants: Commercial[tuple[str, ...]] = ()
    stakeholder: Public[str | None] = None


class ConcessionOffered(WithRenamedRole):
    """A concession was offered.

    concession: its name within the proposal. kind: price, term, scope or service. value: annual. given:
    what we give; in_exchange_for: what we get, or no_exchange_reason: why nothing. role: in which it was offered; limit: how
    far that role went then, none without bound; margin_floor: as it was then. awaiting_approval: it binds nobody yet;
    needs: because of the limit, the margin or both.
    """

    TOPIC = "proposal.concession_offered"
    version: Public[int]
    concession: Business[str]
    kind: Public[str]
    value: Commercial[str]
    currency: Public[str]
    given: Commercial[str]
    in_exchange_for: Commercial[str | None] = None
    no_exchange_reason: Commercial[str | None] = None
    role: Public[str]
    limit: Commercial[str | None] = None
    margin_floor: Commercial[str]
    awaiting_approval: Public[bool]
    needs: Public[tuple[str, ...]] = ()


class ApprovalRequested(Event):
    """Somebody more senior has to approve. concession: which one, or none where the version's own margin is too low."""

    TOPIC = "proposal.approval_requested"
    version: Public[int]
    concession: Business[str | None] = None
    needs: Public[tuple[str, ...]]


class ApprovalGranted(WithRenamedRole):
    """It was approved. role: in which; limit_rule: the rules that gave the right; limit, margin_floor: as they were then."""

    TOPIC = "proposal.approval_granted"
    version: Public[int]
    concession: Business[str | None] = None
    role: Public[str]
    limit_rule: Public[str]
    limit: Commercial[str | None] = None
    margin_floor: Commercial[str]


class ApprovalRejected(WithRenamedRole):
    """A concession will not be made: somebody more senior rejected it, or whoever offered it withdrew it."""

    TOPIC = "proposal.approval_rejected"
    version: Public[int]
    concession: Business[str]
    role: Public[str]
    reason: FreeText[str]


class ProposalAccepted(Event):
    """The client accepted the live version, which is frozen from here on.

    by: who decided at the client; stakeholder: the person's id, when known. value: annual, as listed; conceded: all that
    was conceded, a year; annual_value: what will be paid a year, the value less what was conceded of the price.
    """

    TOPIC = "proposal.accepted"
    version: Public[int]
    by: Personal[str | None] = None
    stakeholder: Public[str | None] = None
    value: Commercial[str]
    conceded: Commercial[str]
    annual_value: Commercial[str]
    currency: Public[str]


class ProposalDeclined(Event):
    """The client declined it. reason: a label or a sentence, not sealed because KPIs count by it."""

    TOPIC = "proposal.declined"
    version: Public[int]
    reason: Business[str]


class ProposalExpired(Event):
    """Nobody accepted it while it was valid."""

    TOPIC = "proposal.expired"
    version: Public[int]


class ProposalContracted(Event):
    """It became a contract. contract_event: the one that made it so. annual_value: what both agree on.

    basis: whole when that is what the contract pays a year, change when it is what the event added.
    """

    TOPIC = "proposal.contracted"
    version: Public[int]
    contract: Public[str]
    contract_event: Public[str]
    annual_value: Commercial[str]
    currency: Public[str]
    basis: Public[str]


EVENTS = (
    ProposalVersioned,
    ProposalSubmitted,
    ClientPositionRecorded,
    ConcessionOffered,
    ApprovalRequested,
    ApprovalGranted,
    ApprovalRejected,
    ProposalAccepted,
    ProposalDeclined,
    ProposalExpired,
    ProposalContracted,
)
