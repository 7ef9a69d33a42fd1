"""Pages: a bounded list, and a cursor that only continues the query that it came from."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Query, Request, Response

from app.api.http.presenter import Present
from app.api.http.problems import Refusal
from app.api.http.read_context import ReadContext
from app.domain.kernel.errors import Invalid
from projections.view import View


@dataclass(frozen=True)
class Paging:
    """How many rows, from where, and of which query: its path and parameters."""

    limit: int
    cursor: str | None
    url: str
    query: tuple[tuple[str, str], ...]


def paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=2000, description="next_cursor of the page before")] = None,
) -> Paging:
    """The page that the request names."""
    query = tuple(
        sorted((name, value) for name, value in request.query_params.multi_items() if name not in ("cursor", "limit"))
    )
    return Paging(limit, cursor, request.scope["path"], query)


def page(
    context: ReadContext,
    paging: Paging,
    view: View[Any],
    present: Present,
    *,
    filters: Mapping[str, Sequence[Any]] | None = None,
    conditions: Sequence[Any] = (),
    sort: str | None = None,
    default_sort: str = "",
) -> Response:
    """Answers a page of a view: data, has_more, next_cursor, and a Link to the next.

    Takes: `sort`, a member of the view's order, with `-` for descending.
    """
    order, descending = _sort(view, sort or default_sort)
    when = context.when(view)
    after = read_cursor(context, paging, order) if paging.cursor else None
    result = context.runtime.reader.page(
        context.tenant_id,
        view,
        when,
        filters=filters,
        conditions=conditions,
        order=order,
        descending=descending,
        after=after,
        limit=paging.limit,
    )
    return listing(context, paging, present(context, result.rows), result.position, result.after, order)


def listing(
    context: ReadContext,
    paging: Paging,
    data: list[dict[str, Any]],
    position: int,
    after: Sequence[Any] | None,
    order: str = "",
) -> Response:
    """Answers a page whose rows are already there."""
    cursor = write_cursor(context, paging, order, after) if after is not None else None
    link = None
    if cursor:
        link = f'<{quote(paging.url)}?{urlencode([*paging.query, ("limit", paging.limit), ("cursor", cursor)])}>; rel="next"'
    return context.answer(
        {"data": data, "has_more": cursor is not None, "next_cursor": cursor, "position": position}, position, link=link
    )


def _sort(view: View[Any], sort: str) -> tuple[str, bool]:
    order = sort.removeprefix("-") if sort else view.order[0]
    if order not in view.order:
        raise Refusal(Invalid("invalid_sort", f"sort is one of {', '.join(view.order)}, with - for descending"))
    return order, sort.startswith("-")


def _purpose(paging: Paging, order: str) -> str:
    """What a cursor is bound to: tenant (by its key), path, filters, sort."""
    return json.dumps(["cursor/v1", paging.url, paging.query, order])


def write_cursor(context: ReadContext, paging: Paging, order: str, after: Sequence[Any]) -> str:
    """An opaque cursor behind a row."""
    plain = json.dumps(list(after), ensure_ascii=False).encode()
    locked = context.runtime.vault.lock(context.tenant_id, _purpose(paging, order), plain)
    return base64.urlsafe_b64encode(locked).decode().rstrip("=")


def read_cursor(context: ReadContext, paging: Paging, order: str) -> list[Any]:
    """Where a cursor continues. Raises: Refusal for one of another query, of another tenant, or none at all."""
    refusal = Refusal(Invalid("invalid_cursor", "the cursor does not belong to this query"))
    text = paging.cursor or ""
    try:
        locked = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise refusal from error
    opened = (
        context.runtime.vault.unlock(context.tenant_id, _purpose(paging, order), locked) if len(locked) > 28 else None
    )
    if opened is None:
        raise refusal
    after: list[Any] = json.loads(opened)
    return after
