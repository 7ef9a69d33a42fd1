"""How far each follower of a tenant's log has read, moved by compare-and-set."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from app.store import rows
from app.store.tables import positions

_KEY: Final = ("tenant_id", "follower")


def position_of(connection: Connection, tenant_id: str, follower: str) -> int | None:
    """A follower's position, or None before its first step."""
    query = select(positions.c.position).where(positions.c.tenant_id == tenant_id, positions.c.follower == follower)
    return connection.execute(query).scalar_one_or_none()


class Follower(NamedTuple):
    """How far a follower has read.

    parked_at: the position of the poison event that it stopped at, if any; fault: its error. grows_to: how far the ledger reached when
    it began again; None where it never did.
    """

    position: int
    parked_at: int | None
    fault: str | None
    grows_to: int | None

    @property
    def grown(self) -> bool:
        """Whether it has read what the ledger held when it began again."""
        return self.grows_to is None or self.position >= self.grows_to


UNNOTICED: Final = 500
"""How many events a follower that grows may lack once it answers: what others that have long grown lack under load, too."""


def has_grown(stored: Mapping[str, Follower], name: str) -> bool:
    """Whether a follower of a tenant answers. Takes: the tenant's followers.

    One without a position, beside others that have read much, was made after them, and its tenant by a process that did not know it.
    """
    follower = stored.get(name)
    if follower is None:
        return max((each.position for each in stored.values()), default=0) <= UNNOTICED
    return follower.grown


def followers(connection: Connection, tenant_id: str) -> dict[str, Follower]:
    """Every follower of a tenant by its name."""
    query = "SELECT follower, position, parked_at, fault, grows_to FROM positions WHERE tenant_id = ?"
    return {name: Follower(*rest) for name, *rest in rows.fetch(connection, query, (tenant_id,))}


def advance(
    connection: Connection, tenant_id: str, follower: str, *, reached: int | None, position: int, now: int
) -> bool:
    """Moves a follower from where it was read to a new position.

    Gives: False when another worker moved it meanwhile; then the whole transaction must be rolled back.
    """
    if reached is None:
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(positions).values(tenant_id=tenant_id, follower=follower, position=position, updated_at=now)
                )
        except IntegrityError:
            return False
        return True
    moved = connection.execute(
        update(positions)
        .where(positions.c.tenant_id == tenant_id, positions.c.follower == follower, positions.c.position == reached)
        .values(position=position, updated_at=now, parked_at=None, fault=None)
    )
    return moved.rowcount == 1


def lock_followers(
    connection: Connection, tenant_id: str, names: Sequence[str], now: int, *, wait: bool = True
) -> dict[str, int]:
    """Positions of several followers, each locked until the transaction ends. A follower without a position begins at 0.

    Takes: `wait`; otherwise those that another transaction has locked are missing from what it gives.
    """
    locked = _locked(connection, tenant_id, names, wait=wait)
    missing = [name for name in names if name not in locked]
    if missing and not wait:
        stored = followers(connection, tenant_id)
        missing = [name for name in missing if name not in stored]
    if missing:
        begin = text(
            "INSERT INTO positions (tenant_id, follower, position, updated_at) VALUES (:tenant_id, :follower, 0, :now) "
            "ON CONFLICT DO NOTHING"
        )
        connection.execute(begin, [{"tenant_id": tenant_id, "follower": name, "now": now} for name in missing])
        locked = _locked(connection, tenant_id, names, wait=wait)
    return locked


def _locked(connection: Connection, tenant_id: str, names: Sequence[str], *, wait: bool) -> dict[str, int]:
    """The followers' rows, locked in one order by everybody, so that the second one waits before it has written anything."""
    if connection.dialect.name != "postgresql":  # a transaction that writes has locked the whole file
        query = "SELECT follower, position FROM positions WHERE tenant_id = ?"
        return {name: position for name, position in rows.fetch(connection, query, (tenant_id,)) if name in names}
    lock = "FOR UPDATE" if wait else "FOR UPDATE SKIP LOCKED"
    probe = f"SELECT follower, position FROM positions WHERE tenant_id = ? AND follower = k.key {lock}"
    query = f"SELECT f.* FROM unnest(CAST(? AS text[])) AS k(key) CROSS JOIN LATERAL ({probe}) AS f"
    return dict(rows.fetch(connection, query, (sorted(names), tenant_id)))


def advance_locked(
    connection: Connection, tenant_id: str, reached: Mapping[str, tuple[int, int | None, str | None]], now: int
) -> None:
    """Writes the new positions of locked followers. Takes: follower to (position, position of a poison event or None, its error)."""
    updated = [(tenant_id, name, *reached[name], now) for name in sorted(reached)]
    rows.upsert(connection, "positions", (*_KEY, "position", "parked_at", "fault", "updated_at"), _KEY, updated)


def head_of(connection: Connection, tenant_id: str) -> int:
    """The last position of a tenant's ledger, in the snapshot of a transaction."""
    found = rows.fetch(connection, "SELECT head FROM ledgers WHERE tenant_id = ?", (tenant_id,))
    return int(found[0][0]) if found else 0


def grow_to(connection: Connection, tenant_id: str, names: Sequence[str], position: int) -> None:
    """Lets followers answer only from a position on. Takes: followers that have a position."""
    for name in sorted(names):
        rows.run(
            connection,
            "UPDATE positions SET grows_to = ? WHERE tenant_id = ? AND follower = ?",
            (position, tenant_id, name),
        )


def growing(connection: Connection, names: Collection[str]) -> str | None:
    """One of some followers that has not grown yet for some tenant; None where all have, or stand still at an event."""
    query = "SELECT DISTINCT follower FROM positions WHERE position < grows_to AND parked_at IS NULL"
    return next((name for (name,) in rows.fetch(connection, query) if name in names), None)


def begin_again(connection: Connection, names: Sequence[str]) -> None:
    """Lets followers begin at 0 again for every tenant. Takes: a connection of the schema's owner, whom no policy binds."""
    columns = (*_KEY, "position", "parked_at", "fault", "updated_at", "grows_to")
    for tenant_id, head, recorded_at in rows.fetch(connection, "SELECT tenant_id, head, recorded_at FROM ledgers"):
        begun = [(tenant_id, name, 0, None, None, recorded_at, head) for name in sorted(names)]
        rows.upsert(connection, "positions", columns, _KEY, begun)
