"""DPoP: the proof that a token comes from the client that it was given to, made anew for each request.

A proof is taken once in a process. Over several processes it may be taken once by each within its minute, for they share no memory: what
is asked twice then is the same request with the same token, by whoever has seen both; a command is done once all the same, where its
sender names an idempotency key.

Source: RFC 9449 sections 4.3, 7 and 11.1; RFC 7638 for thumbprints.
"""

import base64
import hashlib
import hmac
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from app.auth.jose import Unverified, taken_apart, verify
from app.auth.provider_keys import KINDS
from app.domain.kernel.errors import Throttled, Unauthenticated

WINDOW_SECONDS: Final = 60
"""How far from now a proof may have been made, before it or after it."""
MOST_PROOFS: Final = 20_000
"""How many proofs of a tenant are remembered; where there are more within their time, the next ones wait."""
TYPE: Final = "dpop+jwt"
ALGORITHMS: Final = ("ES256", "EdDSA", "RS256")


class Proofs:
    """Checks proofs, each once. Takes: a clock of microseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._seen: dict[str, OrderedDict[bytes, int]] = {}
        """By tenant, the proofs that were taken, and until when they could be taken again."""
        self._lock = threading.Lock()

    def require(
        self,
        tenant_id: str,
        thumbprint: str,
        access_token: str,
        proof: str | None,
        *,
        method: str,
        urls: tuple[str, ...],
    ) -> None:
        """Raises: Unauthenticated unless a proof is that of this token, this request and this key, and was not taken before.

        Takes: by which addresses the request may have been asked. Raises: Throttled where too many come.
        """
        if not proof:
            raise _refused("the token is bound to a key; send its proof in the header DPoP")
        try:
            token = taken_apart(proof, brings_key=True)
            key = _own_key(token)
            verify(token, key)
        except Unauthenticated as error:
            raise _refused("it is none") from error
        claims = token.claims
        if not hmac.compare_digest(key.thumbprint(), thumbprint):
            raise _refused("it was made with another key than the token is bound to")
        if claims.get("htm") != method or _plain(claims.get("htu")) not in {_plain(url) for url in urls}:
            raise _refused("it was made for another request")
        if not hmac.compare_digest(str(claims.get("ath")).encode(), _digest(access_token)):
            raise _refused("it was made for another token")
        issued_at, now = claims.get("iat"), self._clock() // 1_000_000
        if isinstance(issued_at, bool) or not isinstance(issued_at, int) or abs(now - issued_at) > WINDOW_SECONDS:
            raise _refused("it was not made just now")
        name = claims.get("jti")
        if not isinstance(name, str) or not 0 < len(name) <= 200:
            raise _refused("it has no name in jti")
        self._take(
            tenant_id, hashlib.sha256(f"{thumbprint}\n{name}".encode()).digest(), issued_at + WINDOW_SECONDS, now
        )

    def _take(self, tenant_id: str, mark: bytes, until: int, now: int) -> None:
        """Takes a proof. Raises: Unauthenticated for one that was taken before."""
        with self._lock:
            seen = self._seen.setdefault(tenant_id, OrderedDict())
            if seen.get(mark, -1) >= now:
                raise _refused("it was sent before")
            if len(seen) >= MOST_PROOFS:
                for old in [each for each, ends in seen.items() if ends < now]:
                    del seen[old]
                if len(seen) >= MOST_PROOFS:
                    raise Throttled("rate_limited", "too many proofs were sent in a minute", retry_after=1)
            seen[mark] = until


def _own_key(token: Unverified) -> Any:
    """The public key that a proof brings. Raises: Unauthenticated."""
    brought = token.header.get("jwk")
    if (
        str(token.header.get("typ")).lower() != TYPE
        or not isinstance(brought, dict)
        or "d" in brought
        or "k" in brought
    ):
        raise _refused("it is none")
    try:
        key = import_key(brought)
    except (JoseError, ValueError, TypeError) as error:
        raise _refused("it is none") from error
    if not isinstance(key, RSAKey | ECKey | OKPKey) or key.key_type != KINDS[token.algorithm]:
        raise _refused("it is none")
    return key


def _plain(url: Any) -> str:
    """A URL without query and fragment, as they are compared. Source: RFC 3986 sections 6.2.2 and 6.2.3."""
    try:
        parts = urlsplit(str(url))
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
        return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port}{parts.path or '/'}"
    except ValueError:
        return ""


def _digest(token: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=")


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated("invalid_dpop_proof", f"the proof of the token's key is not valid: {why}")
