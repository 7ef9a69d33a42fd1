"""What endpoints ask for: the caller with the right scope, a door for writing, a question for reading."""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

import orjson
from fastapi import Header, Query, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from fastapi.security.utils import get_authorization_scheme_param

from app.api.http import csv as tables
from app.api.http.problems import Refusal
from app.api.http.strict_json_route import Json
from app.auth.keys import ApiKeyAuthenticator
from app.auth.roles import Principal
from app.domain.aggregates import DECISIONS
from app.domain.kernel.command import Command
from app.domain.kernel.errors import Invalid, Unauthenticated
from app.observe.metrics import appended
from app.read_side.reader import When
from app.runtime import Runtime
from app.store.receipts import Receipt, fingerprint
from app.store.receipts import Request as Asked
from app.write_side.handler import CommandEnvelope
from projections.view import View

bearer: Final = HTTPBearer(
    auto_error=False, description="an API key: `Authorization: Bearer stw_…`", scheme_name="ApiKey"
)
_KEY: Final = re.compile(r'^"?([\x21\x23-\x7e]{1,255})"?$')
_TAG: Final = re.compile(r'"?([0-9]{1,15})(?:-[0-9a-f]{16})?"?')
PATHS: Final = {
    "tnt": "tenants", "key": "api-keys", "acct": "accounts", "int": "interactions", "ctr": "contracts", "rnw": "renewals",
    "scr": "scope-changes", "whe": "webhook-endpoints", "pol": "policies", "prp": "proposals", "opp": "opportunities",
    "bud": "budgets", "ist": "incentive-statements", "crt": "kpi-certificates", "pcl": "period-closes",
}  # fmt: skip
"""Where a thing is found, by the prefix of its id."""


def runtime_of(request: Request) -> Runtime:
    """The application's runtime."""
    runtime: Runtime = request.app.state.runtime
    return runtime


async def caller(
    request: Request,
    scopes: SecurityScopes,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(bearer)],
) -> Principal:
    """Who asks, with the scopes that the endpoint's signature names. Raises: Unauthenticated, NotAllowed."""
    return await _checked(request.app, credentials.credentials if credentials else None, scopes.scopes)


async def principal_of(app: Any, authorization: str | None, scopes: Sequence[str]) -> Principal:
    """Who asks, by the header, with the scopes that are needed. Raises: Unauthenticated, NotAllowed."""
    scheme, key = get_authorization_scheme_param(authorization)
    return await _checked(app, key if scheme.lower() == "bearer" else None, scopes)


async def _checked(app: Any, key: str | None, scopes: Sequence[str]) -> Principal:
    if not key:
        raise Unauthenticated("missing_key", "send an API key: Authorization: Bearer …")
    gate: ApiKeyAuthenticator = app.state.gate
    principal = gate.cached(key)
    if principal is None:
        principal = await asyncio.to_thread(gate.check, key)
    for scope in scopes:
        principal.require(scope)
    return principal


# --- writing ---


@dataclass(frozen=True)
class WriteContext:
    """Where a write comes in: the caller, and how the request may be recognised when it comes again."""

    runtime: Runtime
    principal: Principal
    asked: Asked
    key: str
    if_match: int | None

    async def write(self, command: Command, **targets: str) -> Response:
        """Handles a command. Takes: what it is about, by noun. Gives: 201 with the receipt."""
        if DECISIONS[type(command)].creates:
            self.require_unmatched()
        intent = CommandEnvelope(
            self.principal.tenant_id,
            self.principal.key_id,
            command,
            self.asked,
            targets,
            self.if_match,
            role=self.principal.role,
        )
        return self.answer(await self.runtime.handler.handle_async(intent))

    def require_unmatched(self) -> None:
        """Raises: Refusal where If-Match comes with a request that begins something: it has no version yet."""
        if self.if_match is not None:
            raise Refusal(Invalid("invalid_if_match", "what is only now begun has no version to match"))

    def answer(self, receipt: Receipt, **more: Any) -> Response:
        """201 with a receipt and what else there is to say."""
        if not receipt.replayed:
            for _, topic, _ in receipt.events:
                appended(topic).inc()
        if more:
            return Json({**receipt.body(), **more}, 201, self._headers(receipt))
        return Response(receipt.encoded, 201, self._headers(receipt), Json.media_type)

    def _headers(self, receipt: Receipt) -> dict[str, str]:
        path = PATHS.get(receipt.id.partition("_")[0])
        headers = {"ETag": f'"{receipt.version}"', "Event-Position": str(receipt.position), "Idempotency-Key": self.key}
        if path:
            headers["Location"] = f"/v1/{path}/{receipt.id}"
        if receipt.replayed:
            headers["Idempotency-Replayed"] = "true"
        return headers


async def door(
    request: Request,
    principal: Annotated[Principal, Security(caller)],
    idempotency_key: Annotated[
        str | None, Header(description="the same key with the same request is answered once; made when absent")
    ] = None,
    if_match: Annotated[
        str | None, Header(description='the version that you saw, `"7"`, or the ETag of what you read')
    ] = None,
) -> WriteContext:
    """A door for the caller."""
    said = (request.method, request.url.path, await request.body())
    return door_of(runtime_of(request), principal, said, idempotency_key, if_match)


def door_of(
    runtime: Runtime,
    principal: Principal,
    said: tuple[str, str, bytes],
    idempotency_key: str | None,
    if_match: str | None,
) -> WriteContext:
    """A door for a caller. Takes: `said`, the request's method, path and body."""
    key = _idempotency_key(idempotency_key) if idempotency_key is not None else runtime.new_id("req")
    method, path, body = said
    told = runtime.vault.mark(principal.tenant_id, fingerprint(method.encode(), path.encode(), body))
    asked = Asked(f"http:{principal.key_id}:{key}", told, fresh=idempotency_key is None)
    return WriteContext(runtime, principal, asked, key, _version(if_match))


