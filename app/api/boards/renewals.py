"""Boards of renewals over HTTP: open renewals in columns, and the forecast with what moved it."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http.formatting import at, money
from app.api.http.problems import answered
from app.api.http.read_context import ReadContext, plain_read_context, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, MoneyBody
from app.api.http.strict_json_route import StrictRoute
from app.api.kpis.account_filter import Filtered, require_readable_figure
from app.api.kpis.parts import BehindBody, UsedRateBody
from app.api.nouns.renewals import falling_due
from app.domain.kernel.errors import Invalid
from app.domain.kernel.period import Period
from app.domain.kernel.values import MICRO, Currency, Day, day_of, day_start, instant, unscaled, zone
from app.domain.renewal.commands import Category, Risk
from app.kpi_queries.forecast_changes import forecast_changes
from app.kpi_queries.query import KpiQuery
from app.kpi_queries.renewal_policies import passed
from app.kpi_queries.sources import views_of
from app.kpi_queries.sources.base import holdings_at
from app.read_side.clocks import When
from projections.kpis.forecast import RENEWAL_FORECAST, expected
from projections.views import portfolios, renewals
from projections.views.renewals import Renewal

router = APIRouter(prefix="/v1/boards", tags=["boards"], route_class=StrictRoute)
Reading = Annotated[ReadContext, Security(read_context, scopes=["renewals:read"])]
Comparing = Annotated[ReadContext, Security(plain_read_context, scopes=["renewals:read"])]
STAGES: Final = ("ahead", "opened", "approaching", "deferred", "noticed", "overdue")
"""Of an open renewal, from left to right: no cycle yet, nothing noted yet, a milestone reached, put off, under notice, its day past."""
WEEK: Final = 7 * 86_400_000_000
_DAY: Final = 86_400_000_000


class RenewalSumBody(BaseModel):
    """What a column comes to in one currency, whether its cards are all shown or not."""

    currency: str = Field(examples=["EUR"])
    renewals: int
    atr: MoneyBody
    forecast: MoneyBody = Field(description="the expected value times its probability")


class RenewalCardBody(BaseModel):
    """An open renewal on the board."""

    id: str | None = Field(
        description="of its cycle, once that was opened", examples=["rnw_01jd7z5m3wf8x9v0w1y2z3a4b5"]
    )
    contract: str
    contract_ref: str | None
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    owner: str | None
    tier: str | None
    industry: str | None
    country: str | None
    stage: Literal["ahead", "opened", "approaching", "deferred", "noticed", "overdue"] = Field(examples=["approaching"])
    due: str
    deadline: str = Field(description="the due day, or the day that the decision was put off to")
    days_left: int = Field(description="until the deadline; negative when it is past")
    notice_deadline: str
    noticed: bool
    auto_renew: bool
    opened_at: str | None
    milestone: int | None
    atr: MoneyBody
    risk: Risk | None
    category: Category = Field(description="of the newest forecast, else what the risk counts as")
    probability: str
    expected_value: MoneyBody
    forecast: MoneyBody


class RenewalColumnBody(BaseModel):
    """A column of the board."""

    name: str = Field(description="a stage, or a month", examples=["2027-01"])
    renewals: int
    sums: list[RenewalSumBody]
    cards: list[RenewalCardBody]
    has_more: bool = Field(description="whether there are more cards than are shown; GET /v1/renewals lists all")


class RenewalsBoardBody(BaseModel):
    """Open renewals in columns."""

    columns: list[RenewalColumnBody]
    day: str = Field(description="from which the days left are counted")
    position: int


class ForecastOutlookBody(BaseModel):
    """The forecast at a position."""

    position: int
    low: str
    base: str
    high: str
    uplift: str
    available_to_renew: str
    renewed: str
    renewals: int


class BoundsBody(BaseModel):
    """The columns of a forecast."""

    low: str = Field(description="what is certain or committed, at its probability")
    base: str = Field(description="each value times its probability")
    high: str = Field(description="the whole value of what is not given up")


class ExpectationBody(BoundsBody):
    """What is expected of a renewal."""

    outcome: Literal["open", "renewed", "lost"]
    category: Literal["commit", "best_case", "at_risk", "lost", "renewed"]
    probability: str


class ForecastMovementBody(BaseModel):
    """A renewal of which something else is expected than before."""

    renewal: str | None
    contract: str
    account: str
    due: str
    change: Literal["appeared", "gone", "won", "lost", "reopened", "recategorised", "revalued"] = Field(
        description="what became of it", examples=["won"]
    )
    before: ExpectationBody | None
    after: ExpectationBody | None
    difference: BoundsBody
    events: list[BehindBody]


class ForecastBoardBody(BaseModel):
    """The forecast of a period at two positions, and what moved it."""

    currency: str | None
    fx_version: str | None = Field(None, description="the table that both positions were converted by, where they were")
    fx_rates: list[UsedRateBody] | None = Field(
        None,
        description="the rates of the period's opening that both were converted at, so that no rate moves anything",
    )
    period: Period
    from_: ForecastOutlookBody = Field(alias="from")
    to: ForecastOutlookBody
    difference: BoundsBody
    changed: int = Field(description="of how many renewals something else is expected")
    has_more: bool
    movements: list[ForecastMovementBody] = Field(description="those that changed the base most, first")
    position: int


def due_days(
    since: Annotated[Day | None, Query(alias="due.gte", description="due not before", examples=["2026-01-01"])] = None,
    before: Annotated[Day | None, Query(alias="due.lt", description="due before", examples=["2027-01-01"])] = None,
    due_from: Annotated[Day | None, Query(deprecated=True, description="another name for due.gte")] = None,
    due_to: Annotated[Day | None, Query(deprecated=True, description="another name for due.lt")] = None,
) -> tuple[str | None, str | None]:
    """The days between which a renewal falls due. Raises: Invalid where one is given under both names."""
    for name, (day, older) in {"due.gte": (since, due_from), "due.lt": (before, due_to)}.items():
        if day is not None and older is not None:
            raise Invalid("parameter_repeated", f"{name} has another name, which says it already")
    return since or due_from, before or due_to


@router.get("/renewals", operation_id="boards.renewals", responses=answered(RenewalsBoardBody, 400, 404))
def renewals_board(
    context: Reading,
    accounts: Filtered,
    columns: Annotated[
        Literal["stage", "month"], Query(description="what a column is: a stage, or a month of deadlines")
    ] = "stage",
    account: Annotated[str | None, Query(description="an account's id or ref:…")] = None,
    due: Annotated[tuple[str | None, str | None], Depends(due_days)] = (None, None),
    limit: Annotated[int, Query(ge=1, le=200, description="how many cards a column shows")] = 50,
) -> Response:
    """Open renewals in columns, with what each column comes to: the same that the list gives for `outcome=open`."""
    when = context.when(renewals.VIEW, portfolios.VIEW)
    scope = accounts.scope(context, account)
    time = passed(context.reader, context.tenant_id, when.as_of, when.known_at)
    conditions = [*falling_due(context, *due), time.has(["open"])]
    if scope.account is not None:
        conditions.append(renewals.of_account(scope.account))
    rows, position = context.reader.select(
        context.tenant_id, renewals.VIEW, conditions, when, order=renewals.BY_DUE_DAY
    )
    time_zone = context.runtime.handler.zone(context.tenant_id)
    day = day_of(when.as_of, time_zone)
    holdings = holdings_at(context.reader, context.tenant_id, position, when.as_of)
    by_column: dict[str, list[tuple[Renewal, dict[str, Any]]]] = {name: [] for name in STAGES if columns == "stage"}
    for row in rows:
        holding = holdings.get(row.account)
        if scope.holds(holding):
            card = _card(row, holding, day)
            by_column.setdefault(card["stage"] if columns == "stage" else card["deadline"][:7], []).append((row, card))
    body = {
        "columns": [
            {
                "name": name,
                "renewals": len(by_column[name]),
                "sums": _sums([row for row, _ in by_column[name]]),
                "cards": [card for _, card in by_column[name][:limit]],
                "has_more": len(by_column[name]) > limit,
            }
            for name in (by_column if columns == "stage" else sorted(by_column))
        ],
        "day": day,
        "position": position,
    }
    return context.answer(body, position)


def _card(row: Renewal, holding: portfolios.Holding | None, day: str) -> dict[str, Any]:
    outcome, deadline = expected(row), row.deferred_to or row.due
    return {
        "id": row.renewal,
        "contract": row.contract,
        "contract_ref": row.external_ref,
        "account": row.account,
        **{name: getattr(holding, name, None) for name in portfolios.MEMBERS},
        "stage": _stage(row, deadline, day),
        "due": row.due,
        "deadline": deadline,
        "days_left": _days(day, deadline),
        "notice_deadline": row.notice_deadline,
        "noticed": row.noticed,
        "auto_renew": row.auto_renew,
        "opened_at": at(row.opened_at),
        "milestone": row.milestone,
        "atr": money(row.atr, row.currency),
        "risk": row.risk,
        "category": outcome.category,
        "probability": unscaled(outcome.chance),
        "expected_value": money(outcome.value, row.currency),
        "forecast": money(outcome.base, row.currency, MICRO),
    }


def _stage(row: Renewal, deadline: str, day: str) -> str:
    if deadline <= day:
        return "overdue"
    if row.noticed:
        return "noticed"
    if row.deferred_to:
        return "deferred"
    if row.renewal is None:
        return "ahead"
    return "opened" if row.milestone is None else "approaching"


def _days(since: str, until: str) -> int:
    utc = zone("UTC")
    return (day_start(until, utc) - day_start(since, utc)) // _DAY


def _sums(rows: list[Renewal]) -> list[dict[str, Any]]:
    by: dict[str, list[Renewal]] = {}
    for row in rows:
        by.setdefault(row.currency, []).append(row)
    return [_sum(currency, by[currency]) for currency in sorted(by)]


def _sum(currency: str, rows: list[Renewal]) -> dict[str, Any]:
    return {
        "currency": currency,
        "renewals": len(rows),
        "atr": money(sum(row.atr for row in rows), currency),
        "forecast": money(sum(expected(row).base for row in rows), currency, MICRO),
    }


@router.get("/forecast", operation_id="boards.forecast", responses=answered(ForecastBoardBody, 400, 404, 422))
def forecast_board(
    context: Comparing,
    accounts: Filtered,
    from_: Annotated[Day, Query(alias="from", description="first day of the period", examples=["2026-01-01"])],
    to: Annotated[Day, Query(description="first day after the period", examples=["2027-01-01"])],
    from_known_at: Annotated[
        str | None, Query(description="the earlier knowledge: a position, a date or an instant; default: a week before")
    ] = None,
    to_known_at: Annotated[
        str | None,
        Query(description="the later knowledge: a position, a date or an instant; default: all that is known"),
    ] = None,
    currency: Annotated[Currency | None, Query(description="only contracts in it")] = None,
    reporting_currency: Annotated[
        Currency | None, Query(description="what amounts are converted to; default: what the metric policy says")
    ] = None,
    account: Annotated[str | None, Query(description="an account's id or ref:…")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="how many renewals that moved it are listed")] = 50,
) -> Response:
    """The renewal forecast of a period at two positions: low, base and high, which renewals changed, and by which events."""
    scope = accounts.scope(context, account, currency=currency)
    query = KpiQuery(RENEWAL_FORECAST.name, from_, to, scope=scope, reporting_currency=reporting_currency)
    before, after = _clocks(context, from_known_at, to_known_at)
    require_readable_figure(context, query)  # its order tells what it counts
    body = forecast_changes(context.reader, context.tenant_id, query, before, after, limit)
    position = body["to"]["position"]
    return context.answer({**body, "position": position}, position)


def _clocks(context: ReadContext, from_known_at: str | None, to_known_at: str | None) -> tuple[When, When]:
    """What was known at both ends. Raises: Invalid where the earlier one is the later."""
    reader = context.reader
    now = context.when(*views_of(RENEWAL_FORECAST.name))
    after = now if to_known_at is None else reader.when(context.tenant_id, None, to_known_at)
    if from_known_at is None:
        from_known_at = instant(now.as_of - WEEK)
        before = reader.when(context.tenant_id, None, from_known_at)
        if after.known_at is not None and (before.known_at or 0) > after.known_at:
            before = after
    else:
        before = reader.when(context.tenant_id, None, from_known_at)
    if after.known_at is not None and (before.known_at or 0) > after.known_at:
        raise Invalid("invalid_known_at", "from_known_at must not be later than to_known_at")
    return before, after
