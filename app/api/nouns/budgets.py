"""Budgets over HTTP: what a client set aside, what was spent of it, and what is expected in all."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http import allowed_actions as actions
from app.api.http.allowed_actions import ACTIONS
from app.api.http.answers import Added, Computed, DecimalOf, EachOf, From, SealedTexts
from app.api.http.formatting import at, money
from app.api.http.paging import Paging, page, paging
from app.api.http.presenter import Present, Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, filters_of, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AsInstant, AsMoney, MoneyBody, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.budget import commands as budget_commands
from app.domain.kernel.values import Amount, scaled
from projections.kpis.decimals import ratio
from projections.views import budget_forecasts, budget_spends, budgets
from projections.views.budget_forecasts import BudgetForecast
from projections.views.budget_spends import BudgetSpend
from projections.views.budgets import Budget

router = APIRouter(prefix="/v1", tags=["budgets"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["budgets:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["budgets:read"])]
Paged = Annotated[Paging, Depends(paging)]
State = Literal["open", "closed"]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


class ThresholdCrossingBody(BaseModel):
    """A threshold that was reached, with what was compared then."""

    percent: int = Field(examples=[80])
    revision: int
    spent: MoneyBody
    amount: MoneyBody
    projected_at_end: MoneyBody
    crossed_at: str
    event: str


def _remaining(row: Budget) -> dict[str, str]:
    return money(row.amount - row.spent, row.currency)


def _variance(row: Budget) -> str | None:
    return None if row.forecast is None else ratio(Fraction(row.forecast - row.amount, row.amount))


def _crossing(crossing: dict[str, Any], row: Budget, _texts: SealedTexts) -> dict[str, Any]:
    amounts = {name: money(scaled(crossing[name]), row.currency) for name in ("spent", "amount", "projected_at_end")}
    return {**crossing, **amounts, "crossed_at": at(crossing["crossed_at"])}


class BudgetBody(BaseModel):
    """A budget as it stands."""

    id: Annotated[str, From("budget")] = Field(examples=["bud_01jd7z5m3tf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    contract: str | None
    title: str
    external_ref: str | None
    amount: AsMoney
    first_amount: AsMoney = Field(description="before it was revised")
    revision: int = Field(description="how often it was revised")
    start: str
    end: str = Field(description="the first day after")
    thresholds: list[int] = Field(examples=[[50, 80, 100]])
    spent: AsMoney
    remaining: Annotated[MoneyBody, Computed(_remaining)] = Field(
        description="negative once more is spent than was set aside"
    )
    percent_spent: Annotated[str, DecimalOf("burnt")] = Field(
        description="of the amount, rounded down to six decimals", examples=["62.5"]
    )
    documents: int
    forecast: AsMoney | None = Field(description="the newest of what is expected in all")
    forecast_at: AsInstant | None
    variance: Annotated[str | None, Computed(_variance)] = Field(
        description="(forecast - amount) / amount; null without a forecast", examples=["-0.083333"]
    )
    crossed: Annotated[list[ThresholdCrossingBody], EachOf(_crossing)]
    state: State
    set_at: AsInstant
    closed_at: AsInstant | None
    version: int


class BudgetDetailsBody(BudgetBody):
    """A budget with the position that it was read from, and what may be done next."""

    position: int
    actions: list[str] = ACTIONS


class BudgetSpendBody(BaseModel):
    """What a document says, as it was recorded and as it was corrected."""

    event: Annotated[str, From("spend")] = Field(description="that recorded it")
    document: str
    amount: Annotated[MoneyBody, Added(("amount",))]
    recorded: Annotated[MoneyBody, Added(("recorded",))] = Field(description="before it was corrected")
    category: str | None
    late: bool
    spent_at: AsInstant
    corrections: list[str] = Field(description="the events that corrected it")


class BudgetForecastBody(BaseModel):
    """What somebody expected to be spent in all."""

    event: Annotated[str, From("event_id")]
    at_completion: Annotated[MoneyBody, Added(("at_completion",))]
    effective_at: AsInstant
    recorded_at: AsInstant
    actor: str


present = Presenter(BudgetBody, Budget, not_shown=("latest_at",))
_spends = Presenter(BudgetSpendBody, BudgetSpend, not_shown=("budget", "account", "effective_at"))
_forecasts = Presenter(BudgetForecastBody, BudgetForecast, not_shown=("position", "budget", "account"))


def _in_currency(currency: str, present: Presenter, *amounts: str) -> Present:
    """A presenter of rows whose amounts are in the currency of their budget."""

    def present_all(context: ReadContext, rows: Sequence[Any]) -> list[dict[str, Any]]:
        return [
            answer | {name: money(getattr(row, name), currency) for name in amounts}
            for answer, row in zip(present(context, rows), rows, strict=True)
        ]

    return present_all


# --- writing ---


@router.post("/accounts/{account}/budgets", operation_id="budgets.set", status_code=201, responses=_ANSWERS)
async def set_budget(account: str, command: budget_commands.SetBudget, context: Writing) -> Response:
    """Write down what a client sets aside."""
    return await context.write(command, account=account)


@router.post("/budgets/{budget}/revisions", operation_id="budgets.revise", status_code=201, responses=_ANSWERS)
async def revise(budget: str, command: budget_commands.ReviseBudget, context: Writing) -> Response:
    """Raise or lower a budget; its thresholds are evaluated again."""
    return await context.write(command, budget=budget)


@router.post("/budgets/{budget}/spend", operation_id="budgets.record_spend", status_code=201, responses=_ANSWERS)
async def record_spend(budget: str, command: budget_commands.RecordSpend, context: Writing) -> Response:
    """Say what was spent, by its document."""
    return await context.write(command, budget=budget)


@router.post(
    "/budgets/{budget}/spend-corrections", operation_id="budgets.correct_spend", status_code=201, responses=_ANSWERS
)
async def correct_spend(budget: str, command: budget_commands.CorrectSpend, context: Writing) -> Response:
    """Correct the amount of a document."""
    return await context.write(command, budget=budget)


@router.post("/budgets/{budget}/forecasts", operation_id="budgets.record_forecast", status_code=201, responses=_ANSWERS)
async def record_forecast(budget: str, command: budget_commands.RecordForecast, context: Writing) -> Response:
    """Say what will have been spent in all; earlier ones stay."""
    return await context.write(command, budget=budget)


@router.post("/budgets/{budget}/closure", operation_id="budgets.close", status_code=201, responses=_ANSWERS)
async def close(budget: str, command: budget_commands.CloseBudget, context: Writing) -> Response:
    """End it."""
    return await context.write(command, budget=budget)


# --- reading ---


@router.get("/budgets", operation_id="budgets.list", responses=answered(PageBody[BudgetBody], 400, 404))
def list_budgets(
    context: Reading,
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
    conditions = [] if at_least_percent is None else [budgets.burnt_at_least(at_least_percent)]
    filters = filters_of(
        account=context.existing("account", account),
        contract=context.existing("contract", contract),
        state=state,
        currency=currency,
        external_ref=external_ref,
    )
    return page(context, paged, budgets.VIEW, present, filters=filters, conditions=conditions, sort=sort)


@router.get(
    "/accounts/{account}/budgets", operation_id="accounts.budgets", responses=answered(PageBody[BudgetBody], 400, 404)
)
def list_of_account(account: str, context: Reading, paged: Paged) -> Response:
    """An account's budgets, oldest first."""
    filters = filters_of(account=context.existing("account", account))
    return page(context, paged, budgets.VIEW, present, filters=filters)


