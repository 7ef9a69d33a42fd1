"""`steward webhooks`: addresses for senders."""

import sys
from typing import Annotated

import typer

from app.cli.console import Json, TenantId, open_runtime, operator, require_tenant, show, show_json, validated
from app.domain.webhook_endpoint.commands import RegisterWebhookEndpoint
from app.store.receipts import Request

app = typer.Typer(help="Webhook endpoints of a tenant.")


@app.command()
def create(
    tenant: TenantId,
    provider: Annotated[str, typer.Option(help="How the sender signs, such as standard_webhooks or generic_hmac.")],
    secret: Annotated[
        list[str] | None, typer.Option(help="A secret of the sender; repeatable; - reads a line of stdin.")
    ] = None,
    public_key: Annotated[
        list[str] | None, typer.Option(help="A public key of the sender, whpk_…; repeatable.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="What the endpoint is for.")] = None,
    tolerance_seconds: Annotated[int, typer.Option(help="How far a signed timestamp may be off.")] = 300,
    hash_: Annotated[str | None, typer.Option("--hash", help="sha256 or sha512, for generic_hmac.")] = None,
    encoding: Annotated[str | None, typer.Option(help="hex or base64, for generic_hmac.")] = None,
    header: Annotated[str | None, typer.Option(help="The header that bears the signature, for generic_hmac.")] = None,
    style: Annotated[str | None, typer.Option(help="plain or t_v1, for generic_hmac.")] = None,
    signed_content_template: Annotated[str | None, typer.Option(help="Such as {t}.{body}, for generic_hmac.")] = None,
    id_header: Annotated[str | None, typer.Option(help="The header that names a message, for generic_hmac.")] = None,
    id_pointer: Annotated[
        str | None, typer.Option(help="Where the body names the message, such as /event/id, for generic_hmac.")
    ] = None,
    json_: Json = False,
) -> None:
    """Give a sender an address. Without a secret and a public key a secret is made, and shown once."""
    command = validated(
        RegisterWebhookEndpoint, provider=provider, secrets=[_secret(text) for text in secret or ()], public_keys=public_key or (),
        label=label, tolerance_seconds=tolerance_seconds, hash=hash_, encoding=encoding, header=header, style=style,
        signed_content_template=signed_content_template, id_header=id_header, id_pointer=id_pointer)  # fmt: skip
    with open_runtime() as runtime:
        require_tenant(runtime, tenant)
        receipt, new_secret, url = runtime.endpoints.register(
            tenant, operator("webhooks.create"), command, Request(runtime.new_id("req"), b"")
        )
    if json_:
        show_json({"id": receipt.id, "url": url, "secret": new_secret, "position": receipt.position})
        return
    show(f"endpoint  {receipt.id}\nURL       {url}")
    if new_secret:
        show(f"secret    {new_secret}\nThe secret is shown this once; keep it.")


def _secret(text: str) -> str:
    """A secret, or for `-` a line of stdin: everybody on the machine can see a secret on a command line."""
    return sys.stdin.readline().rstrip("\r\n") if text == "-" else text
