"""The log in bulk: pages of light events for whoever folds them, by plain statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import starmap
from typing import Final

from sqlalchemy import Connection

from app.domain.recorded import Recorded
from app.store.rows import fetch

COLUMNS: Final = (
    "position, event_id, stream_id, version, account_id, type, schema_version, effective_at, recorded_at, actor, body"
)
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's, in which ids are written. Source: the TypeID specification."""


@dataclass(frozen=True)
class Share:
    """One of several equal shares of a tenant's accounts, told apart by the last two characters of their ids, which are random.

    Who has no account is told apart by its own id. An event's account is its stream's, so a share holds all of a group.
    """

    number: int = 0
    of: int = 1

    def condition(self, owner: str, *, postgres: bool) -> tuple[str, tuple[str, ...]]:
        """What is true of a share's rows, as ` AND …` and its binds. Takes: an expression, the id whose share it is."""
        end = f'right({owner}, 2) COLLATE "C"' if postgres else f"substr({owner}, -2)"
        lower, upper = self._cut(self.number), self._cut(self.number + 1)
        said = [(f" AND {end} >= ?", lower), (f" AND {end} < ?", upper)]
        kept = [(condition, bound) for condition, bound in said if bound]
        return "".join(condition for condition, _ in kept), tuple(bound for _, bound in kept)

    def _cut(self, number: int) -> str:
        """Where a share begins; nothing at both ends, so that no id is left out, whatever it looks like."""
        if number in (0, self.of):
            return ""
        first, second = divmod(number * len(_ALPHABET) ** 2 // self.of, len(_ALPHABET))
        return _ALPHABET[first] + _ALPHABET[second]


EVERYTHING: Final = Share()


def page(
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
) -> list[Recorded]:
    """The events behind a position, at most `limit`, in order, without their leaves. Takes: a connection that reads."""
    postgres = connection.dialect.name == "postgresql"
    narrow = account_id is not None or stream_id is not None
    # A bare bound on the position would tempt SQLite to walk the whole log where an index leads to a few rows.
    at = "position + 0" if narrow else "position"
    words, binds = [f"SELECT {COLUMNS} FROM events WHERE tenant_id = ? AND {at} > ?"], [tenant_id, position]
    for condition, bound in (
        (f" AND {at} <= ?", until),
        (" AND account_id = ?", account_id),
        (" AND stream_id = ?", stream_id),
    ):
        if bound is not None:
            words.append(condition)
            binds.append(bound)
    if types:
        words.append(f" AND type IN ({', '.join('?' * len(types))})")
        binds += types
    mine, bounds = share.condition("coalesce(account_id, stream_id)", postgres=postgres)
    words.append(f"{mine} ORDER BY {at} LIMIT ?")
    found = fetch(connection, "".join(words), (*binds, *bounds, limit))
    return list(starmap(partial(Recorded, tenant_id), found))
