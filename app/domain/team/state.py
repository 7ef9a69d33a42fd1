"""What decisions need to know of a team, folded from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from app.domain.recorded import Recorded
from app.domain.team import events


class Spell(NamedTuple):
    """A time for which a user belongs to a team. end: the first day without it, none where it has none."""

    start: str
    end: str | None

    def meets(self, start: str, end: str | None) -> bool:
        """Whether it has a day of [start, end)."""
        return (self.end is None or start < self.end) and (end is None or self.start < end)


@dataclass(frozen=True)
class TeamState:
    """What is needed of a team. members: the spells of each user, by id."""

    exists: bool = False
    dissolved: bool = False
    name: str = ""
    members: Mapping[str, tuple[Spell, ...]] = field(default_factory=dict)
    account: str | None = None


def evolve(state: TeamState, recorded: Recorded) -> TeamState:
    """The state after one more event."""
    match recorded.event:
        case events.TeamFormed(name=name):
            return TeamState(exists=True, name=name)
        case events.TeamRenamed(name=name):
            return replace(state, name=name)
        case events.TeamMemberAdded(user=user, start=start, end=end):
            spells = (*state.members.get(user, ()), Spell(start, end))
            return replace(state, members={**state.members, user: spells})
        case events.TeamMemberRemoved(user=user, end=end):
            return replace(state, members={**state.members, user: until(state.members.get(user, ()), end)})
        case events.TeamDissolved(end=end):
            members = {user: until(spells, end) for user, spells in state.members.items()}
            return replace(state, dissolved=True, members=members)
        case _:
            return state


def until(spells: tuple[Spell, ...], end: str) -> tuple[Spell, ...]:
    """Spells without what lies on a day or behind it."""
    return tuple(
        Spell(each.start, end if each.end is None else min(each.end, end)) for each in spells if each.start < end
    )
