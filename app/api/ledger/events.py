"""The feed of all events, and the ingestion of events from other systems."""

import asyncio
from collections.abc import Collection
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from app.api.http.dependencies import caller, runtime_of
from app.api.http.formatting import at
from app.api.http.parameters import Commas, RunName, Topic
from app.api.http.problems import answered, members_of, problem, request_id, status_of
from app.api.http.read_context import ReadContext, log_read_context
from app.api.http.response_models import PreviewedEvent, PreviewedFigure
from app.api.http.strict_json_route import Json, StrictRoute
from app.api.http.withholding import readable_preview
from app.api.http.write_context import PREVIEWED, Prefer, Preview, Run, in_run, prefers_preview
from app.api.ledger import content_modes
from app.api.ledger.content_modes import Mode
from app.auth.caller import Caller
from app.domain.kernel.command import Visibility
from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from app.read_side.clocks import When
from app.runtime import Runtime
from app.services import previews
from app.write_side.ingestion import Ingestion, Item
from app.write_side.rehearsal import Rehearsal
from projections.view import Condition
from projections.views import timeline

router = APIRouter(prefix="/v1/events", tags=["events"], route_class=StrictRoute)
CHUNK: Final = 1_000
LOOKED_THROUGH: Final = 2_000
"""Through how many positions a page looks for events of accounts in reach: it may hold fewer than were asked for, even none."""


class ItemProblemBody(BaseModel):
    """Why an event was refused; what some codes say besides stands beside it."""

    model_config = ConfigDict(extra="allow")
    status: int = Field(description="the HTTP status that a command would have been answered with")
    code: str = Field(examples=["account_not_found"])
    detail: str


class IngestedItem(BaseModel):
    """What became of one event."""

    index: int
    status: Literal["accepted", "duplicate", "refused"]
    id: str | None = None
    position: int | None = None
    problem: ItemProblemBody | None = None


class IngestedBody(BaseModel):
    """What became of the events that came."""

    accepted: int
    duplicate: int
    refused: int
    position: int | None
    results: list[IngestedItem]
    events: list[PreviewedEvent] | None = Field(None, description="of a preview: what would be appended")
    figures: list[PreviewedFigure] | None = Field(None, description="of a preview: the figures that would move")


class AuthorisedByBody(BaseModel):
    """By what somebody might do it, when they did it."""

    rule: str = Field(
        description="the capability, the role that allowed it and, where there is one, the limit, as the table of rights has "
        "them; `service` for the key of a service, `system` for what Steward does itself",
        examples=["respond:account_manager:limit"],
    )
    version: int = Field(description="of that table", examples=[1])


class EventMetaBody(BaseModel):
    """What an event says of itself. A member that nobody said is left out."""

    visibility: Visibility | None = None
    reason: str | None = Field(
        None, description="why it was done; null once it is erased", json_schema_extra={"x-or-null": True}
    )
    client: str | None = Field(
        None,
        description="through what it came: an API key, a webhook endpoint, or `cli:` and a command of the command line",
        examples=["key_01jd7z5m3xf8x9v0w1y2z3a4b5"],
    )
    on_behalf_of: str | None = Field(None, description="for whom the actor did it, where it was for another")
    run: str | None = Field(None, description="the caller's name for the work that it is a part of, by `Steward-Run`")
    authorised_by: AuthorisedByBody | None = Field(None, description="by what the actor might do it")
    source: str | None = Field(None, description="the system that an ingested event comes from")
    external_id: str | None = Field(None, description="the event's id in that system")
    correlation_id: str | None = Field(None, description="what it belongs together with")
    causation_id: str | None = Field(None, description="the event that it follows from")
    corrects: str | None = Field(None, description="the event that it corrects")
    suggestion: str | None = Field(None, description="the suggestion that was approved with it")


