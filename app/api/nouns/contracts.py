"""Contracts over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, get_args
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import Added, Computed, From
from app.api.http.formatting import at, money, price
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.paging import start
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, MoneyBody, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.api.nouns.contract_parts import (
    AmendmentBody,
    ContractLineBody,
    ContractStepBody,
    CorrectionBody,
    NoticeBody,
    TermBody,
    TerminationBody,
    priced,
)
from app.domain.contract import commands
from app.domain.contract.events import Cause
from app.domain.contract.schedule import Interval, Schedule, build
from app.domain.kernel.values import FOREVER, Currency, Day, day_of
from app.read_side.clocks import When
from projections.views import contract_lines, contracts
from projections.views.contract_lines import ContractLine
from projections.views.contracts import Contract

router = APIRouter(prefix="/v1", tags=["contracts"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["contracts:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["contracts:read"])]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


def _notice(row: Contract) -> dict[str, Any] | None:
    return {**row.notice, "given_at": at(row.notice["given_at"])} if row.notice else None


class ContractBody(BaseModel):
    """A contract as it stands at an instant."""

    id: Annotated[str, From("contract")] = Field(examples=["ctr_01jd7z5m3rf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    external_ref: str | None
    currency: str = Field(examples=["EUR"])
    status: Annotated[Literal["draft", "signed", "active", "suspended", "expired", "ended", "terminated"], Added()] = (
        Field(description="how it stands at the moment of as_of", examples=["active"])
    )
    start: str = Field(examples=["2026-01-01"])
    end: str | None = Field(description="the first day after; none is open-ended")
    auto_renew: bool
    notice_days: int
    renewal_term_months: int | None
    signed_at: str | None
    document_sha256: str | None
    notice: Annotated[NoticeBody | None, Computed(_notice, reads=("notice",))]
    termination: TerminationBody | None
    terms: list[TermBody]
    amendments: Annotated[list[AmendmentBody], Added()]
    corrections: Annotated[list[CorrectionBody], Added()]
    replaces: str | None = Field(description="the contract that this one follows")
    lines: Annotated[list[ContractLineBody], Added()]
    schedule: Annotated[list[ContractStepBody], Added()] = Field(
        description="the dated steps ahead: ramps, ends of discounts, changes agreed for later"
    )
    arr: Annotated[MoneyBody, Added()]
    mrr: Annotated[MoneyBody, Added()]
    version: int


class ContractDetailsBody(ContractBody):
    """A contract, with the instant and the position it was read at."""

    as_of: str
    position: int


_contracts = Presenter(ContractBody, Contract, not_shown=("frame",))
LISTED: Final = ListOf(
    contracts.VIEW,
    _contracts,
    filters={
        "account": named("account"),
        "currency": Filter(Currency),
        "auto_renew": Filter(bool, several=False),
        "external_ref": Filter(),
    },
    ranges={"start": Day, "end": Day},
    sorts=("id", "start", "end"),
    default="id",
)
_contract_lines = Presenter(
    ContractLineBody,
    ContractLine,
    not_shown=("contract", "account", "cause", "place", "schedule", "lasting", "temporary", "noticed_at", "trial"),
)


def settled(context: ReadContext, when: When) -> When:
    """The query's clocks with one position for contracts and their lines, whichever of the views is ahead."""
    if when.known_at is not None:
        return when
    position = context.reader.position(context.tenant_id, (contracts.VIEW, contract_lines.VIEW))
    return When(when.as_of, position, now=when.now)


def present(context: ReadContext, rows: Sequence[Contract], when: When, position: int) -> list[dict[str, Any]]:
    """Contracts as they are answered: their state and the lines in force at the query's instant.

    Takes: the position that the rows were built from; lines and amendments are read as known at the same one.
    """
    time_zone = context.runtime.handler.zone(context.tenant_id)
    ids = [row.contract for row in rows]
    lines = _lines(context, ids, When(when.as_of, position, now=when.now))
    histories = context.runtime.log.look_up(context.tenant_id, (), ids).streams
    agreed = [contracts.as_agreed(row, histories[row.contract], when.as_of, position, time_zone) for row in rows]
    answers = _contracts(context, [one for one, _ in agreed])
    for answer, row, (_, events) in zip(answers, rows, agreed, strict=True):
        in_force, history = lines[row.contract], histories[row.contract]
        schedule = build(events, time_zone)
        annual = sum(line.annual for line in in_force)
        answer["status"] = contracts.status(row, when.as_of, time_zone)
        answer["amendments"] = [
            {**amendment, "changes": _priced(amendment["changes"], row), "effective_at": at(amendment["effective_at"])}
            for amendment in contracts.amendments(history, position)
        ]
        answer["corrections"] = [
            {**correction, "changes": _priced(correction["changes"], row), "recorded_at": at(correction["recorded_at"])}
            for correction in contracts.corrections(history, position)
        ]
        answer["lines"] = [
            answer_of_line
            | _billing(schedule, line.line, when.as_of)
            | _discount(schedule, line, when.as_of)
            | _days(schedule, line, when.as_of, time_zone)
            for answer_of_line, line in zip(_contract_lines(context, in_force), in_force, strict=True)
        ]
        answer["schedule"] = [_step(interval, row.currency, time_zone) for interval in _ahead(schedule, when.as_of)]
        answer["arr"] = money(annual, row.currency)
        answer["mrr"] = money(annual, row.currency, 12)
    return answers


