"""`steward watch`: one pass of the watchers, for those who run no worker, or want to know now."""

from typing import Annotated, Any

import typer

from app.cli.console import Json, house, listed, require_tenant


def watch(
    tenant: Annotated[str | None, typer.Option(metavar="ID", help="Whose; default: every tenant's.")] = None,
    json_: Json = False,
) -> None:
    """Look once at what may be due: open renewals, note milestones, renew and expire what nobody decided."""
    with house() as runtime:
        if tenant is not None:
            require_tenant(runtime, tenant)
        body: list[dict[str, Any]] = []
        for tenant_id in [tenant] if tenant else runtime.log.tenants():
            runtime.projector.catch_up(tenant_id)
            body.append({"tenant_id": tenant_id, **runtime.watcher.look(tenant_id).body()})
    shown = body if json_ else [{**one, "refused": [told["code"] for told in one["refused"]]} for one in body]
    listed(shown, ("tenant_id", "opened", "milestones", "renewed", "expired", "refused"), json_=json_)