class EventBody(BaseModel):
    """An event as a CloudEvent, with our extensions."""

    specversion: str = Field(examples=["1.0"])
    id: str = Field(examples=["evt_01jd7z5m3sf8x9v0w1y2z3a4b5"])
    source: str = Field(examples=["urn:steward:tnt_01jd7z5m3pf8x9v0w1y2z3a4b5"])
    type: str = Field(examples=["account.opened"])
    subject: str | None = Field(description="the account")
    time: str = Field(description="when it is true in business")
    data: dict[str, Any]
    position: int
    stream: str = Field(description="the thing that it happened to")
    version: int = Field(description="of that thing, after the event")
    schema_: int = Field(alias="schema", description="the version of the event's shape")
    recorded_at: str
    actor: str = Field(description="who did it")
    meta: EventMetaBody


class EventFeedBody(BaseModel):
    """A stretch of the log."""

    data: list[EventBody]
    has_more: bool
    next_after: int
    position: int


@router.post(
    "",
    operation_id="events.ingest",
    openapi_extra=content_modes.DESCRIPTION,
    responses=answered(IngestedBody, 400, 404, 409, 413, 415, 422)
    | {201: {"model": IngestedBody, "description": "Accepted"}},
)
async def ingest(
    request: Request,
    known: Annotated[Caller, Security(caller)],
    steward_run: Run = None,
    prefer: Prefer = None,
    preview: Preview = False,
) -> Response:
    """Take in CloudEvents: one, as JSON or in headers and body; a batch; or one a line.

    Each is accepted, a duplicate, or refused alone. What differs in nothing that counts is a duplicate: the order of members, blanks,
    zeros behind a number, `Z` or `+00:00`, null or absent.
    """
    known.require_ingestion()
    principal = in_run(known, steward_run).principal
    mode = content_modes.mode_of(request)
    runtime = runtime_of(request)
    events = await asyncio.to_thread(
        content_modes.events_of, mode, request.headers, await request.body(), runtime.settings.body_limit
    )
    rehearsal = None
    if preview or prefers_preview(prefer):
        rehearsal = await asyncio.to_thread(Rehearsal, runtime.handler, known.tenant_id)
    ingestion = runtime.ingestion if rehearsal is None else Ingestion(rehearsal)
    items: list[Item] = []
    for start in range(0, len(events), CHUNK):
        items += await asyncio.to_thread(
            ingestion.ingest,
            known.tenant_id,
            principal,
            events[start : start + CHUNK],
            known.require_to_write,
        )
    if rehearsal is not None:
        if mode in ("single", "binary") and items[0].refusal:
            return _single(request, items[0], summary(items, known.scopes), known.scopes)
        return await asyncio.to_thread(_previewed, runtime, known, rehearsal, items)
    return await asyncio.to_thread(_answer, request, mode, items, known.scopes)


def _previewed(runtime: Runtime, known: Caller, rehearsal: Rehearsal, items: list[Item]) -> Response:
    """What would become of events, and what would be appended; refused ones stand among the others."""
    preview = readable_preview(previews.body_of(runtime.reader, known.tenant_id, rehearsal), known)
    return Json(summary(items, known.scopes) | preview, 200, PREVIEWED)


def summary(items: list[Item], scopes: Collection[str]) -> dict[str, Any]:
    """What became of events, as it is answered. Takes: the scopes of whoever reads it."""
    results: list[dict[str, Any]] = []
    for index, item in enumerate(items):
        result: dict[str, Any] = {"index": index, "status": item.status}
        if item.receipt:
            result |= {"id": item.receipt.id, "position": item.receipt.position}
        if item.refusal:
            result["problem"] = {
                "status": status_of(item.refusal),
                "code": item.refusal.code,
                "detail": item.refusal.detail,
                **members_of(item.refusal, scopes),
            }
        results.append(result)
    counts = {status: sum(item.status == status for item in items) for status in ("accepted", "duplicate", "refused")}
    positions = [item.receipt.position for item in items if item.receipt]
    return {**counts, "position": max(positions, default=None), "results": results}


def _answer(request: Request, mode: Mode, items: list[Item], scopes: Collection[str]) -> Response:
    body = summary(items, scopes)
    if mode in ("single", "binary"):
        return _single(request, items[0], body, scopes)
    return Json(body, headers={"Event-Position": str(body["position"])} if body["position"] else None)


