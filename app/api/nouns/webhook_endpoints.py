"""Webhooks over HTTP: endpoints and their inboxes, and the addresses at which messages come in."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response, Security
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.api.http.answers import Added, From
from app.api.http.dependencies import caller, runtime_of
from app.api.http.fair_threads import WHOSE
from app.api.http.formatting import at
from app.api.http.lists import Asked, Filter, ListOf, page
from app.api.http.paging import Paging, listing, next_cursor, paging, start
from app.api.http.presenter import Presenter
from app.api.http.problems import Refusal, answered, documented
from app.api.http.read_context import ReadContext, plain_read_context, read_context
from app.api.http.response_models import WRITTEN, AsInstant, PageBody, ReceiptBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.tenant_limits import TenantLimits
from app.api.http.write_context import Computed, WriteContext, write_context
from app.auth.caller import Caller
from app.domain.kernel.errors import DomainError, Unauthenticated
from app.domain.kernel.values import Moment
from app.domain.webhook_endpoint.commands import (
    AddWebhookSecret,
    CloseWebhookEndpoint,
    ProviderName,
    RegisterWebhookEndpoint,
    RetireWebhookSecret,
)
from app.services.service_call import ServiceCall
from app.store.inbox import Message, MessageContent
from app.store.receipts import Receipt
from app.webhooks.inbound.endpoints import NOUN, Closed, Endpoints
from app.webhooks.inbound.provider import Delivery
from app.webhooks.inbound.providers import provider_named
from app.webhooks.inbound.rehearsed_endpoints import RehearsedEndpoints
from app.write_side.rehearsal import Rehearsal
from projections.views import webhook_endpoints
from projections.views.webhook_endpoints import WebhookEndpoint

router = APIRouter(tags=["webhooks"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["webhooks:write", "events:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["webhooks:read"])]
PATH: Final = "/v1/webhook-endpoints"


class RegisteredEndpoint(ReceiptBody):
    """The receipt of a new endpoint, with where to post to and, this once, the secret that was made for it."""

    secret: str | None = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
    url: str


class AddedSecret(ReceiptBody):
    """The receipt of one more secret: its id and, this once, its text when it was made here."""

    secret_id: str | None
    secret: str | None


class WebhookEndpointBody(BaseModel):
    """An endpoint, its secrets by their ids."""

    id: Annotated[str, From("endpoint")]
    provider: str = Field(examples=["standard_webhooks"])
    label: str | None
    status: webhook_endpoints.Status
    url: Annotated[str, Added()]
    tolerance_seconds: int
    hash: str | None
    encoding: str | None
    header: str | None
    style: str | None
    signed_content_template: str | None
    id_header: str | None
    id_pointer: str | None
    secrets: list[str]
    public_keys: list[str]
    registered_at: AsInstant
    version: int


class WebhookEndpointDetailsBody(WebhookEndpointBody):
    """An endpoint with the position that it was read from."""

    position: int


class InboundMessageBody(BaseModel):
    """A message: waiting, done at a position, or parked with a code."""

    message_id: str
    status: Literal["waiting", "done", "parked"] = Field(examples=["parked"])
    code: str | None = Field(examples=["account_not_found"])
    attempts: int
    received_at: str
    position: int | None


class InboundMessageContentBody(InboundMessageBody):
    """A message with what it brought: the body byte for byte, as text, or in base64 where it is not UTF-8."""

    headers: dict[str, str] = Field(examples=[{"content-type": "application/json"}])
    body: str | None
    body_base64: str | None
    body_sha256: str


class StoredMessageBody(BaseModel):
    """A message was stored, now or before; or it is parked, because its id was used for another one before."""

    id: str
    status: Literal["stored", "duplicate", "parked"] = Field(examples=["stored"])


_endpoint = Presenter(WebhookEndpointBody, WebhookEndpoint, not_shown=("latest_at",))
LISTED: Final = ListOf(
    webhook_endpoints.VIEW,
    _endpoint,
    filters={"provider": Filter(ProviderName), "status": Filter(webhook_endpoints.Status)},
    ranges={"registered_at": Moment},
    sorts=("id", "registered_at"),
    default="id",
)


def present(context: ReadContext, rows: Sequence[WebhookEndpoint]) -> list[dict[str, Any]]:
    """Endpoints as they are answered, each with its address."""
    url = context.runtime.endpoints.url
    return [
        answer | {"url": url(provider_named(row.provider), row.endpoint)}
        for answer, row in zip(_endpoint(context, rows), rows, strict=True)
    ]


def present_message(message: Message) -> dict[str, Any]:
    """A message as it is answered: never what it says."""
    return {
        "message_id": message.message_id,
        "status": message.state,
        "code": message.code,
        "attempts": message.attempts,
        "received_at": at(message.received_at),
        "position": message.position,
    }


def present_content(content: MessageContent) -> dict[str, Any]:
    """What a message brought."""
    text, encoded = None, None
    if content.body is not None:
        try:
            text = content.body.decode()
        except UnicodeDecodeError:
            encoded = base64.b64encode(content.body).decode()
    return {
        "headers": content.headers,
        "body": text,
        "body_base64": encoded,
        "body_sha256": content.sha256.hex(),
    }


# --- endpoints ---


@router.post(
    PATH,
    operation_id="webhook_endpoints.register",
    status_code=201,
    responses=WRITTEN | {201: WRITTEN[201] | {"model": RegisteredEndpoint}} | documented(409, 415, 422),
)
async def register(command: RegisterWebhookEndpoint, context: Writing) -> Response:
    """Give a sender an address; a secret that is made here is shown once."""
    context.require_unmatched()

    def registered(call: ServiceCall) -> Computed:
        register = endpoints_of(context, call).register
        receipt, secret, url = register(call.tenant_id, call.principal, command, call.request)
        return receipt, {"secret": secret, "url": url}

    return await context.compute(registered)


@router.post(
    PATH + "/{endpoint}/secrets",
    operation_id="webhook_endpoints.add_secret",
    status_code=201,
    responses=WRITTEN | {201: WRITTEN[201] | {"model": AddedSecret}} | documented(404, 409, 412, 415, 422),
)
async def add_secret(endpoint: str, command: AddWebhookSecret, context: Writing) -> Response:
    """Accept one more secret or public key, beside those that are accepted already."""

    def added(call: ServiceCall) -> Computed:
        add = endpoints_of(context, call).add_secret
        receipt, secret_id, secret = add(
            call.tenant_id, call.principal, endpoint, command, call.request, if_match=call.if_match
        )
        return receipt, {"secret_id": secret_id, "secret": secret}

    return await context.compute(added)


@router.post(
    PATH + "/{endpoint}/secret-retirement",
    operation_id="webhook_endpoints.retire_secret",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 415, 422),
)
async def retire_secret(endpoint: str, command: RetireWebhookSecret, context: Writing) -> Response:
    """Accept a secret, by its id, or a public key no longer."""

    def retired(call: ServiceCall) -> Receipt:
        retire = endpoints_of(context, call).retire_secret
        return retire(call.tenant_id, call.principal, endpoint, command, call.request, if_match=call.if_match)

    return await context.compute(retired)


@router.post(
    PATH + "/{endpoint}/closure",
    operation_id="webhook_endpoints.close",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 415, 422),
)
async def close(endpoint: str, command: CloseWebhookEndpoint, context: Writing) -> Response:
    """Take the address away: it answers 410 from now on."""

    def closed(call: ServiceCall) -> Receipt:
        end = endpoints_of(context, call).close
        return end(call.tenant_id, call.principal, endpoint, command, call.request, if_match=call.if_match)

    return await context.compute(closed)


def endpoints_of(context: WriteContext, call: ServiceCall) -> Endpoints:
    """The endpoints, or for a preview those that store nothing."""
    endpoints, handler = context.runtime.endpoints, call.handler
    return RehearsedEndpoints(endpoints, handler) if isinstance(handler, Rehearsal) else endpoints


@router.get(PATH, operation_id="webhook_endpoints.list", responses=answered(PageBody[WebhookEndpointBody], 400))
def list_endpoints(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The endpoints."""
    return page(context, asked, present=present)


