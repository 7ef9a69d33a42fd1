"""Any sender that signs with an HMAC in one header: the signature alone, or `t=<seconds>,v1=<signature>`.

Only the body (and the time) is signed. Nothing else names the message, not even a header `webhook-id`, unless the endpoint
says that its sender's header is to be believed.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from app.domain.kernel.errors import Invalid
from app.domain.webhook_endpoint.commands import RegisterWebhookEndpoint
from app.domain.webhook_endpoint.state import WebhookEndpointState
from app.webhooks.inbound.forgiving_json import Number
from app.webhooks.inbound.provider import Delivery, Provider, require_fresh, unverified
from app.webhooks.inbound.signing import MOST_SIGNATURES, PUBLIC_KEY, SIGNING_KEY

_REQUIRED: Final = ("hash", "encoding", "header", "style", "signed_content_template")
_HASHES: Final = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:~-]{0,199}")
"""A CloudEvents id that needs no escaping in an address."""
_USUAL_IDS: Final = ("/event_id", "/delivery_id", "/id")
"""Where senders put a message's id, unless the endpoint says where it is."""
_LABELLED: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*=(?=.*[^=])")
"""What may stand before a signature, such as `sha256=`; the padding of base64 is no label."""


def _check(command: RegisterWebhookEndpoint) -> None:
    missing = [name for name in _REQUIRED if getattr(command, name) is None]
    if missing:
        raise Invalid("member_missing", f"say how the sender signs: {', '.join(missing)}")
    if (command.style == "t_v1") != ("{t}" in str(command.signed_content_template)):
        raise Invalid("template_mismatch", "the style t_v1 signs {t} as well, the style plain does not")
    if command.id_header is not None and command.id_pointer is not None:
        raise Invalid("name_one", "a message is named by id_header or by id_pointer")


def _check_secret(text: str) -> None:
    if text.startswith((PUBLIC_KEY, SIGNING_KEY)):
        raise Invalid("invalid_secret", "an Ed25519 key is no secret of an HMAC")


def _check_public_key(_text: str) -> None:
    raise Invalid("member_not_allowed", "an HMAC is made with a secret, never with a public key")


# --- signatures ---


def _verify(endpoint: WebhookEndpointState, secrets: Sequence[str], delivery: Delivery, now: int) -> None:
    value = delivery.signatures(str(endpoint.header))
    timestamp = ""
    if endpoint.style == "t_v1":
        timestamp, signatures = _parts(value)
        require_fresh(timestamp, endpoint.tolerance_seconds, now)
    else:
        signatures = _alone(value)
    before, body, after = str(endpoint.signed_content_template).partition("{body}")
    content = b"".join((before.replace("{t}", timestamp).encode(), delivery.body if body else b"", after.encode()))
    if endpoint.encoding == "hex":
        signatures = [signature.lower() for signature in signatures]
    expected = [_digest(endpoint, secret.encode(), content).encode() for secret in secrets]
    good = [hmac.compare_digest(own, signature.encode()) for signature in signatures for own in expected]
    if not any(good):
        raise unverified("signature_mismatch" if expected else "no_supported_signature")


def _alone(value: str) -> list[str]:
    """The signatures of a header that holds nothing else, each with or without a label such as `sha256=`."""
    entries = re.split(r"[\s,;]+", value.strip())
    readable = [entry for entry in entries if entry and entry.isascii()]
    if not readable or len(entries) > MOST_SIGNATURES:
        raise unverified("signature_malformed")
    return [*readable, *(_LABELLED.sub("", entry, count=1) for entry in readable if _LABELLED.match(entry))]


def _parts(value: str) -> tuple[str, list[str]]:
    """The time and the signatures of a header of the style `t=…,v1=…`, in whatever order."""
    pairs = [part.strip().partition("=") for part in value.split(",")]
    times = [text.strip() for name, _, text in pairs if name == "t"]
    if len(times) != 1 or len(pairs) > MOST_SIGNATURES + 1:
        raise unverified("signature_malformed")
    signatures = [text.strip() for name, _, text in pairs if name == "v1" and text.isascii()]
    if not signatures:
        raise unverified("no_supported_signature")
    return times[0], signatures


def _digest(endpoint: WebhookEndpointState, secret: bytes, content: bytes) -> str:
    digest = hmac.digest(secret, content, _HASHES[str(endpoint.hash)])
    return digest.hex() if endpoint.encoding == "hex" else base64.b64encode(digest).decode()


# --- the message's name ---


def _identify(endpoint: WebhookEndpointState, delivery: Delivery, body: Any) -> str:
    """The id where the endpoint says that it is; else that of a CloudEvent, or where it usually is; else the body's digest."""
    for candidate in _candidates(endpoint, delivery, body):
        text = candidate.text if isinstance(candidate, Number) else candidate
        if isinstance(text, str) and _SAFE_ID.fullmatch(text):
            return text
    return hashlib.sha256(delivery.body).hexdigest()


def _candidates(endpoint: WebhookEndpointState, delivery: Delivery, body: Any) -> Iterator[Any]:
    if endpoint.id_header is not None:
        yield delivery.first(endpoint.id_header)
    elif endpoint.id_pointer is not None:
        yield _at(body, endpoint.id_pointer)
    elif isinstance(body, dict) and "specversion" in body:
        yield body.get("id")
    else:
        yield from (_at(body, pointer) for pointer in _USUAL_IDS)


def _at(value: Any, pointer: str) -> Any:
    """What a JSON pointer points at, or None. Source: RFC 6901."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and name.isascii():
            value = value[int(name)] if len(name) < 7 and int(name) < len(value) else None
        else:
            return None
    return value


PROVIDER: Final = Provider(
    name="generic_hmac",
    check=_check,
    check_secret=_check_secret,
    check_public_key=_check_public_key,
    verify=_verify,
    identify=_identify,
)
