"""`steward status`: how far each tenant's views have read, and where the database is distributed, on which nodes the tenants are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from app.cli.console import Json, open_runtime, show, show_json, show_table
from app.domain.kernel.errors import DomainError, Unavailable
from app.read_side.node_checks import silent_nodes
from app.runtime import Runtime
from app.store import citus
from app.store.across import Heads
from app.store.citus import Node


def status(
    nodes: Annotated[
        bool, typer.Option("--nodes", help="Show only the nodes of a distributed database, and their tenants.")
    ] = False,
    json_: Json = False,
) -> None:
    """Show how far each tenant's views have read, which stand still, and on which nodes the tenants are."""
    with open_runtime() as runtime:
        heads = runtime.log.heads()
        everybody = sorted([*heads.known, *heads.away])
        with runtime.database.directory() as connection:
            known = citus.nodes(connection)
        node_of = _node_of(runtime, everybody)
        of_nodes = _nodes(runtime, known, node_of)
        body = [] if nodes else [_tenant(runtime, tenant_id, heads, node_of) for tenant_id in everybody]
    if json_:
        show_json(of_nodes if nodes else body)
        return
    if of_nodes:
        show_table(("node", "shards", "tenants", "note"), [tuple(node.values()) for node in of_nodes])
        show()
    elif nodes:
        show("The database is not distributed.")
    if not nodes:
        _show_tenants(body)


def _node_of(runtime: Runtime, tenants: Sequence[str]) -> dict[str, str]:
    """The node of each tenant; none where the database is not distributed."""
    if runtime.database.nodes is None:
        return {}
    by_node = runtime.database.nodes.placement.by_node(tenants)
    return {tenant_id: name for name, of_node in by_node.items() if name for tenant_id in of_node}


def _nodes(runtime: Runtime, nodes: Sequence[Node], node_of: Mapping[str, str]) -> list[dict[str, Any]]:
    if not nodes:
        return []
    try:
        silent = silent_nodes(runtime.database)
    except DomainError as error:
        silent = {node.name: error.code for node in nodes}
    tenants = Counter(node_of.values())
    return [
        {"node": node.name, "shards": node.shards, "tenants": tenants[node.name], "away": silent.get(node.name)}
        for node in nodes
    ]


def _tenant(runtime: Runtime, tenant_id: str, heads: Heads, node_of: Mapping[str, str]) -> dict[str, Any]:
    """Where a tenant's views stand. Of one whose node is away only that is known."""
    head, standings, fault = heads.known.get(tenant_id), {}, heads.away.get(tenant_id)
    if fault is None:
        try:
            standings = runtime.projector.standings(tenant_id)
        except Unavailable as error:
            fault = error
    away = fault.code if fault is not None else None
    views = [
        {"view": name, "position": at.position, "lag": max((head or 0) - at.position, 0), "growing": not at.grown,
         "parked": None if at.parked_at is None else {"position": at.parked_at, "error": at.fault}}
        for name, at in standings.items()
    ]  # fmt: skip
    return {"tenant_id": tenant_id, "head": head, "node": node_of.get(tenant_id), "away": away, "views": views}


def _show_tenants(tenants: Sequence[Mapping[str, Any]]) -> None:
    columns = ("tenant_id", "head", "view", "position", "lag", "note")
    rows = [
        (tenant["tenant_id"], tenant["head"], view["view"], view["position"], view["lag"], _note(view))
        for tenant in tenants
        for view in tenant["views"]
    ]
    away = [(one["tenant_id"], one["head"], "", "", "", f"away: {one['away']}") for one in tenants if one["away"]]
    show_table(columns, [*rows, *away])


def _note(view: Mapping[str, Any]) -> str:
    """What is unusual about a view."""
    if view["parked"]:
        return f"parked at {view['parked']['position']}: {view['parked']['error']}"
    return "growing" if view["growing"] else ""
