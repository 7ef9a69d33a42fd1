"""Budgets over HTTP: what a client set aside, what was spent of it, and what is expected in all."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http import allowed_actions as actions
from app.api.http.allowed_actions import ACTIONS
from app.api.http.answers import Added, Computed, DecimalOf, EachOf, From, SealedTexts
from app.api.http.formatting import at, money
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.paging import start
from app.api.http.presenter import Present, Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AsInstant, AsMoney, MoneyBody, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.budget import commands as budget_commands
from app.domain.kernel.values import Amount, Currency, Day, Moment, scaled
from projections.kpis.decimals import ratio
from projections.views import budget_forecasts, budget_spends, budgets
from projections.views.budget_forecasts import BudgetForecast
from projections.views.budget_spends import BudgetSpend
from projections.views.budgets import Budget

router = APIRouter(prefix="/v1", tags=["budgets"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["budgets:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["budgets:read"])]
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
    currency: str = Field(examples=["EUR"])
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
    status: Annotated[budgets.State, From("state")]
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
    position: int
    at_completion: Annotated[MoneyBody, Added(("at_completion",))]
    effective_at: AsInstant
    recorded_at: AsInstant
    actor: str


present = Presenter(BudgetBody, Budget, not_shown=("latest_at",))
_spends = Presenter(BudgetSpendBody, BudgetSpend, not_shown=("budget", "account", "effective_at"))
_forecasts = Presenter(BudgetForecastBody, BudgetForecast, not_shown=("budget", "account"))
LISTED: Final = ListOf(
    budgets.VIEW,
    present,
    filters={
        "account": named("account"),
        "contract": named("contract"),
        "status": Filter(budgets.State),
        "currency": Filter(Currency),
        "external_ref": Filter(),
    },
    ranges={"start": Day, "end": Day, "set_at": Moment, "percent_spent": Amount},
    sorts=("set_at", "end", "percent_spent", "id"),
    default="set_at",
)
LISTED_SPENDS: Final = ListOf(
    budget_spends.VIEW,
    _spends,
    filters={"category": Filter(), "late": Filter(bool, several=False)},
    ranges={"spent_at": Moment},
    sorts=("spent_at", "amount"),
    default="spent_at",
)
LISTED_FORECASTS: Final = ListOf(
    budget_forecasts.VIEW,
    _forecasts,
    ranges={"effective_at": Moment},
    sorts=("position", "effective_at"),
    default="position",
)


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
def list_budgets(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The budgets, oldest first; `sort=-percent_spent` begins with those of which most is spent."""
    return page(context, asked)


@router.get(
    "/accounts/{account}/budgets", operation_id="accounts.budgets", responses=answered(PageBody[BudgetBody], 400, 404)
)
def list_of_account(
    account: str, context: Reading, asked: Annotated[Asked, Depends(LISTED.without("account"))]
) -> Response:
    """An account's budgets, oldest first."""
    return page(context, asked, account=context.existing("account", account))


@router.get("/budgets/{budget}", operation_id="budgets.get", responses=answered(BudgetDetailsBody, 400, 404))
def get_budget(budget: str, context: Reading) -> Response:
    """A budget: what is spent, what is left, what is expected, which thresholds were reached."""
    row, position = context.one(budgets.VIEW, budget)
    more = {"position": position, "actions": actions.of_budget(row, context.caller)}
    return context.answer(present(context, [row])[0] | more, position, version=row.version)


@router.get(
    "/budgets/{budget}/spend", operation_id="budgets.spends", responses=answered(PageBody[BudgetSpendBody], 400, 404)
)
def list_spends(budget: str, context: Reading, asked: Annotated[Asked, Depends(LISTED_SPENDS)]) -> Response:
    """The documents that were paid from a budget, oldest first."""
    key, currency = _id_and_currency(context, budget)
    begin = start(context, asked, budget_spends.VIEW)
    conditions = [] if begin.when.now else [budget_spends.recorded_by(begin.when.as_of)]
    in_currency = _in_currency(currency, _spends, "amount", "recorded")
    return page(context, asked, begin=begin, conditions=conditions, present=in_currency, budget=key)


@router.get(
    "/budgets/{budget}/forecasts",
    operation_id="budgets.forecasts",
    responses=answered(PageBody[BudgetForecastBody], 400, 404),
)
def list_forecasts(budget: str, context: Reading, asked: Annotated[Asked, Depends(LISTED_FORECASTS)]) -> Response:
    """Every forecast of a budget, in the order in which they were made."""
    key, currency = _id_and_currency(context, budget)
    return page(context, asked, present=_in_currency(currency, _forecasts, "at_completion"), budget=key)


def _id_and_currency(context: ReadContext, budget: str) -> tuple[str, str]:
    """A budget's id and currency. Raises: NotFound where there was none yet."""
    key = context.find("budget", budget)
    when = replace(context, as_of=None).when(budgets.VIEW)
    row, _ = context.reader.one(context.tenant_id, budgets.VIEW, key, when)
    return row.budget, row.currency
