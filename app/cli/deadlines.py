"""`steward watch`: one pass over what is due, for those who run no worker or want it done now."""

from typing import Annotated, Any

import typer

from app.cli.console import Json, open_runtime, require_tenant, show_rows


def watch(
    tenant: Annotated[str | None, typer.Option(metavar="ID", help="Whose; default: every tenant's.")] = None,
    json_: Json = False,
) -> None:
    """Append what is due now: open renewals, note milestones, renew and expire contracts that nobody decided on."""
    with open_runtime() as runtime:
        if tenant is not None:
            require_tenant(runtime, tenant)
        body: list[dict[str, Any]] = []
        for tenant_id in [tenant] if tenant else runtime.log.tenants():
            runtime.projector.catch_up(tenant_id)
            body.append({"tenant_id": tenant_id, **runtime.watcher.run_once(tenant_id).body()})
    rows = body if json_ else [{**row, "refused": [refusal["code"] for refusal in row["refused"]]} for row in body]
    show_rows(rows, ("tenant_id", "opened", "milestones", "renewed", "expired", "refused"), json_=json_)
