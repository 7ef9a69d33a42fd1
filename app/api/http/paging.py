"""Pages: all pages of a list are answered of the moment of the first, and a cursor only continues the query that it came from."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from app.api.http.path_segments import encoded
from app.api.http.problems import Refusal
from app.api.http.read_context import ReadContext
from app.domain.kernel.errors import Invalid
from app.read_side.clocks import When
from projections.view import View

Limit = Annotated[int, Query(ge=1, le=200, description="how many items a page holds at the most")]
Cursor = Annotated[str | None, Query(max_length=2000, description="next_cursor of the page before")]


@dataclass(frozen=True)
class Paging:
    """How many rows, from where, and of which query: its path and parameters."""

    limit: int
    cursor: str | None
    url: str
    query: tuple[tuple[str, str], ...]

    def next(self, cursor: str | None) -> str | None:
        """The Link to the next page, where there is one."""
        if cursor is None:
            return None
        parameters = urlencode([*self.query, ("limit", self.limit), ("cursor", cursor)])
        return f'<{encoded(self.url)}?{parameters}>; rel="next"'


def query_of(request: Request) -> tuple[tuple[str, str], ...]:
    """A request's parameters, but for which page it asks for."""
    given = request.query_params.multi_items()
    return tuple(sorted((name, value) for name, value in given if name not in ("cursor", "limit")))


async def paging(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Paging:
    """The page that the request names."""
    return Paging(limit, cursor, request.scope["path"], query_of(request))


class Start(NamedTuple):
    """Where a page begins. when: the clocks of its list. after: the order member and keys of the last row before it."""

    when: When
    after: list[Any] | None


def start(context: ReadContext, paged: Paging, *views: View[Any]) -> Start:
    """Where a page begins, once the views have read what the caller has written: a later page, with the clocks of the first.

    Raises: Refusal for a cursor of another query, of another tenant, or none at all; Refused for one beyond the ledger's head.
    """
    when = context.when(*views)
    if paged.cursor is None:
        return Start(when, None)
    after, position, as_of = _read_cursor(context, paged)
    context.reader.clocks.require_reached(context.tenant_id, position)
    return Start(When(as_of, position, now=when.now), after)


def next_cursor(
    context: ReadContext, paged: Paging, after: Sequence[Any] | None, position: int, when: When
) -> str | None:
    """The cursor behind a page's last row, which keeps the position and the instant of the list; None for the last page."""
    if after is None:
        return None
    plain = json.dumps([list(after), position, when.as_of], ensure_ascii=False).encode()
    locked = context.runtime.vault.lock(context.tenant_id, _purpose(paged), plain)
    return base64.urlsafe_b64encode(locked).decode().rstrip("=")


def listing(
    context: ReadContext, paged: Paging, data: list[dict[str, Any]], position: int, cursor: str | None
) -> Response:
    """Answers a page: data, has_more, next_cursor, position, and a Link to the next."""
    body = {"data": data, "has_more": cursor is not None, "next_cursor": cursor, "position": position}
    return context.answer(body, position, link=paged.next(cursor))


def _purpose(paged: Paging) -> str:
    """What a cursor is bound to: tenant (by its key), path, filters, sort."""
    return json.dumps(["cursor/v2", paged.url, paged.query])


def _read_cursor(context: ReadContext, paged: Paging) -> tuple[list[Any], int, int]:
    refusal = Refusal(Invalid("invalid_cursor", "the cursor does not belong to this query"))
    text = paged.cursor or ""
    try:
        locked = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise refusal from error
    opened = context.runtime.vault.unlock(context.tenant_id, _purpose(paged), locked) if len(locked) > 28 else None
    if opened is None:
        raise refusal
    after, position, as_of = json.loads(opened)
    return after, position, as_of
