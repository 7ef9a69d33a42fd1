"""What decisions, and the check of a key, need to know of a user, folded from their events."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.domain.recorded import Recorded
from app.domain.user import events


@dataclass(frozen=True)
class Grant:
    """A role that was given. start: the first day; end: the first day without it, none where it stays."""

    role: str
    reach: str
    department: str | None
    start: str
    end: str | None
    revoked: bool = False

    def in_force_on(self, day: str) -> bool:
        """Whether it counts on a day."""
        return self.start <= day and self.lasts_beyond(day)

    def lasts_beyond(self, day: str) -> bool:
        """Whether it counts on a day or on a later one."""
        return not self.revoked and (self.end is None or day < self.end)

    def meets(self, start: str, end: str | None) -> bool:
        """Whether it counts on some day of [start, end)."""
        return self.lasts_beyond(start) and (end is None or self.start < end)


@dataclass(frozen=True)
class UserState:
    """What is needed of a user. grants: by number, from 1. lines: (first day, manager), in the order of the days.

    external_ref, joined: names besides the id; joined are those of users merged into this one. unclaimed: whether only a name is known.
    merged_into: who it is, where that is another user.
    """

    exists: bool = False
    suspended: bool = False
    external_ref: str | None = None
    joined: tuple[str, ...] = ()
    unclaimed: bool = False
    merged_into: str | None = None
    grants: tuple[Grant, ...] = ()
    lines: tuple[tuple[str, str | None], ...] = ()
    account: str | None = None

    def roles_on(self, day: str) -> tuple[str, ...]:
        """The roles that count on a day, each once; none of a user who is suspended."""
        return () if self.suspended else tuple(sorted({each.role for each in self.grants if each.in_force_on(day)}))

    def roles_from(self, day: str) -> tuple[str, ...]:
        """The roles that count on a day or on a later one, whether or not the user is suspended."""
        return tuple(sorted({grant.role for grant in self.grants if grant.lasts_beyond(day)}))

    def manager_on(self, day: str) -> str | None:
        """To whom they report on a day."""
        return next((manager for start, manager in reversed(self.lines) if start <= day), None)

    def without(self, number: int) -> "UserState":
        """The same after a grant was revoked. Takes: its number."""
        grants = (replace(each, revoked=True) if at == number else each for at, each in enumerate(self.grants, start=1))
        return replace(self, grants=tuple(grants))

    def line_days(self) -> Iterator[str]:
        """The days on which their reporting line changes."""
        return (start for start, _ in self.lines)


def evolve(state: UserState, recorded: Recorded) -> UserState:
    """The state after one more event."""
    data = recorded.data  # plain: names are sealed, and nothing here needs them
    match recorded.type:
        case events.UserInvited.TOPIC:
            return replace(state, exists=True, unclaimed=False, external_ref=data.get("external_ref"))
        case events.UserNoted.TOPIC:
            return UserState(exists=True, unclaimed=True, external_ref=data["external_ref"])
        case events.UserMerged.TOPIC:
            return replace(state, merged_into=data["into"])
        case events.UserNamesJoined.TOPIC:
            return replace(state, joined=(*state.joined, *data["names"]))
        case events.UserSuspended.TOPIC:
            return replace(state, suspended=True)
        case events.UserReinstated.TOPIC:
            return replace(state, suspended=False)
        case events.RoleGranted.TOPIC:
            return replace(
                state,
                grants=(
                    *state.grants,
                    Grant(
                        role=data["role"],
                        reach=data["reach"],
                        department=data.get("department"),
                        start=data["start"],
                        end=data.get("end"),
                    ),
                ),
            )
        case events.RoleRevoked.TOPIC:
            return state.without(data["grant"])
        case events.ReportingLineSet.TOPIC:
            lines = {**dict(state.lines), data["start"]: data.get("manager")}
            return replace(state, lines=tuple(sorted(lines.items())))
        case _:
            return state
