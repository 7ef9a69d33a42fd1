"""Citus: a PostgreSQL schema becomes tables that are distributed by tenant, each tenant's rows on one machine.

Source: docs.citusdata.com, "Citus Utility Functions" and "Configuration Reference". The names in SQL are our own tables'.
"""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, text

from app.domain.kernel.errors import Refused
from app.store.engine import APP_ROLE, DIRECTORY_ROLE, Database
from app.store.tables import TENANT_TABLES

FIRST: Final = "ledgers"
"""The table with which all others are co-located."""


def distribute(database: Database, views: Iterable[str]) -> list[str]:
    """Distributes every tenant table that is not yet, with its rows, in one transaction.

    Takes: a database opened as owner; the tables of views. Gives: the tables that were distributed now.
    Raises: Refused unless the database is the coordinator of a Citus cluster.
    """
    with database.administer() as connection:
        _require_coordinator(database, connection)
        # The trigger that keeps history touches nothing but the row itself, which is all that Citus warns of.
        connection.exec_driver_sql("SET LOCAL citus.enable_unsafe_triggers = on")
        connection.exec_driver_sql("SET LOCAL citus.multi_shard_modify_mode = 'sequential'")
        tables = _undistributed(connection, views)
        for table in tables:
            _distribute(connection, table)
        for role in (APP_ROLE, DIRECTORY_ROLE):  # the coordinator connects to its nodes as the role of the transaction
            connection.exec_driver_sql(f"ALTER ROLE {role} LOGIN")
    return tables


def _require_coordinator(database: Database, connection: Connection) -> None:
    refusal = Refused("not_citus", "this is no Citus cluster: the extension citus is not in the database")
    if not database.postgres:
        raise refusal
    if connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'citus'")).first() is None:
        raise refusal
    if connection.execute(text("SELECT groupid FROM pg_dist_local_group")).scalar_one() != 0:
        raise Refused("not_citus", "this is a worker of a Citus cluster; run it on the coordinator")


def _undistributed(connection: Connection, views: Iterable[str]) -> list[str]:
    """Our tables that exist and are not distributed, the one that others follow first."""
    ours = [table.name for table in TENANT_TABLES]
    query = text(
        "SELECT relname FROM pg_class WHERE oid = to_regclass(:name) AND oid NOT IN (SELECT logicalrelid FROM pg_dist_partition)"
    )
    names = sorted([*ours, *views], key=lambda name: name != FIRST)
    return [name for name in names if connection.execute(query, {"name": name}).first()]


def _distribute(connection: Connection, table: str) -> None:
    create = "SELECT create_distributed_table(CAST(:table AS regclass), 'tenant_id', colocate_with => :with)"
    connection.execute(text(create), {"table": table, "with": "none" if table == FIRST else FIRST})
    if table != "events":  # history cannot be truncated; of all else nothing may linger unseen on the coordinator
        truncate = "SELECT truncate_local_data_after_distributing_table(CAST(:table AS regclass))"
        connection.execute(text(truncate), {"table": table})
