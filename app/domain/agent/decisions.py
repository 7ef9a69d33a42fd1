"""The agent: software that acts for a person. Nobody makes one for somebody above them, as nobody issues such a key."""

from typing import Any, Final

from app.domain.agent import commands, events
from app.domain.agent.state import AgentState
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.roles import ADMIN, require_level
from app.domain.kernel.values import micros
from app.domain.user.decisions import require_active

SCOPE: Final = "agents:write"
NOW: Final = "what an agent may do changes at once; ends_at ends it later"
NEVER: Final = ("suggestions.", "agents.", "api_keys.", "events.", "inbound.")
"""Operations that no agent does, by the beginnings of their names: it decides about no suggestion, and gives itself nothing."""


def register(_state: AgentState, command: commands.RegisterAgent, context: Context) -> tuple[Event, ...]:
    """A new agent. Raises: Invalid, NotAllowed; Refused for a user who is suspended.

    Its rights grow with its person's, so it takes who stands as high as a role can to make one.
    """
    context.require_now(NOW)
    require_level(context.role, ADMIN, SCOPE)
    require_active(context.states["user"])
    return (
        events.AgentRegistered(
            name=command.name,
            user=context.ids["user"],
            purpose=command.purpose,
            external_ref=command.external_ref,
            **_bounds(command, context),
        ),
    )


def bound(state: AgentState, command: commands.BoundAgent, context: Context) -> tuple[Event, ...]:
    """Other bounds. Raises: Invalid, NotAllowed; Refused once it has ended."""
    context.require_now(NOW)
    require_level(context.role, ADMIN, SCOPE)
    require_not_ended(state)
    return (events.AgentBounded(**_bounds(command, context)),)


def suspend(state: AgentState, _command: commands.SuspendAgent, context: Context) -> tuple[Event, ...]:
    """Nothing for a while. Raises: Refused where it may do nothing already."""
    context.require_now(NOW)
    require_not_ended(state)
    if state.suspended:
        raise Refused("agent_suspended", "the agent is suspended already")
    return (events.AgentSuspended(),)


def resume(state: AgentState, _command: commands.ResumeAgent, context: Context) -> tuple[Event, ...]:
    """It goes on. Raises: NotAllowed; Refused where nothing holds it."""
    context.require_now(NOW)
    require_level(context.role, ADMIN, SCOPE)
    require_not_ended(state)
    if not state.suspended:
        raise Refused("agent_not_suspended", "the agent is not suspended")
    return (events.AgentResumed(),)


def end(state: AgentState, _command: commands.EndAgent, context: Context) -> tuple[Event, ...]:
    """It never does anything again. Raises: Refused where it has ended."""
    context.require_now(NOW)
    require_not_ended(state)
    return (events.AgentEnded(),)


def require_not_ended(state: AgentState) -> None:
    """Raises: Refused once it has ended."""
    if state.ended:
        raise Refused("agent_ended", "the agent has ended for good")


def _bounds(command: commands.BoundAgent, context: Context) -> dict[str, Any]:
    """The bounds as events say them. Raises: Invalid for an operation that no agent does, and for an end in the past."""
    for operation in command.may_execute:
        if operation.startswith(NEVER):
            raise Invalid("agent_never_may", f"no agent does {operation} itself")
    if command.ends_at is not None and micros(command.ends_at) <= context.now:
        raise Invalid("ends_in_past", "an agent ends later than it is told to")
    ceilings = command.ceilings
    money, hours = ceilings.money_per_command, ceilings.hours
    return {
        "may_execute": command.may_execute,
        "may_suggest": command.may_suggest,
        "commands_per_day": ceilings.commands_per_day,
        "money_per_command": money and events.MoneyCeiling(amount=money.amount, currency=money.currency),
        "hours": hours and events.Hours(start=hours.from_, end=hours.to, days=tuple(sorted(set(hours.days)))),
        "ends_at": command.ends_at,
    }
