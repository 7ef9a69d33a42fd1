"""Pages of the log: many events at once for views and feeds, by plain statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from operator import attrgetter
from typing import Any, Final

import orjson
from sqlalchemy import Connection

from app.domain.recorded import Recorded
from app.store.engine import Database, keyed, keys
from app.store.intact import require_intact
from app.store.rows import fetch

COLUMNS: Final = (
    "position, event_id, stream_id, version, account_id, type, schema_version, effective_at, recorded_at, actor, body"
)
"""The members of `Recorded` after the tenant, in its order: a row becomes an event without a look at any name."""
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's, in which ids are written. Source: the TypeID specification."""


@dataclass(frozen=True)
class Share:
    """One of several equal shares of a tenant's accounts, divided by the last two characters of their ids, which are random.

    An event without an account is placed by the id of its stream. All events of an account are in one share.
    """

    number: int = 0
    of: int = 1

    def condition(self, owner: str, *, postgres: bool) -> tuple[str, tuple[str, ...]]:
        """The SQL condition of the share as ` AND …`, and its binds. Takes: an SQL expression of the id to divide by."""
        end = f'right({owner}, 2) COLLATE "C"' if postgres else f"substr({owner}, -2)"
        lower, upper = self._cut(self.number), self._cut(self.number + 1)
        bounds = [(f" AND {end} >= ?", lower), (f" AND {end} < ?", upper)]
        needed = [(condition, bound) for condition, bound in bounds if bound]
        return "".join(condition for condition, _ in needed), tuple(bound for _, bound in needed)

    def _cut(self, number: int) -> str:
        """Where a share begins. The first and the last are open, so that no id is left out, whatever it looks like."""
        if number in (0, self.of):
            return ""
        first, second = divmod(number * len(_ALPHABET) ** 2 // self.of, len(_ALPHABET))
        return _ALPHABET[first] + _ALPHABET[second]


EVERYTHING: Final = Share()


def read_events(connection: Connection, database: Database, tenant_id: str, event_ids: Sequence[str]) -> list[Recorded]:
    """The events of some ids, by position, without their leaves; an id that no event has is left out."""
    named = ", ".join(f"f.{column}" for column in COLUMNS.split(", "))
    statement = keyed(database, "events", "event_id", named).replace(":keys", "?").replace(":tenant_id", "?")
    rows = fetch(connection, statement, (keys(database, event_ids), tenant_id))
    return sorted(starmap(partial(Recorded, tenant_id), rows), key=attrgetter("position"))


def read_page(
    connection: Connection,
    tenant_id: str,
    position: int,
    limit: int,
    *,
    until: int | None = None,
    types: Sequence[str] = (),
    account_id: str | None = None,
    stream_id: str | None = None,
    share: Share = EVERYTHING,
    of_tenant: bool = False,
    accounts: Sequence[str] | None = None,
    intact: bool = False,
) -> list[Recorded]:
    """The events after a position, at most `limit`, in order.

    Takes: a connection that reads; `of_tenant`, whether only those of no account are meant, as users' and teams' are;
    `accounts`, of which alone events are meant; `intact`, whether each is checked to be the one that was written: only then they have
    their leaves. Raises: Unavailable, log_damaged, for one that is not.
    """
    postgres = connection.dialect.name == "postgresql"
    by_index = account_id is not None or stream_id is not None
    # A bare bound on the position would tempt SQLite to walk the whole log where an index leads to a few rows.
    at = "position + 0" if by_index else "position"
    columns = f"{COLUMNS}, leaf" if intact else COLUMNS
    clauses: list[str] = [f"SELECT {columns} FROM events WHERE tenant_id = ? AND {at} > ?"]
    binds: list[Any] = [tenant_id, position]
    for condition, bound in (
        (f" AND {at} <= ?", until),
        (" AND account_id = ?", account_id),
        (" AND stream_id = ?", stream_id),
    ):
        if bound is not None:
            clauses.append(condition)
            binds.append(bound)
    if of_tenant:
        clauses.append(" AND account_id IS NULL")
    if accounts is not None:
        # With a sign before the column SQLite walks by position and looks each account up, however many there are.
        among = (
            "account_id IN (SELECT unnest(CAST(? AS text[])))"
            if postgres
            else "+account_id IN (SELECT value FROM json_each(?))"
        )
        clauses.append(f" AND {among}")
        binds.append([*accounts] if postgres else orjson.dumps([*accounts]).decode())
    if types:
        clauses.append(f" AND type IN ({', '.join('?' * len(types))})")
        binds += types
    in_share, bounds = share.condition("coalesce(account_id, stream_id)", postgres=postgres)
    clauses.append(f"{in_share} ORDER BY {at} LIMIT ?")
    rows = fetch(connection, "".join(clauses), (*binds, *bounds, limit))
    # Positional, because millions of events are read so: keywords would take a third longer. A test holds the order.
    events = list(starmap(partial(Recorded, tenant_id), rows))
    if intact:
        require_intact(events)
    return events
