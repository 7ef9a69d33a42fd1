"""Teams over HTTP: who works together, from when until when."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import Answer, EachOf, From, SealedTexts
from app.api.http.lists import Asked, Filter, ListOf, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import WRITTEN, AsInstant, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.kernel.values import Moment
from app.domain.team import commands
from projections.views import teams
from projections.views.teams import Team

router = APIRouter(prefix="/v1/teams", tags=["teams"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["teams:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["teams:read"])]
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = WRITTEN | documented(404, 409, 412, 415, 422)


class TeamMemberBody(BaseModel):
    """A user who belongs to the team on the days from `start` until before `end`."""

    user: str = Field(examples=["usr_01jd7z5m3vf8x9v0w1y2z3a4b5"])
    start: str = Field(examples=["2026-01-01"])
    end: str | None = Field(examples=["2027-01-01"])


def _member(spell: Mapping[str, Any], _row: Any, _texts: SealedTexts) -> Answer:
    return {**spell}


class TeamBody(BaseModel):
    """A team of the agency."""

    id: Annotated[str, From("team")] = Field(examples=["tem_01jd7z5m3vf8x9v0w1y2z3a4b5"])
    name: str = Field(examples=["Retail"])
    status: teams.Status
    parent: str | None = Field(description="the team that it is a part of")
    members: Annotated[list[TeamMemberBody], EachOf(_member)]
    external_ref: str | None
    formed_at: AsInstant
    version: int


class TeamDetailsBody(TeamBody):
    """A team with the position that it was read from."""

    position: int


present = Presenter(TeamBody, Team, not_shown=("latest_at",))
LISTED: Final = ListOf(
    teams.VIEW,
    present,
    filters={"name": Filter(), "status": Filter(teams.Status), "external_ref": Filter()},
    ranges={"formed_at": Moment},
    sorts=("name", "id", "formed_at"),
    default="name",
)


@router.post("", operation_id="teams.form", status_code=201, responses=_ANSWERS)
async def form(command: commands.FormTeam, context: Writing) -> Response:
    """Form a team, alone or as a part of another."""
    return await context.write(command)


@router.post("/{team_id}/name", operation_id="teams.rename", status_code=201, responses=_ANSWERS)
async def rename(team_id: str, command: commands.RenameTeam, context: Writing) -> Response:
    """Give the team another name."""
    return await context.write(command, team=team_id)


@router.post("/{team_id}/members", operation_id="teams.add_member", status_code=201, responses=_ANSWERS)
async def add_member(team_id: str, command: commands.AddTeamMember, context: Writing) -> Response:
    """Make a user belong to the team, for a while or until they are removed."""
    return await context.write(command, team=team_id)


@router.post(
    "/{team_id}/members/{user}/removal", operation_id="teams.remove_member", status_code=201, responses=_ANSWERS
)
async def remove_member(team_id: str, user: str, command: commands.RemoveTeamMember, context: Writing) -> Response:
    """Make a user belong to the team no more from a day on."""
    return await context.write(command, team=team_id, user=user)


@router.post("/{team_id}/dissolution", operation_id="teams.dissolve", status_code=201, responses=_ANSWERS)
async def dissolve(team_id: str, command: commands.DissolveTeam, context: Writing) -> Response:
    """End the team, and with it everybody's belonging to it."""
    return await context.write(command, team=team_id)


@router.get("", operation_id="teams.list", responses=answered(PageBody[TeamBody], 400))
def list_teams(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The teams of the agency."""
    return page(context, asked)


@router.get("/{team_id}", operation_id="teams.get", responses=answered(TeamDetailsBody, 400, 404))
def get_team(team_id: str, context: Reading) -> Response:
    """A team, with everybody who belongs, belonged or will belong to it."""
    row, position = context.one(teams.VIEW, team_id)
    return context.answer(present(context, [row])[0] | {"position": position}, position, version=row.version)
