"""Standard Webhooks signatures, v1 and v1a: made and checked over raw bytes, without a clock.

v1 is HMAC-SHA256 under a shared secret (`whsec_`), v1a is Ed25519 (`whsk_` signs, `whpk_` checks). Both sign
`id.timestamp.body`. A public key is known to everybody, so it must never become the key of an HMAC: the two are of
different types here and are passed as different arguments.

Source: Standard Webhooks specification, "Signature scheme".
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.domain.kernel.errors import Invalid

SECRET: Final = "whsec_"  # noqa: S105 - a prefix
PUBLIC_KEY: Final = "whpk_"
SIGNING_KEY: Final = "whsk_"
MOST_SIGNATURES: Final = 16
"""More signatures in one header cost time without use."""
_SECRET_BYTES: Final = range(16, 129)


# --- keys ---


def secret_of(text: str) -> bytes:
    """The HMAC key in a secret: base64 behind `whsec_`, with or without prefix and padding.

    Raises: Invalid when there is no such key in it.
    """
    key = _unpadded(text.removeprefix(SECRET))
    if key is None or len(key) not in _SECRET_BYTES:
        raise Invalid("invalid_secret", "a secret is whsec_ and the base64 of 16 to 128 bytes")
    return key


def secret_text(key: bytes) -> str:
    """The secret that holds an HMAC key."""
    return SECRET + base64.b64encode(key).decode()


def public_key_of(text: str) -> Ed25519PublicKey:
    """The Ed25519 key behind `whpk_`. Raises: Invalid when there is none."""
    raw = _unpadded(text.removeprefix(PUBLIC_KEY)) if text.startswith(PUBLIC_KEY) else None
    if raw is None or len(raw) != 32:
        raise Invalid("invalid_public_key", "a public key is whpk_ and the base64 of 32 bytes")
    return Ed25519PublicKey.from_public_bytes(raw)


def signing_key_of(text: str) -> Ed25519PrivateKey:
    """The Ed25519 key behind `whsk_`: a seed and its public key, 64 bytes. Raises: Invalid when there is none."""
    raw = _unpadded(text.removeprefix(SIGNING_KEY)) if text.startswith(SIGNING_KEY) else None
    if raw is None or len(raw) != 64:
        raise Invalid("invalid_signing_key", "a signing key is whsk_ and the base64 of 64 bytes")
    return Ed25519PrivateKey.from_private_bytes(raw[:32])


# --- signing ---


def signed_content(message_id: str, timestamp: str, body: bytes) -> bytes:
    """The bytes that are signed. Takes: the timestamp as the header has it."""
    return f"{message_id}.{timestamp}.".encode() + body


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """A v1 signature, as the header has it."""
    return "v1," + _hmac(secret, signed_content(message_id, str(timestamp), body))


def sign_asymmetric(key: Ed25519PrivateKey, message_id: str, timestamp: int, body: bytes) -> str:
    """A v1a signature, as the header has it."""
    return "v1a," + base64.b64encode(key.sign(signed_content(message_id, str(timestamp), body))).decode()


# --- checking ---


def fault(
    message_id: str,
    timestamp: str,
    header: str,
    body: bytes,
    *,
    secrets: Sequence[bytes],
    public_keys: Sequence[Ed25519PublicKey],
) -> str | None:
    """What is wrong with a signature header, or None when one of its signatures is good.

    Takes: texts. Every signature is compared with every key, so that the time taken reveals nothing. A malformed one
    beside a good one hides nothing.
    Gives: signature_malformed (none can be read, or there are too many), no_supported_signature or signature_mismatch.
    """
    entries = [entry.partition(",") for entry in header.split()]
    readable = [entry for entry in entries if entry[1] and "".join(entry).isascii()]
    if not readable or len(entries) > MOST_SIGNATURES:
        return "signature_malformed"
    content = signed_content(message_id, timestamp, body)
    symmetric = [signature for version, _, signature in readable if version == "v1" and secrets]
    asymmetric = [signature for version, _, signature in readable if version == "v1a" and public_keys]
    if not symmetric and not asymmetric:
        return "no_supported_signature"
    expected = [_hmac(secret, content).encode() for secret in secrets]
    good = [hmac.compare_digest(own, signature.encode()) for signature in symmetric for own in expected]
    good += [_signed_by(key, signature, content) for signature in asymmetric for key in public_keys]
    return None if any(good) else "signature_mismatch"


def _signed_by(key: Ed25519PublicKey, signature: str, content: bytes) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _hmac(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()


def _unpadded(text: str) -> bytes | None:
    bare = text.rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
