"""Contracts over HTTP."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http.dependencies import ReadContext, WriteContext, door, picked, question
from app.api.http.paging import Paging, page, paging
from app.api.http.problems import answered, documented
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AmountBody, PageBody, at, money
from app.api.http.strict_json_route import StrictRoute
from app.domain.contract import commands
from app.domain.contract.schedule import Interval, Schedule, build
from app.read_side.reader import When
from projections.views import contract_lines, contracts

router = APIRouter(prefix="/v1", tags=["contracts"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(door, scopes=["contracts:write"])]
Reading = Annotated[ReadContext, Security(question, scopes=["contracts:read"])]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


class LineBody(BaseModel):
    """A line in force at the question's instant."""

    line: str = Field(examples=["main"])
    product: str = Field(examples=["retainer"])
    kind: str = Field(examples=["recurring"])
    quantity: str = Field(examples=["1"])
    unit_price: str = Field(examples=["1000.00"])
    arr: AmountBody
    gross_arr: AmountBody = Field(description="before any discount")
    discount_percent: str | None = Field(description="of a discount in force, lasting or not")
    discount_end: str | None = Field(description="the first day without it")
    discount_counts: bool | None = Field(
        description="whether it lasts a year or more, so that recurring revenue is less by it"
    )
    suspended: bool
    from_: str = Field(alias="from")
    to: str | None
    event: str = Field(description="the event that set it so")


class StepBody(BaseModel):
    """What a line is over [start, end) behind the question's instant, as agreed so far."""

    line: str = Field(examples=["main"])
    start: str
    end: str | None
    quantity: str
    unit_price: str
    mrr: AmountBody
    suspended: bool
    cause: str = Field(
        description="new, renewal, negotiation, escalator, correction or discount_end", examples=["escalator"]
    )
    event: str = Field(description="the event that set it so")