@router.get(
    PATH + "/{endpoint}",
    operation_id="webhook_endpoints.get",
    responses=answered(WebhookEndpointDetailsBody, 400, 404),
)
def get_endpoint(endpoint: str, context: Reading) -> Response:
    """An endpoint."""
    row, position = context.one(webhook_endpoints.VIEW, endpoint)
    return context.answer(present(context, [row])[0] | {"position": position}, position, version=row.version)


# --- the inbox ---


@router.get(
    PATH + "/{endpoint}/messages",
    operation_id="webhook_endpoints.messages",
    responses=answered(PageBody[InboundMessageBody], 400, 404),
)
def list_messages(
    endpoint: str,
    context: Annotated[ReadContext, Security(plain_read_context, scopes=["webhooks:read"])],
    paged: Annotated[Paging, Depends(paging)],
    status: Annotated[list[Literal["waiting", "done", "parked"]] | None, Query()] = None,
) -> Response:
    """What came in, the newest first, and what became of it."""
    endpoint_id, _ = context.runtime.handler.load(context.tenant_id, NOUN, endpoint)
    when, after = start(context, paged)
    messages = context.runtime.inbox.messages.page(
        context.tenant_id,
        endpoint_id,
        states=status or (),
        after=(after[0], after[1]) if after else None,
        limit=paged.limit + 1,
    )
    rows = messages[: paged.limit]
    last = (rows[-1].received_at, rows[-1].message_id) if len(messages) > paged.limit else None
    head = context.runtime.log.head(context.tenant_id)
    cursor = next_cursor(context, paged, last, head, when)
    return listing(context, paged, [present_message(message) for message in rows], head, cursor)


