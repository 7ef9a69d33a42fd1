"""`steward watch`: one pass over what is due, for those who run no worker or want it done now."""

from typing import Annotated, Any

import typer

from app.cli.console import Json, open_runtime, require_tenant, show_rows
from app.cli.each_tenant import EachTenant


def watch(
    tenant: Annotated[str | None, typer.Option(metavar="ID", help="Whose; default: every tenant's.")] = None,
    json_: Json = False,
) -> None:
    """Append what is due now: open renewals, note milestones, renew and expire contracts that nobody decided on."""
    with open_runtime() as runtime:

        def run(tenant_id: str, head: int) -> dict[str, Any]:
            runtime.projector.catch_up(tenant_id, until=head)
            runtime.people.run_once(tenant_id)
            return {"tenant_id": tenant_id, **runtime.watcher.run_once(tenant_id).body()}

        if tenant is not None:
            require_tenant(runtime, tenant)
            left_out, body = None, [run(tenant, runtime.log.head(tenant))]
        else:
            left_out = EachTenant(runtime)
            body = left_out.collect(run)
    rows = body if json_ else [{**row, "refused": [refusal["code"] for refusal in row["refused"]]} for row in body]
    show_rows(rows, ("tenant_id", "opened", "milestones", "renewed", "expired", "refused"), json_=json_)
    if left_out is not None:
        left_out.require_all()