class ContractBody(BaseModel):
    """A contract as it stands at an instant."""

    id: str = Field(examples=["ctr_01jd7z5m3rf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    external_ref: str | None
    currency: str = Field(examples=["EUR"])
    status: str = Field(
        description="draft, signed, active, suspended, expired, ended or terminated", examples=["active"]
    )
    start: str = Field(examples=["2026-01-01"])
    end: str | None = Field(description="the first day after; none is open-ended")
    auto_renew: bool
    notice_days: int
    renewal_term_months: int | None
    signed_at: str | None
    document_sha256: str | None
    notice: dict[str, Any] | None
    termination: dict[str, Any] | None
    terms: list[dict[str, Any]]
    amendments: list[dict[str, Any]]
    corrections: list[dict[str, Any]]
    replaces: str | None = Field(description="the contract that this one follows")
    lines: list[LineBody]
    schedule: list[StepBody] = Field(
        description="the dated steps ahead: ramps, ends of discounts, changes agreed for later"
    )
    arr: AmountBody
    mrr: AmountBody
    version: int


class ContractPage(ContractBody):
    """A contract with the point from which it was looked at."""

    as_of: str
    position: int


def settled(asked: ReadContext, when: When) -> When:
    """The question's clocks with one position for contracts and their lines, whichever of the views is ahead."""
    if when.known_at is not None:
        return when
    reached = asked.runtime.projector.positions(asked.tenant_id)
    return When(when.as_of, min(reached[view.name] for view in (contracts.VIEW, contract_lines.VIEW)), now=when.now)


def present(asked: ReadContext, rows: Sequence[contracts.Contract], when: When, position: int) -> list[dict[str, Any]]:
    """Contracts as they are answered: their state and the lines in force at the question's instant.

    Takes: the position that the rows were built from; lines and amendments are read as known at the same one.
    """
    where = asked.runtime.handler.zone(asked.tenant_id)
    named = [row.contract for row in rows]
    lines = _lines(asked, named, When(when.as_of, position, now=when.now))
    told = asked.runtime.log.look_up(asked.tenant_id, (), named).streams
    plans = {
        contract: build((one for one in events if one.position <= position), where) for contract, events in told.items()
    }
    return [
        {
            "id": row.contract,
            "account": row.account,
            "external_ref": row.external_ref,
            "currency": row.currency,
            "status": contracts.status(row, when.as_of, where),
            "start": row.start,
            "end": row.end,
            "auto_renew": row.auto_renew,
            "notice_days": row.notice_days,
            "renewal_term_months": row.renewal_term_months,
            "signed_at": row.signed_at,
            "document_sha256": row.document_sha256,
            "notice": _notice(row),
            "termination": row.termination,
            "terms": row.terms,
            "amendments": [
                {**amendment, "effective_at": at(amendment["effective_at"])}
                for amendment in contracts.amendments(told[row.contract], position)
            ],
            "corrections": [
                {**correction, "recorded_at": at(correction["recorded_at"])}
                for correction in contracts.corrections(told[row.contract], position)
            ],
            "replaces": row.replaces,
            "lines": [_line(line, row.currency, plans[row.contract], when.as_of) for line in lines[row.contract]],
            "schedule": [_step(one, row.currency) for one in _ahead(plans[row.contract], when.as_of)],
            "arr": money(sum(line.annual for line in lines[row.contract]), row.currency),
            "mrr": money(sum(line.annual for line in lines[row.contract]), row.currency, 12),
            "version": row.version,
        }
        for row in rows
    ]


def _lines(asked: ReadContext, named: Sequence[str], when: When) -> dict[str, list[contract_lines.ContractLine]]:
    """The lines of contracts that are in force at an instant, in the order in which they came."""
    table = contract_lines.VIEW.table
    clauses = [table.c.contract.in_(named), table.c.valid_from <= when.as_of, table.c.valid_to > when.as_of]
    found: dict[str, list[contract_lines.ContractLine]] = {contract: [] for contract in named}
    if named:
        rows, _ = asked.runtime.reader.select(
            asked.tenant_id, contract_lines.VIEW, clauses, when, order=[table.c.contract, table.c.place]
        )
        for row in rows:
            found[row.contract].append(row)
    return found


def _ahead(plan: Schedule, as_of: int) -> list[Interval]:
    return sorted((one for one in plan.intervals() if one.start > as_of), key=lambda one: one.start)


def _step(one: Interval, currency: str) -> dict[str, Any]:
    return {
        "line": one.line,
        "start": at(one.start),
        "end": at(one.end),
        "quantity": one.quantity,
        "unit_price": one.unit_price,
        "mrr": money(one.annual, currency, 12),
        "suspended": one.held,
        "cause": one.cause,
        "event": one.source,
    }


def _line(line: contract_lines.ContractLine, currency: str, plan: Schedule, as_of: int) -> dict[str, Any]:
    step = plan.step_at(line.line, as_of)
    discount = step if step is not None and step.discounted and as_of < step.until else None
    return {
        "line": line.line,
        "product": line.product,
        "kind": line.kind,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "arr": money(line.annual, currency),
        "gross_arr": money(line.gross, currency),
        "discount_percent": discount.discount if discount else None,
        "discount_end": (discount.ends or None) if discount else None,
        "discount_counts": not discount.temporary if discount else None,
        "suspended": line.held,
        "from": at(line.valid_from),
        "to": at(line.valid_to),
        "event": line.source,
    }


def _notice(row: contracts.Contract) -> dict[str, Any] | None:
    return {**row.notice, "given_at": at(row.notice["given_at"])} if row.notice else None


@router.post("/accounts/{account}/contracts", operation_id="contracts.draft", status_code=201, responses=_ANSWERS)
async def draft(account: str, command: commands.DraftContract, to: Writing) -> Response:
    """Put terms on paper."""
    return await to.write(command, account=account)


@router.post("/contracts/{contract}/signature", operation_id="contracts.sign", status_code=201, responses=_ANSWERS)
async def sign(contract: str, command: commands.SignContract, to: Writing) -> Response:
    """Make the terms bind."""
    return await to.write(command, contract=contract)


@router.post("/contracts/{contract}/amendments", operation_id="contracts.amend", status_code=201, responses=_ANSWERS)
async def amend(contract: str, command: commands.AmendContract, to: Writing) -> Response:
    """Change lines from an instant on."""
    return await to.write(command, contract=contract)


@router.post("/contracts/{contract}/corrections", operation_id="contracts.correct", status_code=201, responses=_ANSWERS)
async def correct(contract: str, command: commands.CorrectContract, to: Writing) -> Response:
    """Say what an earlier event should have said."""
    return await to.write(command, contract=contract)


@router.post("/contracts/{contract}/notice", operation_id="contracts.give_notice", status_code=201, responses=_ANSWERS)
async def give_notice(contract: str, command: commands.GiveNotice, to: Writing) -> Response:
    """Say that the contract will end."""
    return await to.write(command, contract=contract)


@router.post(
    "/contracts/{contract}/notice-withdrawal",
    operation_id="contracts.withdraw_notice",
    status_code=201,
    responses=_ANSWERS,
)
async def withdraw_notice(contract: str, command: commands.WithdrawNotice, to: Writing) -> Response:
    """Take the notice back."""
    return await to.write(command, contract=contract)


@router.post("/contracts/{contract}/suspension", operation_id="contracts.suspend", status_code=201, responses=_ANSWERS)
async def suspend(contract: str, command: commands.SuspendContract, to: Writing) -> Response:
    """Let service and billing rest."""
    return await to.write(command, contract=contract)


@router.post("/contracts/{contract}/resumption", operation_id="contracts.resume", status_code=201, responses=_ANSWERS)
async def resume(contract: str, command: commands.ResumeContract, to: Writing) -> Response:
    """Take service and billing up again."""
    return await to.write(command, contract=contract)


@router.post("/contracts/{contract}/expiry", operation_id="contracts.expire", status_code=201, responses=_ANSWERS)
async def expire(contract: str, command: commands.ExpireContract, to: Writing) -> Response:
    """Note that the contract ended because nobody renewed it."""
    return await to.write(command, contract=contract)


@router.post(
    "/contracts/{contract}/automatic-renewal",
    operation_id="contracts.renew_automatically",
    status_code=201,
    responses=_ANSWERS,
)
async def renew_automatically(contract: str, command: commands.RenewAutomatically, to: Writing) -> Response:
    """Note that the contract went on by its own terms."""
    return await to.write(command, contract=contract)


@router.post("/contracts/{contract}/renewals", operation_id="contracts.renew", status_code=201, responses=_ANSWERS)
async def renew(contract: str, command: commands.RenewContract, to: Writing) -> Response:
    """Agree on a further term."""
    return await to.write(command, contract=contract)


@router.post(
    "/contracts/{contract}/termination", operation_id="contracts.terminate", status_code=201, responses=_ANSWERS
)
async def terminate(contract: str, command: commands.TerminateContract, to: Writing) -> Response:
    """End the contract for good."""
    return await to.write(command, contract=contract)


@router.get("/contracts", operation_id="contracts.list", responses=answered(PageBody[ContractBody], 400, 404))
def list_contracts(
    asked: Reading,
    paged: Annotated[Paging, Depends(paging)],
    account: Annotated[str | None, Query(description="an account's id or ref:…")] = None,
    currency: Annotated[list[str] | None, Query()] = None,
    external_ref: Annotated[list[str] | None, Query()] = None,
    sort: Annotated[str | None, Query(description="contract, start or end; - for descending")] = None,
) -> Response:
    """The contracts, each as it stands at the question's instant."""
    when = settled(asked, asked.when(contracts.VIEW, contract_lines.VIEW))
    position = when.known_at or 0
    filters = picked(account=asked.existing("account", account), currency=currency, external_ref=external_ref)
    return page(
        replace(asked, known_at=str(position)),
        paged,
        contracts.VIEW,
        lambda rows: present(asked, rows, when, position),
        filters=filters,
        sort=sort,
    )


@router.get("/contracts/{contract}", operation_id="contracts.get", responses=answered(ContractPage, 400, 404))
def get_contract(contract: str, asked: Reading) -> Response:
    """A contract as it stands at the question's instant, as it was known."""
    when = settled(asked, asked.when(contracts.VIEW, contract_lines.VIEW))
    row, position = asked.runtime.reader.one(asked.tenant_id, contracts.VIEW, asked.find("contract", contract), when)
    body = present(asked, [row], when, position)[0] | {"as_of": at(when.as_of), "position": position}
    return asked.answer(body, position, version=row.version, changing=row.signed_at is not None)
