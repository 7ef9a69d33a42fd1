"""Users over HTTP: the persons of the agency, their roles and to whom they report."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import Answer, EachOf, From, InstantOf, Part, Sealed, SealedTexts
from app.api.http.formatting import at
from app.api.http.lists import Asked, Filter, ListOf, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import WRITTEN, AsInstant, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.kernel.roles import PersonRole, Reach
from app.domain.kernel.values import REF, Moment
from app.domain.user import commands
from app.store.people import People
from projections.views import users
from projections.views.users import User

router = APIRouter(prefix="/v1/users", tags=["users"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["users:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["users:read"])]
Grant = Annotated[int, Path(ge=1, le=2**53, description="the number of the grant", examples=[1])]
EXAMPLE_USER: Final = "usr_01jd7z5m3vf8x9v0w1y2z3a4b5"
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = WRITTEN | documented(404, 409, 412, 415, 422)


class RoleBody(BaseModel):
    """A role that was given, for the days from `start` until before `end`, unless it was revoked before."""

    grant: int = Field(examples=[1])
    role: PersonRole
    reach: Reach = Field(description="over whose accounts")
    department: str | None = Field(description="of a specialist")
    start: str = Field(examples=["2026-01-01"])
    end: str | None = Field(examples=["2027-01-01"])
    granted_at: str = Field(examples=["2026-01-01T09:00:00.000000Z"])
    revoked_at: str | None


class ReportingLineBody(BaseModel):
    """To whom somebody reports from a day on, until the day of the next line."""

    manager: str | None = Field(description="the user's id; null for nobody", examples=[EXAMPLE_USER])
    start: str = Field(examples=["2026-01-01"])


class LoginBody(BaseModel):
    """Who vouches for the person when they sign in."""

    issuer: str | None = Field(examples=["https://login.harbour-pine.example"])
    bound_at: Annotated[str, InstantOf("login_bound_at")]


def _role(grant: Mapping[str, Any], _row: Any, _texts: SealedTexts) -> Answer:
    return {**grant, "granted_at": at(grant["granted_at"]), "revoked_at": at(grant["revoked_at"])}


def _line(line: Mapping[str, Any], _row: Any, _texts: SealedTexts) -> Answer:
    return {**line}


class UserBody(BaseModel):
    """A person of the agency. Their name is null once it was erased, and while only a reference is known."""

    id: Annotated[str, From("user")] = Field(examples=[EXAMPLE_USER])
    status: users.Status
    name: Annotated[str | None, Sealed("invitation")] = Field(examples=["Maria Lindqvist"])
    address: Annotated[str | None, Sealed("invitation")] = Field(examples=["maria@harbour-pine.example"])
    login: Annotated[LoginBody | None, Part(when="issuer")]
    roles: Annotated[list[RoleBody], EachOf(_role)]
    reporting_lines: Annotated[list[ReportingLineBody], EachOf(_line, "lines")]
    external_ref: str | None
    names: list[str] = Field(description="names of users who were merged into this one", examples=[["maria l."]])
    merged_into: str | None = Field(description="who they are, where that is another user", examples=[EXAMPLE_USER])
    invited_at: AsInstant
    version: int


class UserDetailsBody(UserBody):
    """A user with the position that they were read from."""

    position: int


async def unclaimed(context: WriteContext, reference: str) -> str | None:
    """The id of a user of whom only this reference is known; None where there is none, or it is a person's."""
    people = People(context.runtime.log)
    noted = await asyncio.to_thread(people.find, context.caller.tenant_id, REF + reference)
    return noted.user if noted is not None and noted.state.unclaimed and reference == noted.name else None


present = Presenter(UserBody, User, not_shown=("latest_at",))
LISTED: Final = ListOf(
    users.VIEW,
    present,
    filters={"status": Filter(users.Status), "external_ref": Filter()},
    ranges={"invited_at": Moment},
    sorts=("id", "invited_at"),
    default="id",
)


@router.post("", operation_id="users.invite", status_code=201, responses=WRITTEN | documented(409, 415, 422))
async def invite(command: commands.InviteUser, context: Writing) -> Response:
    """Make a user of a person, who may do nothing before they have a role; name and address are sealed.

    Where only a name was known so far, and it is the reference, the person takes it over.
    """
    if command.external_ref is not None and (noted := await unclaimed(context, command.external_ref)):
        members = command.model_dump(exclude={"external_ref"}, exclude_unset=True)
        return await context.write(commands.ClaimUser.model_validate(members), user=noted)
    return await context.write(command)


@router.post("/{user}/invitation", operation_id="users.claim", status_code=201, responses=_ANSWERS)
async def claim(user: str, command: commands.ClaimUser, context: Writing) -> Response:
    """Make a person of a user of whom only a name was known; what is theirs under that name stays theirs."""
    return await context.write(command, user=user)


@router.post("/{user}/merger", operation_id="users.merge", status_code=201, responses=_ANSWERS)
async def merge(user: str, command: commands.MergeUser, context: Writing) -> Response:
    """Say that a user of whom only a name was known is another one; what is theirs under that name is the other's."""
    return await context.write(command, user=user)


@router.post("/{user}/login", operation_id="users.bind_login", status_code=201, responses=_ANSWERS)
async def bind_login(user: str, command: commands.BindLogin, context: Writing) -> Response:
    """Make a login of an identity provider the person's own."""
    return await context.write(command, user=user)


@router.post("/{user}/suspension", operation_id="users.suspend", status_code=201, responses=_ANSWERS)
async def suspend(user: str, command: commands.SuspendUser, context: Writing) -> Response:
    """Take everything from the person, until they are reinstated; their keys open nothing within seconds."""
    return await context.write(command, user=user)


@router.post("/{user}/reinstatement", operation_id="users.reinstate", status_code=201, responses=_ANSWERS)
async def reinstate(user: str, command: commands.ReinstateUser, context: Writing) -> Response:
    """Give back what the person's roles allow."""
    return await context.write(command, user=user)


@router.post("/{user}/roles", operation_id="users.grant_role", status_code=201, responses=_ANSWERS)
async def grant_role(user: str, command: commands.GrantRole, context: Writing) -> Response:
    """Give a role, for a while or until it is revoked; nobody gives one above their own."""
    return await context.write(command, user=user)


@router.post("/{user}/roles/{grant}/revocation", operation_id="users.revoke_role", status_code=201, responses=_ANSWERS)
async def revoke_role(user: str, grant: Grant, command: commands.RoleRevocation, context: Writing) -> Response:
    """Take a role away at once."""
    return await context.write(commands.RevokeRole(grant=grant, **command.model_dump()), user=user)


@router.post("/{user}/reporting-line", operation_id="users.set_reporting_line", status_code=201, responses=_ANSWERS)
async def set_reporting_line(user: str, command: commands.SetReportingLine, context: Writing) -> Response:
    """Say to whom the person reports from a day on."""
    return await context.write(command, user=user)


@router.get("", operation_id="users.list", responses=answered(PageBody[UserBody], 400))
def list_users(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The persons of the agency."""
    return page(context, asked)


@router.get("/{user}", operation_id="users.get", responses=answered(UserDetailsBody, 400, 404))
def get_user(user: str, context: Reading) -> Response:
    """A person of the agency, with their roles and to whom they report."""
    row, position = context.one(users.VIEW, user)
    body = present(context, [row])[0] | {"position": position}
    return context.answer(body, position, version=row.version)
