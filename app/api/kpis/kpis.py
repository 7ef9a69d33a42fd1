"""KPIs over HTTP: the catalogue, a figure, and the accounts and events that it is made of."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app import kpi_queries as figures
from app.api.http.paging import Paging, next_cursor, paging, start
from app.api.http.problems import answered
from app.api.http.read_context import ReadContext, plain_read_context, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, OR_NULL
from app.api.http.strict_json_route import StrictRoute
from app.api.kpis.account_filter import Filtered, require_readable_figure
from app.api.kpis.options import OptionMembers, Options, options
from app.api.kpis.parts import (
    ExplainedAccountBody,
    FigureGroupBody,
    FigureScopeBody,
    PersonAccuracyBody,
    UsedRateBody,
    WaterfallRowBody,
)
from app.domain.kernel.period import Period
from app.domain.kernel.values import Currency, Day, day_of
from app.kpi_queries import KpiQuery
from projections.kpis import KPIS
from projections.kpis.base import Unit
from projections.kpis.presentation import catalogue

router = APIRouter(prefix="/v1/kpis", tags=["kpis"], route_class=StrictRoute)
Reading = Annotated[ReadContext, Security(read_context, scopes=["kpis:read"])]


class KpiMethodBody(BaseModel):
    """A way to compute a figure."""

    name: str = Field(examples=["point_to_point"])
    formula: str


class KpiBody(BaseModel):
    """A KPI of the catalogue."""

    name: str = Field(examples=["net_revenue_retention"])
    title: str
    unit: Unit
    kind: Literal["point", "period"] = Field(description="point: ask with as_of; period: ask with from and to")
    methods: list[KpiMethodBody]
    default_method: str
    formula: str = Field(description="of the default method")
    source: str


class KpiCatalogueBody(BaseModel):
    """Every KPI."""

    data: list[KpiBody]


class FigureWarningBody(BaseModel):
    """What a reader should know besides."""

    code: str = Field(examples=["accounts_on_hold_at_end"])
    count: int | None = Field(description="how many rows it is about; null where it is about the figure")


class FigureBody(OptionMembers):
    """A figure, with what reproduces it exactly."""

    name: str = Field(examples=["net_revenue_retention"])
    value: str | None = Field(description="null where the denominator is 0, with null_reason", examples=["0.955556"])
    unit: Unit
    currency: str | None
    numerator: str
    denominator: str | None
    warnings: list[FigureWarningBody]
    null_reason: str | None = Field(None, description="present where the value is null")
    rows: list[WaterfallRowBody] | None = Field(None, description="present for a waterfall")
    low: str | None = Field(
        None, description="present for a forecast: what is certain or committed, at its probability"
    )
    base: str | None = Field(None, description="present for a forecast: each value times its probability")
    high: str | None = Field(None, description="present for a forecast: the whole value of what is not given up")
    groups: list[FigureGroupBody] | None = Field(None, description="present where `group_by` was asked")
    bias: str | None = Field(
        None, json_schema_extra=OR_NULL, description="present for an accuracy: by how much too high, as a share"
    )
    brier_score: str | None = Field(
        None, json_schema_extra=OR_NULL, description="present for an accuracy: the mean squared error of probabilities"
    )
    by_person: list[PersonAccuracyBody] | None = Field(None, description="present for an accuracy")
    period: Period | None
    scope: FigureScopeBody
    method: str
    calculation: int = Field(description="the version of how the KPI is computed; it rises when the rule changes")
    as_of: str = Field(description="the instant that the figure closes with")
    known_at: int | None = Field(description="the requested position; null for all that is known")
    position: int = Field(description="the position that it was built from; known_at=position gives it again")
    policy_version: str
    fx_version: str | None = Field(description="the table of rates that amounts were converted by")
    fx_rates: list[UsedRateBody] | None = Field(None, description="the rates that were used, where some were")
    coverage: str
    explain_url: str


class KpiExplanationBody(BaseModel):
    """A figure and a page of the accounts that sum to it, each with the events behind it."""

    figure: FigureBody
    data: list[ExplainedAccountBody]
    has_more: bool
    next_cursor: str | None
    position: int


def kpi_query(
    context: Reading,
    name: str,
    accounts: Filtered,
    from_: Annotated[
        Day | None, Query(alias="from", description="first day of the period", examples=["2025-01-01"])
    ] = None,
    to: Annotated[Day | None, Query(description="first day after the period", examples=["2026-01-01"])] = None,
    method: Annotated[
        str | None, Query(min_length=1, description="one of the KPI's methods; default: its first")
    ] = None,
    currency: Annotated[Currency | None, Query(description="only contracts in it")] = None,
    account: Annotated[str | None, Query(description="one account, by id or ref:…", examples=[EXAMPLE_ACCOUNT])] = None,
    attribution: Annotated[
        Literal["start", "end", "now"] | Day,
        Query(
            description="when it counts whose and what an account is, such as in which tier: at the period's start or end, now, or at the "
            "end of a day; the answer names the day that now is",
            examples=["start"],
        ),
    ] = "start",
    reporting_currency: Annotated[
        Currency | None, Query(description="what amounts are converted to; default: what the metric policy says")
    ] = None,
    policy: Annotated[
        str | None,
        Query(
            max_length=300,
            description="a metric policy's version, a draft too, to count by instead of the one in force",
            examples=["ref:metric@default:2"],
        ),
    ] = None,
    chosen_options: Annotated[Options, Depends(options)] = (),
) -> KpiQuery:
    """The query behind the requested figure."""
    if attribution == "now":
        attribution = day_of(context.runtime.clock(), context.runtime.handler.zone(context.tenant_id))
    scope = accounts.scope(context, account, currency=currency, attribution=attribution)
    query = KpiQuery(
        name=name,
        from_=from_,
        to=to,
        method=method,
        scope=scope,
        options=chosen_options,
        policy=policy,
        reporting_currency=reporting_currency,
    )
    return require_readable_figure(context, query)


RequestedKpi = Annotated[KpiQuery, Depends(kpi_query)]


@router.get("", operation_id="kpis.list", responses=answered(KpiCatalogueBody, 400))
def list_kpis(context: Annotated[ReadContext, Security(plain_read_context, scopes=["kpis:read"])]) -> Response:
    """The catalogue: every KPI with its methods and their formulas."""
    position = context.runtime.log.head(context.tenant_id)
    return context.answer({"data": catalogue(KPIS)}, position)


@router.get("/{name}", operation_id="kpis.get", responses=answered(FigureBody, 400, 404, 422))
def get_kpi(context: Reading, query: RequestedKpi) -> Response:
    """A figure under both clocks: `from` and `to` for one of a period, `as_of` for one of a point in time."""
    when = context.when(*figures.views_of(query.name))
    body = figures.evaluate(context.reader, context.tenant_id, query, when)
    return context.answer(body, body["position"])


@router.get("/{name}/explain", operation_id="kpis.explain", responses=answered(KpiExplanationBody, 400, 404, 422))
def explain_kpi(context: Reading, query: RequestedKpi, paged: Annotated[Paging, Depends(paging)]) -> Response:
    """The accounts that sum to a figure, and the events behind each; every page is of the first page's position."""
    when, after = start(context, paged, *figures.views_of(query.name))
    figure, data, last = figures.explain(
        context.reader, context.tenant_id, query, when, limit=paged.limit, after=after[0] if after else None
    )
    cursor = next_cursor(context, paged, [last] if last else None, figure["position"], when)
    body = {
        "figure": figure,
        "data": data,
        "has_more": cursor is not None,
        "next_cursor": cursor,
        "position": figure["position"],
    }
    return context.answer(body, figure["position"], link=paged.next(cursor))
