"""Suggestions over HTTP: writes that somebody prepares, and somebody else decides about."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import From, Sealed
from app.api.http.formatting import at
from app.api.http.lists import Asked, Filter, ListOf, named, page
from app.api.http.operations import operation_of
from app.api.http.parameters import OperationName
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import (
    EXAMPLE_ACCOUNT,
    WRITTEN,
    AsInstant,
    PageBody,
    PreviewedEvent,
    PreviewedFigure,
)
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.api.nouns.suggesting import approved, suggested
from app.domain.kernel.roles import Role
from app.domain.kernel.values import Moment
from app.domain.suggestion import commands
from app.domain.suggestion.events import RestsOn
from projections.views import suggestions
from projections.views.suggestions import Suggestion

router = APIRouter(prefix="/v1/suggestions", tags=["suggestions"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["suggestions:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["suggestions:read"])]
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = WRITTEN | documented(404, 409, 412, 415, 422)
EXAMPLE: Final = "sug_01jd7z5m3vf8x9v0w1y2z3a4b5"


class SuggestedPreview(BaseModel):
    """What the write would have done when it was suggested."""

    events: list[PreviewedEvent]
    figures: list[PreviewedFigure]
    position: int = Field(description="the head of the ledger on which it was decided")


class SuggestionBody(BaseModel):
    """A write that somebody prepared. What it would write is null once it was erased."""

    id: Annotated[str, From("suggestion")] = Field(examples=[EXAMPLE])
    status: suggestions.Status
    account: str = Field(description="the account that it is about; empty for none", examples=[EXAMPLE_ACCOUNT])
    author: str = Field(description="who suggested it: a person, an agent, or the key of a service")
    person: str | None = Field(description="for whom the agent acts, where it is one's")
    operation: str = Field(description="the write, as the contract calls it", examples=["contracts.amend"])
    path: str = Field(description="its path", examples=["/v1/contracts/ref:northwind-2026/amendments"])
    body: Annotated[dict[str, Any] | None, Sealed()] = Field(description="its body", examples=[{"tier": "silver"}])
    preview: Annotated[SuggestedPreview | None, Sealed()] = Field(description="what it would have done then")
    reason: Annotated[str | None, Sealed()] = Field(description="why; null where nobody said, or once erased")
    cites: list[str] = Field(description="the ids of events that speak for it")
    rests_on: list[RestsOn] = Field(description="what it was decided on: where that has moved, it is stale")
    may: list[str] = Field(description="the roles that may approve it", examples=[["account_manager"]])
    made_at: AsInstant = Field(description="when it was suggested")
    expires_at: AsInstant
    decided_at: AsInstant | None
    decided_by: str | None = Field(description="who approved, rejected or withdrew it")
    rejection: Annotated[str | None, Sealed(name="reason")] = Field(description="why it was rejected")
    edited: bool = Field(description="whether another body was written than was suggested")
    appended: list[str] = Field(description="the ids of the events that were written")
    version: int


class SuggestionDetailsBody(SuggestionBody):
    """A suggestion with the position that it was read from."""

    position: int


class InboxBody(BaseModel):
    """How many open suggestions wait, and for whom."""

    awaiting_me: int = Field(description="that one of your roles may approve, and that are not yours", examples=[2])
    made_by_me: int = Field(description="that you made yourself", examples=[0])
    open: int = Field(description="in your reach", examples=[3])
    by_operation: dict[str, int] = Field(description="how many of each write", examples=[{"contracts.amend": 2}])
    next_expiry: str | None = Field(
        description="when the first of them expires", json_schema_extra={"format": "date-time"}
    )
    position: int


_shown: Final = Presenter(SuggestionBody, Suggestion, not_shown=("latest_at",))


def present(context: ReadContext, rows: Sequence[Suggestion]) -> list[dict[str, Any]]:
    """Suggestions as they are answered: what is sealed as a text is JSON."""
    answers = _shown(context, rows)
    for answer in answers:
        for member in ("body", "preview"):
            answer[member] = None if answer[member] is None else orjson.loads(answer[member])
    return answers


LISTED: Final = ListOf(
    suggestions.VIEW,
    _shown,
    filters={
        "status": Filter(suggestions.Status),
        "account": named("account"),
        "author": Filter(),
        "person": Filter(),
        "operation": Filter(OperationName),
        "awaiting": Filter(
            Role, several=False, where=suggestions.awaiting, description="only open ones that this role may approve"
        ),
    },
    ranges={"made_at": Moment, "expires_at": Moment},
    sorts=("made_at", "expires_at", "id"),
    default="-made_at",
)


# --- writing ---


@router.post("", operation_id="suggestions.make", status_code=201, responses=WRITTEN | documented(404, 409, 415, 422))
async def make(command: commands.MakeSuggestion, request: Request, context: Writing) -> Response:
    """Prepare a write for somebody who may do it: it is decided as if it were done, and kept with what it would do."""
    context.require_unmatched()
    operation = operation_of(request, command.command.path, command.command.body, "command/body")
    return await suggested(context, command, operation)


@router.post("/{suggestion}/approval", operation_id="suggestions.approve", status_code=201, responses=_ANSWERS)
async def approve(suggestion: str, command: commands.ApproveSuggestion, request: Request, context: Writing) -> Response:
    """Do it as one's own write, which takes the right to do it. It is decided again; the receipt is that of the write."""
    return await approved(context, request, suggestion, command.body)


@router.post("/{suggestion}/rejection", operation_id="suggestions.reject", status_code=201, responses=_ANSWERS)
async def reject(suggestion: str, command: commands.RejectSuggestion, context: Writing) -> Response:
    """Say that it shall not be done, and why."""
    return await context.write(command, suggestion=suggestion)


@router.post("/{suggestion}/withdrawal", operation_id="suggestions.withdraw", status_code=201, responses=_ANSWERS)
async def withdraw(suggestion: str, command: commands.WithdrawSuggestion, context: Writing) -> Response:
    """Take one's own suggestion back."""
    return await context.write(command, suggestion=suggestion)


# --- reading ---


@router.get("", operation_id="suggestions.list", responses=answered(PageBody[SuggestionBody], 400, 404))
def list_suggestions(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """Suggestions about accounts in your reach, the latest first."""
    return page(context, asked, present=present)


@router.get("/inbox", operation_id="suggestions.inbox", responses=answered(InboxBody, 400))
def inbox(context: Reading) -> Response:
    """How many open suggestions wait for you and for others."""
    when, caller = context.when(suggestions.VIEW), context.caller
    rows, position = context.reader.select(context.tenant_id, suggestions.VIEW, suggestions.still_open(), when)
    actor, roles = caller.principal.actor, {*caller.roles}
    by_operation: dict[str, int] = {}
    for row in rows:
        by_operation[row.operation] = by_operation.get(row.operation, 0) + 1
    body = {
        "awaiting_me": sum(row.author != actor and not roles.isdisjoint(row.may) for row in rows),
        "made_by_me": sum(row.author == actor for row in rows),
        "open": len(rows),
        "by_operation": dict(sorted(by_operation.items())),
        "next_expiry": at(min((row.expires_at for row in rows), default=None)),
        "position": position,
    }
    return context.answer(body, position)


@router.get("/{suggestion}", operation_id="suggestions.get", responses=answered(SuggestionDetailsBody, 400, 404))
def get_suggestion(suggestion: str, context: Reading) -> Response:
    """A suggestion, with what it would write and what that would do."""
    row, position = context.one(suggestions.VIEW, suggestion)
    return context.answer(present(context, [row])[0] | {"position": position}, position, version=row.version)
