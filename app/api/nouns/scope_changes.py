"""Scope changes over HTTP: from the client's request to an answer, a decision and the work."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import EachOf, From, Opened, Part, Sealed, SealedTexts
from app.api.http.formatting import at, price
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, WRITTEN, AsInstant, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.api.nouns.scope_change_parts import (
    AbsorptionBody,
    AnswerBody,
    AssessmentBody,
    ConsultBody,
    DecisionBody,
    DeliveryBody,
    ScopeAmendmentBody,
)
from app.domain.kernel.values import Day, Moment
from app.domain.scope_change import commands
from app.domain.scope_change.commands import Team
from projections.views import scope_changes
from projections.views.scope_changes import ScopeChange

router = APIRouter(prefix="/v1", tags=["scope_changes"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["scope_changes:write"])]
Amending = Annotated[WriteContext, Security(write_context, scopes=["scope_changes:write", "contracts:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["scope_changes:read"])]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


def _consult(consult: dict[str, Any], _row: ScopeChange, texts: SealedTexts) -> dict[str, Any]:
    texts_of_teams = {name: consult.get(name) for name in ("question", "capacity_note", "risk")}
    times = {"asked_at": at(consult["asked_at"]), "settled_at": at(consult.get("settled_at"))}
    answer = {**consult, **texts_of_teams, **times}
    answer["status"] = answer.pop("state")
    for name, text in texts_of_teams.items():
        texts.add(answer, name, {name: text})
    return answer


def _response(row: ScopeChange, texts: SealedTexts) -> dict[str, Any] | None:
    if row.responded_at is None:
        return None
    answer = {**(row.response or {}), "responded_at": at(row.responded_at)}
    for name, value in (row.response or {}).items():
        texts.add(answer, name, {name: value})
    return answer


class ScopeChangeBody(BaseModel):
    """A scope change, the parts of its life null until they happen."""

    id: Annotated[str, From("scope_change")] = Field(examples=["scr_01jd7z5m3tf8x9v0w1y2z3a4b5"])
    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    contract: str | None
    interaction: str | None
    title: str
    request: Annotated[str | None, Sealed()] = Field(description="the client's words; null once erased")
    external_ref: str | None
    needed_by: str | None
    raised_at: AsInstant
    status: Annotated[scope_changes.State, From("state")] = Field(examples=["consulting"])
    closed_as: Literal["withdrawn", "declined"] | None = Field(description="how it was closed; null while it was not")
    waiting_on: list[str] = Field(description="teams, client, approver or account_manager", examples=[["creative"]])
    consults: Annotated[list[ConsultBody], EachOf(_consult)]
    assessment: Annotated[AssessmentBody | None, Part(when="assessed_at")]
    response: Annotated[AnswerBody | None, Opened(_response, reads=("response", "responded_at"))]
    decision: Annotated[DecisionBody | None, Part(when="decided_at")]
    absorption: Annotated[AbsorptionBody | None, Part(when="absorbed_at")]
    amendment: Annotated[ScopeAmendmentBody | None, Part(when="amended_at")]
    delivery: Annotated[DeliveryBody | None, Part(when="delivered_at")]
    version: int


class ScopeChangeDetailsBody(ScopeChangeBody):
    """A scope change with the position that it was read from."""

    position: int


_shown: Final = Presenter(ScopeChangeBody, ScopeChange, not_shown=("latest_at", "response_kind", "with_alternative"))


def present(context: ReadContext, rows: Sequence[ScopeChange]) -> list[dict[str, Any]]:
    """Scope changes as they are answered; what options cost is in the currency of the assessment, or else in the account's."""
    answers = _shown(context, rows)
    for answer, row in zip(answers, rows, strict=True):
        options = (row.response or {}).get("options", ())
        if any("price" in option for option in options):
            currency = row.currency or _currency(context, row.account)
            answer["response"]["options"] = [
                option | ({"price": price(option["price"], currency)} if "price" in option else {})
                for option in answer["response"]["options"]
            ]
    return answers


def _currency(context: ReadContext, account: str) -> str:
    """The currency of an account, which never changes."""
    _, loaded = context.runtime.handler.load(context.tenant_id, "account", account)
    currency: str = loaded.state.currency
    return currency


LISTED: Final = ListOf(
    scope_changes.VIEW,
    _shown,
    filters={
        "account": named("account"),
        "contract": named("contract"),
        "status": Filter(scope_changes.State),
        "waiting_on": Filter(
            Team | Literal["client", "approver", "account_manager"], several=False, where=scope_changes.waits_for
        ),
        "external_ref": Filter(),
    },
    ranges={"raised_at": Moment, "needed_by": Day},
    sorts=("raised_at", "needed_by", "id"),
    default="raised_at",
)


