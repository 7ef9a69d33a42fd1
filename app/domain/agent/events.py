"""What can have happened to an agent."""

from pydantic import BaseModel, ConfigDict

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Commercial, Public


class MoneyCeiling(BaseModel):
    """The most that one command may be about."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    amount: Commercial[str]
    currency: Business[str]


class Hours(BaseModel):
    """When an agent may write: from one time until before another, on days of the week, 1 Monday to 7 Sunday, in the tenant's zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    start: Public[str]
    end: Public[str]
    days: Public[tuple[int, ...]]


class _Bounded(Event):
    """may_execute, may_suggest: operations of the contract; the latter none for every one that its person may do."""

    TOPIC = ""
    may_execute: Public[tuple[str, ...]] = ()
    may_suggest: Public[tuple[str, ...] | None] = None
    commands_per_day: Public[int | None] = None
    money_per_command: Business[MoneyCeiling | None] = None
    hours: Public[Hours | None] = None
    ends_at: Public[str | None] = None


class AgentRegistered(_Bounded):
    """An agent of a person.

    user: for whom it acts. may_execute, may_suggest: operations of the contract; the latter none for every one that its person may do.
    commands_per_day, money_per_command, hours: its ceilings, none where there is none. ends_at: instant or none.
    """

    TOPIC = "agent.registered"
    name: Business[str]
    user: Public[str]
    purpose: Business[str]
    external_ref: Business[str | None] = None


class AgentBounded(_Bounded):
    """It may do what it says here from now on, and no more. Members as when it was registered."""

    TOPIC = "agent.bounded"


class AgentSuspended(Event):
    """It may do nothing for a while."""

    TOPIC = "agent.suspended"


class AgentResumed(Event):
    """It goes on."""

    TOPIC = "agent.resumed"


class AgentEnded(Event):
    """It never does anything again."""

    TOPIC = "agent.ended"


EVENTS = (AgentRegistered, AgentBounded, AgentSuspended, AgentResumed, AgentEnded)
