"""API keys: issued with a secret that is shown once and never stored.

A key is `stw_<tenant>_<key>_<secret><checksum>`: the ids say which key it is, the checksum finds a typo without a look-up.
"""

import hashlib
import hmac
import re
import secrets
import threading
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Literal, NamedTuple

from app.auth.caller import Caller, SignIn
from app.auth.organisation import Organisations
from app.auth.reach import reach_of
from app.domain.agent.aggregate import AGENT
from app.domain.agent.bounds import require_alive
from app.domain.agent.state import AgentState
from app.domain.api_key.aggregate import API_KEY
from app.domain.api_key.commands import IssueApiKey, RecordApiKey
from app.domain.api_key.state import ApiKeyState
from app.domain.kernel.errors import Invalid, Unauthenticated
from app.domain.kernel.principal import Principal
from app.domain.kernel.roles import ADMIN, INTEGRATION, OWN_REACHES, SCOPES, highest, scopes_of, service_scopes
from app.domain.kernel.values import day_of, micros
from app.domain.user.aggregate import USER
from app.domain.user.state import UserState
from app.store.receipts import Receipt, Request
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.handler import Handler

_KEY: Final = re.compile(r"^stw_([0-9a-z]{26})_([0-9a-z]{26})_([A-Za-z0-9]{43})([0-9a-f]{8})$")
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def issue(
    handler: Handler, tenant_id: str, principal: Principal, command: IssueApiKey, request: Request
) -> tuple[Receipt, str | None]:
    """A new key. Gives: the receipt and the key itself, or None instead when the same request was answered before.

    Raises: Invalid for a scope that does not exist.
    """
    unknown = sorted(set(command.scopes) - SCOPES)
    if unknown:
        raise Invalid("unknown_scope", f"there is no scope {unknown[0]}")
    key_id = handler.new_id("key")
    body = f"stw_{tenant_id.partition('_')[2]}_{key_id.partition('_')[2]}_{''.join(secrets.choice(_ALPHABET) for _ in range(43))}"
    key = f"{body}{zlib.crc32(body.encode()):08x}"
    record = RecordApiKey(**command.model_dump(), secret_sha256=digest(key))
    receipt = handler.handle(CommandEnvelope(tenant_id, principal, record, request, new_id=key_id))
    return receipt, key if receipt.id == key_id else None


def digest(key: str) -> str:
    """The digest that is stored of a key. A secret of 250 random bits needs no slow hash."""
    return hashlib.sha256(key.encode()).hexdigest()


def tenant_named_in(key: str) -> str:
    """The tenant that a key names, whether it is valid or not; nothing where it names none."""
    parts = _KEY.match(key)
    return f"tnt_{parts[1]}" if parts else ""


def is_well_formed(key: str) -> bool:
    """Whether a text may be a key: whether it has the form, and its checksum fits. No look-up is needed to say so."""
    return _KEY.match(key) is not None and f"{zlib.crc32(key[:-8].encode()):08x}" == key[-8:]


class _Checked(NamedTuple):
    """A key that was checked: until when that is believed, who calls with it, and when it expires in microseconds."""

    until: float
    caller: Caller
    expires_at: int | None


class ApiKeyAuthenticator:
    """Checks keys, and caches the result for a short time.

    Takes: the handler, a clock of microseconds, for how many seconds: a revoked key is refused after that at the latest.
    """

    def __init__(self, handler: Handler, clock: Callable[[], int], seconds: float) -> None:
        self._handler = handler
        self._clock = clock
        self._seconds = seconds
        self._organisations = Organisations(handler.log)
        self._cached: dict[str, _Checked] = {}
        self._lock = threading.Lock()

    def cached(self, key: str) -> Caller | None:
        """The caller with a key that was checked just now; None when it must be checked."""
        checked = self._cached.get(key)
        if checked is None or checked.until < time.monotonic():
            return None
        if checked.expires_at is not None and checked.expires_at <= self._clock():
            return None
        return checked.caller

    def knows(self, key: str) -> bool:
        """Whether a key was good when it was checked last, however long ago that is."""
        return key in self._cached

    def check(self, key: str) -> Caller:
        """The caller with a key. Raises: Unauthenticated, with the same words for each reason but that its user is suspended."""
        refusal = Unauthenticated("invalid_key", "the API key is not valid")
        parts = _KEY.match(key)
        if not parts or not is_well_formed(key):
            raise refusal
        tenant_id, key_id = f"tnt_{parts[1]}", f"key_{parts[2]}"
        state = self._state(tenant_id, key_id)
        same = hmac.compare_digest(state.secret_sha256 or digest(""), digest(key))
        expires = micros(state.expires_at) if state.expires_at else None
        if not state.exists or not same or state.revoked or (expires is not None and expires <= self._clock()):
            self._cached.pop(key, None)
            raise refusal
        caller = self._caller(tenant_id, key_id, state)
        caller = replace(caller, signed_in=SignIn("key", expires_at=expires))
        with self._lock:
            if len(self._cached) > 10_000:
                self._cached.clear()
            self._cached[key] = _Checked(time.monotonic() + self._seconds, caller, expires)
        return caller

    def as_user(self, tenant_id: str, user: str, client: str) -> Caller:
        """Who calls where a user has signed in otherwise: they act as with a personal key that names no role.

        Raises: Unauthenticated for a user who is suspended.
        """
        return self._caller(tenant_id, client, ApiKeyState(exists=True, role=None, user=user))

    def _caller(self, tenant_id: str, key_id: str, key: ApiKeyState) -> Caller:
        """Who calls with a key: a user, in the roles that count today, or the key itself. Raises: Unauthenticated."""
        if key.agent is not None:
            return self._agent(tenant_id, key_id, key.agent, key)
        if key.user is None:
            role = key.role or ""
            trust: Literal["service", "person"] = "service" if role in (ADMIN, INTEGRATION) else "person"
            principal = Principal(key_id, role, client=key_id, roles=(role,), trust=trust)
            return Caller(tenant_id, principal, service_scopes(role, key.scopes), (role,))
        organisation = self._organisations.of(tenant_id)
        user: UserState = organisation.users.get(key.user, USER.initial)
        if user.suspended:
            raise Unauthenticated("user_suspended", "the user of this key is suspended")
        today = day_of(self._clock(), self._handler.zone(tenant_id))
        roles = tuple(role for role in user.roles_on(today) if key.role in (None, role))
        reach = reach_of(organisation, key.user, today, key.role)
        own = reach.kind in OWN_REACHES
        scopes = frozenset[str]().union(*(scopes_of(role, own=own) for role in roles))
        reaches = (
            tuple((role, reach_of(organisation, key.user, today, role)) for role in roles) if len(roles) > 1 else ()
        )
        principal = Principal(
            key.user, highest(roles), client=key_id, reach=reach, roles=roles, reaches=reaches, trust="person"
        )
        return Caller(tenant_id, principal, scopes, roles, key.user)

    def _agent(self, tenant_id: str, key_id: str, agent: str, key: ApiKeyState) -> Caller:
        """An agent, which acts for its person: with their rights of today, and within its bounds, which each write is held to."""
        state: AgentState = AGENT.fold(self._handler.log.stream(tenant_id, agent))
        require_alive(state, self._clock())
        person = self._caller(tenant_id, key_id, replace(key, agent=None, user=state.user))
        return replace(person, principal=person.principal._replace(actor=agent, on_behalf_of=state.user), agent=agent)

    def _state(self, tenant_id: str, key_id: str) -> ApiKeyState:
        return API_KEY.fold(self._handler.log.stream(tenant_id, key_id))
