"""Budgets over HTTP: what a client set aside, what was spent of it, and what is expected in all."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http import allowed_actions as actions
from app.api.http.allowed_actions import ACTIONS
from app.api.http.dependencies import ReadContext, WriteContext, door, picked, question
from app.api.http.paging import Paging, page, paging
from app.api.http.problems import answered, documented
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AmountBody, PageBody, at, money
from app.api.http.strict_json_route import StrictRoute
from app.domain.budget import commands as budget_commands
from app.domain.kernel.values import Amount, scaled, unscaled
from projections.kpis.decimals import ratio
from projections.views import budget_forecasts, budget_spends, budgets

router = APIRouter(prefix="/v1", tags=["budgets"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(door, scopes=["budgets:write"])]
Reading = Annotated[ReadContext, Security(question, scopes=["budgets:read"])]
Paged = Annotated[Paging, Depends(paging)]
State = Literal["open", "closed"]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


class CrossingBody(BaseModel):
    """A threshold that was reached, with what was compared then."""

    percent: int = Field(examples=[80])
    revision: int
    spent: AmountBody
    amount: AmountBody
    projected_at_end: AmountBody
    crossed_at: str
    event: str


class BudgetBody(BaseModel):
    """A budget as it stands."""

    id: str = Field(examples=["bud_01jd7z5m3tf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    contract: str | None
    title: str
    external_ref: str | None
    amount: AmountBody
    first_amount: AmountBody = Field(description="before it was revised")
    revision: int = Field(description="how often it was revised")
    start: str
    end: str = Field(description="the first day after")
    thresholds: list[int] = Field(examples=[[50, 80, 100]])
    spent: AmountBody
    remaining: AmountBody = Field(description="negative once more is spent than was set aside")
    percent_spent: str = Field(description="of the amount, rounded down to six decimals", examples=["62.5"])
    documents: int
    forecast: AmountBody | None = Field(description="the newest of what is expected in all")
    forecast_at: str | None
    variance: str | None = Field(
        description="(forecast - amount) / amount; null without a forecast", examples=["-0.083333"]
    )
    crossed: list[CrossingBody]
    state: str = Field(examples=["open"])
    set_at: str
    closed_at: str | None
    version: int


class BudgetPage(BudgetBody):
    """A budget with the position that it was read from, and what may be done next."""

    position: int
    actions: list[str] = ACTIONS


class SpendBody(BaseModel):
    """What a document says, as it was recorded and as it was corrected."""

    event: str = Field(description="that recorded it")
    document: str
    amount: AmountBody
    recorded: AmountBody = Field(description="before it was corrected")
    category: str | None
    late: bool
    spent_at: str
    corrections: list[str] = Field(description="the events that corrected it")


class ForecastBody(BaseModel):
    """What somebody expected to be spent in all."""

    event: str
    at_completion: AmountBody
    effective_at: str
    recorded_at: str
    actor: str


# --- how they are answered ---


def present(rows: Sequence[budgets.Budget]) -> list[dict[str, Any]]:
    """Budgets as they are answered."""
    return [
        {
            "id": row.budget,
            "account": row.account,
            "contract": row.contract,
            "title": row.title,
            "external_ref": row.external_ref,
            "amount": money(row.amount, row.currency),
            "first_amount": money(row.first_amount, row.currency),
            "revision": row.revision,
            "start": row.start,
            "end": row.end,
            "thresholds": row.thresholds,
            "spent": money(row.spent, row.currency),
            "remaining": money(row.amount - row.spent, row.currency),
            "percent_spent": unscaled(row.burnt),
            "documents": row.documents,
            "forecast": None if row.forecast is None else money(row.forecast, row.currency),
            "forecast_at": at(row.forecast_at),
            "variance": None if row.forecast is None else ratio(Fraction(row.forecast - row.amount, row.amount)),
            "crossed": [_crossing(one, row.currency) for one in row.crossed],
            "state": row.state,
            "set_at": at(row.set_at),
            "closed_at": at(row.closed_at),
            "version": row.version,
        }
        for row in rows
    ]


def _crossing(one: dict[str, Any], currency: str) -> dict[str, Any]:
    amounts = {name: money(scaled(one[name]), currency) for name in ("spent", "amount", "projected_at_end")}
    return {**one, **amounts, "crossed_at": at(one["crossed_at"])}


def _spends(rows: Sequence[budget_spends.BudgetSpend], currency: str) -> list[dict[str, Any]]:
    return [
        {
            "event": row.spend,
            "document": row.document,
            "amount": money(row.amount, currency),
            "recorded": money(row.recorded, currency),
            "category": row.category,
            "late": row.late,
            "spent_at": at(row.spent_at),
            "corrections": row.corrections,
        }
        for row in rows
    ]


def _forecasts(rows: Sequence[budget_forecasts.BudgetForecast], currency: str) -> list[dict[str, Any]]:
    return [
        {
            "event": row.event_id,
            "at_completion": money(row.at_completion, currency),
            "effective_at": at(row.effective_at),
            "recorded_at": at(row.recorded_at),
            "actor": row.actor,
        }
        for row in rows
    ]


# --- writing ---


@router.post("/accounts/{account}/budgets", operation_id="budgets.set", status_code=201, responses=_ANSWERS)
async def set_budget(account: str, command: budget_commands.SetBudget, to: Writing) -> Response:
    """Write down what a client sets aside."""
    return await to.write(command, account=account)


@router.post("/budgets/{budget}/revisions", operation_id="budgets.revise", status_code=201, responses=_ANSWERS)
async def revise(budget: str, command: budget_commands.ReviseBudget, to: Writing) -> Response:
    """Make it more or less; thresholds are told anew."""
    return await to.write(command, budget=budget)


@router.post("/budgets/{budget}/spend", operation_id="budgets.record_spend", status_code=201, responses=_ANSWERS)
async def record_spend(budget: str, command: budget_commands.RecordSpend, to: Writing) -> Response:
    """Say what was spent, by its document."""
    return await to.write(command, budget=budget)


@router.post(
    "/budgets/{budget}/spend-corrections", operation_id="budgets.correct_spend", status_code=201, responses=_ANSWERS
)
async def correct_spend(budget: str, command: budget_commands.CorrectSpend, to: Writing) -> Response:
    """Say what a document should have said."""
    return await to.write(command, budget=budget)


@router.post("/budgets/{budget}/forecasts", operation_id="budgets.record_forecast", status_code=201, responses=_ANSWERS)
async def record_forecast(budget: str, command: budget_commands.RecordForecast, to: Writing) -> Response:
    """Say what will have been spent in all; earlier ones stay."""
    return await to.write(command, budget=budget)


@router.post("/budgets/{budget}/closure", operation_id="budgets.close", status_code=201, responses=_ANSWERS)
async def close(budget: str, command: budget_commands.CloseBudget, to: Writing) -> Response:
    """End it."""
    return await to.write(command, budget=budget)


# --- reading ---


@router.get("/budgets", operation_id="budgets.list", responses=answered(PageBody[BudgetBody], 400, 404))
def list_budgets(
    asked: Reading,
    paged: Paged,
    account: Annotated[str | None, Query(description="an account's id or ref:…")] = None,
    contract: Annotated[str | None, Query(description="a contract's id or ref:…")] = None,
    state: Annotated[State | None, Query()] = None,
    currency: Annotated[list[str] | None, Query()] = None,
    external_ref: Annotated[list[str] | None, Query()] = None,
    at_least_percent: Annotated[
        Amount | None, Query(description="of which so much is spent, in percent", examples=["80"])
    ] = None,
    sort: Annotated[str | None, Query(description="set_at, end, burnt or budget; - for descending")] = None,
) -> Response:
    """The budgets, oldest first; `sort=-burnt` begins with those of which most is spent."""
    conditions = []
    if at_least_percent is not None:
        conditions.append(budgets.VIEW.table.c.burnt >= scaled(at_least_percent))
    filters = picked(
        account=asked.existing("account", account),
        contract=asked.existing("contract", contract),
        state=state,
        currency=currency,
        external_ref=external_ref,
    )
    return page(asked, paged, budgets.VIEW, present, filters=filters, conditions=conditions, sort=sort)


@router.get(
    "/accounts/{account}/budgets", operation_id="accounts.budgets", responses=answered(PageBody[BudgetBody], 400, 404)
)
def list_of_account(account: str, asked: Reading, paged: Paged) -> Response:
    """An account's budgets, oldest first."""
    filters = picked(account=asked.existing("account", account))
    return page(asked, paged, budgets.VIEW, present, filters=filters)


