"""Endpoints: given to senders, with secrets that are shown once, and found again by their address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.kernel.errors import DomainError, NotFound, Refused, Unavailable
from app.domain.kernel.values import is_typeid
from app.domain.webhook_endpoint.commands import (
    AddWebhookSecret,
    RecordWebhookEndpoint,
    RecordWebhookSecret,
    RegisterWebhookEndpoint,
    RetireWebhookSecret,
)
from app.domain.webhook_endpoint.state import WebhookEndpointState, evolve
from app.store.receipts import Receipt, Request
from app.store.webhook_secrets import WebhookSecrets
from app.webhooks.inbound import signing
from app.webhooks.inbound.provider import Provider
from app.webhooks.inbound.providers import provider_named
from app.write_side.handler import CommandEnvelope, Handler

NOUN: Final = "webhook_endpoint"


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it stands now, and whose it is."""

    tenant_id: str
    endpoint_id: str
    state: WebhookEndpointState
    provider: Provider


@dataclass(frozen=True)
class Kept:
    """A receipt, and whether the secrets that were put away for it are the ones that it speaks of."""

    receipt: Receipt
    ours: bool


class Closed(Refused):
    """The address is gone for good; its sender may stop."""


class Endpoints:
    """Hands endpoints out.

    Takes: the handler, the addresses, a source of random bytes, how the world reaches this server.
    """

    def __init__(
        self, handler: Handler, addresses: WebhookSecrets, random: Callable[[int], bytes], public_url: str
    ) -> None:
        self._handler = handler
        self._addresses = addresses
        self._random = random
        self._public_url = public_url.rstrip("/")

    # --- writing ---

    def register(
        self, tenant_id: str, actor: str, wanted: RegisterWebhookEndpoint, request: Request
    ) -> tuple[Receipt, str | None, str]:
        """A new endpoint.

        Gives: the receipt; the secret that was made, unless the same request was answered before; the address.
        Raises: Invalid for a provider that does not exist, or cannot work with what was said.
        """
        provider = provider_named(wanted.provider)
        provider.check(wanted)
        given = [secret.get_secret_value() for secret in wanted.secrets]
        for text in given:
            provider.check_secret(text)
        for text in wanted.public_keys:
            provider.check_public_key(text)
        made = None if given or wanted.public_keys else self._new_secret()
        texts = {self._handler.new_id("sec"): text for text in (*given, *([made] if made else []))}
        endpoint_id = self._handler.new_id("whe")
        command = RecordWebhookEndpoint(**wanted.model_dump(exclude={"secrets"}), secrets=tuple(texts))
        intent = CommandEnvelope(tenant_id, actor, command, request, new_id=endpoint_id)
        kept = self._keep_and_handle(intent, endpoint_id, texts, new=True)
        return kept.receipt, made if kept.ours else None, self.url(provider, kept.receipt.id)

    def add_secret(
        self,
        tenant_id: str,
        actor: str,
        endpoint_id: str,
        wanted: AddWebhookSecret,
        request: Request,
        *,
        if_match: int | None = None,
    ) -> tuple[Receipt, str | None, str | None]:
        """One more secret or public key.

        Gives: the receipt; the id of the secret if it is one; its text if it was made, and not for an earlier request.
        """
        provider = provider_named(self._state(tenant_id, endpoint_id).provider)
        made = self._new_secret() if wanted.secret is None and wanted.public_key is None else None
        text = wanted.secret.get_secret_value() if wanted.secret else made
        if text is not None:
            provider.check_secret(text)
        if wanted.public_key is not None:
            provider.check_public_key(wanted.public_key)
        texts = {} if text is None else {self._handler.new_id("sec"): text}
        command = RecordWebhookSecret(**wanted.model_dump(exclude={"secret"}), secret=next(iter(texts), None))
        intent = CommandEnvelope(tenant_id, actor, command, request, {NOUN: endpoint_id}, if_match)
        kept = self._keep_and_handle(intent, endpoint_id, texts, new=False)
        return kept.receipt, command.secret if kept.ours else None, made if kept.ours else None

    def retire_secret(
        self,
        tenant_id: str,
        actor: str,
        endpoint_id: str,
        wanted: RetireWebhookSecret,
        request: Request,
        *,
        if_match: int | None = None,
    ) -> Receipt:
        """One secret or public key less. The secret's text goes once the ledger says that it is retired."""
        receipt = self._handler.handle(
            CommandEnvelope(tenant_id, actor, wanted, request, {NOUN: endpoint_id}, if_match)
        )
        if wanted.secret is not None:
            self._addresses.forget(tenant_id, [wanted.secret])
        return receipt

    def _keep_and_handle(
        self, intent: CommandEnvelope, endpoint_id: str, texts: Mapping[str, str], *, new: bool
    ) -> Kept:
        """Puts secrets away before the event that names them, so that no endpoint is ever without the secrets it names.

        What stays behind when that is the end is harmless: an address without events is answered 404.
        """
        tenant_id = intent.tenant_id
        self._addresses.keep(tenant_id, endpoint_id, texts, self._handler.clock(), new=new)
        try:
            receipt = self._handler.handle(intent)
        except Unavailable:  # it may have been stored all the same
            raise
        except DomainError:
            self._addresses.forget(tenant_id, list(texts), endpoint_id=endpoint_id if new else None)
            raise
        # The answer of this very request is a replay, too, when the first reply of the database was lost.
        ours = receipt.id == endpoint_id and set(texts) <= set(self._state(tenant_id, endpoint_id).secrets)
        if not ours:
            self._addresses.forget(tenant_id, list(texts), endpoint_id=endpoint_id if new else None)
        return Kept(receipt, ours)

    def _new_secret(self) -> str:
        return signing.secret_text(self._random(32))

    # --- finding ---

    def url(self, provider: Provider, endpoint_id: str) -> str:
        """Where a sender posts to."""
        return f"{self._public_url}/v1/inbound/{provider.path}/{endpoint_id}"

    def find(self, path: str, endpoint_id: str) -> Endpoint:
        """The endpoint behind an address, read from the ledger, so that a retired secret opens nothing from now on.

        Raises: NotFound, always the same way; Closed.
        """
        missing = NotFound("webhook_endpoint_not_found", "there is no such webhook endpoint")
        tenant_id = self._addresses.owner(endpoint_id) if is_typeid(endpoint_id, "whe") else None
        if tenant_id is None:
            raise missing
        state = self._state(tenant_id, endpoint_id)
        if state.provider != path.replace("-", "_"):
            raise missing
        if state.closed:
            raise Closed("webhook_endpoint_closed", "the endpoint is closed")
        return Endpoint(tenant_id, endpoint_id, state, provider_named(state.provider))

    def secrets(self, endpoint: Endpoint) -> list[str]:
        """The texts of the secrets that an endpoint accepts."""
        return self._addresses.secrets(endpoint.tenant_id, endpoint.state.secrets)

    def tenants(self) -> list[str]:
        """The tenants that have endpoints."""
        return self._addresses.tenants()

    def _state(self, tenant_id: str, endpoint_id: str) -> WebhookEndpointState:
        state = WebhookEndpointState()
        for recorded in self._handler.log.stream(tenant_id, endpoint_id):
            state = evolve(state, recorded)
        if not state.exists:
            raise NotFound("webhook_endpoint_not_found", "there is no such webhook endpoint")
        return state
