"""The context of a read: the caller, both clocks, what the caller must see, and the form of the answer."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Final

import orjson
from fastapi import Header, Query, Request, Response, Security
from pydantic import BaseModel

from app.api.http import csv
from app.api.http.dependencies import caller, runtime_of
from app.api.http.reach import require_readable
from app.api.http.strict_json_route import Json
from app.api.http.tenant_limits import TenantLimits
from app.api.http.withholding import shape_of
from app.auth.caller import Caller
from app.domain.withholding import WITHHELD, without
from app.kpi_queries.known_holdings import require_known
from app.observe.logs import logger
from app.read_side.clocks import When
from app.read_side.reaching import beyond_reach
from app.read_side.reader import Reader
from app.runtime import Runtime
from app.write_side.aggregate_loader import missing
from projections.view import View
from projections.views import account_access, portfolios

DAY_SECONDS: Final = 86_400
"""How long an answer of both clocks may be kept. It never changes, but a person's text in it may be erased."""
MINUTE_SECONDS: Final = 60
_OF_THE_READING: Final = ("as_of", "position", "explain_url")
"""What an answer says of the instant and the position that it was read at."""


@dataclass(frozen=True)
class ReadContext:
    """A read under both clocks, for the caller's tenant."""

    runtime: Runtime
    caller: Caller
    as_of: str | None
    known_at: str | None
    least: int | None
    wait: float
    strict: bool
    etag: str | None
    table: str | None = None
    """The name of the file, where the caller prefers a list as CSV."""
    columns: tuple[str, ...] = ()
    limits: TenantLimits | None = None
    model: type[BaseModel] | None = None
    """What the endpoint answers, of which some members may be left out for this caller."""
    operation: str = ""

    @property
    def tenant_id(self) -> str:
        """The tenant whose data is read."""
        return self.caller.tenant_id

    @cached_property
    def reader(self) -> Reader:
        """The reader of the caller's reach, and of nothing beyond it, once it knows what the caller has written.

        Every read of views goes through it.
        """
        reader = self.runtime.reader.within(self.caller.reach)
        if self.least is not None and not reader.reach.whole:
            reader.wait(self.tenant_id, [account_access.VIEW], self.least, self.wait, strict=self.strict)
        return reader

    def when(self, *views: View[Any]) -> When:
        """The clocks of the read, once the views have read what the caller has written."""
        if self.least is not None and views:
            self.reader.wait(self.tenant_id, views, self.least, self.wait, strict=self.strict)
        return self.reader.when(self.tenant_id, self.as_of, self.known_at)

    def find(self, noun: str, named: str) -> str:
        """The id of a thing by id or `ref:`; whether an id exists is not looked up. Raises: NotFound."""
        return self.runtime.handler.resolve(self.tenant_id, noun, named)

    def existing(self, noun: str, named: str | None) -> str | None:
        """The id of a thing that a list is narrowed to, by id or `ref:`; None for none. Raises: NotFound, out of reach too."""
        if named is None:
            return None
        key, versioned = self.runtime.handler.load(self.tenant_id, noun, named)
        account = key if noun == "account" else getattr(versioned.state, "account", None)
        if account is not None and not self.reader.reaches(self.tenant_id, [account]):
            raise missing(noun)
        return key

    def require_person(self, name: str) -> None:
        """Raises: NotAllowed for what sums over the accounts of somebody who is out of reach. Takes: a name of theirs."""
        if not self.caller.reach.whole and name not in self.caller.reach.names:
            raise beyond_reach()

    def known(self, member: str, *values: str) -> None:
        """Raises: Invalid for an owner, a tier or an industry that no account ever had."""
        require_known(self.reader, self.tenant_id, self.when(portfolios.VIEW), member, values)

    def one(self, view: View[Any], named: str) -> tuple[Any, int]:
        """The row of a thing by id or `ref:`, and the position that it was built from. Raises: NotFound."""
        return self.reader.one(self.tenant_id, view, self.find(view.noun, named), self.when(view))

    def answer(
        self,
        body: Mapping[str, Any],
        position: int,
        *,
        version: int | None = None,
        changing: bool = True,
        link: str | None = None,
    ) -> Response:
        """200 with a body, 304 when the caller has it already.

        Takes: `version`, of the one thing that is shown, which If-Match may name; `changing`, whether what is shown may change while
        it stays, because time goes on or other things are shown with it; then the tag is the version and a digest. Any other answer
        has a weak tag, for it is the same while nothing but the position and the instant of the reading differs.
        """
        body, left_out = self._readable(body)
        changing = changing or bool(left_out)
        rows = csv.rows_of(body) if self.table is not None else None
        form = "" if rows is None else "-csv"
        tag = f'W/"{_digest(body)}{form}"'
        if version is not None:
            tag = f'"{version}-{_digest(body)}"' if changing else f'"{version}"'
        headers = {
            "Projection-Position": str(position),
            "ETag": tag,
            "Cache-Control": self._caching(),
            "Vary": "Accept, Authorization",
        }
        if left_out and rows is not None:
            headers["Steward-Withheld"] = ", ".join(left_out)
        if link:
            headers["Link"] = link
        if _has(self.etag, tag):
            return Response(status_code=304, headers=headers)
        if self.limits is not None:
            headers |= self.limits.count_rows(self.tenant_id, _rows_shown(body))
        if rows is not None and self.table is not None:
            return csv.answer(rows, self.columns, self.table, headers)
        return Json(body, headers=headers)

    def _readable(self, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
        """The body as this caller may read it: what they may not is null, and named in `withheld`. Gives: it and these names."""
        lacking = self.caller.lacking
        if not lacking:
            return body, []
        names = dict.fromkeys(body.get(WITHHELD, ()))
        if self.model is not None:
            body = without(body, shape_of(self.model), lacking, names)
        if not names:
            return body, []
        logger().info(
            "members_withheld",
            tenant_id=self.tenant_id,
            actor=self.caller.principal.actor,
            operation=self.operation,
            members=[*names],
        )
        return {**body, WITHHELD: [*names]}, [*names]

    def _caching(self) -> str:
        """How long the caller's own cache may answer: what was known at a position stays; where time goes on, for a minute."""
        if self.known_at is None or not self.known_at.isdigit():
            return "private, no-cache"
        return f"private, max-age={DAY_SECONDS if self.as_of is not None else MINUTE_SECONDS}, immutable"


def _rows_shown(body: Mapping[str, Any]) -> int:
    """How many rows a list, a stretch of the log or a figure by groups has."""
    shown = (body.get(name) for name in ("data", "events", csv.GROUPS))
    return sum(len(rows) for rows in shown if isinstance(rows, list))


def _digest(body: Mapping[str, Any]) -> str:
    """A digest of what a body shows, without what it says of the reading itself."""
    shown = {name: value for name, value in body.items() if name not in _OF_THE_READING}
    return hashlib.sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _has(if_none_match: str | None, tag: str) -> bool:
    """Whether a caller has what this tag names. Source: RFC 9110 section 13.1.2, the weak comparison."""
    tags = [part.strip().removeprefix("W/") for part in (if_none_match or "").split(",")]
    return tag.removeprefix("W/") in tags or "*" in tags


def _documented(request: Request) -> Mapping[int | str, Mapping[str, Any]]:
    """The answers that an endpoint declares."""
    answers: Mapping[int | str, Mapping[str, Any]] = getattr(request.scope.get("route"), "responses", {})
    return answers


async def plain_read_context(
    request: Request,
    known: Annotated[Caller, Security(caller)],
    min_event_position: Annotated[
        int | None, Header(ge=0, le=2**53, description="wait until this position is visible")
    ] = None,
    prefer: Annotated[
        str | None,
        Header(description="`wait=2` seconds for Min-Event-Position; `handling=strict`: 503 when it is not reached"),
    ] = None,
    if_none_match: Annotated[str | None, Header(description="the ETag that you have")] = None,
) -> ReadContext:
    """A read of what is there now. Raises: NotAllowed for what does not obey the caller's reach."""
    require_readable(known.reach, getattr(request.scope.get("route"), "operation_id", None))
    preferences = _preferences(prefer)
    seconds = preferences.get("wait", "")
    file_name, columns = csv.requested_file(request)
    return ReadContext(
        runtime=runtime_of(request),
        caller=known,
        as_of=None,
        known_at=None,
        least=min_event_position,
        wait=min(float(seconds), 30.0) if re.fullmatch(r"\d{1,3}", seconds) else 1.0,
        strict=preferences.get("handling") == "strict",
        etag=if_none_match,
        table=file_name,
        columns=columns,
        limits=request.app.state.limits,
        model=_documented(request).get(200, {}).get("model"),
        operation=getattr(request.scope.get("route"), "operation_id", ""),
    )


async def log_read_context(
    context: Annotated[ReadContext, Security(plain_read_context)],
    known_at: Annotated[
        str | None,
        Query(description="knowledge: a position, a date or an instant; default all that is known", examples=["120"]),
    ] = None,
) -> ReadContext:
    """A read of the log itself, which has one clock: what was known."""
    return replace(context, known_at=known_at)


async def read_context(
    context: Annotated[ReadContext, Security(log_read_context)],
    as_of: Annotated[
        str | None,
        Query(
            description="business time: a date (its end, in the tenant's zone) or an instant; default now",
            examples=["2026-01-31"],
        ),
    ] = None,
) -> ReadContext:
    """A read under both clocks."""
    return replace(context, as_of=as_of)


def _preferences(prefer: str | None) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in (prefer or "").replace(";", ",").split(","))
    return {name.strip().lower(): value.strip().strip('"').lower() for name, _, value in pairs if name.strip()}
