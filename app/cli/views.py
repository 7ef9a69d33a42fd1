"""`steward rebuild`: views written again from the log, and compared with those that serve."""

import os
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from app.bootstrap import owner
from app.cli.console import Json, open_runtime, progress, require_tenant, show_rows
from app.cli.failures import REFUSED, Misuse
from app.domain.kernel.errors import DomainError, Refused
from app.read_side.rebuilder import Comparison
from app.runtime import Runtime
from app.store.across import Heads
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
        heads = Heads({tenant: runtime.log.head(tenant)}, {}) if tenant else runtime.log.heads()
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        comparisons, failures = rebuild_each(runtime, heads, chosen, verify=verify, workers=workers or cores)
    body = [comparison.body() for comparison in comparisons]
    show_rows(body, ("tenant_id", "view", "position", "rows", "missing", "surplus", "equal", "swapped"), json_=json_)
    if failures:
        raise Refused("rebuild_failed", "; ".join(failures))
    if not all(comparison.equal for comparison in comparisons):
        raise typer.Exit(REFUSED)


def rebuild_each(
    runtime: Runtime, heads: Heads, views: Sequence[View[Any]], *, verify: bool, workers: int
) -> tuple[list[Comparison], list[str]]:
    """The comparisons, and for each tenant whose views cannot be rebuilt why; the others' are all the same."""
    comparisons, failures = [], [f"{tenant_id}: {fault.code}" for tenant_id, fault in heads.away.items()]
    tables = owner(runtime.settings)
    try:
        with progress("rebuilding views", sum(heads.known.values())) as (bar, task):
            for tenant_id, head in heads.known.items():
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
                except DomainError as fault:
                    failures.append(f"{tenant_id}: {fault.code}: {fault.detail}")
    finally:
        tables.close()
    return comparisons, failures


def _views_named(names: Sequence[str]) -> list[View[Any]]:
    known = {view.name: view for view in VIEWS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise Misuse("unknown_view", f"there is no view {unknown[0]!r}; there are {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)] or list(VIEWS)
