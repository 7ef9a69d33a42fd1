"""A second ledger that holds only some events of a first one, so that what it answers today is what the first one must answer then."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import insert, select

from app.domain.recorded import Recorded
from app.store import tables
from app.store.engine import Database
from app.store.intact import computed_leaf
from tests.support.clock import Clock
from tests.support.databases import Databases, owned
from tests.support.server import Client, Server

COPIED = (tables.refs, tables.data_keys, tables.secrets, tables.endpoints)
Keeps = Callable[[Any], bool]
"""Whether an event, a row of the log, is there in the second ledger."""


def known_at(position: int) -> Keeps:
    """Only what was recorded up to a position."""
    return lambda event: bool(event.position <= position)


def decided_by(at: int) -> Keeps:
    """Only what was effective by an instant, or agreed ahead of it: recorded by then."""
    return lambda event: bool(min(event.effective_at, event.recorded_at) <= at)


def both(one: Keeps, other: Keeps) -> Keeps:
    """Only what both keep."""
    return lambda event: one(event) and other(event)


def copied(databases: Databases, source: str, backend: str, tenant_id: str, keeps: Keeps) -> str:
    """The URL of a new ledger with the events that are kept, numbered anew without a gap."""
    url = databases.fresh(backend)
    first, second = Database(owned(source), owner=True), Database(owned(url), owner=True)
    with first.read(tenant_id) as there, second.write_views(tenant_id) as here:
        log = there.execute(select(tables.events).order_by(tables.events.c.position)).all()
        kept = [event for event in log if event.tenant_id == tenant_id and keeps(event)]
        versions: dict[str, int] = {}
        for number, event in enumerate(kept, 1):
            versions[event.stream_id] = versions.get(event.stream_id, 0) + 1
            row = {**event._mapping, "position": number, "version": versions[event.stream_id]}
            row["leaf"] = computed_leaf(Recorded(**row))  # it covers both numbers
            here.execute(insert(tables.events).values(row))
        here.execute(
            insert(tables.ledgers).values(tenant_id=tenant_id, head=len(kept), recorded_at=kept[-1].recorded_at)
        )
        for table in COPIED:
            rows = [dict(row._mapping) for row in there.execute(select(table)) if row.tenant_id == tenant_id]
            if table is tables.refs:
                rows = [row for row in rows if row["stream_id"] in versions]
            if rows:
                here.execute(insert(table), rows)
    first.close()
    second.close()
    return url


@contextmanager
def replayed(
    databases: Databases, source: Server, backend: str, tenant_id: str, key: str, keeps: Keeps, now: str
) -> Iterator[Client]:
    """A client of the second ledger, whose clock stands at an instant and whose views have read everything."""
    url = copied(
        databases, source.runtime.database.url.render_as_string(hide_password=False), backend, tenant_id, keeps
    )
    with Server(url, clock=Clock(now), projector=False) as server:
        server.runtime.projector.catch_up(tenant_id)
        yield server.client(key)
