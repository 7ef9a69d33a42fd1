"""Citus: a PostgreSQL schema becomes tables that are distributed by tenant, each tenant's rows on one node.

Source: docs.citusdata.com, "Citus Utility Functions" and "Citus Tables and Views". The names in SQL are our own tables'.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from app.domain.kernel.errors import Refused
from app.store.engine import APP_ROLE, DIRECTORY_ROLE, Database
from app.store.guards import wait_for_others
from app.store.tables import REFERENCE, TENANT_TABLES

FIRST: Final = "ledgers"
"""The table with which all others are co-located."""
REFERENCES: Final = frozenset(
    {"alembic_version", "root_key", *(table.name for table in TENANT_TABLES if table.info == REFERENCE)}
)
"""The tables of which each node has all rows, so that a server may use any of them."""
KEPT: Final = "events"
"""History cannot be truncated: the rows from before are left where they were. Of all else nothing lingers unseen."""
TRY_OUT: Final = "tnt_tryout"
"""What the tenants are called that are asked for on a node and never exist; a number follows."""


class Node(NamedTuple):
    """A node that has rows of tenants. shards: of each table. try_out: a tenant that does not exist and would be on this node."""

    name: str
    shards: int
    try_out: str


def distribute(database: Database, views: Iterable[str]) -> list[str]:
    """Distributes every tenant table that is not yet, with its rows, in one transaction.

    Takes: a database opened as owner; the tables of views. Gives: the tables that were distributed now.
    Raises: Refused unless the database is the coordinator of a Citus cluster with nodes.
    """
    with database.administer() as connection:
        _require_cluster(database, connection)
    complete_nodes(database)
    with database.administer() as connection:
        wait_for_others(connection)
        return _distribute_all(connection, views)


def complete_nodes(database: Database) -> None:
    """Gives each node the tables of which it must have all rows: one that was added later has none, and then no table can be made.

    Takes: a database opened as owner. Raises: Refused on another node than the coordinator.
    """
    with database.administer() as connection:
        require_coordinator(connection)
        if is_distributed(connection):
            connection.execute(text("SELECT replicate_reference_tables('block_writes')"))


def keep_distributed(connection: Connection, views: Iterable[str] = ()) -> None:
    """Distributes what was made just now, where the others are distributed. Takes: a connection of the owner."""
    if is_distributed(connection):
        _distribute_all(connection, views)


def is_distributed(connection: Connection) -> bool:
    """Whether tenants are distributed over nodes."""
    if not has_citus(connection):
        return False
    query = "SELECT 1 FROM pg_dist_partition WHERE logicalrelid = to_regclass(:name)"
    return connection.execute(text(query), {"name": FIRST}).first() is not None


def has_citus(connection: Connection) -> bool:
    """Whether the extension is in the database."""
    if connection.dialect.name != "postgresql":
        return False
    return connection.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'citus'")).first() is not None


def require_coordinator(connection: Connection) -> None:
    """Raises: Refused on another node of a cluster, where tables can be used but not made."""
    if has_citus(connection) and connection.execute(text("SELECT groupid FROM pg_dist_local_group")).scalar_one() != 0:
        raise Refused("not_coordinator", "this is a worker of a Citus cluster; run it on the coordinator")


def nodes(connection: Connection) -> list[Node]:
    """The nodes that have rows of tenants, by name; none where the database is not distributed."""
    if not is_distributed(connection):
        return []
    # So many numbers that each node has a tenant among them, whatever its share of the shards.
    query = """
        WITH shards AS MATERIALIZED (
            SELECT n.nodename || ':' || n.nodeport AS name, CAST(s.shardminvalue AS int) AS low, CAST(s.shardmaxvalue AS int) AS high
            FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid)
            JOIN pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'
            WHERE s.logicalrelid = to_regclass(:first)
        ), tried AS MATERIALIZED (
            SELECT :try_out || number AS tenant, worker_hash(:try_out || number) AS digest
            FROM generate_series(1, 64 * (SELECT count(*) FROM shards)) AS number
        )
        SELECT name, count(DISTINCT low), min(tenant) FROM shards LEFT JOIN tried ON digest BETWEEN low AND high
        GROUP BY name ORDER BY name"""
    return [Node(*row) for row in connection.execute(text(query), {"first": FIRST, "try_out": TRY_OUT})]


def bytes_kept(connection: Connection) -> int:
    """How much the coordinator still has of the events from before they were distributed. Nobody sees these any more."""
    query = "SELECT CASE WHEN pg_relation_size(t) > 0 THEN pg_table_size(t) ELSE 0 END FROM to_regclass(:name) AS t"
    return int(connection.execute(text(query), {"name": KEPT}).scalar_one())


def _require_cluster(database: Database, connection: Connection) -> None:
    if not database.postgres or not has_citus(connection):
        raise Refused("not_citus", "this is no Citus cluster: the extension citus is not in the database")
    require_coordinator(connection)
    if connection.execute(text("SELECT 1 FROM pg_dist_node WHERE shouldhaveshards AND isactive")).first() is None:
        raise Refused("no_nodes", "no node of the cluster takes shards; add one with citus_add_node")


def _distribute_all(connection: Connection, views: Iterable[str]) -> list[str]:
    _let_nodes_be_reached(connection)
    # The trigger that keeps history touches nothing but the row itself, which is all that Citus warns of.
    connection.exec_driver_sql("SET LOCAL citus.enable_unsafe_triggers = on")
    tables = _undistributed(connection, views)
    for table in tables:
        _distribute(connection, table)
    return tables


def _let_nodes_be_reached(connection: Connection) -> None:
    """Lets the roles log in, for a node connects to the others as the role of the transaction. Citus tells all nodes, and later ones.

    Raises: Refused where this login may not do so.
    """
    query = text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles) AND NOT rolcanlogin ORDER BY rolname")
    for role in connection.scalars(query, {"roles": [APP_ROLE, DIRECTORY_ROLE]}).all():
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(f"ALTER ROLE {role} LOGIN")
        except ProgrammingError as error:
            needed = f"this login may not do so; let a superuser say: ALTER ROLE {role} LOGIN"
            raise Refused("role_may_not_log_in", f"the nodes connect to each other as {role}; {needed}") from error


def _undistributed(connection: Connection, views: Iterable[str]) -> list[str]:
    """Our tables that exist and are not distributed, the one that others follow first."""
    ours = [*REFERENCES, *(table.name for table in TENANT_TABLES), *views]
    query = text(
        "SELECT relname FROM pg_class WHERE oid = to_regclass(:name) AND oid NOT IN (SELECT logicalrelid FROM pg_dist_partition)"
    )
    names = sorted(dict.fromkeys(ours), key=lambda name: name != FIRST)
    return [name for name in names if connection.execute(query, {"name": name}).first()]


def _distribute(connection: Connection, table: str) -> None:
    if table in REFERENCES:
        connection.execute(text("SELECT create_reference_table(CAST(:table AS regclass))"), {"table": table})
        return
    create = "SELECT create_distributed_table(CAST(:table AS regclass), 'tenant_id', colocate_with => :with)"
    connection.execute(text(create), {"table": table, "with": "none" if table == FIRST else FIRST})
    if table != KEPT:
        truncate = "SELECT truncate_local_data_after_distributing_table(CAST(:table AS regclass))"
        connection.execute(text(truncate), {"table": table})
