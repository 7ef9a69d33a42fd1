"""How far each follower of a tenant's log has read, moved by compare-and-set."""

from typing import Any

from sqlalchemy import Connection, Row, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from app.store.tables import positions


def position_of(connection: Connection, tenant_id: str, follower: str) -> int | None:
    """A follower's position, or None before its first step."""
    query = select(positions.c.position).where(positions.c.tenant_id == tenant_id, positions.c.follower == follower)
    return connection.execute(query).scalar_one_or_none()


def followers(connection: Connection, tenant_id: str) -> dict[str, Row[Any]]:
    """Every follower's row."""
    return {
        row.follower: row for row in connection.execute(select(positions).where(positions.c.tenant_id == tenant_id))
    }


def advance(
    connection: Connection, tenant_id: str, follower: str, reached: int | None, position: int, now: int
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


def hold(connection: Connection, tenant_id: str, follower: str, now: int) -> int:
    """A follower's position, locked until the transaction ends: whoever else would move it waits. It begins at 0."""
    connection.execute(
        text(
            "INSERT INTO positions (tenant_id, follower, position, updated_at) VALUES (:tenant_id, :follower, 0, :now) "
            "ON CONFLICT DO NOTHING"
        ),
        {"tenant_id": tenant_id, "follower": follower, "now": now},
    )
    query = select(positions.c.position).where(positions.c.tenant_id == tenant_id, positions.c.follower == follower)
    return int(connection.execute(query.with_for_update()).scalar_one())


def restart(connection: Connection, tenant_id: str, follower: str, now: int) -> None:
    """Sends a follower back to 0."""
    hold(connection, tenant_id, follower, now)
    connection.execute(
        update(positions)
        .where(positions.c.tenant_id == tenant_id, positions.c.follower == follower)
        .values(position=0, updated_at=now, parked_at=None, fault=None)
    )


def park(connection: Connection, tenant_id: str, follower: str, parked_at: int, fault: str, now: int) -> None:
    """Notes the event on which a follower stands still, and why."""
    connection.execute(
        text(
            "INSERT INTO positions (tenant_id, follower, position, parked_at, fault, updated_at) "
            "VALUES (:tenant_id, :follower, :position, :parked_at, :fault, :now) "
            "ON CONFLICT (tenant_id, follower) DO UPDATE SET parked_at = :parked_at, fault = :fault, updated_at = :now"
        ),
        {
            "tenant_id": tenant_id,
            "follower": follower,
            "position": parked_at - 1,
            "parked_at": parked_at,
            "fault": fault,
            "now": now,
        },
    )
