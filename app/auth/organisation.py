"""The organisation: who the people of an agency are, to whom they report, and in which teams they are, as their events say."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from app.domain.recorded import Recorded
from app.domain.team import events as team_events
from app.domain.team.aggregate import TEAM
from app.domain.team.state import TeamState
from app.domain.user import events as user_events
from app.domain.user.aggregate import USER
from app.domain.user.names import names_of
from app.domain.user.state import UserState
from app.store.log import Log

TOPICS: Final = tuple(sorted(event.TOPIC for event in (*user_events.EVENTS, *team_events.EVENTS)))
"""The events of people; none is of an account, and an index finds those."""
AT_ONCE: Final = frozenset({"role.revoked", "user.suspended", "user.reinstated"})
"""What counts from its own instant on; of everything else the event says the days on which it counts."""
KEPT: Final = 1_000
"""Of how many tenants the organisation is kept."""
_PAGE: Final = 10_000


@dataclass(frozen=True)
class Organisation:
    """People and teams up to a position, by id."""

    position: int = 0
    users: Mapping[str, UserState] = field(default_factory=dict)
    teams: Mapping[str, TeamState] = field(default_factory=dict)

    def after(self, events: Iterable[Recorded]) -> "Organisation":
        """The organisation after some more events."""
        users, teams, position = {**self.users}, {**self.teams}, self.position
        for event in events:
            position, stream = event.position, event.stream_id
            if stream.startswith(TEAM.id_prefix):
                teams[stream] = TEAM.evolve(teams.get(stream, TEAM.initial), event)
            else:
                users[stream] = USER.evolve(users.get(stream, USER.initial), event)
        return Organisation(position, users, teams)

    def names(self, user: str) -> frozenset[str]:
        """What accounts may call a person: the id, the own reference, and those of whoever was merged into them."""
        return frozenset(names_of(user, self.users.get(user, USER.initial)))

    def below(self, user: str, day: str) -> frozenset[str]:
        """Everybody who reports to a person on a day, by way of others too."""
        found: set[str] = set()
        level = {user}
        while level:
            level = {other for other, state in self.users.items() if state.manager_on(day) in level} - found - {user}
            found |= level
        return frozenset(found)

    def mentees(self, user: str, day: str) -> frozenset[str]:
        """Who reports to a person on a day."""
        return frozenset(other for other, state in self.users.items() if state.manager_on(day) == user)

    def team(self, user: str, day: str) -> frozenset[str]:
        """Who is in a team with a person on a day."""

        def on(state: TeamState, one: str) -> bool:
            spells = state.members.get(one, ())
            return any(spell.start <= day and (spell.end is None or day < spell.end) for spell in spells)

        teams = [state for state in self.teams.values() if on(state, user)]
        return frozenset(one for state in teams for one in state.members if on(state, one))

    def of_department(self, department: str, day: str) -> frozenset[str]:
        """Who has a role in a department on a day."""
        return frozenset(
            user
            for user, state in self.users.items()
            if not state.suspended
            and any(grant.department == department and grant.in_force_on(day) for grant in state.grants)
        )


class Organisations:
    """The organisations of tenants, each read once and then followed. Takes: the log."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept: OrderedDict[str, Organisation] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, tenant_id: str) -> Organisation:
        """The organisation of a tenant as the log has it now."""
        with self._lock:
            known = self._kept.get(tenant_id, Organisation())
        newer = self._read(tenant_id, known)
        with self._lock:
            if newer.position >= self._kept.get(tenant_id, newer).position:
                self._kept[tenant_id] = newer
            self._kept.move_to_end(tenant_id)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return newer

    def then(self, tenant_id: str, position: int, at: int) -> Organisation:
        """The organisation at an instant, microseconds, as it was known at a position."""
        return self._read(tenant_id, Organisation(), position, at)

    def _read(
        self, tenant_id: str, known: Organisation, until: int | None = None, at: int | None = None
    ) -> Organisation:
        while events := self._log.after(tenant_id, known.position, _PAGE, until=until, types=TOPICS, of_tenant=True):
            last = events[-1].position
            counting = [
                event for event in events if at is None or event.type not in AT_ONCE or event.effective_at <= at
            ]
            known = replace(known.after(counting), position=last)
            if len(events) < _PAGE:
                break
        return known
