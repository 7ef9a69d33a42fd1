"""Issuers over HTTP: identity providers whose access tokens let users in, and the metadata by which clients find them."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Request, Response, Security
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.api.http.answers import From
from app.api.http.challenges import METADATA
from app.api.http.dependencies import runtime_of
from app.api.http.lists import Asked, Filter, ListOf, page
from app.api.http.presenter import Presenter
from app.api.http.problems import Refusal, answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import WRITTEN, AsInstant, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.auth import dpop
from app.domain.issuer.commands import Algorithm, CloseIssuer, RegisterIssuer
from app.domain.kernel.errors import NotFound
from app.domain.kernel.values import Moment, is_typeid
from app.services.service_call import ServiceCall
from app.store.receipts import Receipt
from projections.views import issuers
from projections.views.issuers import Issuer

router = APIRouter(tags=["issuers"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["api_keys:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["api_keys:read"])]
PATH: Final = "/v1/issuers"
Tenant = Annotated[str, Path(description="the agency's id", examples=["tnt_01jd7z5m3vf8x9v0w1y2z3a4b5"])]
EXAMPLE: Final = "iss_01jd7z5m3vf8x9v0w1y2z3a4b5"
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = WRITTEN | documented(404, 409, 412, 415, 422)


class IssuerBody(BaseModel):
    """An identity provider whose access tokens let users in."""

    id: Annotated[str, From("issuer_id")] = Field(examples=[EXAMPLE])
    status: issuers.Status
    issuer: str = Field(description="its URL, as tokens have it in `iss`", examples=["https://login.agency.example"])
    audience: str = Field(description="what tokens have in `aud`", examples=["https://steward.agency.example"])
    claim: str = Field(description="the member of a token that finds the user's login", examples=["sub"])
    algorithms: list[Algorithm] = Field(description="by which its tokens may be signed")
    jwks_url: str | None = Field(description="where its keys are; null: where its metadata says")
    plain_jwt: bool = Field(description="whether tokens of the type `JWT` are taken, too")
    dpop_required: bool = Field(description="whether each token must be bound to a key of its client")
    label: str | None
    registered_at: AsInstant
    version: int


class IssuerDetailsBody(IssuerBody):
    """An issuer with the position that it was read from."""

    position: int


class ProtectedResourceBody(BaseModel):
    """What a client needs to know before it asks for an access token. Source: RFC 9728."""

    resource: str = Field(
        description="what tokens name as their audience by default", examples=["https://steward.agency.example"]
    )
    authorization_servers: list[str] | None = Field(
        None, description="the identity providers whose tokens are taken", examples=[["https://login.agency.example"]]
    )
    bearer_methods_supported: list[str] = Field(description="where a token stands in a request", examples=[["header"]])
    dpop_signing_alg_values_supported: list[str] = Field(
        description="by which algorithms proofs are made", examples=[["ES256"]]
    )
    dpop_bound_access_tokens_required: bool = Field(
        False, description="whether each token must be bound to a key of its client"
    )
    resource_name: str = Field(description="what it is called", examples=["Steward"])


present = Presenter(IssuerBody, Issuer, not_shown=("latest_at",))
LISTED: Final = ListOf(
    issuers.VIEW,
    present,
    filters={"status": Filter(issuers.Status), "issuer": Filter()},
    ranges={"registered_at": Moment},
    sorts=("id", "registered_at"),
    default="id",
)


@router.post(PATH, operation_id="issuers.register", status_code=201, responses=WRITTEN | documented(409, 415, 422))
async def register(command: RegisterIssuer, context: Writing) -> Response:
    """Let users in with the access tokens of an identity provider; for admins. Bind their logins one by one."""
    context.require_unmatched()

    def registered(call: ServiceCall) -> Receipt:
        handler = call.handler if context.preview else None
        known = context.runtime.issuers
        return known.register(call.tenant_id, call.principal, command, call.request, rehearsed=handler)

    return await context.compute(registered)


@router.post(PATH + "/{issuer}/closure", operation_id="issuers.close", status_code=201, responses=_ANSWERS)
async def close(issuer: str, command: CloseIssuer, context: Writing) -> Response:
    """Let nobody in any more with the tokens of an issuer; within seconds."""
    return await context.write(command, issuer=issuer)


@router.get(PATH, operation_id="issuers.list", responses=answered(PageBody[IssuerBody], 400))
def list_issuers(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The identity providers whose access tokens let users in, or did."""
    return page(context, asked)


@router.get(PATH + "/{issuer}", operation_id="issuers.get", responses=answered(IssuerDetailsBody, 400, 404))
def get_issuer(issuer: str, context: Reading) -> Response:
    """An identity provider."""
    row, position = context.one(issuers.VIEW, issuer)
    return context.answer(present(context, [row])[0] | {"position": position}, position, version=row.version)


@router.get(METADATA, operation_id="issuers.metadata", responses={200: {"model": ProtectedResourceBody}})
async def metadata(request: Request) -> Response:
    """What a client needs to know before it asks for an access token, for whatever agency."""
    return _metadata(runtime_of(request).settings.address.rstrip("/"))


@router.get(
    METADATA + "/tenants/{tenant}",
    operation_id="issuers.metadata_of_tenant",
    responses={200: {"model": ProtectedResourceBody}, **documented(404)},
)
def metadata_of_tenant(tenant: Tenant, request: Request) -> Response:
    """The same for one agency, with the identity providers whose tokens it takes."""
    known = runtime_of(request).issuers
    trusts = known.of_tenant(tenant) if is_typeid(tenant, "tnt") else []
    if not trusts:
        raise Refusal(NotFound("not_found", "there is nothing at this path"))
    servers = list(dict.fromkeys(trust.state.issuer for trust in trusts))
    return _metadata(known.resource(tenant), servers, bound=all(trust.state.dpop_required for trust in trusts))


def _metadata(resource: str, servers: list[str] | None = None, *, bound: bool = False) -> Response:
    body: dict[str, Any] = {
        "resource": resource,
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(dpop.ALGORITHMS),
        "dpop_bound_access_tokens_required": bound,
        "resource_name": "Steward",
    }
    if servers is not None:
        body["authorization_servers"] = servers
    return JSONResponse(body)
