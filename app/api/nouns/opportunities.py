"""Opportunities over HTTP: more business with a client, from the first hint to an outcome."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http import allowed_actions as actions
from app.api.http.allowed_actions import ACTIONS
from app.api.http.answers import Computed, From, MoneyOf, Part, Sealed
from app.api.http.formatting import money
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AsDecimal, AsInstant, AsMoney, MoneyBody, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.kernel.values import MICRO, Day, Moment
from app.domain.opportunity import commands
from projections.views import opportunities
from projections.views.opportunities import Opportunity

router = APIRouter(prefix="/v1", tags=["opportunities"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["opportunities:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["opportunities:read"])]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


class OpportunityQualificationBody(BaseModel):
    """That a need is real; `need` is null once it was erased."""

    qualified_at: AsInstant | None
    budget_known: bool | None
    decider_known: bool | None
    needed_by: str | None
    need: Annotated[str | None, Sealed("qualified_event")]


class OpportunityParkingBody(BaseModel):
    """Until when it waits, and why."""

    until: Annotated[str, From("parked_until")]
    reason: Annotated[str | None, From("parked_because")]


def _weighted_value(row: Opportunity) -> dict[str, str] | None:
    if row.annual_value is None or row.probability is None or row.currency is None:
        return None
    return money(row.annual_value * row.probability, row.currency, MICRO)


class OpportunityBody(BaseModel):
    """An opportunity, the parts of its life null until they happen."""

    id: Annotated[str, From("opportunity")] = Field(examples=["opp_01jd7z5m3tf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    title: str
    kind: commands.Kind
    source: commands.Source
    product: str | None
    interaction: str | None
    scope_change: str | None
    contract: str | None
    renewal: str | None
    external_ref: str | None
    identified_at: AsInstant
    stage: commands.Stage = Field(
        examples=["qualified"], description="where it is, or was when it was parked or decided"
    )
    outcome: opportunities.Outcome
    currency: str | None = Field(description="of its value; null until that is estimated")
    annual_value: AsMoney | None = Field(description="what it may bring a year, by the last estimate")
    weighted_value: Annotated[MoneyBody | None, Computed(_weighted_value)] = Field(
        description="that times its probability"
    )
    probability: AsDecimal | None
    close_by: str | None
    qualification: Annotated[OpportunityQualificationBody | None, Part(when="qualified_at")]
    parking: Annotated[OpportunityParkingBody | None, Part(when="parked_until")]
    decided_at: AsInstant | None
    won: Annotated[MoneyBody | None, MoneyOf(currency="won_currency")] = Field(
        description="what the contract's event added a year"
    )
    contract_event: str | None
    lost_because: str | None
    competitor: str | None
    version: int


class OpportunityDetailsBody(OpportunityBody):
    """An opportunity with the position that it was read from, and what may be done next."""

    position: int
    actions: list[str] = ACTIONS


present = Presenter(OpportunityBody, Opportunity, not_shown=("latest_at", "won_before", "won_after", "course"))
LISTED: Final = ListOf(
    opportunities.VIEW,
    present,
    filters={
        "account": named("account"),
        "contract": named("contract"),
        "stage": Filter(commands.Stage),
        "outcome": Filter(opportunities.Outcome),
        "source": Filter(commands.Source),
        "kind": Filter(commands.Kind),
        "external_ref": Filter(),
    },
    ranges={"identified_at": Moment, "close_by": Day},
    sorts=("identified_at", "close_by", "annual_value", "id"),
    default="identified_at",
)


# --- writing ---


@router.post(
    "/accounts/{account}/opportunities", operation_id="opportunities.identify", status_code=201, responses=_ANSWERS
)
async def identify(account: str, command: commands.IdentifyOpportunity, context: Writing) -> Response:
    """Write down that a client could need more."""
    return await context.write(command, account=account)


@router.post(
    "/opportunities/{opportunity}/qualification",
    operation_id="opportunities.qualify",
    status_code=201,
    responses=_ANSWERS,
)
async def qualify(opportunity: str, command: commands.QualifyOpportunity, context: Writing) -> Response:
    """Say that it is real."""
    return await context.write(command, opportunity=opportunity)


@router.post(
    "/opportunities/{opportunity}/estimate", operation_id="opportunities.estimate", status_code=201, responses=_ANSWERS
)
async def estimate(opportunity: str, command: commands.EstimateOpportunity, context: Writing) -> Response:
    """Say what it may bring."""
    return await context.write(command, opportunity=opportunity)


@router.post(
    "/opportunities/{opportunity}/stage", operation_id="opportunities.advance", status_code=201, responses=_ANSWERS
)
async def advance(opportunity: str, command: commands.AdvanceOpportunity, context: Writing) -> Response:
    """Put it at a stage; one that is parked goes on."""
    return await context.write(command, opportunity=opportunity)


@router.post(
    "/opportunities/{opportunity}/parking", operation_id="opportunities.park", status_code=201, responses=_ANSWERS
)
async def park(opportunity: str, command: commands.ParkOpportunity, context: Writing) -> Response:
    """Let it rest until a day."""
    return await context.write(command, opportunity=opportunity)


@router.post("/opportunities/{opportunity}/win", operation_id="opportunities.win", status_code=201, responses=_ANSWERS)
async def win(opportunity: str, command: commands.WinOpportunity, context: Writing) -> Response:
    """Name the contract's event by which it became business; its value is what that event changed."""
    return await context.write(command, opportunity=opportunity)


@router.post(
    "/opportunities/{opportunity}/loss", operation_id="opportunities.lose", status_code=201, responses=_ANSWERS
)
async def lose(opportunity: str, command: commands.LoseOpportunity, context: Writing) -> Response:
    """Say that it will not be."""
    return await context.write(command, opportunity=opportunity)


# --- reading ---


@router.get(
    "/opportunities", operation_id="opportunities.list", responses=answered(PageBody[OpportunityBody], 400, 404)
)
def list_opportunities(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """Opportunities, oldest first."""
    return page(context, asked)


@router.get(
    "/accounts/{account}/opportunities",
    operation_id="accounts.opportunities",
    responses=answered(PageBody[OpportunityBody], 400, 404),
)
def list_of_account(
    account: str, context: Reading, asked: Annotated[Asked, Depends(LISTED.without("account"))]
) -> Response:
    """An account's opportunities, oldest first."""
    return page(context, asked, account=context.existing("account", account))


@router.get(
    "/opportunities/{opportunity}",
    operation_id="opportunities.get",
    responses=answered(OpportunityDetailsBody, 400, 404),
)
def get_opportunity(opportunity: str, context: Reading) -> Response:
    """An opportunity."""
    row, position = context.one(opportunities.VIEW, opportunity)
    more = {"position": position, "actions": actions.of_opportunity(row, context.caller)}
    return context.answer(present(context, [row])[0] | more, position, version=row.version)