@router.get(
    PATH + "/{endpoint}/messages/{message_id}",
    operation_id="webhook_endpoints.message",
    responses=answered(InboundMessageContentBody, 400, 404),
)
def get_message(
    endpoint: str,
    message_id: str,
    context: Annotated[ReadContext, Security(plain_read_context, scopes=["webhooks:read"])],
) -> Response:
    """A message and its raw body."""
    endpoint_id, _ = context.runtime.handler.load(context.tenant_id, NOUN, endpoint)
    message, content = context.runtime.inbox.content(context.tenant_id, endpoint_id, message_id)
    body = present_message(message) | present_content(content)
    return context.answer(body, context.runtime.log.head(context.tenant_id))


@router.post(
    PATH + "/{endpoint}/messages/{message_id}/redrive",
    operation_id="webhook_endpoints.redrive",
    status_code=202,
    responses=documented(404, 409) | {202: {"model": InboundMessageBody}},
)
async def redrive(
    endpoint: str,
    message_id: str,
    request: Request,
    known: Annotated[Caller, Security(caller, scopes=["webhooks:write"])],
) -> Response:
    """Let a parked message be tried again, now that what it names may exist."""
    runtime = runtime_of(request)
    endpoint_id, _ = await asyncio.to_thread(runtime.handler.load, known.tenant_id, NOUN, endpoint)
    message = await asyncio.to_thread(runtime.inbox.redrive, known.tenant_id, endpoint_id, message_id)
    return JSONResponse(present_message(message), 202)


# --- what senders call ---

_SIGNED: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "signed as the endpoint's provider signs; a CloudEvent, or type, timestamp and data",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.post(
    "/v1/inbound/{provider}/{endpoint_id}",
    operation_id="inbound.receive",
    status_code=202,
    openapi_extra=_SIGNED,
    responses=documented(400, 404, 409, 410, 413) | {202: {"model": StoredMessageBody}},
)
async def receive(provider: str, endpoint_id: str, request: Request) -> Response:
    """Take a signed message in. It is on disk when this answers; what it says is taken in afterwards."""
    runtime = runtime_of(request)
    WHOSE.set(endpoint_id)
    try:
        endpoint = await asyncio.to_thread(runtime.endpoints.find, provider, endpoint_id)
    except Closed as closed:
        raise Refusal(closed, 410) from closed
    limits: TenantLimits = request.app.state.limits
    limits.admit_message(request.scope, endpoint.tenant_id)
    delivery = Delivery(request.scope["headers"], await request.body())
    try:
        received = await asyncio.to_thread(runtime.inbox.receive, endpoint, delivery)
    except Unauthenticated:
        raise
    except DomainError:  # it is kept all the same, or was on its way to be
        limits.count_message(endpoint.tenant_id)
        raise
    limits.count_message(endpoint.tenant_id)
    return JSONResponse({"id": received.message_id, "status": received.status}, 202)
