"""What no statement may do that is said on PostgreSQL: it would fail on a cluster, or behind a pooler of transactions."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.architecture.sql.parsing import Node, nodes, only, parse, words
from tests.architecture.sql.scopes import QUERIES, Reading

RULES: Final = {
    "insert_without_tenant": "an INSERT … SELECT reads the tenant from a table that is held to one, else the coordinator copies the rows",
    "temporary_join": "a temporary table is joined with a tenant's table only where a materialised query holds its rows",
    "tenant_not_bound": "a table with a tenant is held to one by `tenant_id = ` and a bind",
    "join_across_tenants": "tables with a tenant are joined by it",
    "lock_over_tenants": "a statement locks rows of one tenant",
    "copy_with_policies": "PostgreSQL copies nothing into a table with policies",
    "set_local_shares_text": "SET LOCAL is a text of its own, for the whole text is sent on to each node",
    "session_state": "nothing is left in a session: no SET, LISTEN, PREPARE, cursor that is held",
    "set_config": "set_config reaches no node; SET LOCAL does",
    "advisory_lock": "an advisory lock is one node's, and a session's",
    "sequence": "numbers are given by the ledger, not by a sequence of one node",
    "forced_policies": "row-level security does not bind the owner, else no shard can be moved and no view repaired",
    "unquoted_user": "a column that is called user is quoted, for the word alone is whoever is logged in",
    "database_settings": "settings of a database are those of one node; they are set at connect",
}
"""By the name of the rule: what holds."""
_FUNCTIONS: Final = {
    "set_config": "set_config", "nextval": "sequence", "setval": "sequence", "currval": "sequence", "lastval": "sequence",
    "pg_notify": "session_state", "pg_listening_channels": "session_state",
}  # fmt: skip
_KINDS: Final = {
    "ListenStmt": "session_state", "UnlistenStmt": "session_state", "NotifyStmt": "session_state", "DiscardStmt": "session_state",
    "PrepareStmt": "session_state", "ExecuteStmt": "session_state", "DeallocateStmt": "session_state", "LoadStmt": "session_state",
    "CreateSeqStmt": "sequence", "AlterSeqStmt": "sequence", "AlterDatabaseSetStmt": "database_settings",
}  # fmt: skip
_SERIAL: Final = {"serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"}
_HELD: Final = 0x20
"""The bit of WITH HOLD in the options of a cursor. Source: PostgreSQL, `CURSOR_OPT_HOLD` of parsenodes.h."""


@dataclass(frozen=True)
class Fault:
    """A statement that breaks a rule. about: what in it does."""

    rule: str
    about: str


def faults(text: str, tenant_tables: Collection[str], *, binds: bool = True) -> list[Fault]:
    """The faults of a text of SQL, each once. Takes: the tables with a tenant; whether the driver finds binds in the text."""
    statements = parse(text, binds=binds)
    found = [fault for statement in statements for fault in _of(statement, tenant_tables)]
    local = [statement for statement in statements if statement.get("VariableSetStmt", {}).get("is_local")]
    if local and len(statements) > 1:
        found.append(Fault("set_local_shares_text", f"{len(statements)} statements"))
    return list(dict.fromkeys(found))


def _of(statement: Node, tenant_tables: Collection[str]) -> Iterator[Fault]:
    for kind, node in nodes(statement):
        yield from _of_node(kind, node)
    ((kind, node),) = statement.items()
    if kind in ("ExplainStmt", "CreateTableAsStmt", "DeclareCursorStmt", "PrepareStmt"):
        yield from _of(node["query"], tenant_tables)
    elif kind == "CopyStmt" and node.get("relation", {}).get("relname") in tenant_tables:
        if node["relation"].get("schemaname") != "pg_temp":
            yield Fault("copy_with_policies", node["relation"]["relname"])
    elif kind == "LockStmt":
        for item in node["relations"]:
            if item["RangeVar"]["relname"] in tenant_tables:
                yield Fault("lock_over_tenants", item["RangeVar"]["relname"])
    elif kind in QUERIES:
        yield from _of_query(statement, tenant_tables)


def _of_node(kind: str, node: Node) -> Iterator[Fault]:
    if kind in _KINDS:
        yield Fault(_KINDS[kind], kind)
    elif kind == "VariableSetStmt":
        if not node.get("is_local") and node.get("name") not in ("TRANSACTION", "transaction_isolation"):
            yield Fault("session_state", node.get("name", "all settings"))
    elif kind == "FuncCall":
        name = words(node["funcname"])[-1]
        if "advisory" in name:
            yield Fault("advisory_lock", name)
        elif name in _FUNCTIONS:
            yield Fault(_FUNCTIONS[name], name)
    elif kind == "SQLValueFunction" and node["op"] == "SVFOP_USER":
        yield Fault("unquoted_user", "user")
    elif kind == "DeclareCursorStmt" and node.get("options", 0) & _HELD:
        yield Fault("session_state", node["portalname"])
    elif kind == "ColumnDef" and words(node.get("typeName", {}).get("names", []))[-1:] in [[name] for name in _SERIAL]:
        yield Fault("sequence", node["colname"])
    elif kind == "Constraint" and node["contype"] == "CONSTR_IDENTITY":
        yield Fault("sequence", "an identity")
    elif kind == "AlterTableCmd" and node["subtype"] == "AT_ForceRowSecurity":
        yield Fault("forced_policies", "FORCE ROW LEVEL SECURITY")


def _of_query(statement: Node, tenant_tables: Collection[str]) -> Iterator[Fault]:
    reading = Reading(tenant_tables)
    reading.statement(statement)
    for table in reading.tables:
        if table.tenant is None or not table.tenant.is_bound():
            yield Fault(
                "lock_over_tenants" if table.locked else "join_across_tenants" if table.beside else "tenant_not_bound",
                table.name,
            )
    for name, values in reading.values:
        if values is None or not all(_is_bind(value) for value in values):
            yield Fault("tenant_not_bound", name)
    for insert in reading.inserts:
        if not insert.takes_tenant():
            yield Fault("insert_without_tenant", insert.table)
    for names in reading.temporary_joins:
        yield Fault("temporary_join", names)


def _is_bind(value: Any) -> bool:
    return only(value, "ParamRef") is not None
