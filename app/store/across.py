"""Across tenants: their heads, and how far their followers have read, of everybody whose part of the database answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Select, Text, any_, bindparam, select

from app.domain.kernel.errors import Unavailable
from app.store import tables
from app.store.engine import Database, note


@dataclass(frozen=True)
class Heads:
    """Tenants with their last positions. away: those whose part of the database does not answer, with why."""

    known: Mapping[str, int]
    away: Mapping[str, Unavailable]


def heads(database: Database) -> Heads:
    """Every tenant's head. Raises: Unavailable where none can be read."""
    ledgers = tables.ledgers.c
    found, away = _read(database, select(ledgers.tenant_id, ledgers.head).order_by(ledgers.tenant_id))
    return Heads({row.tenant_id: row.head for row in found}, away)


def followers_of_all(database: Database) -> dict[tuple[str, str], tuple[int, bool]]:
    """By tenant and follower, its position and whether it is parked; those whose part of the database does not answer are missing."""
    columns = tables.positions.c
    query = select(columns.tenant_id, columns.follower, columns.position, columns.parked_at)
    found, _ = _read(database, query)
    return {(row.tenant_id, row.follower): (row.position, row.parked_at is not None) for row in found}


def _read(database: Database, query: Select[Any]) -> tuple[list[Any], dict[str, Unavailable]]:
    """The rows of a query over all tenants, and whose are missing. Where a node is away, the others are asked one by one.

    Raises: Unavailable where none answers.
    """
    try:
        with database.everywhere() as connection:
            return list(connection.execute(query)), {}
    except Unavailable:
        if database.nodes is None:
            raise
        with database.directory() as connection:
            known = list(connection.scalars(select(tables.tenants.c.tenant_id)))
        by_node = database.nodes.placement.by_node(known)
        if len(by_node) < 2:
            raise
    rows: list[Any] = []
    away: dict[str, Unavailable] = {}
    (table,) = query.get_final_froms()
    for tenants in by_node.values():
        mine = query.where(table.c.tenant_id == any_(bindparam("tenants", tenants, ARRAY(Text))))
        try:
            with database.nodes.turn(tenants[0]) as holder, database.directory() as connection:
                note(holder, connection)
                rows += connection.execute(mine)
        except Unavailable as fault:
            away |= dict.fromkeys(tenants, fault)
    if len(away) == len(known):
        raise next(iter(away.values()))
    return rows, away
