"""The keys of identity providers: fetched when they are needed, kept, and fetched again when a token names one that is not among them.

While a provider is away, the keys that it had go on for a day. A key that it is not known to have opens nothing.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from app.auth.egress import NotReached
from app.domain.kernel.errors import DomainError
from app.domain.kernel.strict_json import decode
from app.observe.logs import logger

FRESH_SECONDS: Final = 3600.0
"""After how long keys are fetched again."""
LASTING_SECONDS: Final = 86_400.0
"""For how long keys go on that cannot be fetched again."""
PAUSE_SECONDS: Final = 30.0
"""How long nothing is fetched after a try, whatever keys are named meanwhile: so much is asked of a provider, by whomever."""
MOST_PROVIDERS: Final = 1000
MOST_KEYS: Final = 100
LEAST_RSA_BITS: Final = 2048
KINDS: Final = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
Key = RSAKey | ECKey | OKPKey
Keys = Mapping[str | None, list[Key]]
"""By their name; those without one under None."""


class _Provider:
    """What is known of a provider: its keys, when they came, and when they were tried to be had."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.keys: Keys = {}
        self.fetched_at: float | None = None
        self.tried_at: float | None = None
        self.fault: NotReached | None = None


class ProviderKeys:
    """Finds the keys of providers. Takes: what fetches a URL, and a clock of seconds."""

    def __init__(self, fetch: Callable[[str], bytes], clock: Callable[[], float] = monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._providers: OrderedDict[tuple[str, str | None], _Provider] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, issuer: str, jwks_url: str | None, key_id: str | None, algorithm: str) -> Key | None:
        """The key that a token names; None where the provider does not have it.

        Raises: NotReached where that cannot be known now.
        """
        provider = self._provider(issuer, jwks_url)
        found = _fitting(self._lasting(provider), key_id, algorithm)
        if found is not None:
            if self._is_old(provider) and provider.lock.acquire(blocking=False):  # of many that come at once, one asks
                try:
                    self._refresh(provider, issuer, jwks_url)
                finally:
                    provider.lock.release()
            return found
        with provider.lock:
            found = _fitting(self._lasting(provider), key_id, algorithm)
            if found is None and self._may_try(provider):
                self._refresh(provider, issuer, jwks_url)
                found = _fitting(provider.keys, key_id, algorithm)
            if found is None and provider.fault is not None:
                raise provider.fault
            return found

    def _provider(self, issuer: str, jwks_url: str | None) -> _Provider:
        with self._lock:
            provider = self._providers.setdefault((issuer, jwks_url), _Provider())
            self._providers.move_to_end((issuer, jwks_url))
            if len(self._providers) > MOST_PROVIDERS:
                self._providers.popitem(last=False)
            return provider

    def _lasting(self, provider: _Provider) -> Keys:
        """The keys that go on: those of long ago do not."""
        fetched_at = provider.fetched_at
        return {} if fetched_at is None or self._clock() - fetched_at > LASTING_SECONDS else provider.keys

    def _is_old(self, provider: _Provider) -> bool:
        return self._clock() - (provider.fetched_at or 0) > FRESH_SECONDS and self._may_try(provider)

    def _may_try(self, provider: _Provider) -> bool:
        return provider.tried_at is None or self._clock() - provider.tried_at >= PAUSE_SECONDS

    def _refresh(self, provider: _Provider, issuer: str, jwks_url: str | None) -> None:
        """Fetches the keys; those that there were stay where that fails."""
        try:
            provider.keys = _keys(self._fetch(jwks_url or self._discovered(issuer)))
            provider.fetched_at, provider.fault = self._clock(), None
        except NotReached as fault:
            provider.fault = fault
            logger().warning("issuer_unavailable", host=urlsplit(issuer).hostname)
        finally:
            provider.tried_at = self._clock()

    def _discovered(self, issuer: str) -> str:
        """Where a provider's keys are, by its metadata. Source: OpenID Connect Discovery 1.0 section 4; RFC 8414 section 3."""
        try:
            raw = self._fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        except NotReached:
            scheme, _, rest = issuer.partition("://")
            host, slash, path = rest.partition("/")
            named = f"/{path.rstrip('/')}" if slash and path.rstrip("/") else ""
            raw = self._fetch(f"{scheme}://{host}/.well-known/oauth-authorization-server{named}")
        metadata = _object(raw)
        url = metadata.get("jwks_uri")
        if metadata.get("issuer") != issuer or not isinstance(url, str):
            raise NotReached(
                "issuer_unavailable", "the metadata of the identity provider is not its own", retry_after=5
            )
        return url


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = decode(raw)
    except DomainError as error:
        raise NotReached("issuer_unavailable", "the identity provider answers no JSON", retry_after=5) from error
    return value if isinstance(value, dict) else {}


def _keys(raw: bytes) -> Keys:
    """The keys of a set that may sign a token. Others are left out, and so is what is no key. Raises: NotReached for no set."""
    entries = _object(raw).get("keys")
    if not isinstance(entries, list):
        raise NotReached("issuer_unavailable", "the identity provider answers no set of keys", retry_after=5)
    found: dict[str | None, list[Key]] = {}
    for entry in entries[:MOST_KEYS]:
        key = _key(entry)
        if key is not None:
            found.setdefault(entry.get("kid"), []).append(key)
    return found


def _key(entry: Any) -> Key | None:
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or entry.get("kty") not in KINDS.values():
        return None
    if "d" in entry or not isinstance(entry.get("kid"), str | None):
        return None  # a private key that everybody can read is nobody's
    try:
        key = import_key(entry)
    except (JoseError, ValueError, TypeError):
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) and _is_strong(key) else None


def _is_strong(key: Key) -> bool:
    if isinstance(key, RSAKey):
        return key.public_key.key_size >= LEAST_RSA_BITS
    return key.curve_name in ("P-256", "Ed25519")


def _fitting(keys: Keys, key_id: str | None, algorithm: str) -> Key | None:
    """The only key of a name, or of all where none is named, that fits an algorithm."""
    candidates = keys.get(key_id, []) if key_id is not None else [key for some in keys.values() for key in some]
    fitting = [
        key for key in candidates if key.key_type == KINDS[algorithm] and key.get("alg") in (None, *_also(algorithm))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _also(algorithm: str) -> tuple[str, ...]:
    """An algorithm and its other name. Source: RFC 9864 section 2.2."""
    return ("EdDSA", "Ed25519") if KINDS[algorithm] == "OKP" else (algorithm,)
