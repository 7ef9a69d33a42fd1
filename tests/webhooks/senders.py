"""Senders for tests: they know a secret, sign what they say, and post it to an endpoint of an application."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from app.domain.kernel.principal import Principal
from app.domain.kernel.values import MICRO
from app.domain.webhook_endpoint.commands import RegisterWebhookEndpoint
from app.store.inbox import Message
from app.store.receipts import Request
from app.webhooks.inbound import signing
from app.webhooks.inbound.inbox import Received
from app.webhooks.inbound.provider import Delivery
from tests.support.application import Steward

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_c2Vjb25kLXNlY3JldC1mb3Itcm90YXRpb24tMDAwMiE="
GENERIC = {
    "hash": "sha256",
    "encoding": "hex",
    "header": "X-Signature",
    "style": "plain",
    "signed_content_template": "{body}",
}


def raw(body: Any) -> bytes:
    """JSON as a sender writes it."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def signed(secret: str, message_id: str, now: int, body: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a Standard Webhooks message. Takes: seconds."""
    signature = signing.sign(signing.secret_of(secret), message_id, now, body)
    return [
        (b"Webhook-Id", message_id.encode()),
        (b"Webhook-Timestamp", str(now).encode()),
        (b"Webhook-Signature", signature.encode()),
    ]


@dataclass
class Sender:
    """Somebody with an address at an application, and a secret for it."""

    steward: Steward
    path: str
    endpoint_id: str
    secret: str

    def deliver(
        self, body: Any, message_id: str = "msg_1", *, secret: str | None = None, content_type: str | None = None
    ) -> Received:
        """Signs and posts. Gives: what became of the message at the door."""
        content = raw(body)
        if self.path == "generic-hmac":
            headers = [
                (b"x-signature", hmac.digest((secret or self.secret).encode(), content, hashlib.sha256).hex().encode())
            ]
        else:
            headers = signed(secret or self.secret, message_id, self.steward.clock() // MICRO, content)
        if content_type is not None:
            headers.append((b"content-type", content_type.encode()))
        runtime = self.steward.runtime
        return runtime.inbox.receive(runtime.endpoints.find(self.path, self.endpoint_id), Delivery(headers, content))

    def messages(self) -> list[Message]:
        """Its messages, the newest first."""
        return self.steward.runtime.inbox.messages.page(self.steward.tenant, self.endpoint_id)

    def message(self, message_id: str = "msg_1") -> Message:
        """One of its messages."""
        return next(message for message in self.messages() if message.message_id == message_id)

    def process(self) -> int:
        """What the worker does for this tenant."""
        return self.steward.runtime.inbox.process(self.steward.tenant)


def register(steward: Steward, key: str = "register", **members: Any) -> tuple[str, str | None, str]:
    """A new endpoint. Gives: its id, the secret that was made, its address."""
    command = RegisterWebhookEndpoint.model_validate({"provider": "standard_webhooks", **members})
    request = Request(key, repr(members).encode())
    receipt, secret, url = steward.runtime.endpoints.register(steward.tenant, Principal("test"), command, request)
    return receipt.id, secret, url


def sender(steward: Steward, provider: str = "standard-webhooks", key: str = "register", **members: Any) -> Sender:
    """A sender with an endpoint of its own and the secret that was made for it."""
    more = GENERIC | members if provider == "generic-hmac" else members
    endpoint_id, secret, _ = register(steward, key, provider=provider, **more)
    assert secret is not None
    return Sender(steward, provider, endpoint_id, secret)


def public_key_of(signing_key: str) -> str:
    """The public half of a `whsk_` key."""
    return (
        signing.PUBLIC_KEY
        + base64.b64encode(base64.b64decode(signing_key.removeprefix(signing.SIGNING_KEY))[32:]).decode()
    )
