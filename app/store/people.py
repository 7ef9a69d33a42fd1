"""People: whose a name is, and by which names somebody is known, as the log says it now.

A name is a user's id, their external reference, or a name of a user who was merged into them: see `app.domain.user.names`.
"""

from collections.abc import Iterable
from typing import NamedTuple

from app.domain.kernel.values import REF, as_compared
from app.domain.user.aggregate import USER
from app.domain.user.names import canonical_name, id_or_ref, names_of
from app.domain.user.state import UserState
from app.store.log import Log


class Person(NamedTuple):
    """Who somebody is. user: the id. name: the canonical one, by which accounts hold them. names: all, that one first."""

    user: str
    name: str
    names: tuple[str, ...]
    state: UserState


class People:
    """Finds people by their names. Takes: the log. A user who was merged is the one that they became."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def find(self, tenant_id: str, name: str) -> Person | None:
        """Who goes by a name: a user's id, `ref:` and a reference, or a bare reference; None for nobody."""
        return self.named(tenant_id, [name]).get(name)

    def named(self, tenant_id: str, names: Iterable[str]) -> dict[str, Person]:
        """Who goes by some names, by name; without those that nobody goes by. One look-up, and one more where users were merged."""
        wanted = {name: id_or_ref(name) for name in names}
        refs = {("user", as_compared(one[len(REF) :])) for one in wanted.values() if one.startswith(REF)}
        stored = self._log.look_up(tenant_id, refs, {one for one in wanted.values() if not one.startswith(REF)})
        states = {user: USER.fold(events) for user, events in stored.streams.items()}
        while missing := {into for state in states.values() if (into := state.merged_into) and into not in states}:
            became = self._log.look_up(tenant_id, (), missing)
            states |= {user: USER.fold(events) for user, events in became.streams.items()}
        found = {}
        for name, one in wanted.items():
            user = stored.refs.get(("user", as_compared(one[len(REF) :]))) if one.startswith(REF) else one
            while user is not None and (state := states.get(user)) is not None and state.merged_into is not None:
                user = state.merged_into
            if user is not None and user in states:
                found[name] = person(user, states[user])
        return found


def person(user_id: str, state: UserState) -> Person:
    """Who a user is. Takes: their state, which was not merged into another."""
    return Person(user_id, canonical_name(user_id, state), names_of(user_id, state), state)
