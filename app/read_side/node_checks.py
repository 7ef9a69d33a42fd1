"""Checks of the nodes of a distributed database: whether each does what the application does there, and whether it answers now."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.domain.account.events import AccountOpened
from app.domain.kernel.errors import DomainError, Refused, Unavailable
from app.read_side.view_writer import ViewWriter
from app.store import citus
from app.store.batch import Batch, LookupKeys
from app.store.citus import Node
from app.store.engine import Database
from app.store.event_pages import read_page
from app.store.log import Log
from app.store.new_event import NewEvent
from app.store.positions import advance_locked, lock_followers
from app.store.receipts import Request
from app.store.statements import STATEMENTS
from projections import VIEWS

SECONDS: Final = 2
"""How long a node has to answer."""
ACCOUNTS: Final = next(view for view in VIEWS if view.name == "accounts")


class _Undone(Exception):
    """Ends a trial, so that nothing of it stays."""


def require_working_nodes(log: Log) -> list[Node]:
    """Appends, reads, folds and rolls back on each node, as the application does. Gives: the nodes.

    Takes: a log whose database has the application's rights. Raises: Refused with the name of a node that does not do all of this.
    """
    with log.database.directory() as connection:
        nodes = citus.nodes(connection)
    for node in nodes:
        try:
            _work(log, node.try_out)
        except (DomainError, DBAPIError) as error:
            why = error.code if isinstance(error, DomainError) else str(error.orig).strip().splitlines()[0]
            raise Refused("node_unfit", f"{node.name} does not do what the application does there: {why}") from error
    return nodes


def silent_nodes(database: Database) -> dict[str, str]:
    """The nodes where a tenant's read fails now: the reason by the name. Raises: Unavailable where all are silent."""
    with database.directory() as connection:
        nodes = citus.nodes(connection)
    silent = {node.name: code for node in nodes if (code := _silence(database, node)) is not None}
    if nodes and len(silent) == len(nodes):
        raise Unavailable("nodes_away", "no node of the database answers: " + ", ".join(silent))
    return silent


def _silence(database: Database, node: Node) -> str | None:
    try:
        with database.read(node.try_out) as connection:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{SECONDS}s'")
            connection.execute(
                text("SELECT head FROM ledgers WHERE tenant_id = :tenant"), {"tenant": node.try_out}
            ).first()
    except DomainError as error:
        return error.code
    except DBAPIError:
        return "store_unavailable"
    return None


def _work(log: Log, tenant_id: str) -> None:
    """Does what the application does, and leaves nothing."""
    with _undone(log.database, tenant_id) as connection:
        _append(log, connection, tenant_id)
        events = read_page(connection, tenant_id, 0, 10)
        writer = ViewWriter(log.database, ACCOUNTS, tenant_id, ZoneInfo("UTC"))
        fault = writer.fold(connection, events)
        lock_followers(connection, tenant_id, [ACCOUNTS.follower], 0)
        writer.write(connection)
        advance_locked(connection, tenant_id, {ACCOUNTS.follower: (1, None, None)}, 0)
        query = text(f"SELECT name FROM {ACCOUNTS.follower} WHERE tenant_id = :tenant")
        found = connection.scalars(query, {"tenant": tenant_id}).all()
        if fault is not None or found != [tenant_id]:
            raise Refused("not_read_back", "what was appended cannot be read back from the view")


@contextmanager
def _undone(database: Database, tenant_id: str) -> Iterator[Connection]:
    try:
        with database.write(tenant_id) as connection:
            yield connection
            raise _Undone
    except _Undone:
        return


def _append(log: Log, connection: Connection, tenant_id: str) -> None:
    event = AccountOpened(name=tenant_id, currency="EUR", time_zone="UTC")
    account, now = log.new_id("acct"), log.time_after(0)
    opened = NewEvent(event, log.new_id("evt"), account, 1, account, now)
    request = log.prepare(
        tenant_id,
        account,
        [opened],
        actor="system",
        meta={},
        reason=citus.TRY_OUT,
        expects={account: 0},
        request=Request(account, b""),
        claims=[("account", tenant_id)],
    )
    statements = STATEMENTS[log.database.postgres]
    with log.database.bare(connection) as cursor:
        head, recorded_at, existing = statements.lock(cursor, tenant_id, LookupKeys.of([request]))
        batch = Batch(tenant_id, head, log.time_after(recorded_at), existing)
        batch.add(request)
        statements.insert(cursor, batch)