def _lines(context: ReadContext, contract_ids: Sequence[str], when: When) -> dict[str, list[ContractLine]]:
    """The lines of contracts that are in force at an instant, in the order in which they came."""
    in_force = [contract_lines.of_contracts(contract_ids), *contract_lines.in_force(when.as_of)]
    lines: dict[str, list[ContractLine]] = {contract: [] for contract in contract_ids}
    if contract_ids:
        rows, _ = context.reader.select(
            context.tenant_id, contract_lines.VIEW, in_force, when, order=contract_lines.BY_PLACE
        )
        for row in rows:
            lines[row.contract].append(row)
    return lines


def _priced(changes: Sequence[Mapping[str, Any]] | None, row: Contract) -> list[dict[str, Any]] | None:
    return None if changes is None else [priced(change, row.currency) for change in changes]


def _ahead(schedule: Schedule, as_of: int) -> list[Interval]:
    later = (interval for interval in schedule.intervals() if interval.start > as_of)
    return sorted(later, key=lambda interval: interval.start)


def _step(interval: Interval, currency: str, time_zone: ZoneInfo) -> dict[str, Any]:
    return {
        "line": interval.line,
        "start": day_of(interval.start, time_zone),
        "end": _day(interval.end, time_zone),
        "quantity": interval.quantity,
        "unit_price": price(interval.unit_price, currency),
        "mrr": money(interval.annual, currency, 12),
        "suspended": interval.suspended,
        "cause": interval.cause,
        "event": interval.source,
    }


def _days(schedule: Schedule, line: ContractLine, as_of: int, time_zone: ZoneInfo) -> dict[str, Any]:
    """Since when a line is as it is, when it ends and what it becomes until then, by what was agreed at an instant."""
    end, ramp = line.valid_to, []
    agreed = line.quantity, line.unit_price
    for each in schedule.intervals_of(line.line) if line.line in schedule.lines else ():
        if each.start <= as_of < each.end:
            end = each.end
        elif each.start > as_of and each.start == end:
            end = each.end
            if (each.quantity, each.unit_price) != agreed:
                agreed = quantity, unit_price = each.quantity, each.unit_price
                step = {"start": day_of(each.start, time_zone), "quantity": quantity, "unit_price": unit_price}
                ramp.append(priced(step, line.currency) | {"cause": _cause(each)})
    return {"start": day_of(line.valid_from, time_zone), "end": _day(end, time_zone), "ramp": ramp or None}


def _cause(interval: Interval) -> str:
    """Why a line becomes something else, in the words of a draft: another term is agreed on like anything else."""
    return interval.cause if interval.cause in get_args(Cause) else "negotiation"


def _day(at: int, time_zone: ZoneInfo) -> str | None:
    """The day of an instant; null for the end that never comes."""
    return None if at == FOREVER else day_of(at, time_zone)


def _billing(schedule: Schedule, line: str, as_of: int) -> dict[str, Any]:
    """How often a line is paid, as a draft says it; nulls where it is paid once, or was agreed later."""
    step = schedule.step_at(line, as_of)
    if step is None or step.kind == "one_off":
        return dict.fromkeys(("interval", "interval_count"))
    count, _, interval = step.interval.rpartition(" ")
    return {"interval": interval, "interval_count": int(count) if count else None}


def _discount(schedule: Schedule, line: ContractLine, as_of: int) -> dict[str, Any]:
    """The discount of a line that is in force at an instant, or nulls."""
    step = schedule.step_at(line.line, as_of)
    if step is None or not step.discounted or as_of >= step.until:
        return dict.fromkeys(("discount_percent", "discount_end", "discount_counts"))
    return {
        "discount_percent": step.discount,
        "discount_end": step.ends or None,
        "discount_counts": not step.temporary or line.trial is not None,
    }


@router.post("/accounts/{account}/contracts", operation_id="contracts.draft", status_code=201, responses=_ANSWERS)
async def draft(account: str, command: commands.DraftContract, context: Writing) -> Response:
    """Put terms on paper."""
    return await context.write(command, account=account)


