"""Incentive statements over HTTP: what would be paid, what is paid, what is taken back, what is disputed."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import Computed, EachOf, From, SealedTexts
from app.api.http.formatting import at, money
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AsInstant, AsMoney, AsPeriod, MoneyBody, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.incentive_statement import commands as incentive_statement_commands
from app.domain.incentive_statement.events import Retention
from app.domain.kernel.period import Period
from app.domain.kernel.values import Currency, Day, Moment, scaled
from app.services import incentive_statements as incentives
from projections.views import incentive_statements
from projections.views.incentive_statements import IncentiveStatement

router = APIRouter(prefix="/v1/incentive-statements", tags=["incentives"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["incentives:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["incentives:read"])]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


class IncentiveLineBody(BaseModel):
    """What is paid for an event."""

    event: str
    rule: incentive_statement_commands.Rule
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    contract: str
    at: str = Field(description="when the event was true")
    value: MoneyBody = Field(description="the annual value that is paid for")
    percent: str = Field(examples=["5"])
    factor: str = Field(examples=["1.2"])
    amount: MoneyBody


class ResolutionBody(BaseModel):
    """What became of a dispute."""

    outcome: Literal["kept", "changed"] = Field(description="whether the line stayed as it was, or was changed")
    reason: str | None
    at: str = Field(description="when it was resolved")
    event: str


class DisputeBody(BaseModel):
    """That somebody says that a line is wrong."""

    status: Literal["open", "kept", "changed"]
    reason: str | None
    at: str = Field(description="when it was said")
    event: str
    resolution: ResolutionBody | None = Field(description="what became of it; null while it is open")


class ClawbackBody(BaseModel):
    """What was taken back for a loss."""

    loss: str = Field(description="the event by which it was lost")
    lost_on: str = Field(description="the first day without it")
    total: MoneyBody = Field(description="what was taken back in all")
    at: str = Field(description="when it was taken back")
    event: str


class LeftOutBody(BaseModel):
    """An event that is not paid."""

    event: str
    rule: incentive_statement_commands.Rule
    account: str
    reason: str = Field(description="paid, or other_currency")
    statement: str | None = Field(description="the statement that paid it")


class IssuedIncentiveLineBody(IncentiveLineBody):
    """What is paid for an event, and what became of it."""

    paid: MoneyBody = Field(description="the amount, as a dispute may have changed it")
    returned: MoneyBody = Field(description="what of it was taken back")
    dispute: DisputeBody | None = Field(description="what somebody says is wrong with it; null for nothing")


class IncentivePreviewBody(BaseModel):
    """What a statement would pay now, without anything being appended."""

    plan: str
    plan_version: str = Field(examples=["incentive@default/1"])
    payee: str
    period: Period
    currency: str | None
    retention: Retention | None = Field(description="what factors follow from, where the plan has tiers")
    lines: list[IncentiveLineBody]
    left_out: list[LeftOutBody] = Field(description="events that are not paid: paid before, or in another currency")
    total: MoneyBody | None = Field(description="null where there is no currency yet")
    position: int


def _line(line: dict[str, Any], row: IncentiveStatement, texts: SealedTexts) -> dict[str, Any]:
    members = {name: line[name] for name in ("event", "rule", "account", "contract", "at", "percent", "factor")}
    amounts = {name: money(scaled(line[name]), row.currency) for name in ("value", "amount", "paid", "returned")}
    return {**members, **amounts, "dispute": _dispute(line["dispute"], texts)}


def _dispute(dispute: dict[str, Any] | None, texts: SealedTexts) -> dict[str, Any] | None:
    if dispute is None:
        return None
    resolution = dispute.get("resolution")
    answer = _reasoned(dispute, texts)
    answer["status"] = answer.pop("state")
    answer["resolution"] = None if resolution is None else _reasoned(resolution, texts)
    return answer


def _reasoned(statement: dict[str, Any], texts: SealedTexts) -> dict[str, Any]:
    """A statement of somebody at an instant, for a sealed reason."""
    answer = {**statement, "at": at(statement["at"])}
    texts.add(answer, "reason", {"reason": statement["reason"]})
    return answer


def _clawback(clawback: dict[str, Any], row: IncentiveStatement, _texts: SealedTexts) -> dict[str, Any]:
    return {**clawback, "total": money(scaled(clawback["total"]), row.currency), "at": at(clawback["at"])}


def _net(row: IncentiveStatement) -> dict[str, str]:
    return money(row.total + row.disputed - row.returned, row.currency)


class IncentiveStatementBody(BaseModel):
    """A statement."""

    id: Annotated[str, From("statement")] = Field(examples=["ist_01jd7z5m3tf8x9v0w1y2z3a4b5"])
    payee: str
    plan: str
    plan_version: str
    period: AsPeriod
    currency: str
    known_at: Annotated[int, From("read_to")] = Field(description="the position up to which the ledger was read")
    clawback_months: int
    retention: Retention | None
    external_ref: str | None
    lines: Annotated[list[IssuedIncentiveLineBody], EachOf(_line)]
    clawbacks: Annotated[list[ClawbackBody], EachOf(_clawback)]
    total: AsMoney = Field(description="as issued")
    disputed: AsMoney = Field(description="by what disputes changed it")
    returned: AsMoney = Field(description="what was taken back")
    net: Annotated[MoneyBody, Computed(_net)] = Field(description="what is paid in the end")
    open_disputes: int
    issued_at: AsInstant
    version: int


class IncentiveStatementDetailsBody(IncentiveStatementBody):
    """A statement with the position that it was read from."""

    position: int


present = Presenter(IncentiveStatementBody, IncentiveStatement, not_shown=("latest_at",))
LISTED: Final = ListOf(
    incentive_statements.VIEW,
    present,
    filters={
        "payee": Filter(),
        "plan": named("policy"),
        "currency": Filter(Currency),
        "external_ref": Filter(),
        "disputed": Filter(
            bool,
            several=False,
            where=lambda disputed: incentive_statements.disputed(is_open=disputed),
            description="whether a dispute is open",
        ),
    },
    ranges={"period.from": Day, "period.to": Day, "issued_at": Moment},
    sorts=("issued_at", "period.from", "id"),
    default="issued_at",
)


def _preview(preview: incentives.StatementPreview) -> dict[str, Any]:
    request, currency = preview.request, preview.request.currency
    return {
        "plan": preview.plan,
        "plan_version": preview.version,
        "payee": request.payee,
        "period": {"from": request.start, "to": request.end},
        "currency": currency,
        "retention": None if preview.retention is None else preview.retention.model_dump(),
        "lines": [
            {
                **line.model_dump(),
                "value": money(scaled(line.value), currency),
                "amount": money(scaled(line.amount), currency),
            }
            for line in preview.lines
            if currency is not None
        ],
        "left_out": [event._asdict() for event in preview.left_out],
        "total": None if currency is None else money(sum(scaled(line.amount) for line in preview.lines), currency),
        "position": preview.position,
    }


# --- writing ---


@router.post("", operation_id="incentives.issue", status_code=201, responses=_ANSWERS)
async def issue(command: incentive_statement_commands.IssueStatement, context: Writing) -> Response:
    """Pay somebody for what happened in a period and was not paid yet; every line cites its event."""
    context.require_unmatched()
    return await context.compute(lambda call: incentives.issue(call, command))


@router.post(
    "/{incentive_statement}/clawbacks", operation_id="incentives.claw_back", status_code=201, responses=_ANSWERS
)
async def claw_back(
    incentive_statement: str, command: incentive_statement_commands.ClawBack, context: Writing
) -> Response:
    """Take back what was paid for what is lost."""
    return await context.compute(lambda call: incentives.claw_back(call, incentive_statement, command))


@router.post("/{incentive_statement}/disputes", operation_id="incentives.dispute", status_code=201, responses=_ANSWERS)
async def dispute(
    incentive_statement: str, command: incentive_statement_commands.DisputeLine, context: Writing
) -> Response:
    """Say that a line is wrong."""
    return await context.write(command, incentive_statement=incentive_statement)


@router.post(
    "/{incentive_statement}/dispute-resolutions",
    operation_id="incentives.resolve",
    status_code=201,
    responses=_ANSWERS,
)
async def resolve(
    incentive_statement: str, command: incentive_statement_commands.ResolveDispute, context: Writing
) -> Response:
    """Say what becomes of a dispute."""
    return await context.write(command, incentive_statement=incentive_statement)


# --- reading ---


@router.get("", operation_id="incentives.list", responses=answered(PageBody[IncentiveStatementBody], 400, 404))
def list_statements(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The statements, oldest first."""
    return page(context, asked)


