"""Renewals over HTTP: what falls due, the cycle of each, and what was expected of it."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http import allowed_actions as actions
from app.api.http.allowed_actions import ACTIONS
from app.api.http.answers import Answer, From, InstantOf, MoneyOf, Part
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.paging import start
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AsInstant, AsMoney, MoneyBody, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.kernel.errors import NotFound
from app.domain.kernel.values import Day, Moment, day_start
from app.domain.renewal.commands import Category, DeferRenewal, OpenRenewal, Risk, SetRenewalRisk, SubmitForecast
from app.kpi_queries.renewal_policies import passed
from projections.view import Condition
from projections.views import forecasts, renewals
from projections.views.forecasts import Forecast
from projections.views.renewals import Renewal

router = APIRouter(prefix="/v1", tags=["renewals"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["renewals:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["renewals:read"])]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


class RenewalForecastBody(BaseModel):
    """What somebody expected of a renewal."""

    category: Category
    probability: Annotated[str | None, From("chance")] = Field(
        description="null where none was recorded", examples=["0.9"]
    )
    expected_value: Annotated[MoneyBody, MoneyOf("expected")] = Field(
        description="a year, of the new term if there is one"
    )
    by: Annotated[str, From("forecast_by")] = Field(description="who recorded it")
    submitted_at: Annotated[str, InstantOf("forecast_at")] = Field(description="when, in business")


class ForecastSubmissionBody(BaseModel):
    """A forecast for a renewal cycle, as it was recorded."""

    event: Annotated[str, From("event_id")]
    position: int
    renewal: str
    contract: str
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    due: str = Field(examples=["2026-12-31"])
    category: Category
    probability: str | None = Field(description="null where none was recorded", examples=["0.9"])
    expected_value: Annotated[MoneyBody, MoneyOf("expected")] = Field(
        description="a year, of the new term if there is one"
    )
    by: str = Field(description="who recorded it")
    submitted_at: Annotated[str, InstantOf("effective_at")] = Field(description="when, in business")
    recorded_at: AsInstant


class RenewalBody(BaseModel):
    """The end of a term: what falls due, and what became of it."""

    id: Annotated[str | None, From("renewal")] = Field(
        description="of its cycle, once that was opened", examples=["rnw_01jd7z5m3wf8x9v0w1y2z3a4b5"]
    )
    contract: str
    contract_ref: Annotated[str | None, From("external_ref")]
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    due: str = Field(examples=["2026-12-31"])
    notice_deadline: str
    noticed: bool
    auto_renew: bool
    atr: AsMoney = Field(description="the annual value that expires: what is in force until the term ends")
    outcome: renewals.Outcome
    renewed: AsMoney | None
    timing: Literal["early", "on_time", "late"] | None
    decided_at: AsInstant | None
    reason: str | None
    voluntary: bool | None
    risk: Risk | None
    probability: str | None
    drivers: list[str]
    deferred_to: str | None
    opened_at: AsInstant | None = Field(description="since when there is a cycle")
    milestone: int | None = Field(description="the fewest days left that were noted", examples=[120])
    forecast: Annotated[RenewalForecastBody | None, Part(when="expected")] = Field(description="the newest")
    version: int | None = Field(description="of its cycle, once that was opened; what If-Match names")


class RenewalDetailsBody(RenewalBody):
    """A renewal with the position that it was read from, and what may be done next."""

    position: int
    actions: list[str] = ACTIONS


present = Presenter(
    RenewalBody,
    Renewal,
    not_shown=(
        "due_at",
        "valid_from",
        "valid_to",
        "continues",
        "passes_at",
        "notice_end",
        "automatic",
        "runs_from",
        "closed",
        "products",
        "facts",
    ),
)
_submissions = Presenter(ForecastSubmissionBody, Forecast)
LISTED: Final = ListOf(
    renewals.VIEW,
    present,
    filters={
        "account": named("account"),
        "contract": named("contract"),
        "outcome": Filter(renewals.Outcome, apart=True),
        "risk": Filter(Risk),
        "forecast.category": Filter(Category),
        "noticed": Filter(bool, several=False),
        "auto_renew": Filter(bool, several=False),
    },
    ranges={"due": Day, "notice_deadline": Day},
    sorts=("due", "atr", "contract"),
    default="due",
    rows={"due": "due_at"},
    also={"due_from": "due.gte", "due_to": "due.lt"},
)
LISTED_FORECASTS: Final = ListOf(
    forecasts.VIEW,
    _submissions,
    filters={"category": Filter(Category), "by": Filter(description="who recorded it")},
    ranges={"submitted_at": Moment},
    sorts=("position", "submitted_at"),
    default="position",
)


@router.post("/contracts/{contract}/renewal-cycles", operation_id="renewals.open", status_code=201, responses=_ANSWERS)
async def open_renewal(contract: str, command: OpenRenewal, context: Writing) -> Response:
    """Begin the work on the renewal of the term that is running."""
    return await context.write(command, contract=contract)


@router.post("/renewals/{renewal}/risk", operation_id="renewals.set_risk", status_code=201, responses=_ANSWERS)
async def set_risk(renewal: str, command: SetRenewalRisk, context: Writing) -> Response:
    """Say how likely the renewal is."""
    return await context.write(command, renewal=renewal)


@router.post("/renewals/{renewal}/deferral", operation_id="renewals.defer", status_code=201, responses=_ANSWERS)
async def defer(renewal: str, command: DeferRenewal, context: Writing) -> Response:
    """Put the decision off."""
    return await context.write(command, renewal=renewal)


@router.post("/renewals/{renewal}/forecasts", operation_id="renewals.forecast", status_code=201, responses=_ANSWERS)
async def submit_forecast(renewal: str, command: SubmitForecast, context: Writing) -> Response:
    """Record what is expected of the renewal; earlier forecasts stay, and the newest counts."""
    return await context.write(command, renewal=renewal)


@router.get(
    "/renewals/{renewal}/forecasts",
    operation_id="renewals.forecasts",
    responses=answered(PageBody[ForecastSubmissionBody], 400, 404),
)
def list_forecasts(renewal: str, context: Reading, asked: Annotated[Asked, Depends(LISTED_FORECASTS)]) -> Response:
    """Every forecast for a renewal cycle, in the order in which they were recorded."""
    return page(context, asked, renewal=context.existing("renewal", renewal))


@router.get("/renewals", operation_id="renewals.list", responses=answered(PageBody[RenewalBody], 400, 404))
def list_renewals(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The renewals: every end of a term, by due day, as they stood: what was decided later does not show."""
    return _page(context, asked)


