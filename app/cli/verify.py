"""`steward verify`: a ledger read from its first event to its last, and its views beside it."""

from typing import Annotated

import typer

from app.cli.console import Json, open_runtime, progress, require_tenant, show_rows
from app.cli.each_tenant import EachTenant
from app.cli.failures import REFUSED
from app.cli.views import rebuild_each
from app.domain.kernel.errors import Refused
from app.read_side.rebuilder import Comparison
from app.store.across import Heads
from app.store.ledger_check import LedgerCheck, check_ledger
from projections import VIEWS


def verify(
    tenant: Annotated[str | None, typer.Option(metavar="ID", help="Whose ledger; default: every tenant's.")] = None,
    views: Annotated[
        bool, typer.Option("--views", help="Compare the views with the ledger as well, as `rebuild --verify` does.")
    ] = False,
    json_: Json = False,
) -> None:
    """Check that every event is the one that was written, and that none is missing. Ends with 1 where one is not."""
    with open_runtime() as runtime:
        if tenant is not None:
            require_tenant(runtime, tenant)
        each = EachTenant(runtime, tenant)
        with progress("reading ledgers", sum(each.heads.values())) as (bar, task):
            checks = each.collect(
                lambda tenant_id, _head: check_ledger(runtime.database, tenant_id, lambda read: bar.advance(task, read))
            )
        whole = {check.tenant_id: check.head for check in checks if check.position is None}
        compared, failures = (
            rebuild_each(runtime, Heads(whole, {}), VIEWS, verify=True, workers=1) if views else ([], [])
        )
    _show(checks, compared, views=views, json_=json_)
    each.require_all()
    if failures:
        raise Refused("rebuild_failed", "; ".join(failures))
    if len(whole) < len(checks) or not all(one.equal for one in compared):
        raise typer.Exit(REFUSED)


def _show(checks: list[LedgerCheck], compared: list[Comparison], *, views: bool, json_: bool) -> None:
    body = [check.body() for check in checks]
    if views:
        for row in body:
            row["views"] = {one.view: one.equal for one in compared if one.tenant_id == row["tenant_id"]}
            row["unequal"] = [name for name, equal in row["views"].items() if not equal]
    columns = ("tenant_id", "head", "intact", "position", "detail", *(["unequal"] if views else []))
    show_rows(body, columns, json_=json_)
