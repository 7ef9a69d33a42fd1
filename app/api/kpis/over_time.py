"""KPIs over time: one interval after another, and one position after another."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import kpi_queries as figures
from app.api.http.path_segments import encoded
from app.api.http.problems import answered
from app.api.http.strict_json_route import StrictRoute
from app.api.kpis.kpis import FigureWarningBody, Reading, RequestedKpi
from app.api.kpis.parts import FigureScopeBody, UsedRateBody, WaterfallRowBody
from app.domain.kernel.period import Period
from app.kpi_queries import restatement, series
from app.read_side.clocks import When
from projections.kpis.base import Unit

router = APIRouter(prefix="/v1/kpis", tags=["kpis"], route_class=StrictRoute)


class SeriesPointBody(BaseModel):
    """A figure over one interval, or at the end of one; what else its answer tells stands beside it."""

    model_config = ConfigDict(extra="allow")
    from_: str = Field(alias="from", examples=["2025-01-01"])
    to: str = Field(examples=["2025-02-01"])
    as_of: str = Field(description="the instant that the figure closes with")
    value: str | None
    currency: str | None
    numerator: str
    denominator: str | None
    warnings: list[FigureWarningBody]
    null_reason: str | None = Field(None, description="present where the value is null")
    rows: list[WaterfallRowBody] | None = Field(None, description="present for a waterfall")
    policy_version: str = Field(description="of the rules in force when it closed")
    fx_version: str | None
    fx_rates: list[UsedRateBody] | None = Field(None, description="present where amounts were converted")


class KpiSeriesBody(BaseModel):
    """A figure over one interval after another, all of one position."""

    name: str
    unit: Unit
    method: str
    calculation: int = Field(description="the version of how the KPI is computed")
    scope: FigureScopeBody
    interval: series.Interval
    period: Period
    data: list[SeriesPointBody]
    known_at: int | None
    position: int


class KnownFigureBody(BaseModel):
    """A figure as it was known at a position."""

    position: int
    value: str | None
    numerator: str | None
    denominator: str | None
    currency: str | None
    null_reason: str | None


class FigureMovementBody(BaseModel):
    """An event that moved a figure."""

    id: str = Field(examples=["evt_01jd7z5m3sf8x9v0w1y2z3a4b5"])
    type: str
    position: int
    stream: str
    account: str | None
    effective_at: str
    recorded_at: str
    contribution: str = Field(description="by how much the value moved; contributions sum to the difference")
    value_before: str | None
    value_after: str | None
    numerator_after: str | None
    denominator_after: str | None
    changed: list[str] = Field(description="what of the figure moved: value, numerator, denominator, rows")


class KpiRestatementBody(BaseModel):
    """A figure as it was known at two positions, and the events between them that moved it."""

    name: str
    unit: Unit
    method: str
    currency: str | None
    period: Period | None
    scope: FigureScopeBody
    as_of: str
    from_: KnownFigureBody = Field(alias="from")
    to: KnownFigureBody
    difference: str = Field(description="no value counts as 0")
    events: list[FigureMovementBody]
    has_more: bool
    next: str | None = Field(description="the address of the next page")
    position: int


@router.get("/{name}/series", operation_id="kpis.series", responses=answered(KpiSeriesBody, 400, 404, 422))
def get_series(
    context: Reading,
    query: RequestedKpi,
    interval: Annotated[series.Interval, Query(description="how long each interval is, from `from` on")] = "month",
) -> Response:
    """A figure for a chart: over each interval from `from` to `to`, or at the end of each; at most 120 points."""
    when = context.when(*figures.views_of(query.name))
    body = series.series(context.reader, context.tenant_id, query, when, interval)
    return context.answer(body | {"known_at": when.known_at}, body["position"])


@router.get(
    "/{name}/restatement", operation_id="kpis.restatement", responses=answered(KpiRestatementBody, 400, 404, 422)
)
def get_restatement(
    request: Request,
    context: Reading,
    query: RequestedKpi,
    from_known_at: Annotated[str, Query(description="a position or an instant; default: nothing was known")] = "0",
    to_known_at: Annotated[str | None, Query(description="a position or an instant; default: known_at")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 200,
    after: Annotated[int | None, Query(ge=0, le=2**53, description="the position behind which the page begins")] = None,
) -> Response:
    """The events that moved a figure between two positions, each with its contribution; exactly those.

    A page looks at 200 events, so that it may hold fewer than `limit`: follow `next` until it is null.
    """
    reader, tenant_id = context.reader, context.tenant_id
    when = context.when(*figures.views_of(query.name))
    first = reader.when(tenant_id, None, from_known_at).known_at or 0
    last = when.known_at if to_known_at is None else reader.when(tenant_id, None, to_known_at).known_at
    if last is None:
        last = reader.reached(tenant_id, figures.views_of(query.name))
    reader.clocks.require_reached(tenant_id, after or 0)
    comparison = restatement.Restatement(reader, tenant_id, query, When(when.as_of, None, when.now), first, last)
    page = comparison.page(limit, after)
    summary = comparison.summary()
    link = None
    if page.after is not None:
        parameters: dict[str, Any] = {
            name: value for name, value in request.query_params.items() if name not in ("after", "limit")
        }
        clock = {} if when.now and summary["period"] else {"as_of": summary["as_of"]}
        parameters |= {**clock, "from_known_at": first, "to_known_at": last, "limit": limit, "after": page.after}
        link = f"{encoded(request.scope['path'])}?{urlencode(parameters)}"
    body = {**summary, "events": page.events, "has_more": link is not None, "next": link, "position": last}
    return context.answer(body, last, link=f'<{link}>; rel="next"' if link else None)
