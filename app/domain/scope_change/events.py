"""What can have happened to a scope change, a request that goes beyond what was agreed."""

from pydantic import BaseModel, ConfigDict

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Commercial, FreeText, Personal, Public


class Option(BaseModel):
    """A way to respond to the request. option: its name; price: one-off, decimal string; shift_days: later than planned."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    option: Business[str]
    description: FreeText[str | None] = None
    price: Commercial[str | None] = None
    shift_days: Business[int | None] = None


class ScopeChangeRaised(Event):
    """The client asked for something else or more. interaction: the contact in which the client asked."""

    TOPIC = "scope_change.raised"
    account: Public[str]
    contract: Public[str | None] = None
    interaction: Public[str | None] = None
    title: Business[str]
    request: FreeText[str]
    needed_by: Public[str | None] = None
    external_ref: Business[str | None] = None


class ConsultRequested(Event):
    """A team of the agency was asked. mandatory: no acceptance goes out before its answer or a waiver."""

    TOPIC = "scope_change.consult_requested"
    team: Public[str]
    question: FreeText[str | None] = None
    due: Public[str | None] = None
    mandatory: Public[bool] = True


class ConsultAnswered(Event):
    """A team answered. effort_hours: decimal string; earliest: first possible day."""

    TOPIC = "scope_change.consult_answered"
    team: Public[str]
    feasible: Public[bool]
    effort_hours: Business[str | None] = None
    earliest: Public[str | None] = None
    capacity_note: FreeText[str | None] = None
    risk: FreeText[str | None] = None


class ConsultWaived(Event):
    """A team's answer was waived. reason: a label or a sentence, not sealed because a rule depends on it."""

    TOPIC = "scope_change.consult_waived"
    team: Public[str]
    reason: Business[str]


class ImpactAssessed(Event):
    """What it takes.

    effort_hours, cost, price, margin_effect: decimal strings, amounts in the currency. timeline_shift_days: later than
    planned. scope_delta: what is added or taken out. approval_needed: whether it went over the threshold of that time.
    """

    TOPIC = "scope_change.assessed"
    effort_hours: Business[str]
    currency: Public[str | None] = None
    cost: Commercial[str | None] = None
    price: Commercial[str | None] = None
    timeline_shift_days: Business[int] = 0
    margin_effect: Commercial[str | None] = None
    risk: FreeText[str | None] = None
    scope_delta: Business[tuple[str, ...]] = ()
    approval_needed: Public[bool] = False


class InternalApprovalGranted(Event):
    """Somebody with the right to approved what goes over the threshold. rule: which one."""

    TOPIC = "scope_change.approved"
    rule: Public[str]


class ResponseSent(Event):
    """The client was answered. kind: accept, accept_with_change, decline_with_alternative, decline or absorb."""

    TOPIC = "scope_change.responded"
    kind: Public[str]
    options: Business[tuple[Option, ...]] = ()
    alternative: FreeText[str | None] = None
    no_alternative_reason: Business[str | None] = None
    message: FreeText[str | None] = None
    interaction: Public[str | None] = None


class ClientDecided(Event):
    """The client chose.

    accepted: takes what was offered; option: which one. by: who decided at the client; stakeholder: the person's id, when
    known. decided_at: when.
    """

    TOPIC = "scope_change.decided"
    accepted: Public[bool]
    option: Business[str | None] = None
    by: Personal[str | None] = None
    stakeholder: Public[str | None] = None
    decided_at: Public[str]


class WorkAbsorbed(Event):
    """The agency does it unpaid. hours: decimal string; approved_by: who allowed it."""

    TOPIC = "scope_change.absorbed"
    hours: Business[str]
    cost: Commercial[str | None] = None
    currency: Public[str | None] = None
    cause: Business[str]
    approved_by: Business[str]


class ScopeChangeAmended(Event):
    """It became part of a contract.

    contract_event: the amendment, appended together with this. mrr_delta: more a month, one_off: once; decimal strings,
    which follow from the contract's lines before and after.
    """

    TOPIC = "scope_change.amended"
    contract: Public[str]
    contract_event: Public[str]
    amendment_no: Public[int]
    mrr_delta: Commercial[str]
    one_off: Commercial[str]
    currency: Public[str]


class ScopeChangeWithdrawn(Event):
    """The request was withdrawn."""

    TOPIC = "scope_change.withdrawn"


class ScopeChangeDelivered(Event):
    """The work is done. hours: what it really took, decimal string."""

    TOPIC = "scope_change.delivered"
    hours: Business[str | None] = None


EVENTS = (
    ScopeChangeRaised,
    ConsultRequested,
    ConsultAnswered,
    ConsultWaived,
    ImpactAssessed,
    InternalApprovalGranted,
    ResponseSent,
    ClientDecided,
    WorkAbsorbed,
    ScopeChangeAmended,
    ScopeChangeWithdrawn,
    ScopeChangeDelivered,
)
