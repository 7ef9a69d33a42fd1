"""Period closes over HTTP: figures certified together, and what has restated them since."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import EachOf, From, SealedTexts
from app.api.http.formatting import at
from app.api.http.lists import Asked, Filter, ListOf, page
from app.api.http.presenter import Presenter
from app.api.http.problems import Refusal, answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import WRITTEN, AsInstant, AsPeriod, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import Currency, Day, Moment
from app.domain.period_close.commands import ClosePeriod, RestatePeriod
from app.services import period_closes as periods
from app.store.receipts import Receipt
from projections.kpis.base import Unit
from projections.views import period_closes
from projections.views.period_closes import PeriodClose

router = APIRouter(prefix="/v1/period-closes", tags=["period_closes"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["certificates:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["certificates:read"])]


class RestatementTold(BaseModel):
    """A figure that was certified anew."""

    kpi: str
    from_cert: str
    to_cert: str
    causes: list[str] = Field(description="the events that moved it")
    complete: bool = Field(description="whether these are all of them")
    known_at: int
    restated_at: str


def _restatement(restatement: dict[str, Any], _row: PeriodClose, _texts: SealedTexts) -> dict[str, Any]:
    members = {name: restatement[name] for name in ("kpi", "from_cert", "to_cert", "causes", "complete")}
    return {**members, "known_at": restatement["known_position"], "restated_at": at(restatement["restated_at"])}


class PeriodCloseBody(BaseModel):
    """A closed period."""

    id: Annotated[str, From("period_close")] = Field(examples=["pcl_01jd7z5m3xf8x9v0w1y2z3a4b5"])
    period: AsPeriod
    currency: str | None
    known_at: Annotated[int, From("known_position")] = Field(
        description="the position up to which its figures were known when it was closed"
    )
    certificates: list[str] = Field(description="those that stand")
    restatements: Annotated[list[RestatementTold], EachOf(_restatement)]
    closed_at: AsInstant
    closed_by: Annotated[str, From("actor")]
    version: int


class FigureSince(BaseModel):
    """A certified figure beside what it is by now."""

    kpi: str
    method: str
    unit: Unit
    currency: str | None
    certificate: str
    known_at: int
    certified: str | None
    now: str | None
    difference: str
    restated: bool = Field(description="whether it has changed since and awaits a restatement")


class PeriodCloseDetailsBody(PeriodCloseBody):
    """A closed period with its figures, and the position that it was read from."""

    kpis: list[str] = Field(description="which figures")
    figures: list[FigureSince]
    restated: bool = Field(description="whether any figure has changed since it was certified")
    position: int


present = Presenter(PeriodCloseBody, PeriodClose, not_shown=("latest_at",))
LISTED: Final = ListOf(
    period_closes.VIEW,
    present,
    filters={"period.from": Filter(Day), "period.to": Filter(Day), "currency": Filter(Currency), "closed_by": Filter()},
    ranges={"period.from": Day, "period.to": Day, "closed_at": Moment},
    sorts=("period.from", "closed_at", "id"),
    default="-period.from",
)


@router.post(
    "",
    operation_id="period_closes.close",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 415, 422),
)
async def close(command: ClosePeriod, context: Writing) -> Response:
    """Close a period that has ended: its figures are certified as they are known now. It is closed once."""
    context.require_unmatched()
    return await context.compute(lambda call: _fitting(lambda: periods.close(call, command)))


@router.post(
    "/{period_close}/restatements",
    operation_id="period_closes.restate",
    status_code=201,
    responses=WRITTEN | documented(404, 409, 412, 422),
)
async def restate(period_close: str, command: RestatePeriod, context: Writing) -> Response:
    """Certify anew what later knowledge has changed, and name the events that did it."""
    return await context.compute(lambda call: _fitting(lambda: periods.restate(call, period_close, command)))


def _fitting(certified: Callable[[], Receipt]) -> Receipt:
    try:
        return certified()
    except Invalid as error:  # in a body it is a member that does not fit, not a wrong parameter
        raise Refusal(error, 422) from error


@router.get("", operation_id="period_closes.list", responses=answered(PageBody[PeriodCloseBody], 400))
def list_closes(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The closed periods, latest first."""
    return page(context, asked)


@router.get("/{period_close}", operation_id="period_closes.get", responses=answered(PeriodCloseDetailsBody, 400, 404))
def get_close(period_close: str, context: Reading) -> Response:
    """A closed period: each certified figure beside what it is by now, with the difference."""
    reader = context.reader
    when = context.when(period_closes.VIEW)
    row, position = reader.one(context.tenant_id, period_closes.VIEW, context.find("period_close", period_close), when)
    figures = periods.compared(reader, context.tenant_id, row.certificates, position)
    body = present(context, [row])[0] | {
        "kpis": [figure["kpi"] for figure in figures],
        "figures": figures,
        "restated": any(figure["restated"] for figure in figures),
        "position": position,
    }
    return context.answer(body, position, version=row.version)
