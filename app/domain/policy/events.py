"""What can have happened to a policy: rules of one kind under one name, in numbered versions."""

from typing import Any

from app.domain.kernel.event import Event, WithNewMembers
from app.domain.kernel.roles import renamed
from app.domain.kernel.values import Business, Public
from app.domain.policy.rules import AnyRules, Kind


class PolicyDrafted(WithNewMembers):
    """A version was drafted; the first begins the policy. number: 1..n. rules: whole, with what was left to the defaults of then."""

    TOPIC = "policy.drafted"
    VERSION = 3
    kind: Public[Kind]
    name: Business[str]
    number: Public[int]
    rules: Public[AnyRules]
    external_ref: Business[str | None] = None

    @staticmethod
    def upcast_v2(data: dict[str, Any]) -> dict[str, Any]:
        """Names the roles of limits as today. A vice president, whom older rules do not know, is bound as a director is."""
        limits = [renamed(limit) for limit in data["rules"].get("limits", ())]
        if not limits:
            return data
        vice = [{**limit, "role": "vp"} for limit in limits if limit["role"] == "director"]
        return {**data, "rules": {**data["rules"], "limits": [*limits, *vice]}}


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