@router.get("/budgets/{budget}", operation_id="budgets.get", responses=answered(BudgetDetailsBody, 400, 404))
def get_budget(budget: str, context: Reading) -> Response:
    """A budget: what is spent, what is left, what is expected, which thresholds were reached."""
    row, position = context.one(budgets.VIEW, budget)
    more = {"position": position, "actions": actions.of_budget(row, context.principal)}
    return context.answer(present(context, [row])[0] | more, position, version=row.version)


@router.get(
    "/budgets/{budget}/spend", operation_id="budgets.spends", responses=answered(PageBody[BudgetSpendBody], 400, 404)
)
def list_spends(
    budget: str,
    context: Reading,
    paged: Paged,
    category: Annotated[list[str] | None, Query()] = None,
    sort: Annotated[str | None, Query(description="spent_at or amount; - for descending")] = None,
) -> Response:
    """The documents that were paid from a budget, oldest first."""
    key, currency = _id_and_currency(context, budget)
    when = context.when(budget_spends.VIEW)
    conditions = [] if when.now else [budget_spends.recorded_by(when.as_of)]
    filters = filters_of(budget=key, category=category)
    return page(
        context,
        paged,
        budget_spends.VIEW,
        _in_currency(currency, _spends, "amount", "recorded"),
        filters=filters,
        conditions=conditions,
        sort=sort,
    )


@router.get(
    "/budgets/{budget}/forecasts",
    operation_id="budgets.forecasts",
    responses=answered(PageBody[BudgetForecastBody], 400, 404),
)
def list_forecasts(
    budget: str,
    context: Reading,
    paged: Paged,
    sort: Annotated[str | None, Query(description="position or effective_at; - for descending")] = None,
) -> Response:
    """Every forecast of a budget, in the order in which they were made."""
    key, currency = _id_and_currency(context, budget)
    filters = filters_of(budget=key)
    return page(
        context,
        paged,
        budget_forecasts.VIEW,
        _in_currency(currency, _forecasts, "at_completion"),
        filters=filters,
        sort=sort,
    )


def _id_and_currency(context: ReadContext, budget: str) -> tuple[str, str]:
    """A budget's id and currency. Raises: NotFound where there was none yet."""
    key = context.find("budget", budget)
    when = replace(context, as_of=None).when(budgets.VIEW)
    row, _ = context.runtime.reader.one(context.tenant_id, budgets.VIEW, key, when)
    return row.budget, row.currency
