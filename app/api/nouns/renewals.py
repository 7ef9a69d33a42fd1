"""Renewals over HTTP: what falls due, the cycle of each, and what was expected of it."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http import allowed_actions as actions
from app.api.http.allowed_actions import ACTIONS
from app.api.http.dependencies import ReadContext, WriteContext, door, picked, question
from app.api.http.paging import Paging, page, paging
from app.api.http.problems import answered, documented
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AmountBody, PageBody, at, money
from app.api.http.strict_json_route import StrictRoute
from app.domain.kernel.errors import NotFound
from app.domain.kernel.values import Day
from app.domain.renewal.commands import DeferRenewal, OpenRenewal, SetRenewalRisk, SubmitForecast
from projections.views import forecasts, renewals

router = APIRouter(prefix="/v1", tags=["renewals"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(door, scopes=["renewals:write"])]
Reading = Annotated[ReadContext, Security(question, scopes=["renewals:read"])]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


class ForecastBody(BaseModel):
    """What somebody expected of a renewal."""

    category: str = Field(examples=["commit"])
    probability: str | None = Field(description="where it was said", examples=["0.9"])
    expected_value: AmountBody = Field(description="a year, of the new term if there is one")
    by: str = Field(description="the key that said so")
    submitted_at: str = Field(description="when, in business")


class SubmissionBody(ForecastBody):
    """A forecast for a renewal cycle, which stays as it was said."""

    event: str
    position: int
    renewal: str
    contract: str
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    due: str = Field(examples=["2026-12-31"])
    recorded_at: str


class RenewalBody(BaseModel):
    """The end of a term: what falls due, and what became of it."""

    id: str | None = Field(
        description="of its cycle, once that was opened", examples=["rnw_01jd7z5m3wf8x9v0w1y2z3a4b5"]
    )
    contract: str
    contract_ref: str | None
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    due: str = Field(examples=["2026-12-31"])
    notice_deadline: str
    noticed: bool
    auto_renew: bool
    atr: AmountBody = Field(description="the annual value available to renew")
    outcome: str = Field(examples=["open"])
    renewed: AmountBody | None
    timing: str | None
    decided_at: str | None
    reason: str | None
    voluntary: bool | None
    risk: str | None
    probability: str | None
    drivers: list[str]
    deferred_to: str | None
    opened_at: str | None = Field(description="since when there is a cycle")
    milestone: int | None = Field(description="the fewest days left that were noted", examples=[120])
    co_termed: AmountBody = Field(
        description="the annual value of lines that joined since the cycle was opened and run to the same day"
    )
    forecast: ForecastBody | None = Field(description="the newest")
    version: int | None = Field(description="of its cycle, once that was opened; what If-Match names")


class RenewalPage(RenewalBody):
    """A renewal with the position that it was read from, and what may be done next."""

    position: int
    actions: list[str] = ACTIONS


def present(rows: Sequence[renewals.Renewal]) -> list[dict[str, Any]]:
    """Renewals as they are answered."""
    return [
        {
            "id": row.renewal,
            "contract": row.contract,
            "contract_ref": row.external_ref,
            "account": row.account,
            "due": row.due,
            "notice_deadline": row.notice_deadline,
            "noticed": row.noticed,
            "auto_renew": row.auto_renew,
            "atr": money(row.atr, row.currency),
            "outcome": row.outcome,
            "renewed": None if row.renewed is None else money(row.renewed, row.currency),
            "timing": row.timing,
            "decided_at": at(row.decided_at),
            "reason": row.reason,
            "voluntary": row.voluntary,
            "risk": row.risk,
            "probability": row.probability,
            "drivers": row.drivers,
            "deferred_to": row.deferred_to,
            "opened_at": at(row.opened_at),
            "milestone": row.milestone,
            "co_termed": money(row.co_termed, row.currency),
            "forecast": None if row.expected is None else _forecast(row, row.expected),
            "version": row.version,
        }
        for row in rows
    ]


def _forecast(row: renewals.Renewal, expected: int) -> dict[str, Any]:
    return {
        "category": row.category,
        "probability": row.chance,
        "expected_value": money(expected, row.currency),
        "by": row.forecast_by,
        "submitted_at": at(row.forecast_at),
    }


def submissions(rows: Sequence[forecasts.Forecast]) -> list[dict[str, Any]]:
    """Forecasts as they are answered."""
    return [
        {
            "event": row.event_id,
            "position": row.position,
            "renewal": row.renewal,
            "contract": row.contract,
            "account": row.account,
            "due": row.due,
            "category": row.category,
            "probability": row.probability,
            "expected_value": money(row.expected, row.currency),
            "by": row.by,
            "submitted_at": at(row.effective_at),
            "recorded_at": at(row.recorded_at),
        }
        for row in rows
    ]


@router.post("/contracts/{contract}/renewal-cycles", operation_id="renewals.open", status_code=201, responses=_ANSWERS)
async def open_renewal(contract: str, command: OpenRenewal, to: Writing) -> Response:
    """Begin the work on the renewal of the current term; its value is frozen."""
    return await to.write(command, contract=contract)


@router.post("/renewals/{renewal}/risk", operation_id="renewals.set_risk", status_code=201, responses=_ANSWERS)
async def set_risk(renewal: str, command: SetRenewalRisk, to: Writing) -> Response:
    """Say how likely the renewal is."""
    return await to.write(command, renewal=renewal)


@router.post("/renewals/{renewal}/deferral", operation_id="renewals.defer", status_code=201, responses=_ANSWERS)
async def defer(renewal: str, command: DeferRenewal, to: Writing) -> Response:
    """Put the decision off."""
    return await to.write(command, renewal=renewal)


@router.post("/renewals/{renewal}/forecasts", operation_id="renewals.forecast", status_code=201, responses=_ANSWERS)
async def submit_forecast(renewal: str, command: SubmitForecast, to: Writing) -> Response:
    """Say what is to be expected of the renewal; what was said before stays, and the newest counts."""
    return await to.write(command, renewal=renewal)


@router.get(
    "/renewals/{renewal}/forecasts",
    operation_id="renewals.forecasts",
    responses=answered(PageBody[SubmissionBody], 400, 404),
)
def list_forecasts(
    renewal: str,
    asked: Reading,
    paged: Annotated[Paging, Depends(paging)],
    category: Annotated[list[str] | None, Query(description="commit, best_case, at_risk or lost")] = None,
    by: Annotated[list[str] | None, Query(description="the key that said so")] = None,
    sort: Annotated[str | None, Query(description="position or effective_at; - for descending")] = None,
) -> Response:
    """Every forecast for a renewal cycle, in the order in which they were recorded."""
    filters = picked(renewal=asked.existing("renewal", renewal), category=category, by=by)
    return page(asked, paged, forecasts.VIEW, submissions, filters=filters, sort=sort)


@router.get("/renewals", operation_id="renewals.list", responses=answered(PageBody[RenewalBody], 400, 404))
def list_renewals(
    asked: Reading,
    paged: Annotated[Paging, Depends(paging)],
    account: Annotated[str | None, Query(description="an account's id or ref:…")] = None,
    contract: Annotated[str | None, Query(description="a contract's id or ref:…")] = None,
    outcome: Annotated[list[str] | None, Query(description="open, renewed or lost")] = None,
    risk: Annotated[list[str] | None, Query()] = None,
    category: Annotated[list[str] | None, Query(description="of the newest forecast")] = None,
    due_from: Annotated[Day | None, Query(description="first due day", examples=["2026-01-01"])] = None,
    due_to: Annotated[
        Day | None, Query(description="first due day that is not wanted", examples=["2026-04-01"])
    ] = None,
    sort: Annotated[str | None, Query(description="due_at, atr or contract; - for descending")] = None,
) -> Response:
    """The renewals board: every end of a term, by due day."""
    table = renewals.VIEW.table
    conditions = [table.c.due != ""]
    if due_from:
        conditions.append(table.c.due >= due_from)
    if due_to:
        conditions.append(table.c.due < due_to)
    filters = picked(
        account=asked.existing("account", account),
        contract=asked.existing("contract", contract),
        outcome=outcome,
        risk=risk,
        category=category,
    )
    return page(asked, paged, renewals.VIEW, present, filters=filters, conditions=conditions, sort=sort)


@router.get("/renewals/{renewal}", operation_id="renewals.get", responses=answered(RenewalPage, 400, 404))
def get_renewal(renewal: str, asked: Reading) -> Response:
    """A renewal cycle by its id."""
    key = asked.find("renewal", renewal)
    when = asked.when(renewals.VIEW)
    rows, position = asked.runtime.reader.select(
        asked.tenant_id, renewals.VIEW, [renewals.VIEW.table.c.renewal == key], when
    )
    if not rows:
        raise NotFound("renewal_not_found", "there is no such renewal")
    more = {"position": position, "actions": actions.of_renewal(rows[0], asked.principal)}
    return asked.answer(present(rows)[0] | more, position, version=rows[0].version)
