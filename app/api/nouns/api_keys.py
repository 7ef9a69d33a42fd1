"""API keys over HTTP."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import From
from app.api.http.lists import Asked, Filter, ListOf, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import WRITTEN, AsInstant, PageBody, ReceiptBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.auth.keys import issue
from app.domain.api_key.commands import IssueApiKey, RevokeApiKey
from app.domain.kernel.roles import Role
from app.domain.kernel.values import Moment
from app.services.service_call import ServiceCall
from app.store.receipts import Receipt
from projections.views import api_keys

router = APIRouter(prefix="/v1/api-keys", tags=["api_keys"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["api_keys:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["api_keys:read"])]


class IssuedKey(ReceiptBody):
    """The receipt of a new key, with the key itself, this once."""

    api_key: str | None


class ApiKeyBody(BaseModel):
    """A key, without its secret."""

    id: Annotated[str, From("api_key")] = Field(examples=["key_01jd7z5m3xf8x9v0w1y2z3a4b5"])
    role: Role | None = Field(
        description="in which its bearer acts; null for a personal key that acts in every role of its user",
        examples=["integration"],
    )
    scopes: list[str] = Field(examples=[["interactions:write"]])
    user: str | None = Field(description="whose personal key it is")
    agent: str | None = Field(
        description="whose key it is, where it is an agent's", examples=["agt_01jd7z5m3vf8x9v0w1y2z3a4b5"]
    )
    label: str | None
    issued_at: AsInstant
    expires_at: str | None
    revoked_at: AsInstant | None
    version: int


class ApiKeyDetailsBody(ApiKeyBody):
    """A key with the position that it was read from."""

    position: int


present = Presenter(ApiKeyBody, api_keys.ApiKey, not_shown=("latest_at",))
LISTED: Final = ListOf(
    api_keys.VIEW,
    present,
    filters={"role": Filter(Role)},
    ranges={"issued_at": Moment},
    sorts=("id", "issued_at"),
    default="id",
)


@router.post(
    "",
    operation_id="api_keys.issue",
    status_code=201,
    responses=WRITTEN | {201: WRITTEN[201] | {"model": IssuedKey}} | documented(409, 415, 422),
)
async def issue_key(command: IssueApiKey, context: Writing) -> Response:
    """Hand out a key that reaches no further than the caller's own; it is shown once."""
    context.require_unmatched()
    context.caller.require_scopes(command.scopes)

    def issued(call: ServiceCall) -> tuple[Receipt, dict[str, str | None]]:
        receipt, key = issue(call.handler, call.tenant_id, call.principal, command, call.request)
        return receipt, {"api_key": key}

    return await context.compute(issued)


@router.post(
    "/{api_key}/revocation",
    operation_id="api_keys.revoke",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def revoke(api_key: str, command: RevokeApiKey, context: Writing) -> Response:
    """Take a key back that goes no further than the caller's own; it dies within seconds everywhere."""
    handler, tenant_id = context.runtime.handler, context.caller.tenant_id
    _, versioned = await asyncio.to_thread(handler.load, tenant_id, "api_key", api_key)
    context.caller.require_scopes(versioned.state.scopes)
    return await context.write(command, api_key=api_key)


@router.get("", operation_id="api_keys.list", responses=answered(PageBody[ApiKeyBody], 400))
def list_keys(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The keys, without their secrets."""
    return page(context, asked)


@router.get("/{api_key}", operation_id="api_keys.get", responses=answered(ApiKeyDetailsBody, 400, 404))
def get_key(api_key: str, context: Reading) -> Response:
    """A key."""
    row, position = context.one(api_keys.VIEW, api_key)
    return context.answer(
        present(context, [row])[0] | {"position": position}, position, version=row.version, changing=False
    )
