"""Scope changes over HTTP: from the client's wish to an answer, a decision and the work."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http.dependencies import ReadContext, WriteContext, door, picked, question
from app.api.http.paging import Paging, page, paging
from app.api.http.problems import answered, documented
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, PageBody, at, money
from app.api.http.strict_json_route import StrictRoute
from app.domain.kernel.values import Day, unscaled
from app.domain.scope_change import commands
from app.domain.scope_change.commands import Team
from app.store.vault import sealed_keys
from projections.views import scope_changes
from projections.views.scope_changes import ScopeChange

router = APIRouter(prefix="/v1", tags=["scope_changes"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(door, scopes=["scope_changes:write"])]
Amending = Annotated[WriteContext, Security(door, scopes=["scope_changes:write", "contracts:write"])]
Reading = Annotated[ReadContext, Security(question, scopes=["scope_changes:read"])]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


class ScopeChangeBody(BaseModel):
    """A scope change, the parts of its life null until they happen."""

    id: str = Field(examples=["scr_01jd7z5m3tf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    contract: str | None
    interaction: str | None
    title: str
    request: str | None = Field(description="the client's words; null once erased")
    external_ref: str | None
    needed_by: str | None
    raised_at: str
    state: str = Field(examples=["consulting"])
    closed_as: str | None = Field(description="withdrawn or declined")
    waiting_on: list[str] = Field(description="teams, client, approver or account_manager", examples=[["creative"]])
    consults: list[dict[str, Any]]
    assessment: dict[str, Any] | None
    response: dict[str, Any] | None
    decision: dict[str, Any] | None
    absorption: dict[str, Any] | None
    amendment: dict[str, Any] | None
    delivery: dict[str, Any] | None
    version: int


class ScopeChangePage(ScopeChangeBody):
    """A scope change with the position that it was read from."""

    position: int


# --- how one is answered ---


def present(asked: ReadContext, rows: Sequence[ScopeChange]) -> list[dict[str, Any]]:
    """Scope changes as they are answered: what is sealed is opened, what was erased reads null."""
    sealed = [_sealed(row) for row in rows]
    opened = iter(asked.runtime.log.reveal(asked.tenant_id, [part for parts in sealed for part in parts]))
    return [_body(row, [next(opened) for _ in parts]) for row, parts in zip(rows, sealed, strict=True)]


def _sealed(row: ScopeChange) -> list[tuple[str, dict[str, Any]]]:
    """What is sealed in a row, each part with the id of its event, under which free text has its key."""
    parts = [{"request": row.request}, {"risk": row.risk}, row.response or {}]
    for consult in row.consults or []:
        parts.append({"question": consult.get("question")})
        parts.append({name: consult.get(name) for name in ("capacity_note", "risk")})
    told = [(next(iter(sealed_keys(part)), ""), part) for part in parts]
    return [(row.decision_event or "", {"by": row.decided_by}), *told]


def _body(row: ScopeChange, opened: list[dict[str, Any]]) -> dict[str, Any]:
    by, request, risk, response, *notes = opened
    consults = zip(row.consults or [], notes[::2], notes[1::2], strict=True)
    return {
        "id": row.scope_change,
        "account": row.account,
        "contract": row.contract,
        "interaction": row.interaction,
        "title": row.title,
        **request,
        "external_ref": row.external_ref,
        "needed_by": row.needed_by,
        "raised_at": at(row.raised_at),
        "state": row.state,
        "closed_as": row.closed_as,
        "waiting_on": row.waiting_on,
        "consults": [_consult({**consult, **asked, **answer}) for consult, asked, answer in consults],
        "assessment": None if row.assessed_at is None else _assessment(row) | risk,
        "response": None if row.responded_at is None else {**response, "responded_at": at(row.responded_at)},
        "decision": None if row.decided_at is None else _decision(row) | by,
        "absorption": None if row.absorbed_at is None else _absorption(row),
        "amendment": None if row.amended_at is None else _amendment(row),
        "delivery": None if row.delivered_at is None else _delivery(row),
        "version": row.version,
    }


def _consult(consult: dict[str, Any]) -> dict[str, Any]:
    return {**consult, "asked_at": at(consult["asked_at"]), "settled_at": at(consult.get("settled_at"))}


def _assessment(row: ScopeChange) -> dict[str, Any]:
    return {
        "assessed_at": at(row.assessed_at),
        "effort_hours": _decimal(row.effort_hours),
        "cost": _money(row.cost, row.currency),
        "price": _money(row.price, row.currency),
        "timeline_shift_days": row.shift_days,
        "margin_effect": _decimal(row.margin_effect),
        "scope_delta": row.scope_delta,
        "approval_needed": row.approval_needed,
        "approved": row.approved,
    }


def _decision(row: ScopeChange) -> dict[str, Any]:
    return {"accepted": row.accepted, "option": row.option, "decided_at": at(row.decided_at)}


def _absorption(row: ScopeChange) -> dict[str, Any]:
    return {
        "absorbed_at": at(row.absorbed_at),
        "hours": _decimal(row.absorbed_hours),
        "cost": _money(row.absorbed_cost, row.absorbed_currency),
        "cause": row.absorbed_cause,
        "approved_by": row.absorption_approved_by,
    }


def _amendment(row: ScopeChange) -> dict[str, Any]:
    return {
        "amended_at": at(row.amended_at),
        "contract": row.contract,
        "contract_event": row.contract_event,
        "amendment_no": row.amendment_no,
        "mrr_delta": _money(row.mrr_delta, row.contract_currency),
        "one_off": _money(row.one_off, row.contract_currency),
    }


def _delivery(row: ScopeChange) -> dict[str, Any]:
    return {"delivered_at": at(row.delivered_at), "hours": _decimal(row.delivered_hours)}


def _money(amount: int | None, currency: str | None) -> dict[str, str] | None:
    return None if amount is None or currency is None else money(amount, currency)


def _decimal(value: int | None) -> str | None:
    return None if value is None else unscaled(value)


# --- writing ---


@router.post(
    "/accounts/{account}/scope-changes", operation_id="scope_changes.raise", status_code=201, responses=_ANSWERS
)
async def raise_scope_change(account: str, command: commands.RaiseScopeChange, to: Writing) -> Response:
    """Write down what the client asks for beyond what was agreed."""
    return await to.write(command, account=account)


@router.post(
    "/scope-changes/{scope_change}/consults",
    operation_id="scope_changes.request_consult",
    status_code=201,
    responses=_ANSWERS,
)
async def request_consult(scope_change: str, command: commands.RequestConsult, to: Writing) -> Response:
    """Ask a team of the house."""
    return await to.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/consults/{team}/answer",
    operation_id="scope_changes.answer_consult",
    status_code=201,
    responses=_ANSWERS,
)
async def answer_consult(scope_change: str, team: Team, command: commands.ConsultAnswer, to: Writing) -> Response:
    """Answer for a team that was asked."""
    return await to.write(commands.AnswerConsult(team=team, **command.model_dump()), scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/consults/{team}/waiver",
    operation_id="scope_changes.waive_consult",
    status_code=201,
    responses=_ANSWERS,
)
async def waive_consult(scope_change: str, team: Team, command: commands.ConsultWaiver, to: Writing) -> Response:
    """Do without a team's answer, and say why."""
    return await to.write(commands.WaiveConsult(team=team, **command.model_dump()), scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/assessment", operation_id="scope_changes.assess", status_code=201, responses=_ANSWERS
)
async def assess(scope_change: str, command: commands.AssessImpact, to: Writing) -> Response:
    """Say what it takes."""
    return await to.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/approval", operation_id="scope_changes.approve", status_code=201, responses=_ANSWERS
)
async def approve(scope_change: str, command: commands.ApproveScopeChange, to: Writing) -> Response:
    """Approve inside the house what somebody else assessed."""
    return await to.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/response", operation_id="scope_changes.respond", status_code=201, responses=_ANSWERS
)
async def respond(scope_change: str, command: commands.RespondToClient, to: Writing) -> Response:
    """Answer the client."""
    return await to.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/decision", operation_id="scope_changes.decide", status_code=201, responses=_ANSWERS
)
async def decide(scope_change: str, command: commands.RecordClientDecision, to: Writing) -> Response:
    """Say what the client chose."""
    return await to.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/absorption", operation_id="scope_changes.absorb", status_code=201, responses=_ANSWERS
)
async def absorb(scope_change: str, command: commands.AbsorbWork, to: Writing) -> Response:
    """Take the work on unpaid."""
    return await to.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/amendment", operation_id="scope_changes.amend", status_code=201, responses=_ANSWERS
)
async def amend(scope_change: str, command: commands.AmendScopeChange, to: Amending) -> Response:
    """Make it part of a contract; both are appended together."""
    return await to.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/withdrawal",
    operation_id="scope_changes.withdraw",
    status_code=201,
    responses=_ANSWERS,
)
async def withdraw(scope_change: str, command: commands.WithdrawScopeChange, to: Writing) -> Response:
    """Take the wish back."""
    return await to.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/delivery", operation_id="scope_changes.deliver", status_code=201, responses=_ANSWERS
)
async def deliver(scope_change: str, command: commands.DeliverScopeChange, to: Writing) -> Response:
    """Say that the work is done."""
    return await to.write(command, scope_change=scope_change)


