"""Endpoints: addresses for senders, with secrets that are shown once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.domain.kernel.errors import DomainError, NotFound, Refused, Unavailable
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import is_typeid
from app.domain.webhook_endpoint.aggregate import WEBHOOK_ENDPOINT
from app.domain.webhook_endpoint.commands import (
    AddWebhookSecret,
    CloseWebhookEndpoint,
    RecordWebhookEndpoint,
    RecordWebhookSecret,
    RegisterWebhookEndpoint,
    RetireWebhookSecret,
)
from app.domain.webhook_endpoint.state import WebhookEndpointState
from app.store.receipts import Receipt, Request
from app.store.webhook_secrets import WebhookSecrets
from app.webhooks.inbound import signing
from app.webhooks.inbound.provider import Provider
from app.webhooks.inbound.providers import provider_named
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.handler import Handler

NOUN: Final = "webhook_endpoint"


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it is now, and its tenant."""

    tenant_id: str
    endpoint_id: str
    state: WebhookEndpointState
    provider: Provider


@dataclass(frozen=True)
class Recorded:
    """A receipt, and whether the event that it names refers to the secrets of this very request."""

    receipt: Receipt
    ours: bool


class Closed(Refused):
    """The endpoint is closed for good; its sender should stop."""


class Endpoints:
    """Registers and finds endpoints.

    Takes: the handler, the stored secrets, a source of random bytes, the public URL of this server.
    """

    def __init__(
        self, handler: Handler, secrets: WebhookSecrets, random: Callable[[int], bytes], public_url: str
    ) -> None:
        self._handler = handler
        self.secret_store = secrets
        self.random = random
        self.public_url = public_url.rstrip("/")

    # --- writing ---

    def register(
        self, tenant_id: str, principal: Principal, command: RegisterWebhookEndpoint, request: Request
    ) -> tuple[Receipt, str | None, str]:
        """A new endpoint.

        Gives: the receipt; the generated secret, unless the same request was answered before; the address.
        Raises: Invalid for a provider that does not exist or does not accept the members.
        """
        provider = provider_named(command.provider)
        provider.check(command)
        own_secrets = [secret.get_secret_value() for secret in command.secrets]
        for text in own_secrets:
            provider.check_secret(text)
        for text in command.public_keys:
            provider.check_public_key(text)
        generated = None if own_secrets or command.public_keys else self._new_secret()
        texts = {self._handler.new_id("sec"): text for text in (*own_secrets, *([generated] if generated else []))}
        endpoint_id = self._handler.new_id("whe")
        record = RecordWebhookEndpoint(**command.model_dump(exclude={"secrets"}), secrets=tuple(texts))
        envelope = CommandEnvelope(tenant_id, principal, record, request, new_id=endpoint_id)
        recorded = self._store_and_handle(envelope, endpoint_id, texts, new=True)
        return recorded.receipt, generated if recorded.ours else None, self.url(provider, recorded.receipt.id)

    def add_secret(
        self,
        tenant_id: str,
        principal: Principal,
        endpoint_id: str,
        command: AddWebhookSecret,
        request: Request,
        *,
        if_match: int | None = None,
    ) -> tuple[Receipt, str | None, str | None]:
        """One more secret or public key.

        Gives: the receipt; the id of the secret if it is one; its text if it was generated for this request.
        """
        provider = provider_named(self._state(tenant_id, endpoint_id).provider)
        generated = self._new_secret() if command.secret is None and command.public_key is None else None
        text = command.secret.get_secret_value() if command.secret else generated
        if text is not None:
            provider.check_secret(text)
        if command.public_key is not None:
            provider.check_public_key(command.public_key)
        texts = {} if text is None else {self._handler.new_id("sec"): text}
        record = RecordWebhookSecret(**command.model_dump(exclude={"secret"}), secret=next(iter(texts), None))
        envelope = CommandEnvelope(
            tenant_id, principal, record, request, targets={NOUN: endpoint_id}, if_match=if_match
        )
        recorded = self._store_and_handle(envelope, endpoint_id, texts, new=False)
        return recorded.receipt, record.secret if recorded.ours else None, generated if recorded.ours else None

    def retire_secret(
        self,
        tenant_id: str,
        principal: Principal,
        endpoint_id: str,
        command: RetireWebhookSecret,
        request: Request,
        *,
        if_match: int | None = None,
    ) -> Receipt:
        """One secret or public key less. The secret's text is deleted once the ledger holds that it is retired."""
        receipt = self._handler.handle(
            CommandEnvelope(tenant_id, principal, command, request, targets={NOUN: endpoint_id}, if_match=if_match)
        )
        if command.secret is not None:
            self.secret_store.delete(tenant_id, [command.secret])
        return receipt

    def close(
        self,
        tenant_id: str,
        principal: Principal,
        endpoint_id: str,
        command: CloseWebhookEndpoint,
        request: Request,
        *,
        if_match: int | None = None,
    ) -> Receipt:
        """The address taken away. The texts of its secrets are deleted once the ledger holds that it is closed."""
        receipt = self._handler.handle(
            CommandEnvelope(tenant_id, principal, command, request, targets={NOUN: endpoint_id}, if_match=if_match)
        )
        self.secret_store.delete(tenant_id, self._state(tenant_id, endpoint_id).secrets)
        return receipt

    def _store_and_handle(
        self, envelope: CommandEnvelope, endpoint_id: str, texts: Mapping[str, str], *, new: bool
    ) -> Recorded:
        """Stores secrets before the event that names them, so that no endpoint is ever without its secrets.

        Secrets that stay behind after a crash are harmless: an endpoint without events is answered 404.
        """
        tenant_id = envelope.tenant_id
        self.secret_store.store(tenant_id, endpoint_id, texts, self._handler.clock(), new=new)
        try:
            receipt = self._handler.handle(envelope)
        except Unavailable:  # the event may have been stored all the same
            raise
        except DomainError:
            self.secret_store.delete(tenant_id, list(texts), endpoint_id=endpoint_id if new else None)
            raise
        # The receipt of this very request counts as a replay, too, when the first reply of the database was lost.
        ours = receipt.id == endpoint_id and set(texts) <= set(self._state(tenant_id, endpoint_id).secrets)
        if not ours:
            self.secret_store.delete(tenant_id, list(texts), endpoint_id=endpoint_id if new else None)
        return Recorded(receipt, ours)

    def _new_secret(self) -> str:
        return signing.secret_text(self.random(32))

    # --- finding ---

    def url(self, provider: Provider, endpoint_id: str) -> str:
        """The address to which a sender posts."""
        return f"{self.public_url}/v1/inbound/{provider.path}/{endpoint_id}"

    def find(self, path: str, endpoint_id: str) -> Endpoint:
        """The endpoint of an address. Its state is read from the log, so that a retired secret is refused at once.

        Raises: NotFound, with the same words for each reason; Closed.
        """
        missing = NotFound("webhook_endpoint_not_found", "there is no such webhook endpoint")
        tenant_id = self.secret_store.owner(endpoint_id) if is_typeid(endpoint_id, "whe") else None
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
        return self.secret_store.secrets(endpoint.tenant_id, endpoint.state.secrets)

    def tenants(self) -> list[str]:
        """The tenants that have endpoints."""
        return self.secret_store.tenants()

    def _state(self, tenant_id: str, endpoint_id: str) -> WebhookEndpointState:
        state = WEBHOOK_ENDPOINT.fold(self._handler.log.stream(tenant_id, endpoint_id))
        if not state.exists:
            raise NotFound("webhook_endpoint_not_found", "there is no such webhook endpoint")
        return state
