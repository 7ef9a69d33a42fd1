"""The team: who works together, from when until when."""

from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, Refused
from app.domain.kernel.event import Event
from app.domain.team import commands, events
from app.domain.team.state import TeamState
from app.domain.user.decisions import require_active


def form(_state: TeamState, command: commands.FormTeam, context: Context) -> tuple[Event, ...]:
    """A new team. Raises: Refused under one that is dissolved."""
    parent: TeamState | None = context.states.get("parent")
    if parent is not None:
        require_formed(parent)
    return (events.TeamFormed(name=command.name, parent=context.ids.get("parent"), external_ref=command.external_ref),)


def rename(state: TeamState, command: commands.RenameTeam, _context: Context) -> tuple[Event, ...]:
    """Another name. Raises: Refused when it is the one it has."""
    require_formed(state)
    if command.name == state.name:
        raise Refused("nothing_changes", "the team has this name already")
    return (events.TeamRenamed(name=command.name),)


def add(state: TeamState, command: commands.AddTeamMember, context: Context) -> tuple[Event, ...]:
    """A user more. Raises: Refused for one who belongs to it then, or is suspended; Invalid for an end before the start."""
    require_formed(state)
    user, start = context.ids["user"], command.start or context.day
    require_active(context.states["user"])
    if command.end is not None and command.end <= start:
        raise Invalid("end_before_start", "the first day without the user lies after their first day")
    if any(spell.meets(start, command.end) for spell in state.members.get(user, ())):
        raise Refused("team_member", "the user belongs to the team then already")
    return (events.TeamMemberAdded(user=user, start=start, end=command.end),)


def remove(state: TeamState, command: commands.RemoveTeamMember, context: Context) -> tuple[Event, ...]:
    """A user less. Raises: Refused for one who does not belong to it then."""
    require_formed(state)
    user, end = context.ids["user"], command.end or context.day
    if not any(spell.meets(end, None) for spell in state.members.get(user, ())):
        raise Refused("not_a_team_member", "the user does not belong to the team then")
    return (events.TeamMemberRemoved(user=user, end=end),)


def dissolve(state: TeamState, _command: commands.DissolveTeam, context: Context) -> tuple[Event, ...]:
    """The end of the team."""
    require_formed(state)
    return (events.TeamDissolved(end=context.day),)


def require_formed(state: TeamState) -> None:
    """Raises: Refused for a team that is dissolved."""
    if state.dissolved:
        raise Refused("team_dissolved", "there is no such team any more")
