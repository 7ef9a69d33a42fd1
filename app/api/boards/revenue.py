"""Boards of revenue: figures laid out as a chart plots them."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from app import kpi_queries as figures
from app.api.http.problems import answered
from app.api.http.strict_json_route import StrictRoute
from app.api.kpis.account_filter import Filtered, require_readable_figure
from app.api.kpis.kpis import FigureWarningBody, Reading
from app.api.kpis.parts import CohortAverageBody, FigureScopeBody
from app.domain.kernel.period import Period
from app.domain.kernel.values import Currency, Day
from app.kpi_queries import KpiQuery, series
from projections.kpis.decimals import step

router = APIRouter(prefix="/v1/boards", tags=["boards"], route_class=StrictRoute)
WATERFALL: Final = "mrr_waterfall"
COHORTS: Final = "cohort_retention"


class WaterfallBarsBody(BaseModel):
    """The bars of one interval. Losses are positive; opening + gains - losses + fx + transfer = closing, as it is written."""

    from_: str = Field(alias="from", examples=["2025-01-01"])
    to: str = Field(examples=["2025-02-01"])
    opening: str = Field(examples=["4500.00"])
    new: str
    expansion: str
    reactivation: str
    contraction: str
    churn: str
    fx: str
    transfer: str
    closing: str
    net: str = Field(description="closing - opening")
    policy_version: str
    fx_version: str | None


class WaterfallBody(BaseModel):
    """The waterfall of one interval after another, all of one position and in one currency."""

    interval: series.Interval
    currency: str | None
    period: Period
    scope: FigureScopeBody
    data: list[WaterfallBarsBody]
    known_at: int | None
    position: int


def waterfall_query(
    context: Reading,
    accounts: Filtered,
    from_: Annotated[Day, Query(alias="from", description="first day", examples=["2025-01-01"])],
    to: Annotated[Day, Query(description="first day after", examples=["2026-01-01"])],
    currency: Annotated[Currency | None, Query(description="only contracts in it")] = None,
    account: Annotated[str | None, Query(description="one account, by id or ref:…")] = None,
    reporting_currency: Annotated[Currency | None, Query(description="what amounts are converted to")] = None,
    policy: Annotated[str | None, Query(max_length=300, description="a metric policy's version to count by")] = None,
) -> KpiQuery:
    """The query behind the requested waterfall."""
    scope = accounts.scope(context, account, currency=currency)
    query = KpiQuery(WATERFALL, from_, to, None, scope, policy=policy, reporting_currency=reporting_currency)
    return require_readable_figure(context, query)


@router.get("/waterfall", operation_id="boards.waterfall", responses=answered(WaterfallBody, 400, 404, 422))
def get_waterfall(
    context: Reading,
    query: Annotated[KpiQuery, Depends(waterfall_query)],
    interval: Annotated[series.Interval, Query(description="how long each interval is, from `from` on")] = "month",
) -> Response:
    """The MRR waterfall over each interval, a column for each kind of movement; each closing is the next opening."""
    when = context.when(*figures.views_of(WATERFALL))
    waterfall = series.series(context.reader, context.tenant_id, query, when, interval)
    currencies = sorted({point["currency"] for point in waterfall["data"]} - {None})
    body = {name: waterfall[name] for name in ("interval", "period", "scope", "position")}
    body |= {"data": [_bars(point) for point in waterfall["data"]], "known_at": when.known_at}
    body["currency"] = currencies[0] if len(currencies) == 1 else None
    return context.answer(body, waterfall["position"])


def _bars(point: dict[str, Any]) -> dict[str, Any]:
    amounts = {row["name"]: row["amount"] for row in point["rows"]}
    net = step(amounts["opening"], amounts["closing"], point["currency"], share=False)
    versions = {name: point[name] for name in ("policy_version", "fx_version")}
    return {"from": point["from"], "to": point["to"], **amounts, "net": net, **versions}


# --- cohorts ---


class CohortCellBody(BaseModel):
    """A cohort at an age, in periods behind its first."""

    age: int
    value: str
    share: str | None = Field(description="of what it was at the end of its first period; null where that was nothing")
    mature: bool = Field(description="whether that period is over")


class CohortBody(BaseModel):
    """A cohort, from its first period on."""

    cohort: str = Field(examples=["2025-01"])
    size: int = Field(description="how many accounts first paid then")
    opening: str = Field(description="at the end of its first period")
    cells: list[CohortCellBody]


class CohortsBody(BaseModel):
    """Every cohort as a row of a triangle, and the average of each column over mature cells."""

    granularity: Literal["month", "quarter", "year"]
    method: Literal["logos", "revenue"]
    unit: Literal["accounts", "money"] = Field(description="what values count: accounts or a month's money")
    currency: str | None
    scope: FigureScopeBody
    as_of: str
    data: list[CohortBody]
    averages: list[CohortAverageBody]
    warnings: list[FigureWarningBody]
    policy_version: str
    fx_version: str | None
    known_at: int | None
    position: int


@router.get("/cohorts", operation_id="boards.cohorts", responses=answered(CohortsBody, 400, 404, 422))
def get_cohorts(
    context: Reading,
    accounts: Filtered,
    method: Annotated[Literal["logos", "revenue"], Query(description="accounts, or what they pay")] = "logos",
    granularity: Annotated[
        Literal["month", "quarter", "year"], Query(description="in which accounts first paid")
    ] = "month",
    currency: Annotated[Currency | None, Query(description="only contracts in it")] = None,
    reporting_currency: Annotated[Currency | None, Query(description="what amounts are converted to")] = None,
    policy: Annotated[str | None, Query(max_length=300, description="a metric policy's version to count by")] = None,
) -> Response:
    """Accounts by when they first paid, and what is left of each cohort as it grows older."""
    when = context.when(*figures.views_of(COHORTS))
    query = KpiQuery(
        COHORTS,
        method=method,
        scope=accounts.scope(context, currency=currency),
        options=(("granularity", granularity),),
        policy=policy,
        reporting_currency=reporting_currency,
    )
    figure = figures.evaluate(context.reader, context.tenant_id, require_readable_figure(context, query), when)
    shared = (
        "method",
        "currency",
        "scope",
        "as_of",
        "averages",
        "warnings",
        "policy_version",
        "fx_version",
        "known_at",
    )
    cohorts: dict[str, dict[str, Any]] = {}
    for cell in figure["cells"]:
        row = {"cohort": cell["cohort"], "size": cell["size"], "opening": cell["opening"], "cells": []}
        members = {name: cell[name] for name in ("age", "value", "share", "mature")}
        cohorts.setdefault(cell["cohort"], row)["cells"].append(members)
    body = {name: figure[name] for name in shared} | {
        "granularity": granularity,
        "unit": "accounts" if method == "logos" else "money",
        "data": list(cohorts.values()),
        "position": figure["position"],
    }
    return context.answer(body, figure["position"])
