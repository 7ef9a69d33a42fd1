"""`steward demo`, and the API key for it: kept beside the vault's key, in a file that only its owner may read."""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.auth.keys import ApiKeyAuthenticator, issue
from app.cli.console import Json, open_runtime, operator, progress, show, show_json, warn
from app.cli.failures import REFUSED
from app.demo.loader import LoadResult, create_tenant, holds_demo, load_demo
from app.domain.api_key.commands import IssueApiKey
from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import add_months
from app.runtime import Runtime
from app.settings import Settings
from app.store.receipts import Request

LABEL: Final = "demo"


def demo(
    tenant: Annotated[
        str | None, typer.Option(metavar="ID", help="Into this tenant's ledger; default: a new tenant's.")
    ] = None,
    if_empty: Annotated[
        bool, typer.Option("--if-empty", help="Only into an empty database; otherwise show the demo's key again.")
    ] = False,
    accounts: Annotated[int, typer.Option(min=1, max=1000, help="How many clients the agency has.")] = 60,
    years: Annotated[int, typer.Option(min=1, max=10, help="How many years, up to today.")] = 3,
    json_: Json = False,
) -> None:
    """Write a made-up agency into a ledger: every kind of event, through the real commands, each recorded at its own day."""
    with open_runtime() as runtime:
        if tenant is not None:
            result = _load(runtime, tenant, accounts, years)
            _show(tenant, result, None, json_=json_)
            return
        tenants = list(runtime.log.tenants()) if if_empty else []
        earlier = next((tenant_id for tenant_id in tenants if holds_demo(runtime, tenant_id)), None)
        if tenants and earlier is None:
            _show(None, LoadResult(), None, json_=json_)
            return
        tenant = earlier or create_tenant(runtime, years)
        result = _load(runtime, tenant, accounts, years, again=earlier is not None)
        key = kept_key(runtime, tenant) or new_key(runtime, tenant)
        runtime.projector.catch_up(tenant)
        _show(tenant, result, key, json_=json_)


def _load(runtime: Runtime, tenant: str, accounts: int, years: int, *, again: bool = False) -> LoadResult:
    """Loads the demo; one that is there already, of another size or version, stays as it is."""
    with progress("writing the demo") as (bar, task):
        try:
            return load_demo(runtime, tenant, accounts=accounts, years=years, on_start=lambda count: bar.update(task, total=count),
                        progress=lambda done: bar.advance(task, done))  # fmt: skip
        except DomainError as error:
            if again and error.code == "demo_told_otherwise":
                return LoadResult()
            raise


def _show(tenant: str | None, result: LoadResult, key: str | None, *, json_: bool) -> None:
    if json_:
        show_json({"tenant_id": tenant, "new": result.new, "known": result.known, "refused": list(result.refused), "api_key": key,
                 "position": result.position or None})  # fmt: skip
    elif tenant is None:
        show("The database holds ledgers already; nothing was added.")
    else:
        show(f"tenant   {tenant}\ncommands {result.new} new, {result.known} known before")
        if key:
            show(f"API key  {key}")
    for refusal in result.refused:
        warn(f"refused: {refusal}")
    if result.refused:
        raise typer.Exit(REFUSED)


# --- the key ---


def new_key(runtime: Runtime, tenant: str) -> str | None:
    """A new admin's key, written to a file so that it can be shown again."""
    command = IssueApiKey(role="admin", label=LABEL)
    receipt, key = issue(runtime.handler, tenant, operator("demo"), command, Request(runtime.new_id("req"), b""))
    path = _path(runtime.settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"tenant_id": tenant, "key_id": receipt.id, "api_key": key}, file)
    except OSError as error:
        warn(f"the key could not be kept in {path}: {error.strerror}")
    return key


def kept_key(runtime: Runtime, tenant: str | None = None) -> str | None:
    """The key from that file, if it is still valid for the tenant (or for any, when none is named)."""
    try:
        stored: Any = json.loads(_path(runtime.settings).read_text())
        key = str(stored["api_key"])
        principal = ApiKeyAuthenticator(runtime.handler, runtime.clock, 0).check(key)
    except (OSError, ValueError, KeyError, TypeError, DomainError):
        return None
    return key if tenant in (None, principal.tenant_id) else None


def _path(settings: Settings) -> Path:
    return Path(settings.vault_key_file).with_name("demo.json")


def tips(url: str, key: str, today: str) -> str:
    """Three requests to try today."""
    paths = (
        "/v1/accounts?sort=name&limit=3",
        "/v1/accounts/ref:demo-000/timeline?limit=5",
        f"/v1/kpis/net_revenue_retention?from={add_months(today, -12)}&to={today}",
    )
    calls = "\n".join(f"  curl -s -H 'Authorization: Bearer {key}' '{url}{path}'" for path in paths)
    return f"The demo's API key: {key}\nTry:\n{calls}"