# --- reading ---


@router.get(
    "/scope-changes", operation_id="scope_changes.list", responses=answered(PageBody[ScopeChangeBody], 400, 404)
)
def list_scope_changes(
    asked: Reading,
    paged: Annotated[Paging, Depends(paging)],
    state: Annotated[list[str] | None, Query(description="raised, consulting, assessed and so on")] = None,
    waiting_on: Annotated[
        Team | Literal["client", "approver", "account_manager"] | None, Query(description="whose turn it is")
    ] = None,
    account: Annotated[str | None, Query(description="an account's id or ref:…")] = None,
    contract: Annotated[str | None, Query(description="a contract's id or ref:…")] = None,
    external_ref: Annotated[list[str] | None, Query()] = None,
    needed_before: Annotated[Day | None, Query(description="the first day that is not wanted")] = None,
    sort: Annotated[str | None, Query(description="raised_at, needed_by or scope_change; - for descending")] = None,
) -> Response:
    """The inbox of scope changes, oldest first."""
    conditions = [] if waiting_on is None else [scope_changes.waits_for(waiting_on)]
    if needed_before is not None:
        conditions.append(scope_changes.VIEW.table.c.needed_by < needed_before)
    filters = picked(
        state=state,
        account=asked.existing("account", account),
        contract=asked.existing("contract", contract),
        external_ref=external_ref,
    )
    return page(
        asked,
        paged,
        scope_changes.VIEW,
        lambda rows: present(asked, rows),
        filters=filters,
        conditions=conditions,
        sort=sort,
    )


@router.get(
    "/accounts/{account}/scope-changes",
    operation_id="accounts.scope_changes",
    responses=answered(PageBody[ScopeChangeBody], 400, 404),
)
def list_of_account(account: str, asked: Reading, paged: Annotated[Paging, Depends(paging)]) -> Response:
    """An account's scope changes, oldest first."""
    filters = picked(account=asked.existing("account", account))
    return page(asked, paged, scope_changes.VIEW, lambda rows: present(asked, rows), filters=filters)


@router.get(
    "/scope-changes/{scope_change}", operation_id="scope_changes.get", responses=answered(ScopeChangePage, 400, 404)
)
def get_scope_change(scope_change: str, asked: Reading) -> Response:
    """A scope change."""
    key = asked.find("scope_change", scope_change)
    row, position = asked.runtime.reader.one(asked.tenant_id, scope_changes.VIEW, key, asked.when(scope_changes.VIEW))
    return asked.answer(present(asked, [row])[0] | {"position": position}, position, version=row.version)
