"""Who the caller is: the person or the key, the roles, and the tenant."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from app.api.http.formatting import at
from app.api.http.problems import answered
from app.api.http.read_context import ReadContext, plain_read_context
from app.api.http.strict_json_route import StrictRoute
from app.api.nouns.users import EXAMPLE_USER
from app.auth.caller import Caller
from app.domain.kernel.roles import Reach, Role, level_of
from app.domain.kernel.values import day_of
from app.domain.tenant.state import TenantState
from app.domain.user.aggregate import USER
from app.settings import Settings
from app.store.opened import uncounted

router = APIRouter(prefix="/v1/me", tags=["users"], route_class=StrictRoute)


class MyRoleBody(BaseModel):
    """A role in which the caller acts now."""

    role: Role
    level: int = Field(
        description="how high it stands: nobody gives or takes what stands above their own roles", examples=[2]
    )
    reach: Reach | None = Field(description="over whose accounts it was given; null for the role of a key")
    department: str | None = Field(description="of a specialist")
    end: str | None = Field(
        description="the first day without it; null where it stays",
        json_schema_extra={"format": "date"},
        examples=["2027-01-01"],
    )


class MyselfBody(BaseModel):
    """The person whose key it is."""

    id: str = Field(examples=[EXAMPLE_USER])
    name: str | None = Field(description="null once it was erased", examples=["Maria Lindqvist"])
    external_ref: str | None = Field(examples=["maria"])


class MyTenantBody(BaseModel):
    """The agency whose ledger it is."""

    id: str = Field(examples=["tnt_01jd7z5m3vf8x9v0w1y2z3a4b5"])
    name: str = Field(examples=["Harbour & Pine"])
    time_zone: str = Field(description="in which its days begin and end", examples=["Europe/Berlin"])
    currency: str | None = Field(description="of its reports", examples=["EUR"])


class SignInBody(BaseModel):
    """By what the caller was let in."""

    by: Literal["key", "token"] = Field(description="an API key, or an access token of an identity provider")
    issuer: str | None = Field(
        description="of a token: the identity provider", examples=["https://login.agency.example"]
    )
    expires_at: str | None = Field(description="when it expires; null where it does not")
    bound: bool = Field(description="whether the token is bound to a key, of which each request brings a proof")


class LimitsBody(BaseModel):
    """How much the agency may ask of this server, and how large a body may be; null where there is no such limit."""

    writes_per_second: int | None = Field(description="requests with POST", examples=[5000])
    body_bytes_per_minute: int | None = Field(description="bytes of bodies", examples=[1_073_741_824])
    rows_per_minute: int | None = Field(description="rows of lists and events", examples=[1_000_000])
    largest_body: int = Field(description="in bytes", examples=[262_144])


class MeBody(BaseModel):
    """The caller, as events will name them."""

    actor: str = Field(
        description="who events say did it: the person, or the key of a service", examples=[EXAMPLE_USER]
    )
    client: str | None = Field(
        description="the key, or the application that the token was given to",
        examples=["key_01jd7z5m3xf8x9v0w1y2z3a4b5"],
    )
    user: MyselfBody | None = Field(description="the person; null for the key of a service")
    role: Role | None = Field(description="the highest of the roles; null without any")
    roles: list[MyRoleBody]
    scopes: list[str] = Field(examples=[["accounts:read"]])
    tenant: MyTenantBody
    signed_in: SignInBody = Field(description="by what the caller was let in")
    limits: LimitsBody = Field(description="how much the agency may ask of this server")


@router.get("", operation_id="users.me", responses=answered(MeBody))
def me(context: Annotated[ReadContext, Depends(plain_read_context)]) -> Response:
    """Who the caller is, in which roles they act now, and for which agency. It needs no scope."""
    caller, handler = context.caller, context.runtime.handler
    tenant: TenantState = handler.load(caller.tenant_id, "tenant", caller.tenant_id)[1].state
    body = {
        "actor": caller.principal.actor,
        "client": caller.principal.client,
        "user": _myself(context),
        "role": caller.principal.role or None,
        "roles": list(_roles(context)),
        "scopes": sorted(caller.scopes),
        "tenant": {
            "id": caller.tenant_id,
            "name": tenant.name,
            "time_zone": tenant.time_zone,
            "currency": tenant.currency,
        },
    }
    body |= {"signed_in": _signed_in(caller), "limits": _limits(context.runtime.settings)}
    return context.answer(body, context.runtime.log.head(caller.tenant_id))


def _signed_in(caller: Caller) -> dict[str, Any]:
    by = caller.signed_in
    expires_at = None if by.expires_at is None else at(by.expires_at)
    return {"by": by.by, "issuer": by.issuer, "expires_at": expires_at, "bound": by.thumbprint is not None}


def _limits(settings: Settings) -> dict[str, int | None]:
    return {
        "writes_per_second": settings.tenant_writes or None,
        "body_bytes_per_minute": settings.tenant_body_bytes or None,
        "rows_per_minute": settings.tenant_rows or None,
        "largest_body": settings.body_limit,
    }


def _myself(context: ReadContext) -> dict[str, Any] | None:
    """The person, with the name that the log has sealed."""
    caller, log = context.caller, context.runtime.log
    if caller.user is None:
        return None
    invited = next(log.stream(caller.tenant_id, caller.user))
    with uncounted():  # one's own name
        (opened,) = log.reveal(caller.tenant_id, [(invited.event_id, invited.data)])
    return {"id": caller.user, "name": opened["name"], "external_ref": opened.get("external_ref")}


def _roles(context: ReadContext) -> Iterator[dict[str, Any]]:
    """The roles in which the caller acts, the highest first."""
    caller = context.caller
    if caller.user is None:
        for role in caller.roles:
            yield {"role": role, "level": level_of(role), "reach": None, "department": None, "end": None}
        return
    today = day_of(context.runtime.clock(), context.runtime.handler.zone(caller.tenant_id))
    user = USER.fold(context.runtime.log.stream(caller.tenant_id, caller.user))
    for grant in sorted(user.grants, key=lambda each: (-level_of(each.role), each.role)):
        if grant.in_force_on(today) and grant.role in caller.roles:
            yield {
                "role": grant.role,
                "level": level_of(grant.role),
                "reach": grant.reach,
                "department": grant.department,
                "end": grant.end,
            }
