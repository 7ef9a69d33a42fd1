"""What can have happened to a policy: rules of one kind under one name, in numbered versions."""

from app.domain.kernel.event import Event, WithNewMembers
from app.domain.kernel.values import Business, Public
from app.domain.policy.rules import AnyRules, Kind


class PolicyDrafted(WithNewMembers):
    """A version was drafted; the first begins the policy. number: 1..n. rules: whole, with what was left to the defaults of then."""

    TOPIC = "policy.drafted"
    kind: Public[Kind]
    name: Business[str]
    number: Public[int]
    rules: Public[AnyRules]
    external_ref: Business[str | None] = None


class PolicyActivated(Event):
    """A version is in force from the day `start` until before the day `end`; without one, until it is retired."""

    TOPIC = "policy.activated"
    number: Public[int]
    start: Public[str]
    end: Public[str | None] = None


class PolicyRetired(Event):
    """A version is in force until before the day `end`, which is earlier than before."""

    TOPIC = "policy.retired"
    number: Public[int]
    end: Public[str]


EVENTS = (PolicyDrafted, PolicyActivated, PolicyRetired)
