"""The pipeline board: open opportunities by stage, ready to plot, as they stood and as they were known."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http.formatting import at, money
from app.api.http.problems import answered
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import MoneyBody
from app.api.http.strict_json_route import StrictRoute
from app.api.kpis.account_filter import Filtered
from app.domain.kernel.values import MICRO
from app.domain.opportunity.commands import Source
from app.kpi_queries.sources.base import accounts_within, open_accounts
from projections.kpis.growth import Deal, pipeline
from projections.views import closures, opportunities, portfolios
from projections.views.opportunities import OPEN, PARKED

router = APIRouter(prefix="/v1/boards", tags=["boards"], route_class=StrictRoute)
Reading = Annotated[ReadContext, Security(read_context, scopes=["opportunities:read"])]


class PipelineValueBody(BaseModel):
    """What some opportunities may bring a year, in one currency."""

    currency: str = Field(examples=["EUR"])
    count: int
    value: MoneyBody
    weighted: MoneyBody = Field(description="each value times its probability")


class PipelineStageBody(BaseModel):
    """A column of the board."""

    stage: str = Field(examples=["proposed"], description="a stage, or parked for what rests, whatever its stage")
    count: int
    unestimated: int = Field(description="how many of them nobody has estimated")
    values: list[PipelineValueBody] = Field(description="by currency")


class PipelineBody(BaseModel):
    """The board. total: without what is parked."""

    stages: list[PipelineStageBody]
    total: PipelineStageBody
    as_of: str
    known_at: int | None
    position: int


@router.get("/pipeline", operation_id="boards.pipeline", responses=answered(PipelineBody, 400, 404))
def get_pipeline(
    context: Reading,
    accounts: Filtered,
    account: Annotated[str | None, Query(description="an account's id or ref:…")] = None,
    source: Annotated[Source | None, Query(description="what it came from")] = None,
    kind: Annotated[Literal["upsell", "cross_sell"] | None, Query()] = None,
) -> Response:
    """Open opportunities of open accounts by stage: how many, their annual value and that weighted by probability, per currency."""
    scope = accounts.scope(context, account)
    when = context.when(opportunities.VIEW, portfolios.VIEW, closures.VIEW)
    reader = context.reader
    undecided = opportunities.undecided_at(when.as_of, account=scope.account, source=source, kind=kind)
    # How each stood at the instant follows from its course: no row is left out for what lies ahead.
    rows, position = reader.select(context.tenant_id, opportunities.VIEW, undecided, replace(when, now=True))
    within = accounts_within(reader, context.tenant_id, scope, position, when.as_of + 1)
    is_open = open_accounts(reader, context.tenant_id, position, when.as_of)
    deals = [deal for deal in pipeline(rows, when.as_of) if within(deal.account) and is_open(deal.account)]
    open_ = [deal for deal in deals if deal.outcome != PARKED]
    columns = {stage: [deal for deal in open_ if deal.stage == stage] for stage in OPEN}
    columns[PARKED] = [deal for deal in deals if deal.outcome == PARKED]
    body = {
        "stages": [_column(stage, held) for stage, held in columns.items()],
        "total": _column("total", open_),
        "as_of": at(when.as_of),
        "known_at": when.known_at,
        "position": position,
    }
    return context.answer(body, position)


def _column(stage: str, deals: Sequence[Deal]) -> dict[str, Any]:
    currencies = sorted({deal.currency for deal in deals if deal.currency is not None})
    return {
        "stage": stage,
        "count": len(deals),
        "unestimated": sum(not deal.estimated for deal in deals),
        "values": [_value(currency, [deal for deal in deals if deal.currency == currency]) for currency in currencies],
    }


def _value(currency: str, deals: Iterable[Deal]) -> dict[str, Any]:
    values = [(deal.value, deal.value * deal.probability) for deal in deals]
    return {
        "currency": currency,
        "count": len(values),
        "value": money(sum(value for value, _ in values), currency),
        "weighted": money(sum(weighted for _, weighted in values), currency, MICRO),
    }
