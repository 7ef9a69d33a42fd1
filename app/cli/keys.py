"""`steward keys`: a tenant's API keys."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from app.auth.keys import issue
from app.cli.console import (
    Json,
    TenantId,
    open_runtime,
    operator,
    require_tenant,
    show,
    show_json,
    show_rows,
    validated,
)
from app.domain.api_key.aggregate import API_KEY
from app.domain.api_key.commands import IssueApiKey, RevokeApiKey
from app.domain.api_key.state import ApiKeyState
from app.domain.kernel.roles import ROLES
from app.domain.kernel.values import instant
from app.domain.recorded import Recorded
from app.runtime import Runtime
from app.store.receipts import Request
from app.write_side.command_envelope import CommandEnvelope

app = typer.Typer(help="API keys of a tenant.")
PAGE: Final = 1000


@app.command()
def create(
    tenant: TenantId,
    role: Annotated[str | None, typer.Option(help=f"{', '.join(ROLES)}.")] = None,
    user: Annotated[
        str | None, typer.Option(help="Whose personal key it is; without a role it acts in all that they have.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option(help="What an integration may do, such as events:write; repeatable.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="What the key is for.")] = None,
    expires_at: Annotated[str | None, typer.Option(help="When it ends, such as 2027-01-01T00:00:00Z.")] = None,
    json_: Json = False,
) -> None:
    """Issue a key, which is shown once."""
    command = validated(IssueApiKey, role=role, user=user, scopes=scope or (), label=label, expires_at=expires_at)
    with open_runtime() as runtime:
        require_tenant(runtime, tenant)
        receipt, key = issue(
            runtime.handler, tenant, operator("keys.create"), command, Request(runtime.new_id("req"), b"")
        )
    if json_:
        show_json({"key_id": receipt.id, "api_key": key, "position": receipt.position})
    else:
        show(f"key      {receipt.id}\nAPI key  {key}\nThe key is shown this once; keep it.")


@app.command("list")
def list_(tenant: TenantId, json_: Json = False) -> None:
    """List the keys of a tenant, without their secrets."""
    with open_runtime() as runtime:
        require_tenant(runtime, tenant)
        rows: dict[str, dict[str, Any]] = {}
        states: dict[str, ApiKeyState] = {}
        for event in _key_events(runtime, tenant):
            states[event.stream_id] = state = API_KEY.fold([event], states.get(event.stream_id))
            rows.setdefault(event.stream_id, {"key_id": event.stream_id, "label": event.data.get("label"),
                                              "issued_at": instant(event.recorded_at)})  # fmt: skip
            rows[event.stream_id] |= {"role": state.role, "user": state.user, "scopes": list(state.scopes), "expires_at": state.expires_at,
                                      "revoked": state.revoked}  # fmt: skip
    show_rows(
        list(rows.values()),
        ("key_id", "role", "user", "scopes", "label", "issued_at", "expires_at", "revoked"),
        json_=json_,
    )


def _key_events(runtime: Runtime, tenant: str) -> Iterator[Recorded]:
    """All events of keys, read from the log: a view may lag behind."""
    after, head = 0, runtime.log.head(tenant)
    while events := runtime.log.after(tenant, after, PAGE, until=head, types=("api_key.issued", "api_key.revoked")):
        yield from events
        after = events[-1].position


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, key_…")],
    tenant: TenantId,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    json_: Json = False,
) -> None:
    """Revoke a key; within seconds it opens nothing anywhere."""
    command = validated(RevokeApiKey, reason=reason)
    with open_runtime() as runtime:
        require_tenant(runtime, tenant)
        request = Request(runtime.new_id("req"), b"")
        receipt = runtime.handler.handle(
            CommandEnvelope(tenant, operator("keys.revoke"), command, request, {"api_key": key_id})
        )
    if json_:
        show_json({"key_id": receipt.id, "position": receipt.position})
    else:
        show(f"{receipt.id} opens nothing any more.")