# --- writing ---


@router.post(
    "/accounts/{account}/scope-changes", operation_id="scope_changes.raise", status_code=201, responses=_ANSWERS
)
async def raise_scope_change(account: str, command: commands.RaiseScopeChange, context: Writing) -> Response:
    """Write down what the client asks for beyond what was agreed."""
    return await context.write(command, account=account)


@router.post(
    "/scope-changes/{scope_change}/consults",
    operation_id="scope_changes.request_consult",
    status_code=201,
    responses=_ANSWERS,
)
async def request_consult(scope_change: str, command: commands.RequestConsult, context: Writing) -> Response:
    """Ask a team of the agency."""
    return await context.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/consults/{team}/answer",
    operation_id="scope_changes.answer_consult",
    status_code=201,
    responses=_ANSWERS,
)
async def answer_consult(scope_change: str, team: Team, command: commands.ConsultAnswer, context: Writing) -> Response:
    """Answer for a consulted team."""
    return await context.write(commands.AnswerConsult(team=team, **command.model_dump()), scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/consults/{team}/waiver",
    operation_id="scope_changes.waive_consult",
    status_code=201,
    responses=_ANSWERS,
)
async def waive_consult(scope_change: str, team: Team, command: commands.ConsultWaiver, context: Writing) -> Response:
    """Do without a team's answer, and say why."""
    return await context.write(commands.WaiveConsult(team=team, **command.model_dump()), scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/assessment", operation_id="scope_changes.assess", status_code=201, responses=_ANSWERS
)
async def assess(scope_change: str, command: commands.AssessImpact, context: Writing) -> Response:
    """Say what it takes."""
    return await context.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/approval", operation_id="scope_changes.approve", status_code=201, responses=_ANSWERS
)
async def approve(scope_change: str, command: commands.ApproveScopeChange, context: Writing) -> Response:
    """Approve, inside the agency, what somebody else assessed."""
    return await context.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/response", operation_id="scope_changes.respond", status_code=201, responses=_ANSWERS
)
async def respond(scope_change: str, command: commands.RespondToClient, context: Writing) -> Response:
    """Answer the client."""
    return await context.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/decision", operation_id="scope_changes.decide", status_code=201, responses=_ANSWERS
)
async def decide(scope_change: str, command: commands.RecordClientDecision, context: Writing) -> Response:
    """Say what the client chose."""
    return await context.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/absorption", operation_id="scope_changes.absorb", status_code=201, responses=_ANSWERS
)
async def absorb(scope_change: str, command: commands.AbsorbWork, context: Writing) -> Response:
    """Take the work on unpaid."""
    return await context.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/amendment", operation_id="scope_changes.amend", status_code=201, responses=_ANSWERS
)
async def amend(scope_change: str, command: commands.AmendScopeChange, context: Amending) -> Response:
    """Make it part of a contract; both are appended together."""
    return await context.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/withdrawal",
    operation_id="scope_changes.withdraw",
    status_code=201,
    responses=_ANSWERS,
)
async def withdraw(scope_change: str, command: commands.WithdrawScopeChange, context: Writing) -> Response:
    """Withdraw the scope change."""
    return await context.write(command, scope_change=scope_change)


@router.post(
    "/scope-changes/{scope_change}/delivery", operation_id="scope_changes.deliver", status_code=201, responses=_ANSWERS
)
async def deliver(scope_change: str, command: commands.DeliverScopeChange, context: Writing) -> Response:
    """Say that the work is done."""
    return await context.write(command, scope_change=scope_change)


# --- reading ---


@router.get(
    "/scope-changes", operation_id="scope_changes.list", responses=answered(PageBody[ScopeChangeBody], 400, 404)
)
def list_scope_changes(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """The inbox of scope changes, oldest first."""
    return page(context, asked, present=present)


@router.get(
    "/accounts/{account}/scope-changes",
    operation_id="accounts.scope_changes",
    responses=answered(PageBody[ScopeChangeBody], 400, 404),
)
def list_of_account(
    account: str, context: Reading, asked: Annotated[Asked, Depends(LISTED.without("account"))]
) -> Response:
    """An account's scope changes, oldest first."""
    return page(context, asked, present=present, account=context.existing("account", account))


@router.get(
    "/scope-changes/{scope_change}",
    operation_id="scope_changes.get",
    responses=answered(ScopeChangeDetailsBody, 400, 404),
)
def get_scope_change(scope_change: str, context: Reading) -> Response:
    """A scope change."""
    row, position = context.one(scope_changes.VIEW, scope_change)
    return context.answer(present(context, [row])[0] | {"position": position}, position, version=row.version)
