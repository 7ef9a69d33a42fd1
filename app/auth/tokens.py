"""Access tokens: who calls with one that an identity provider has signed.

The token is taken apart, its issuer and audience find the tenant, its issuer's key verifies it, and only then what it claims counts: for
how long, whose login it is, through which client. What it may do is what its user may do, as their roles say.

Source: RFC 9068 (access tokens as JWT), RFC 8693 section 4.1 (`act`), RFC 9449 (`cnf.jkt`), RFC 8725.
"""

import hashlib
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, NamedTuple

from app.auth.caller import Caller, SignIn
from app.auth.issuers import Issuers, Trust
from app.auth.jose import Unverified, invalid, taken_apart, verify
from app.auth.keys import ApiKeyAuthenticator
from app.auth.logins import Logins
from app.auth.provider_keys import KINDS, ProviderKeys
from app.domain.kernel.errors import NotAllowed, Unauthenticated

SKEW_SECONDS: Final = 60
"""How far the clock of an identity provider may be off."""
LONGEST_CLAIM: Final = 200
MOST_AUDIENCES: Final = 10
MOST_CACHED: Final = 10_000
TYPES: Final = ("at+jwt", "application/at+jwt")
_CLIENT: Final = re.compile(r"(?!(?:cli:|[a-z]{3,4}_[0-9a-z]{26}$))[\x21-\x7e]{1,128}")
"""What a client may be called: nothing that would be taken for one of ours."""
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class _Checked(NamedTuple):
    """A token that was checked: until when that is believed, when it expires in microseconds, and who calls with it."""

    until: float
    expires_at: int
    caller: Caller


