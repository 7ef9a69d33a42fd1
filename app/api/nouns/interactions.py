"""Interactions over HTTP."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import From, InstantOf, Sealed
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.interaction.commands import Channel, Direction, LogInteraction, VoidInteraction
from app.domain.kernel.command import Visibility
from app.domain.kernel.values import Moment
from projections.views import interactions

router = APIRouter(prefix="/v1", tags=["interactions"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["interactions:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["interactions:read"])]


class ParticipantBody(BaseModel):
    """Somebody who took part; what was erased is null."""

    name: str | None = None
    email: str | None = None
    stakeholder: str | None = None
    role: str | None = None


class InteractionBody(BaseModel):
    """A contact with a client."""

    id: Annotated[str, From("interaction")] = Field(examples=["int_01jd7z5m3vf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    channel: Channel
    direction: Direction
    occurred_at: Annotated[str, InstantOf("occurred")]
    subject: Annotated[str | None, Sealed("event_id")]
    summary: Annotated[str | None, Sealed("event_id")]
    participants: Annotated[list[ParticipantBody], Sealed("event_id")]
    sentiment: str | None = Field(examples=["0.5"])
    topics: list[str]
    duration_seconds: int | None
    external_ref: str | None
    voided: bool
    actor: str
    visibility: Visibility
    version: int


class InteractionDetailsBody(InteractionBody):
    """An interaction with the position that it was read from."""

    position: int


present = Presenter(InteractionBody, interactions.Interaction, not_shown=("latest_at",))
LISTED: Final = ListOf(
    interactions.VIEW,
    present,
    filters={
        "account": named("account"),
        "channel": Filter(Channel),
        "direction": Filter(Direction),
        "voided": Filter(bool, several=False),
        "actor": Filter(),
        "visibility": Filter(Visibility),
        "external_ref": Filter(),
    },
    ranges={"occurred_at": Moment},
    sorts=("occurred_at", "id"),
    default="-occurred_at",
)


@router.post(
    "/accounts/{account}/interactions",
    operation_id="interactions.log",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 415, 422),
)
async def log(account: str, command: LogInteraction, context: Writing) -> Response:
    """Log a contact with a client."""
    return await context.write(command, account=account)


@router.post(
    "/interactions/{interaction}/void",
    operation_id="interactions.void",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def void(interaction: str, command: VoidInteraction, context: Writing) -> Response:
    """Mark an entry as wrong."""
    return await context.write(command, interaction=interaction)


@router.get("/interactions", operation_id="interactions.list", responses=answered(PageBody[InteractionBody], 400, 404))
def list_interactions(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The interactions, latest first."""
    return page(context, asked)


@router.get(
    "/accounts/{account}/interactions",
    operation_id="accounts.interactions",
    responses=answered(PageBody[InteractionBody], 400, 404),
)
def list_of_account(
    account: str, context: Reading, asked: Annotated[Asked, Depends(LISTED.without("account"))]
) -> Response:
    """An account's interactions, latest first."""
    return page(context, asked, account=context.existing("account", account))


@router.get(
    "/interactions/{interaction}", operation_id="interactions.get", responses=answered(InteractionDetailsBody, 400, 404)
)
def get_interaction(interaction: str, context: Reading) -> Response:
    """An interaction."""
    row, position = context.one(interactions.VIEW, interaction)
    return context.answer(present(context, [row])[0] | {"position": position}, position, version=row.version)
