"""Any sender that signs with an HMAC in one header: the signature alone, or `t=<seconds>,v1=<signature>`.

Only the body (and the time) is signed, so nothing else may name the message: not even a header `webhook-id`.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Any, Final

from app.domain.kernel.errors import Invalid
from app.domain.webhook_endpoint.commands import RegisterWebhookEndpoint
from app.domain.webhook_endpoint.state import WebhookEndpointState
from app.webhooks.inbound.provider import Delivery, Provider, require_fresh, unverified
from app.webhooks.inbound.signing import MOST_SIGNATURES, PUBLIC_KEY, SIGNING_KEY

_REQUIRED: Final = ("hash", "encoding", "header", "style", "signed_content_template")
_HASHES: Final = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,199}")
"""A CloudEvents id that needs no escaping in an address."""


def _check(command: RegisterWebhookEndpoint) -> None:
    missing = [name for name in _REQUIRED if getattr(command, name) is None]
    if missing:
        raise Invalid("member_missing", f"say how the sender signs: {', '.join(missing)}")
    if (command.style == "t_v1") != ("{t}" in str(command.signed_content_template)):
        raise Invalid("template_mismatch", "the style t_v1 signs {t} as well, the style plain does not")


def _check_secret(text: str) -> None:
    if text.startswith((PUBLIC_KEY, SIGNING_KEY)):
        raise Invalid("invalid_secret", "an Ed25519 key is no secret of an HMAC")


def _check_public_key(_text: str) -> None:
    raise Invalid("member_not_allowed", "an HMAC is made with a secret, never with a public key")


def _verify(endpoint: WebhookEndpointState, secrets: Sequence[str], delivery: Delivery, now: int) -> None:
    value = delivery.only(str(endpoint.header), "signature_malformed")
    timestamp, signatures = "", [value]
    if endpoint.style == "t_v1":
        timestamp, signatures = _parts(value)
        require_fresh(timestamp, endpoint.tolerance_seconds, now)
    before, body, after = str(endpoint.signed_content_template).partition("{body}")
    content = b"".join((before.replace("{t}", timestamp).encode(), delivery.body if body else b"", after.encode()))
    if endpoint.encoding == "hex":
        signatures = [signature.lower() for signature in signatures]
    expected = [_digest(endpoint, secret.encode(), content).encode() for secret in secrets]
    good = [hmac.compare_digest(own, signature.encode()) for signature in signatures for own in expected]
    if not any(good):
        raise unverified("signature_mismatch" if expected else "no_supported_signature")


def _parts(value: str) -> tuple[str, list[str]]:
    """The time and the signatures of a header of the style `t=…,v1=…`, in whatever order."""
    pairs = [part.strip().partition("=") for part in value.split(",")]
    times = [text for name, _, text in pairs if name == "t"]
    if len(times) != 1 or len(pairs) > MOST_SIGNATURES + 1 or not all(sign for _, sign, _ in pairs):
        raise unverified("signature_malformed")
    signatures = [text for name, _, text in pairs if name == "v1"]
    if not signatures:
        raise unverified("no_supported_signature")
    return times[0], signatures


def _digest(endpoint: WebhookEndpointState, secret: bytes, content: bytes) -> str:
    digest = hmac.digest(secret, content, _HASHES[str(endpoint.hash)])
    return digest.hex() if endpoint.encoding == "hex" else base64.b64encode(digest).decode()


def _identify(delivery: Delivery, body: Any) -> str:
    """The id of a CloudEvent; else the digest of the body, which is all that the sender has signed."""
    if isinstance(body, dict) and "specversion" in body:
        event_id = body.get("id")
        if isinstance(event_id, str) and _SAFE_ID.fullmatch(event_id):
            return event_id
    return hashlib.sha256(delivery.body).hexdigest()


PROVIDER: Final = Provider(
    name="generic_hmac",
    check=_check,
    check_secret=_check_secret,
    check_public_key=_check_public_key,
    verify=_verify,
    identify=_identify,
)