class TokenAuthenticator:
    """Checks access tokens, and caches the result for a short time, by a digest of the token.

    Takes: who says what a user may do, the issuers, their keys, whose logins there are, a clock of microseconds; for how many seconds a
    result is believed: a user who is suspended is refused after that at the latest.
    """

    def __init__(
        self,
        keys: ApiKeyAuthenticator,
        issuers: Issuers,
        provider_keys: ProviderKeys,
        logins: Logins,
        clock: Callable[[], int],
        seconds: float,
    ) -> None:
        self._keys = keys
        self._issuers = issuers
        self._provider_keys = provider_keys
        self._logins = logins
        self._clock = clock
        self._seconds = seconds
        self._cached: dict[bytes, _Checked] = {}
        self._lock = threading.Lock()

    def cached(self, text: str) -> Caller | None:
        """The caller with a token that was checked just now; None when it must be checked."""
        checked = self._cached.get(_digest(text))
        if checked is None or checked.until < time.monotonic() or checked.expires_at <= self._clock():
            return None
        return checked.caller

    def knows(self, text: str) -> bool:
        """Whether a token was good when it was checked last, however long ago that is."""
        return _digest(text) in self._cached

    def check(self, text: str) -> Caller:
        """The caller with a token.

        Raises: Unauthenticated for a token that is not good; NotAllowed where its login is nobody's; Unavailable where the keys
        of its issuer cannot be had.
        """
        token = taken_apart(text)
        trust = self._trust(token)
        self._verify(token, trust)
        try:
            caller = self._caller(token.claims, trust)
        except Unauthenticated as refusal:
            refusal.tenant_id = trust.tenant_id
            raise
        expires_at = (caller.signed_in.expires_at or 0) + SKEW_SECONDS * 1_000_000
        with self._lock:
            if len(self._cached) > MOST_CACHED:
                self._cached.clear()
            until = time.monotonic() + self._seconds
            self._cached[_digest(text)] = _Checked(until, expires_at, caller)
        return caller

    def _trust(self, token: Unverified) -> Trust:
        """By whom tokens of this issuer and audience are taken. Raises: Unauthenticated for one that nobody takes."""
        issuer, named = token.claims.get("iss"), token.claims.get("aud")
        audiences = [named] if isinstance(named, str) else named
        if not isinstance(issuer, str) or not isinstance(audiences, list) or not 0 < len(audiences) <= MOST_AUDIENCES:
            raise invalid("it names no issuer or no audience")
        trusts = self._issuers.find(issuer[:500], [each[:500] for each in audiences if isinstance(each, str)])
        tenants = {trust.tenant_id for trust in trusts}
        if not tenants:
            raise Unauthenticated("issuer_unknown", "no agency takes access tokens of this issuer for this audience")
        if len(tenants) > 1:
            raise Unauthenticated(
                "audience_ambiguous", "the access token is for several agencies; ask for one with one audience"
            )
        return trusts[0]

    def _verify(self, token: Unverified, trust: Trust) -> None:
        """Raises: Unauthenticated unless the issuer has signed the token; Unavailable where that cannot be known now."""
        taken = {kind for name in trust.state.algorithms for kind in ([name, "Ed25519"] if name == "EdDSA" else [name])}
        if token.algorithm not in taken:
            raise invalid("its algorithm is not one that is taken of its issuer")
        kind = str(token.header.get("typ") or "JWT").lower()
        if kind not in TYPES and not (trust.state.plain_jwt and kind == "jwt"):
            raise invalid("its type is not at+jwt")
        assert token.algorithm in KINDS  # noqa: S101 - each algorithm that is taken has a kind of key
        key = self._provider_keys.find(
            trust.state.issuer, trust.state.jwks_url, token.header.get("kid"), token.algorithm
        )
        if key is None:
            raise invalid("its issuer has no such key")
        verify(token, key)

    def _caller(self, claims: dict[str, Any], trust: Trust) -> Caller:
        """Who calls with a token that was verified. Raises: Unauthenticated; NotAllowed."""
        expires_at = self._require_time(claims)
        client, thumbprint = _client(claims), _thumbprint(claims, trust)
        if "act" in claims:
            raise NotAllowed("actor_unknown", "the token names an actor in `act` who is no agent of this agency")
        user = self._logins.user(trust.tenant_id, trust.state.issuer, _login(claims, trust.state.claim))
        caller = self._keys.as_user(trust.tenant_id, user, client)
        return replace(caller, signed_in=SignIn("token", expires_at, trust.state.issuer, thumbprint))

    def _require_time(self, claims: dict[str, Any]) -> int:
        """When a token expires, in microseconds. Raises: Unauthenticated outside of its time."""
        now, skew = self._clock(), SKEW_SECONDS * 1_000_000
        expires_at, issued_at = _moment(claims, "exp"), _moment(claims, "iat")
        begins_at = _moment(claims, "nbf") if "nbf" in claims else issued_at
        if expires_at <= now - skew:
            raise Unauthenticated("token_expired", "the access token has expired; ask its issuer for a new one")
        if max(begins_at, issued_at) > now + skew:
            raise invalid("its time has not begun")
        return expires_at


def _moment(claims: dict[str, Any], name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**40:
        raise invalid(f"it does not say {name}")
    return int(value * 1_000_000)


def _client(claims: dict[str, Any]) -> str:
    """Through which application it comes. Raises: Unauthenticated."""
    client = claims.get("client_id", claims.get("azp"))
    if not isinstance(client, str) or _CLIENT.fullmatch(client) is None:
        raise invalid("it does not say client_id or azp, or calls its client what only we may")
    return client


def _login(claims: dict[str, Any], claim: str) -> str:
    """What the issuer calls the person. Raises: Unauthenticated."""
    subject = claims.get(claim)
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_CLAIM:
        raise invalid(f"it does not say {claim}")
    if claim == "email" and claims.get("email_verified") is not True:
        raise invalid("its email is not verified")
    return subject


def _thumbprint(claims: dict[str, Any], trust: Trust) -> str | None:
    """The key that the token is bound to. Raises: Unauthenticated where it is bound otherwise, or must be and is not."""
    bound = claims.get("cnf")
    if bound is None:
        if trust.state.dpop_required:
            raise Unauthenticated(
                "dpop_required", "tokens of this issuer must be bound to a key of their client (cnf.jkt)"
            )
        return None
    thumbprint = bound.get("jkt") if isinstance(bound, dict) and bound.keys() == {"jkt"} else None
    if not isinstance(thumbprint, str) or _THUMBPRINT.fullmatch(thumbprint) is None:
        raise invalid("it is bound to its client in a way that is not known")
    return thumbprint


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
