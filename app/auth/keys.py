"""API keys: made with a secret that is shown once, checked without ever storing it.

A key is `stw_<tenant>_<key>_<secret><checksum>`: the ids tell where to look, the checksum refuses a typo without a look.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
import zlib
from collections.abc import Callable
from typing import Final

from app.auth.roles import SCOPES, Principal, scopes_of
from app.domain.api_key.commands import IssueApiKey, RecordApiKey
from app.domain.api_key.state import ApiKeyState, evolve
from app.domain.kernel.errors import Invalid, Unauthenticated
from app.domain.kernel.values import micros
from app.store.receipts import Receipt, Request
from app.write_side.handler import CommandEnvelope, Handler

_KEY: Final = re.compile(r"^stw_([0-9a-z]{26})_([0-9a-z]{26})_([A-Za-z0-9]{43})([0-9a-f]{8})$")
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def issue(
    handler: Handler, tenant_id: str, actor: str, wanted: IssueApiKey, request: Request
) -> tuple[Receipt, str | None]:
    """A new key. Gives: the receipt and the key itself, or None instead when the same request was answered before.

    Raises: Invalid for a scope that does not exist.
    """
    unknown = sorted(set(wanted.scopes) - SCOPES)
    if unknown:
        raise Invalid("unknown_scope", f"there is no scope {unknown[0]}")
    key_id = handler.new_id("key")
    body = f"stw_{tenant_id.partition('_')[2]}_{key_id.partition('_')[2]}_{''.join(secrets.choice(_ALPHABET) for _ in range(43))}"
    key = f"{body}{zlib.crc32(body.encode()):08x}"
    command = RecordApiKey(**wanted.model_dump(), secret_sha256=digest(key))
    receipt = handler.handle(CommandEnvelope(tenant_id, actor, command, request, new_id=key_id))
    return receipt, key if receipt.id == key_id else None


def digest(key: str) -> str:
    """What is kept of a key. A secret of 250 random bits needs no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKeyAuthenticator:
    """Checks keys, and believes what it found for a short while.

    Takes: the handler, a clock of microseconds, how many seconds a checked key is believed: a revoked one dies within it.
    """

    def __init__(self, handler: Handler, clock: Callable[[], int], seconds: float) -> None:
        self._handler = handler
        self._clock = clock
        self._seconds = seconds
        self._known: dict[str, tuple[float, Principal, int | None]] = {}
        self._lock = threading.Lock()

    def known(self, key: str) -> Principal | None:
        """Whom a key belongs to when it was checked just now."""
        found = self._known.get(key)
        if found is None or found[0] < time.monotonic() or (found[2] is not None and found[2] <= self._clock()):
            return None
        return found[1]

    def check(self, key: str) -> Principal:
        """Whom a key belongs to. Raises: Unauthenticated, always the same way."""
        refusal = Unauthenticated("invalid_key", "the API key is not valid")
        parts = _KEY.match(key)
        if not parts or f"{zlib.crc32(key[:-8].encode()):08x}" != parts[4]:
            raise refusal
        tenant_id, key_id = f"tnt_{parts[1]}", f"key_{parts[2]}"
        state = self._state(tenant_id, key_id)
        same = hmac.compare_digest(state.secret_sha256 or digest(""), digest(key))
        expires = micros(state.expires_at) if state.expires_at else None
        if not state.exists or not same or state.revoked or (expires is not None and expires <= self._clock()):
            raise refusal
        principal = Principal(tenant_id, key_id, state.role, scopes_of(state.role, state.scopes))
        with self._lock:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[key] = (time.monotonic() + self._seconds, principal, expires)
        return principal

    def _state(self, tenant_id: str, key_id: str) -> ApiKeyState:
        state = ApiKeyState()
        for recorded in self._handler.log.stream(tenant_id, key_id):
            state = evolve(state, recorded)
        return state
