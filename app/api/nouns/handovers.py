"""Handovers over HTTP: how an account goes from one person to another."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response, Security
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from app.api.http.answers import Answer, EachOf, From, Sealed, SealedTexts
from app.api.http.formatting import at
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AsInstant, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.handover import commands
from app.domain.handover.events import Section
from app.domain.kernel.values import Moment
from projections.views import handovers
from projections.views.handovers import Handover

router = APIRouter(prefix="/v1", tags=["handovers"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["accounts:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["accounts:read"])]
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = WRITTEN | documented(403, 404, 409, 412, 415, 422)


class PromiseBody(BaseModel):
    """What the client was promised, and goes on with the account."""

    what: str | None = Field(description="what was promised; null once erased", examples=["A first draft"])
    to: str | None = Field(description="to whom; null once erased", examples=["Ada Lind"])
    due: str | None = Field(description="the day by which", examples=["2026-03-01"])


class HandoverSectionBody(BaseModel):
    """What the next owner must know about one thing."""

    section: Section = Field(description="what it is about")
    text: str | None = Field(description="null once erased", examples=["They bought because we know their season."])
    promises: list[PromiseBody] = Field(description="open promises, in the section about them")
    filled_at: str = Field(description="when it was written down", examples=["2026-01-01T09:00:00.000000Z"])


def _section(section: Mapping[str, Any], _row: Any, texts: SealedTexts) -> Answer:
    answer: Answer = {"section": section["section"], "filled_at": at(section["filled_at"])}
    texts.add(answer, "text", {"text": section["text"]})
    promises = [{"what": None, "to": None, "due": None, **promise} for promise in section["promises"]]
    texts.add(answer, "promises", {"promises": promises})
    return answer


class HandoverBody(BaseModel):
    """A handover of an account."""

    id: Annotated[str, From("handover")] = Field(examples=["hnd_01jd7z5m3tf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    kind: commands.Kind = Field(description="from whom: from sales, or from another account manager")
    giver: str | None = Field(description="who owned the account, by a name of theirs", examples=["usr_maria"])
    receiver: str = Field(description="who is to own it, by a name of theirs", examples=["usr_jonas"])
    stage: handovers.Stage = Field(description="how far it is")
    sections: Annotated[list[HandoverSectionBody], EachOf(_section)] = Field(description="what is written down")
    missing: list[Section] = Field(description="the sections that are needed before it is submitted")
    external_ref: str | None
    started_at: AsInstant = Field(description="when it began")
    submitted_at: AsInstant | None = Field(description="when the receiver was last asked")
    rejected_at: AsInstant | None = Field(description="when the receiver last said no")
    rejection: Annotated[str | None, Sealed(name="reason")] = Field(description="why; null once erased")
    rejections: int = Field(description="how often the receiver said no")
    accepted_at: AsInstant | None = Field(description="when the receiver took the account over; null until then")
    introduced_on: str | None = Field(
        description="the day on which the client met the new owner", examples=["2026-03-01"]
    )
    interaction: str | None = Field(description="in which contact they met, where that is known")
    version: int


class HandoverDetailsBody(HandoverBody):
    """A handover with the position that it was read from."""

    position: int


present = Presenter(HandoverBody, Handover, not_shown=("latest_at",))
LISTED: Final = ListOf(
    handovers.VIEW,
    present,
    filters={
        "account": named("account"),
        "stage": Filter(handovers.Stage),
        "kind": Filter(commands.Kind),
        "giver": Filter(),
        "receiver": Filter(),
        "external_ref": Filter(),
    },
    ranges={"started_at": Moment, "accepted_at": Moment},
    sorts=("id", "started_at"),
    default="id",
)


@router.post("/accounts/{account}/handovers", operation_id="handovers.start", status_code=201, responses=_ANSWERS)
async def start(account: str, command: commands.StartHandover, context: Writing) -> Response:
    """Begin to hand an account over; its owner stays accountable until the receiver accepts."""
    return await context.write(command, account=account)


@router.post(
    "/handovers/{handover}/sections/{section}", operation_id="handovers.fill", status_code=201, responses=_ANSWERS
)
async def fill(handover: str, section: Section, command: commands.SectionText, context: Writing) -> Response:
    """Write down what the next owner must know about one thing."""
    members = command.model_dump(exclude_unset=True)
    try:
        filled = commands.FillSection(section=section, **members)
    except ValidationError as error:  # what fits a section by itself, and not this one
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults, body=members) from error
    return await context.write(filled, handover=handover)


@router.post("/handovers/{handover}/submission", operation_id="handovers.submit", status_code=201, responses=_ANSWERS)
async def submit(handover: str, command: commands.SubmitHandover, context: Writing) -> Response:
    """Ask the receiver; refused with the sections that are missing."""
    return await context.write(command, handover=handover)


@router.post("/handovers/{handover}/acceptance", operation_id="handovers.accept", status_code=201, responses=_ANSWERS)
async def accept(handover: str, command: commands.AcceptHandover, context: Writing) -> Response:
    """Take the account over: with this the receiver owns it."""
    return await context.write(command, handover=handover)


@router.post("/handovers/{handover}/rejection", operation_id="handovers.reject", status_code=201, responses=_ANSWERS)
async def reject(handover: str, command: commands.RejectHandover, context: Writing) -> Response:
    """Do not take the account over, for a reason; the giver may fill in more, and submit again."""
    return await context.write(command, handover=handover)


@router.post(
    "/handovers/{handover}/introduction", operation_id="handovers.introduce", status_code=201, responses=_ANSWERS
)
async def introduce(handover: str, command: commands.IntroduceToClient, context: Writing) -> Response:
    """Say that the client met the new owner."""
    return await context.write(command, handover=handover)


@router.get("/handovers", operation_id="handovers.list", responses=answered(PageBody[HandoverBody], 400))
def list_handovers(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The handovers, under both clocks."""
    return page(context, asked)


@router.get("/handovers/{handover}", operation_id="handovers.get", responses=answered(HandoverDetailsBody, 400, 404))
def get_handover(handover: str, context: Reading) -> Response:
    """A handover with what is written down and what is missing, under both clocks."""
    row, position = context.one(handovers.VIEW, handover)
    return context.answer(present(context, [row])[0] | {"position": position}, position, version=row.version)
