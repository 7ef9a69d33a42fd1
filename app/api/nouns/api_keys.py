"""API keys over HTTP."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import From
from app.api.http.dependencies import ReadContext, WriteContext, door, question
from app.api.http.paging import Paging, page, paging
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.response_models import WRITTEN, AsInstant, PageBody, ReceiptBody
from app.api.http.strict_json_route import StrictRoute
from app.auth.keys import issue
from app.domain.api_key.commands import IssueApiKey, RevokeApiKey
from projections.views import api_keys

router = APIRouter(prefix="/v1/api-keys", tags=["api_keys"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(door, scopes=["api_keys:write"])]
Reading = Annotated[ReadContext, Security(question, scopes=["api_keys:read"])]


class IssuedKey(ReceiptBody):
    """The receipt of a new key, with the key itself, this once."""

    api_key: str | None


class KeyBody(BaseModel):
    """A key, without anything that would let somebody in."""

    id: Annotated[str, From("api_key")] = Field(examples=["key_01jd7z5m3xf8x9v0w1y2z3a4b5"])
    role: str = Field(examples=["integration"])
    scopes: list[str] = Field(examples=[["interactions:write"]])
    label: str | None
    issued_at: AsInstant
    expires_at: str | None
    revoked_at: AsInstant | None
    version: int


class KeyPage(KeyBody):
    """A key with the position that it was read from."""

    position: int


present = Presenter(KeyBody, api_keys.ApiKey, not_shown=("latest_at",))


@router.post(
    "",
    operation_id="api_keys.issue",
    status_code=201,
    responses=WRITTEN | {201: WRITTEN[201] | {"model": IssuedKey}} | documented(409, 415, 422),
)
async def issue_key(command: IssueApiKey, to: Writing) -> Response:
    """Hand out a key that reaches no further than the caller's own; it is shown once."""
    to.require_unmatched()
    to.principal.require_reach(command.role, command.scopes)
    receipt, key = await asyncio.to_thread(
        issue, to.runtime.handler, to.principal.tenant_id, to.principal.key_id, command, to.asked
    )
    return to.answer(receipt, api_key=key)


@router.post(
    "/{api_key}/revocation",
    operation_id="api_keys.revoke",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def revoke(api_key: str, command: RevokeApiKey, to: Writing) -> Response:
    """Take a key back; it dies within seconds everywhere."""
    return await to.write(command, api_key=api_key)


@router.get("", operation_id="api_keys.list", responses=answered(PageBody[KeyBody], 400))
def list_keys(asked: Reading, paged: Annotated[Paging, Depends(paging)]) -> Response:
    """The keys, without anything that would let somebody in."""
    return page(asked, paged, api_keys.VIEW, present)


@router.get("/{api_key}", operation_id="api_keys.get", responses=answered(KeyPage, 400, 404))
def get_key(api_key: str, asked: Reading) -> Response:
    """A key."""
    row, position = asked.runtime.reader.one(
        asked.tenant_id, api_keys.VIEW, asked.find("api_key", api_key), asked.when(api_keys.VIEW)
    )
    return asked.answer(
        present(asked, [row])[0] | {"position": position}, position, version=row.version, changing=False
    )
