"""The suggestion: prepared by one, decided about by another.

Nobody approves or rejects their own, by whatever key, and no agent approves anything.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, NotAllowed, Refused
from app.domain.kernel.event import Event
from app.domain.kernel.principal import AGENT, Principal
from app.domain.kernel.values import micros
from app.domain.suggestion import commands, events
from app.domain.suggestion.state import SuggestionState

NOW: Final = "a suggestion counts from now on"


def make(_state: SuggestionState, command: commands.RecordSuggestion, context: Context) -> tuple[Event, ...]:
    """A new suggestion. Raises: Invalid for one that has expired already."""
    context.require_now(NOW)
    if micros(command.expires_at) <= context.now:
        raise Invalid("expires_in_past", "a suggestion expires later than it is made")
    return (
        events.SuggestionMade(
            account=context.ids.get("account"),
            operation=command.operation,
            path=command.path,
            body=command.body,
            preview=command.preview,
            rests_on=command.rests_on,
            cites=command.cites,
            may=command.may,
            person=context.principal.on_behalf_of,
            expires_at=command.expires_at,
            reason=command.reason,
        ),
    )


def approve(
    state: SuggestionState,
    principal: Principal,
    now: int,
    *,
    own: bool,
    moved: Mapping[str, int],
    appended: Sequence[str],
    edited: bool,
) -> Event:
    """That it is done with these events. Takes: whether the same person is behind both; the versions by now of the streams that
    have moved since it was made.

    Raises: Refused where it is decided, has expired or is stale; NotAllowed for its author, and for an agent.
    """
    require_open(state, now)
    _require_another(state, principal, own=own)
    if moved:
        raise Refused(
            "suggestion_stale",
            "what it rests on has moved since: look at it again, and suggest it anew",
            moved=[
                {"stream": stream, "version": state.rests_on[stream], "current_version": version}
                for stream, version in moved.items()
            ],
        )
    return events.SuggestionApproved(appended=tuple(appended), edited=edited)


def reject(state: SuggestionState, command: commands.RejectSuggestion, context: Context) -> tuple[Event, ...]:
    """The end of it, with a reason. Raises: Refused once it is decided; NotAllowed for its author, who withdraws it, and for who
    could not approve it.
    """
    context.require_now(NOW)
    require_open(state, context.now)
    _require_another(state, context.principal)
    _require_concerned(state, context.principal)
    return (events.SuggestionRejected(reason=command.reason),)


def withdraw(state: SuggestionState, _command: commands.WithdrawSuggestion, context: Context) -> tuple[Event, ...]:
    """The end of it, by its author. Raises: NotAllowed for everybody else; Refused once it is decided."""
    context.require_now(NOW)
    require_open(state, context.now)
    if context.actor != state.author:
        raise NotAllowed("not_the_author", "only its author withdraws a suggestion; others reject it")
    return (events.SuggestionWithdrawn(),)


def expire(state: SuggestionState, _command: commands.ExpireSuggestion, context: Context) -> tuple[Event, ...]:
    """The end of it, by time. Raises: Refused once it is decided, and before its time."""
    if state.status != "open":
        raise _decided(state)
    if state.expires_at > context.now:
        raise Refused("suggestion_not_due", "it has not expired yet")
    return (events.SuggestionExpired(),)


def require_open(state: SuggestionState, now: int) -> None:
    """Raises: Refused once it is decided, or has expired."""
    if state.status != "open":
        raise _decided(state)
    if state.expires_at <= now:
        raise Refused("suggestion_expired", "it has expired: look at it again, and suggest it anew")


def _require_concerned(state: SuggestionState, principal: Principal) -> None:
    """Raises: NotAllowed for a person who could not approve it, unless it was made on their behalf."""
    if principal.trusted_as is not None or principal.actor == state.person:
        return
    if not {principal.role, *principal.roles} & {*state.may}:
        raise NotAllowed(
            "not_yours_to_do",
            "who could approve it rejects it, or for whom it was made",
            rule=f"suggest:{principal.role}",
            may=list(state.may),
        )


def _decided(state: SuggestionState) -> Refused:
    return Refused("suggestion_decided", f"it is {state.status} already")


def _require_another(state: SuggestionState, principal: Principal, *, own: bool = False) -> None:
    """Raises: NotAllowed for the author, by whatever key, and for any agent: a person answers for what was suggested."""
    if own or principal.actor == state.author:
        raise NotAllowed("own_suggestion", "nobody decides about their own suggestion", may=list(state.may))
    if principal.actor.startswith(AGENT):
        raise NotAllowed("agent_command_not_allowed", "an agent suggests, and a person decides", may=list(state.may))
