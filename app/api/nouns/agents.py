"""Agents over HTTP: software that acts for persons, and what bounds it."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import Computed, From
from app.api.http.lists import Asked, Filter, ListOf, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import WRITTEN, AsInstant, MoneyBody, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.api.nouns.users import EXAMPLE_USER
from app.domain.agent import commands
from app.domain.kernel.values import Moment
from projections.views import agents
from projections.views.agents import Agent

router = APIRouter(prefix="/v1/agents", tags=["agents"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["agents:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["agents:read"])]
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = WRITTEN | documented(404, 409, 412, 415, 422)


class AgentHoursBody(BaseModel):
    """When an agent may write, in the tenant's zone."""

    from_: str = Field(alias="from", description="the first minute", examples=["08:00"])
    to: str = Field(description="the first minute after", examples=["18:00"])
    days: list[int] = Field(description="of the week, 1 is Monday", examples=[[1, 2, 3, 4, 5]])


class AgentCeilingsBody(BaseModel):
    """What bounds an agent besides the rights of its person; null for what does not bound it."""

    commands_per_day: int | None = Field(description="writes a day, suggestions included", examples=[50])
    money_per_command: MoneyBody | None = Field(description="the most that one write may be about")
    hours: AgentHoursBody | None


def _ceilings(row: Agent) -> Mapping[str, Any]:
    hours = row.hours
    return {
        "commands_per_day": row.commands_per_day,
        "money_per_command": row.money,
        "hours": hours and {"from": hours["start"], "to": hours["end"], "days": hours["days"]},
    }


class AgentBody(BaseModel):
    """An agent. It may do what its person may on the day, within its own bounds."""

    id: Annotated[str, From("agent")] = Field(examples=["agt_01jd7z5m3vf8x9v0w1y2z3a4b5"])
    status: agents.Status = Field(description="one whose `ends_at` has passed does nothing, whatever stands here")
    name: str = Field(examples=["Renewal assistant"])
    user: str = Field(description="the person for whom it acts", examples=[EXAMPLE_USER])
    purpose: str = Field(description="what it is for", examples=["Drafts amendments where clients asked for them"])
    may_execute: list[str] = Field(description="operations that it does itself", examples=[["interactions.log"]])
    may_suggest: list[str] | None = Field(
        description="operations that it may suggest; null for whatever its person may do"
    )
    ceilings: Annotated[AgentCeilingsBody, Computed(_ceilings, reads=("commands_per_day", "money", "hours"))] = Field(
        description="what bounds it besides"
    )
    ends_at: str | None = Field(description="from when on it does nothing any more")
    external_ref: str | None
    registered_at: AsInstant
    version: int


class AgentDetailsBody(AgentBody):
    """An agent with the position that it was read from."""

    position: int


present = Presenter(AgentBody, Agent, not_shown=("latest_at",))
LISTED: Final = ListOf(
    agents.VIEW,
    present,
    filters={"status": Filter(agents.Status), "user": Filter(), "external_ref": Filter()},
    ranges={"registered_at": Moment},
    sorts=("id", "registered_at"),
    default="id",
)


@router.post("", operation_id="agents.register", status_code=201, responses=WRITTEN | documented(404, 409, 415, 422))
async def register(command: commands.RegisterAgent, context: Writing) -> Response:
    """Make an agent of a person; its keys are issued with `POST /v1/api-keys` and `agent`."""
    return await context.write(command)


@router.post("/{agent}/bounds", operation_id="agents.bound", status_code=201, responses=_ANSWERS)
async def bound(agent: str, command: commands.BoundAgent, context: Writing) -> Response:
    """Say anew what it may do: what is left out here does not bound it any more, or is not its own to do."""
    return await context.write(command, agent=agent)


@router.post("/{agent}/suspension", operation_id="agents.suspend", status_code=201, responses=_ANSWERS)
async def suspend(agent: str, command: commands.SuspendAgent, context: Writing) -> Response:
    """Let it do nothing for a while: its next write is refused."""
    return await context.write(command, agent=agent)


@router.post("/{agent}/resumption", operation_id="agents.resume", status_code=201, responses=_ANSWERS)
async def resume(agent: str, command: commands.ResumeAgent, context: Writing) -> Response:
    """Let it go on."""
    return await context.write(command, agent=agent)


@router.post("/{agent}/end", operation_id="agents.end", status_code=201, responses=_ANSWERS)
async def end(agent: str, command: commands.EndAgent, context: Writing) -> Response:
    """End it for good."""
    return await context.write(command, agent=agent)


@router.get("", operation_id="agents.list", responses=answered(PageBody[AgentBody], 400))
def list_agents(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The agents."""
    return page(context, asked)


@router.get("/{agent}", operation_id="agents.get", responses=answered(AgentDetailsBody, 400, 404))
def get_agent(agent: str, context: Reading) -> Response:
    """An agent."""
    row, position = context.one(agents.VIEW, agent)
    return context.answer(present(context, [row])[0] | {"position": position}, position, version=row.version)
