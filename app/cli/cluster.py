"""`steward distribute`: tenants over the nodes of a Citus cluster, and whether each node does its work."""

from app.bootstrap import owner
from app.cli.console import Json, open_runtime, show, show_json
from app.read_side.node_checks import require_working_nodes
from app.store import citus
from projections import VIEWS

REMAINS = """\
{size} MiB of the events from before are still on the coordinator, where nobody sees them.
When there is a backup, a superuser may remove them there:
  BEGIN; SET LOCAL session_replication_role = replica;
  SELECT truncate_local_data_after_distributing_table('{table}'); COMMIT;"""


def distribute(json_: Json = False) -> None:
    """Distribute every tenant table by tenant over a Citus cluster, and try each node; what is distributed already stays so."""
    with open_runtime() as runtime:
        database = owner(runtime.settings)
        try:
            tables = citus.distribute(database, [view.follower for view in VIEWS])
            with database.administer() as connection:
                kept = citus.bytes_kept(connection)
        finally:
            database.close()
        nodes = require_working_nodes(runtime.log)
    if json_:
        show_json({"distributed": tables, "nodes": [node.name for node in nodes], "bytes_kept": kept})
        return
    show("\n".join(f"distributed {name}" for name in tables) or "Everything is distributed already.")
    show("\n".join(f"tried {node.name}: a ledger was written and read there, and rolled back" for node in nodes))
    if kept:
        show(REMAINS.format(size=(kept >> 20) + 1, table=citus.KEPT))
