"""What can have happened to an opportunity: more business with a client that is there already."""

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Commercial, FreeText, Public


class OpportunityIdentified(Event):
    """Somebody saw that a client could need more.

    kind: upsell or cross_sell. source: what it came from, review, usage, scope_change, recommendation, renewal or request.
    """

    TOPIC = "opportunity.identified"
    account: Public[str]
    title: Business[str]
    kind: Public[str]
    source: Public[str]
    product: Business[str | None] = None
    interaction: Public[str | None] = None
    scope_change: Public[str | None] = None
    contract: Public[str | None] = None
    renewal: Public[str | None] = None
    external_ref: Business[str | None] = None


class OpportunityQualified(Event):
    """It is known to be real. budget_known, decider_known: whether they are known. needed_by: a day."""

    TOPIC = "opportunity.qualified"
    need: FreeText[str]
    budget_known: Public[bool | None] = None
    decider_known: Public[bool | None] = None
    needed_by: Public[str | None] = None


class OpportunityEstimated(Event):
    """What it may bring. annual_value: a year; probability: from 0 to 1; decimal strings. close_by: the day by which it is expected."""

    TOPIC = "opportunity.estimated"
    annual_value: Commercial[str]
    currency: Public[str]
    probability: Business[str]
    close_by: Public[str]


class OpportunityAdvanced(Event):
    """It is at a stage now: identified, qualified, proposed or negotiation; one that was parked is active again. previous: where it was."""

    TOPIC = "opportunity.advanced"
    stage: Public[str]
    previous: Public[str]


class OpportunityParked(Event):
    """It is parked until a day. reason: why; not sealed, like that of a loss."""

    TOPIC = "opportunity.parked"
    until: Public[str]
    reason: Business[str]


class OpportunityWon(Event):
    """It became business. contract_event: by which event of the contract. value: what that event added a year.

    before, after: what the contract's lines paid a year before it and with it; decimal strings.
    """

    TOPIC = "opportunity.won"
    contract: Public[str]
    contract_event: Public[str]
    value: Commercial[str]
    before: Commercial[str]
    after: Commercial[str]
    currency: Public[str]


class OpportunityLost(Event):
    """It is lost. reason: a label or a sentence, not sealed because KPIs count by it."""

    TOPIC = "opportunity.lost"
    reason: Business[str]
    competitor: Business[str | None] = None


EVENTS = (
    OpportunityIdentified,
    OpportunityQualified,
    OpportunityEstimated,
    OpportunityAdvanced,
    OpportunityParked,
    OpportunityWon,
    OpportunityLost,
)