@router.get("/preview", operation_id="incentives.preview", responses=answered(IncentivePreviewBody, 400, 404, 409, 422))
def preview(
    context: Reading,
    plan: Annotated[str, Query(description="a policy's id or ref:…", examples=["ref:incentive@default"])],
    payee: Annotated[str, Query(min_length=1, max_length=100, examples=["usr_maria"])],
    from_: Annotated[Day, Query(alias="from", description="first day", examples=["2026-01-01"])],
    to: Annotated[Day, Query(description="first day after", examples=["2026-04-01"])],
    currency: Annotated[Currency | None, Query(description="default: the one that there is")] = None,
) -> Response:
    """What a statement would pay, without anything being appended."""
    when = context.when(incentive_statements.VIEW)
    request = incentives.StatementRequest(plan, payee, from_, to, currency)
    context.require_person(payee)
    result = incentives.preview(context.runtime.handler, context.runtime.reader, context.tenant_id, request, when)
    return context.answer(_preview(result), result.position)


@router.get(
    "/{incentive_statement}", operation_id="incentives.get", responses=answered(IncentiveStatementDetailsBody, 400, 404)
)
def get_statement(incentive_statement: str, context: Reading) -> Response:
    """A statement: its lines, what was taken back of them, and what disputes made of them."""
    row, position = context.one(incentive_statements.VIEW, incentive_statement)
    return context.answer(present(context, [row])[0] | {"position": position}, position, version=row.version)