@router.get("/budgets/{budget}", operation_id="budgets.get", responses=answered(BudgetPage, 400, 404))
def get_budget(budget: str, asked: Reading) -> Response:
    """A budget: what is spent, what is left, what is expected, which thresholds were reached."""
    key = asked.find("budget", budget)
    row, position = asked.runtime.reader.one(asked.tenant_id, budgets.VIEW, key, asked.when(budgets.VIEW))
    more = {"position": position, "actions": actions.of_budget(row, asked.principal)}
    return asked.answer(present([row])[0] | more, position, version=row.version)


@router.get("/budgets/{budget}/spend", operation_id="budgets.spends", responses=answered(PageBody[SpendBody], 400, 404))
def list_spends(
    budget: str,
    asked: Reading,
    paged: Paged,
    category: Annotated[list[str] | None, Query()] = None,
    sort: Annotated[str | None, Query(description="spent_at or amount; - for descending")] = None,
) -> Response:
    """The documents that were paid from a budget, oldest first."""
    key, currency = _known(asked, budget)
    when = asked.when(budget_spends.VIEW)
    conditions = [] if when.now else [budget_spends.VIEW.table.c.effective_at <= when.as_of]
    filters = picked(budget=key, category=category)
    return page(
        asked,
        paged,
        budget_spends.VIEW,
        lambda rows: _spends(rows, currency),
        filters=filters,
        conditions=conditions,
        sort=sort,
    )


@router.get(
    "/budgets/{budget}/forecasts",
    operation_id="budgets.forecasts",
    responses=answered(PageBody[ForecastBody], 400, 404),
)
def list_forecasts(
    budget: str,
    asked: Reading,
    paged: Paged,
    sort: Annotated[str | None, Query(description="position or effective_at; - for descending")] = None,
) -> Response:
    """Every forecast of a budget, in the order in which they were made."""
    key, currency = _known(asked, budget)
    filters = picked(budget=key)
    return page(
        asked, paged, budget_forecasts.VIEW, lambda rows: _forecasts(rows, currency), filters=filters, sort=sort
    )


def _known(asked: ReadContext, budget: str) -> tuple[str, str]:
    """A budget's id and currency. Raises: NotFound where there was none yet."""
    key = asked.find("budget", budget)
    when = replace(asked, as_of=None).when(budgets.VIEW)
    row, _ = asked.runtime.reader.one(asked.tenant_id, budgets.VIEW, key, when)
    return row.budget, row.currency
