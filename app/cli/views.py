"""`steward rebuild`, `status` and `distribute`: views written again from the log, how far each has read, and many machines."""

import os
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from app.bootstrap import owner
from app.cli.console import Json, open_runtime, progress, require_tenant, show, show_json, show_rows, show_table
from app.cli.failures import REFUSED, Misuse
from app.domain.kernel.errors import Refused
from app.read_side.rebuilder import Comparison
from app.runtime import Runtime
from app.store import citus
from projections import VIEWS
from projections.view import View


def rebuild(
    views: Annotated[list[str] | None, typer.Argument(metavar="[VIEW]...", help="Which views; default: all.")] = None,
    tenant: Annotated[str | None, typer.Option(metavar="ID", help="Whose; default: every tenant's.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare only; never put an unequal one in place.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="How many processes at the most; default: as many as there are cores.")
    ] = None,
    json_: Json = False,
) -> None:
    """Rebuild views from the log beside those that serve, and compare both. Ends with 1 when one was not equal."""
    chosen = _views_named(views or [])
    with open_runtime() as runtime:
        if tenant is not None:
            require_tenant(runtime, tenant)
        heads = {tenant: runtime.log.head(tenant)} if tenant else runtime.log.tenants()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        comparisons, failures = _rebuild(runtime, heads, chosen, verify=verify, workers=workers or cores)
    body = [comparison.body() for comparison in comparisons]
    show_rows(body, ("tenant_id", "view", "position", "rows", "missing", "surplus", "equal", "swapped"), json_=json_)
    if failures:
        raise Refused("rebuild_failed", "; ".join(failures))
    if not all(comparison.equal for comparison in comparisons):
        raise typer.Exit(REFUSED)


def _rebuild(
    runtime: Runtime, heads: dict[str, int], views: Sequence[View[Any]], *, verify: bool, workers: int
) -> tuple[list[Comparison], list[str]]:
    """The comparisons, and for each tenant whose views cannot be rebuilt why; the others' are all the same."""
    comparisons, failures = [], []
    tables = owner(runtime.settings)
    try:
        with progress("rebuilding views", sum(heads.values())) as (bar, task):
            for tenant_id, head in heads.items():
                try:
                    runtime.projector.catch_up(tenant_id, until=head)  # what it cannot read it leaves, parked
                    comparisons += runtime.projector.rebuild_all(
                        tables,
                        tenant_id,
                        views,
                        verify=verify,
                        workers=workers,
                        progress=lambda read: bar.advance(task, read),
                    )
                    runtime.projector.catch_up(tenant_id, until=head)
                except RuntimeError as error:
                    failures.append(f"{tenant_id}: {error}")
    finally:
        tables.close()
    return comparisons, failures


def _views_named(names: Sequence[str]) -> list[View[Any]]:
    known = {view.name: view for view in VIEWS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Misuse("unknown_view", f"there is no view {unknown[0]!r}; there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] or list(VIEWS)


def status(json_: Json = False) -> None:
    """Show how far each tenant's views have read, and which stand still."""
    with open_runtime() as runtime:
        body = [_status(runtime, tenant_id, head) for tenant_id, head in runtime.log.tenants().items()]
    if json_:
        show_json(body)
        return
    show_table(("tenant_id", "head", "view", "position", "lag", "note"),
             ((tenant["tenant_id"], tenant["head"], view["view"], view["position"], view["lag"], _note(view))
              for tenant in body for view in tenant["views"]))  # fmt: skip


def _status(runtime: Runtime, tenant_id: str, head: int) -> dict[str, Any]:
    views = [
        {"view": name, "position": at.position, "lag": max(head - at.position, 0), "growing": not at.grown,
         "parked": None if at.parked_at is None else {"position": at.parked_at, "error": at.fault}}
        for name, at in runtime.projector.standings(tenant_id).items()
    ]  # fmt: skip
    return {"tenant_id": tenant_id, "head": head, "views": views}


def _note(view: dict[str, Any]) -> str:
    """What is unusual about a view."""
    if view["parked"]:
        return f"parked at {view['parked']['position']}: {view['parked']['error']}"
    return "growing" if view["growing"] else ""


def distribute(json_: Json = False) -> None:
    """Distribute every tenant table by tenant over a Citus cluster; what is distributed already stays so."""
    with open_runtime() as runtime:
        database = owner(runtime.settings)
        try:
            tables = citus.distribute(database, [view.follower for view in VIEWS])
        finally:
            database.close()
    if json_:
        show_json({"distributed": tables})
    else:
        show("\n".join(f"distributed {name}" for name in tables) or "Everything is distributed already.")