@router.get(
    "/accounts/{account}/renewals",
    operation_id="accounts.renewals",
    responses=answered(PageBody[RenewalBody], 400, 404),
)
def list_of_account(
    account: str, context: Reading, asked: Annotated[Asked, Depends(LISTED.without("account"))]
) -> Response:
    """An account's renewals, by due day."""
    return _page(context, asked, account=context.existing("account", account))


def _page(context: ReadContext, asked: Asked, **of: str | None) -> Response:
    """A page of renewals as they stood: what was decided later does not show, and what time had decided does."""
    begin = start(context, asked, renewals.VIEW)
    time = passed(context.reader, context.tenant_id, begin.when.as_of, begin.when.known_at)
    outcomes = asked.filters.get("outcome")

    def read(reading: ReadContext, rows: Sequence[Renewal]) -> list[Answer]:
        return present(reading, [time.read(row) for row in rows])

    conditions = [time.has(outcomes)] if outcomes else []
    return page(context, asked, begin=begin, conditions=conditions, present=read, **of)


def falling_due(context: ReadContext, due_from: str | None, due_to: str | None) -> list[Condition]:
    """What falls due from a day on, and before another."""
    zone = context.runtime.handler.zone(context.tenant_id)
    first, end = (None if day is None else day_start(day, zone) for day in (due_from, due_to))
    return renewals.falling_due(first, end)


@router.get("/renewals/{renewal}", operation_id="renewals.get", responses=answered(RenewalDetailsBody, 400, 404))
def get_renewal(renewal: str, context: Reading) -> Response:
    """A renewal cycle by its id."""
    key = context.find("renewal", renewal)
    when = context.when(renewals.VIEW)
    reader = context.reader
    rows, position = reader.select(context.tenant_id, renewals.VIEW, [renewals.of_cycle(key)], when)
    if not rows:
        raise NotFound("renewal_not_found", "there is no such renewal")
    rows = [passed(reader, context.tenant_id, when.as_of, position).read(row) for row in rows]
    more = {"position": position, "actions": actions.of_renewal(rows[0], context.caller)}
    return context.answer(present(context, rows)[0] | more, position, version=rows[0].version)