@router.post("/contracts/{contract}/signature", operation_id="contracts.sign", status_code=201, responses=_ANSWERS)
async def sign(contract: str, command: commands.SignContract, context: Writing) -> Response:
    """Make the terms bind."""
    return await context.write(command, contract=contract)


@router.post("/contracts/{contract}/amendments", operation_id="contracts.amend", status_code=201, responses=_ANSWERS)
async def amend(contract: str, command: commands.AmendContract, context: Writing) -> Response:
    """Change lines from an instant on."""
    return await context.write(command, contract=contract)


@router.post("/contracts/{contract}/corrections", operation_id="contracts.correct", status_code=201, responses=_ANSWERS)
async def correct(contract: str, command: commands.CorrectContract, context: Writing) -> Response:
    """Correct what an earlier event recorded."""
    return await context.write(command, contract=contract)


@router.post("/contracts/{contract}/notice", operation_id="contracts.give_notice", status_code=201, responses=_ANSWERS)
async def give_notice(contract: str, command: commands.GiveNotice, context: Writing) -> Response:
    """Say that the contract will end."""
    return await context.write(command, contract=contract)


@router.post(
    "/contracts/{contract}/notice-withdrawal",
    operation_id="contracts.withdraw_notice",
    status_code=201,
    responses=_ANSWERS,
)
async def withdraw_notice(contract: str, command: commands.WithdrawNotice, context: Writing) -> Response:
    """Take the notice back."""
    return await context.write(command, contract=contract)


@router.post("/contracts/{contract}/suspension", operation_id="contracts.suspend", status_code=201, responses=_ANSWERS)
async def suspend(contract: str, command: commands.SuspendContract, context: Writing) -> Response:
    """Let service and billing rest."""
    return await context.write(command, contract=contract)


@router.post("/contracts/{contract}/resumption", operation_id="contracts.resume", status_code=201, responses=_ANSWERS)
async def resume(contract: str, command: commands.ResumeContract, context: Writing) -> Response:
    """Take service and billing up again."""
    return await context.write(command, contract=contract)


@router.post("/contracts/{contract}/expiry", operation_id="contracts.expire", status_code=201, responses=_ANSWERS)
async def expire(contract: str, command: commands.ExpireContract, context: Writing) -> Response:
    """Note that the contract ended because nobody renewed it."""
    return await context.write(command, contract=contract)


@router.post(
    "/contracts/{contract}/automatic-renewal",
    operation_id="contracts.renew_automatically",
    status_code=201,
    responses=_ANSWERS,
)
async def renew_automatically(contract: str, command: commands.RenewAutomatically, context: Writing) -> Response:
    """Note that the contract went on by its own terms."""
    return await context.write(command, contract=contract)


@router.post("/contracts/{contract}/renewals", operation_id="contracts.renew", status_code=201, responses=_ANSWERS)
async def renew(contract: str, command: commands.RenewContract, context: Writing) -> Response:
    """Agree on a further term."""
    return await context.write(command, contract=contract)


@router.post(
    "/contracts/{contract}/termination", operation_id="contracts.terminate", status_code=201, responses=_ANSWERS
)
async def terminate(contract: str, command: commands.TerminateContract, context: Writing) -> Response:
    """End the contract for good."""
    return await context.write(command, contract=contract)


@router.get("/contracts", operation_id="contracts.list", responses=answered(PageBody[ContractBody], 400, 404))
def list_contracts(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The contracts, each as it stands at the query's instant."""
    return _page(context, asked)


@router.get(
    "/accounts/{account}/contracts",
    operation_id="accounts.contracts",
    responses=answered(PageBody[ContractBody], 400, 404),
)
def list_of_account(
    account: str, context: Reading, asked: Annotated[Asked, Depends(LISTED.without("account"))]
) -> Response:
    """An account's contracts, each as it stands at the query's instant."""
    return _page(context, asked, context.existing("account", account))


def _page(context: ReadContext, asked: Asked, account: str | None = None) -> Response:
    begin = start(context, asked, contracts.VIEW, contract_lines.VIEW)
    when = settled(context, begin.when)

    def present_all(context: ReadContext, rows: Sequence[Contract]) -> list[dict[str, Any]]:
        return present(context, rows, when, when.known_at or 0)

    return page(context, asked, begin=begin._replace(when=when), present=present_all, account=account)


@router.get("/contracts/{contract}", operation_id="contracts.get", responses=answered(ContractDetailsBody, 400, 404))
def get_contract(contract: str, context: Reading) -> Response:
    """A contract as it stands at the query's instant, as it was known."""
    when = settled(context, context.when(contracts.VIEW, contract_lines.VIEW))
    row, position = context.reader.one(context.tenant_id, contracts.VIEW, context.find("contract", contract), when)
    body = present(context, [row], when, position)[0] | {"as_of": at(when.as_of), "position": position}
    return context.answer(body, position, version=row.version, changing=row.signed_at is not None)