def _idempotency_key(text: str) -> str:
    found = _KEY.match(text)
    if not found:
        raise Refusal(Invalid("invalid_idempotency_key", "Idempotency-Key is 1 to 255 visible ASCII characters"))
    return found[1]


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = _TAG.fullmatch(if_match.strip())
    if not found:
        raise Refusal(Invalid("invalid_if_match", 'If-Match is a version in quotes, "7", or the ETag of what you read'))
    return int(found[1])


# --- reading ---


@dataclass(frozen=True)
class ReadContext:
    """A read under both clocks, for the caller's tenant."""

    runtime: Runtime
    principal: Principal
    as_of: str | None
    known_at: str | None
    least: int | None
    wait: float
    strict: bool
    etag: str | None
    table: str | None = None
    """The name of the file, where a list is wanted as CSV."""
    columns: tuple[str, ...] = ()

    @property
    def tenant_id(self) -> str:
        """Whose data it is about."""
        return self.principal.tenant_id

    def when(self, *views: View[Any]) -> When:
        """The question's clocks, once the views have read what the caller has written."""
        if self.least is not None:
            self.runtime.reader.wait(self.tenant_id, views, self.least, self.wait, strict=self.strict)
        return self.runtime.reader.when(self.tenant_id, self.as_of, self.known_at)

    def find(self, noun: str, named: str) -> str:
        """The id of a thing by id or `ref:`; whether an id exists is not looked up. Raises: NotFound."""
        return self.runtime.handler.resolve(self.tenant_id, noun, named)

    def existing(self, noun: str, named: str | None) -> str | None:
        """The id of a thing that a list is narrowed to, by id or `ref:`; None for none. Raises: NotFound."""
        return None if named is None else self.runtime.handler.load(self.tenant_id, noun, named)[0]

    def answer(
        self,
        body: Mapping[str, Any],
        position: int,
        *,
        version: int | None = None,
        changing: bool = True,
        link: str | None = None,
    ) -> Response:
        """200 with what was asked for, 304 when the caller has it already.

        Takes: `changing`, whether what is shown may change while the thing's version stays, because time goes on or other
        things are shown with it; then the tag is the version and a digest.
        """
        headers = {"Projection-Position": str(position)}
        if link:
            headers["Link"] = link
        if self.table is not None and (rows := tables.rows_of(body)) is not None:
            return tables.answer(rows, self.columns, self.table, headers)
        if version is not None:
            headers["ETag"] = f'"{version}-{_digest(body)}"' if changing else f'"{version}"'
            if _has(self.etag, headers["ETag"]):
                return Response(status_code=304, headers=headers)
        return Json(body, headers=headers)


def _digest(body: Mapping[str, Any]) -> str:
    """What a body shows, but for where and when it was looked at, in 16 letters."""
    shown = {name: value for name, value in body.items() if name not in ("as_of", "position")}
    return hashlib.sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _has(if_none_match: str | None, tag: str) -> bool:
    """Whether a caller holds what this tag names. Source: RFC 9110 section 13.1.2, the weak comparison."""
    held = [one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")]
    return tag in held or "*" in held


async def plain_question(
    request: Request,
    principal: Annotated[Principal, Security(caller)],
    min_event_position: Annotated[
        int | None, Header(ge=0, le=2**53, description="wait until this position is visible")
    ] = None,
    prefer: Annotated[
        str | None,
        Header(description="`wait=2` seconds for Min-Event-Position; `handling=strict`: 503 when it is not reached"),
    ] = None,
    if_none_match: Annotated[str | None, Header(description="the ETag that you have")] = None,
) -> ReadContext:
    """A question of the caller's about what is there now."""
    wanted = _preferences(prefer)
    wait = min(float(wanted["wait"]), 30.0) if re.fullmatch(r"\d{1,3}", wanted.get("wait", "")) else 1.0
    return ReadContext(
        runtime_of(request),
        principal,
        None,
        None,
        min_event_position,
        wait,
        wanted.get("handling") == "strict",
        if_none_match,
        *tables.wanted(request),
    )


async def log_question(
    asked: Annotated[ReadContext, Security(plain_question)],
    known_at: Annotated[
        str | None,
        Query(description="knowledge: a position, a date or an instant; default all that is known", examples=["120"]),
    ] = None,
) -> ReadContext:
    """A question of the caller's about the log itself, which has one clock."""
    return replace(asked, known_at=known_at)


async def question(
    asked: Annotated[ReadContext, Security(log_question)],
    as_of: Annotated[
        str | None,
        Query(
            description="business time: a date (its end, in the tenant's zone) or an instant; default now",
            examples=["2026-01-31"],
        ),
    ] = None,
) -> ReadContext:
    """A question of the caller's under both clocks."""
    return replace(asked, as_of=as_of)


def _preferences(prefer: str | None) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in (prefer or "").replace(";", ",").split(","))
    return {name.strip().lower(): value.strip().strip('"').lower() for name, _, value in pairs if name.strip()}


def picked(**named: Sequence[str] | str | bool | None) -> dict[str, list[Any]]:
    """Filters that were given, each as the list of values that are wanted."""
    return {
        name: list(value) if isinstance(value, list | tuple) else [value]
        for name, value in named.items()
        if value is not None and value != []
    }
