"""`steward tenants`: the agencies that use this Steward."""

from functools import partial
from typing import Annotated, Any

import typer

from app.auth.keys import issue
from app.cli.console import Json, open_runtime, operator, show, show_json, show_rows, validated
from app.cli.each_tenant import EachTenant
from app.domain.api_key.commands import IssueApiKey
from app.domain.kernel.values import instant
from app.domain.tenant.commands import CreateTenant
from app.runtime import Runtime
from app.store.receipts import Request
from app.write_side.command_envelope import CommandEnvelope

app = typer.Typer(help="Tenants: a ledger each.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the tenant is called.")],
    time_zone: Annotated[str, typer.Option(help="In which its days begin and end, such as Europe/Berlin.")] = "UTC",
    currency: Annotated[str | None, typer.Option(help="Of its reports, such as EUR.")] = None,
    json_: Json = False,
) -> None:
    """Create a tenant and an admin's API key for it, which is shown once."""
    command = validated(CreateTenant, name=name, time_zone=time_zone, currency=currency)
    principal = operator("tenants.create")
    with open_runtime() as runtime:
        tenant_id = runtime.new_id("tnt")
        runtime.handler.handle(
            CommandEnvelope(tenant_id, principal, command, Request(f"tenant:{tenant_id}", b""), new_id=tenant_id)
        )
        first_key = IssueApiKey(role="admin", label="first key")
        _, key = issue(runtime.handler, tenant_id, principal, first_key, Request(runtime.new_id("req"), b""))
    if json_:
        show_json({"tenant_id": tenant_id, "api_key": key})
    else:
        show(f"tenant   {tenant_id}\nAPI key  {key}\nThe key is shown this once; keep it.")


@app.command("list")
def list_(json_: Json = False) -> None:
    """List all tenants."""
    with open_runtime() as runtime:
        tenants = EachTenant(runtime)
        rows = [row for row in tenants.collect(partial(_row, runtime)) if row is not None]
    show_rows(rows, ("tenant_id", "name", "time_zone", "currency", "events", "created_at"), json_=json_)
    tenants.require_all()


def _row(runtime: Runtime, tenant_id: str, head: int) -> dict[str, Any] | None:
    """A tenant as it began; None for a ledger of something else."""
    first = next(runtime.log.stream(tenant_id, tenant_id), None)
    if first is None:
        return None
    data = first.data
    return {"tenant_id": tenant_id, "name": data["name"], "time_zone": data["time_zone"],
            "currency": data.get("currency"), "created_at": instant(first.recorded_at), "events": head}  # fmt: skip
