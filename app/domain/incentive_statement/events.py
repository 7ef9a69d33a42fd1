"""What can have happened to an incentive statement: what somebody is paid for events of a period, line by line."""

from pydantic import BaseModel, ConfigDict

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Commercial, FreeText, Public


class Line(BaseModel):
    """What is paid for one event.

    event: what was won; rule: renewal, expansion or new_business; at: when it was true. value: annual, of which percent,
    times factor, is the amount; decimal strings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    event: Public[str]
    rule: Public[str]
    account: Public[str]
    contract: Public[str]
    at: Public[str]
    value: Commercial[str]
    percent: Commercial[str]
    factor: Commercial[str]
    amount: Commercial[str]


class Retention(BaseModel):
    """The gross revenue retention of the payee's book over the period, as the KPI was at the statement's position.

    value: none where nothing could be retained; `nothing` is the reason. policy_version: by which it was computed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    value: Commercial[str | None] = None
    numerator: Commercial[str]
    denominator: Commercial[str]
    nothing: Public[str | None] = None
    policy_version: Public[str]


class Returned(BaseModel):
    """What is taken back of a line."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    event: Public[str]
    rule: Public[str]
    amount: Commercial[str]


class IncentiveStatementIssued(Event):
    """Somebody is paid for what happened in [start, end), as it was known at a position.

    plan: the policy; plan_version: which of its versions counted. retention: what the factors follow from, where the plan
    has tiers. clawback_months: of the plan.
    """

    TOPIC = "incentive_statement.issued"
    payee: Business[str]
    plan: Public[str]
    plan_version: Public[str]
    start: Public[str]
    end: Public[str]
    currency: Public[str]
    position: Public[int]
    clawback_months: Public[int] = 0
    retention: Business[Retention | None] = None
    lines: Business[tuple[Line, ...]]
    total: Commercial[str]
    external_ref: Business[str | None] = None


class IncentiveClawbackApplied(Event):
    """What had been paid for a win is taken back, because it was lost. loss: the event; lost_on: the first day without it."""

    TOPIC = "incentive_statement.clawback_applied"
    loss: Public[str]
    lost_on: Public[str]
    lines: Business[tuple[Returned, ...]]
    total: Commercial[str]


class IncentiveLineDisputed(Event):
    """Somebody disputes a line."""

    TOPIC = "incentive_statement.disputed"
    event: Public[str]
    rule: Public[str]
    reason: FreeText[str]


class IncentiveDisputeResolved(Event):
    """What became of a dispute. outcome: kept or changed. amount: of the line from now on; previous: before."""

    TOPIC = "incentive_statement.dispute_resolved"
    event: Public[str]
    rule: Public[str]
    outcome: Public[str]
    amount: Commercial[str]
    previous: Commercial[str]
    reason: FreeText[str]


EVENTS = (IncentiveStatementIssued, IncentiveClawbackApplied, IncentiveLineDisputed, IncentiveDisputeResolved)