def _single(request: Request, item: Item, body: dict[str, Any], scopes: Collection[str]) -> Response:
    if item.refusal:
        return problem(
            request_id(request),
            status_of(item.refusal),
            item.refusal.code,
            item.refusal.detail,
            {**members_of(item.refusal, scopes), **{name: value for name, value in body.items() if value is not None}},
        )
    return Json(body, 201 if item.status == "accepted" else 200, {"Event-Position": str(body["position"])})


@router.get("", operation_id="events.list", responses=answered(EventFeedBody, 400, 404))
def feed(
    context: Annotated[ReadContext, Security(log_read_context, scopes=["events:read"])],
    after: Annotated[int, Query(ge=0, le=2**53, description="the last position that you have")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    types: Annotated[
        list[Topic] | None, Commas, Query(description="event types; several by repeating or with commas")
    ] = None,
    account: Annotated[str | None, Query(description="an account's id or ref:…")] = None,
    actor: Annotated[str | None, Query()] = None,
    client: Annotated[str | None, Query()] = None,
    on_behalf_of: Annotated[str | None, Query()] = None,
    run: Annotated[RunName | None, Query()] = None,
) -> Response:
    """The log itself, by position: no gap, no disorder, nothing twice. Events of accounts out of reach, and of none, are left out.

    Narrowed by who did it, through what or in which run, it goes as far as the view that finds these has read: `position` says how far.
    """
    log = context.runtime.log
    account_id = context.existing("account", account)
    said = {"actor": actor, "client": client, "on_behalf_of": on_behalf_of, "run": run}
    who = {member: value for member, value in said.items() if value is not None}
    head = context.reader.clocks.require_reached(context.tenant_id, max(after, context.least or 0))
    if context.known_at is not None:
        head = min(head, context.reader.when(context.tenant_id, None, context.known_at).known_at or 0)
    if who:
        events, head = _found(context, after, limit + 1, head, timeline.done_by(who, types or (), account_id))
        until = head
    else:
        accounts = context.reader.accounts(context.tenant_id)
        until = head if accounts is None or account_id is not None else min(head, after + LOOKED_THROUGH)
        events = log.after(
            context.tenant_id,
            after,
            limit + 1,
            until=until,
            types=types or (),
            account_id=account_id,
            accounts=accounts,
        )
    full, events = len(events) > limit, events[:limit]
    following = events[-1].position if full else max(until, after)
    more = full or following < head
    body = {"data": present(context, events), "has_more": more, "next_after": following, "position": head}
    return context.answer(body, head)


def _found(
    context: ReadContext, after: int, limit: int, head: int, conditions: list[Condition]
) -> tuple[list[Recorded], int]:
    """The events that a view finds behind a position and up to the head. Gives: them, and up to where it has looked.

    The view may be behind the log, or not even at the position that the caller has from elsewhere: then that is as far as it goes.
    """
    context.when(timeline.VIEW)
    reader, tenant_id = context.reader, context.tenant_id
    reached = min(head, reader.position(tenant_id, [timeline.VIEW]))
    if reached <= after:
        return [], min(head, after)
    rows, _ = reader.select(
        tenant_id,
        timeline.VIEW,
        [timeline.behind(after), *conditions],
        When(FOREVER, reached, now=False),
        order=timeline.BY_POSITION,
        limit=limit,
    )
    return context.runtime.log.events(tenant_id, [row.event_id for row in rows]), reached


def present(context: ReadContext, events: list[Recorded]) -> list[dict[str, Any]]:
    """Events as CloudEvents with our extensions; what is sealed is opened, what was erased reads null."""
    opened = context.runtime.log.reveal(context.tenant_id, [(event.event_id, event.data) for event in events])
    reasons = context.runtime.log.reveal(context.tenant_id, [(event.event_id, event.meta) for event in events], "meta")
    return [
        {
            "specversion": "1.0",
            "id": event.event_id,
            "source": f"urn:steward:{event.tenant_id}",
            "type": event.type,
            "subject": event.account_id,
            "time": at(event.effective_at),
            "data": data,
            "position": event.position,
            "stream": event.stream_id,
            "version": event.version,
            "schema": event.schema_version,
            "recorded_at": at(event.recorded_at),
            "actor": event.actor,
            "meta": meta,
        }
        for event, data, meta in zip(events, opened, reasons, strict=True)
    ]
