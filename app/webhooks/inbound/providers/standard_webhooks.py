"""Standard Webhooks: `webhook-id`, `webhook-timestamp` and `webhook-signature`, v1 and v1a."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final

from app.domain.kernel.errors import Invalid
from app.domain.webhook_endpoint.commands import RegisterWebhookEndpoint
from app.domain.webhook_endpoint.state import WebhookEndpointState
from app.webhooks.inbound import signing
from app.webhooks.inbound.provider import Delivery, Provider, require_fresh, unverified

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
_SAID_BY_THE_STANDARD: Final = (
    "hash", "encoding", "header", "style", "signed_content_template", "id_header", "id_pointer",
)  # fmt: skip
_ID: Final = re.compile(r"[ -\-/-~]{1,4096}")
"""What a terminal shows, without the full stop: the signed text is `id.timestamp.body` and must have only one reading."""
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""An id by which a message can be named in an address; another is kept under its digest."""


def _check(command: RegisterWebhookEndpoint) -> None:
    if any(getattr(command, name) is not None for name in _SAID_BY_THE_STANDARD):
        raise Invalid("member_not_allowed", "Standard Webhooks are signed and named in one way; leave out how")


def _check_secret(text: str) -> None:
    signing.secret_of(text)


def _check_public_key(text: str) -> None:
    signing.public_key_of(text)


def _verify(endpoint: WebhookEndpointState, secrets: Sequence[str], delivery: Delivery, now: int) -> None:
    message_id = delivery.only(ID, "id_malformed")
    timestamp = delivery.only(TIMESTAMP, "timestamp_malformed")
    signature = delivery.signatures(SIGNATURE)
    if not _ID.fullmatch(message_id):
        raise unverified("id_malformed")
    require_fresh(timestamp, endpoint.tolerance_seconds, now)
    fault = signing.fault(
        message_id,
        timestamp,
        signature,
        delivery.body,
        secrets=[signing.secret_of(text) for text in secrets],
        public_keys=[signing.public_key_of(text) for text in endpoint.public_keys],
    )
    if fault:
        raise unverified(fault)


def _identify(_endpoint: WebhookEndpointState, delivery: Delivery, _body: Any) -> str:
    message_id = delivery.only(ID, "id_malformed")
    return message_id if _PLAIN_ID.fullmatch(message_id) else hashlib.sha256(message_id.encode()).hexdigest()


PROVIDER: Final = Provider(
    name="standard_webhooks",
    check=_check,
    check_secret=_check_secret,
    check_public_key=_check_public_key,
    verify=_verify,
    identify=_identify,
    stored_headers=(ID, TIMESTAMP, SIGNATURE),
    owns_ids=True,
)
