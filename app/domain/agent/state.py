"""What decisions, the check of a key, and each write of an agent need to know of it, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.agent import events
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class Bounds:
    """What an agent may do. may_suggest: None for whatever its person may do; ends_at: instant."""

    may_execute: frozenset[str] = frozenset()
    may_suggest: frozenset[str] | None = None
    commands_per_day: int | None = None
    money_per_command: events.MoneyCeiling | None = None
    hours: events.Hours | None = None
    ends_at: str | None = None


@dataclass(frozen=True)
class AgentState:
    """What is needed of an agent. user: for whom it acts."""

    exists: bool = False
    user: str = ""
    suspended: bool = False
    ended: bool = False
    bounds: Bounds = Bounds()
    account: str | None = None


def evolve(state: AgentState, recorded: Recorded) -> AgentState:
    """The state after one more event."""
    match recorded.event:
        case events.AgentRegistered() as registered:
            return AgentState(exists=True, user=registered.user, bounds=_bounds(registered))
        case events.AgentBounded() as bounded:
            return replace(state, bounds=_bounds(bounded))
        case events.AgentSuspended():
            return replace(state, suspended=True)
        case events.AgentResumed():
            return replace(state, suspended=False)
        case events.AgentEnded():
            return replace(state, ended=True)
        case _:
            return state


def _bounds(event: events.AgentRegistered | events.AgentBounded) -> Bounds:
    return Bounds(
        may_execute=frozenset(event.may_execute),
        may_suggest=None if event.may_suggest is None else frozenset(event.may_suggest),
        commands_per_day=event.commands_per_day,
        money_per_command=event.money_per_command,
        hours=event.hours,
        ends_at=event.ends_at,
    )
