"""What happened to an account, and what changed between two points of either clock."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, NamedTuple

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import Added, Answer, From
from app.api.http.formatting import at
from app.api.http.lists import Asked, Filter, ListOf, page
from app.api.http.paging import start
from app.api.http.parameters import RunName, Topic
from app.api.http.presenter import Presenter
from app.api.http.problems import Refusal, answered
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import AsInstant, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.withholding import shape_of
from app.api.nouns import accounts as account_answers
from app.api.nouns import contracts as contract_answers
from app.api.nouns.contract_parts import ContractLineBody
from app.domain.kernel.command import Visibility
from app.domain.kernel.errors import Invalid, NotFound
from app.domain.kernel.values import Classification, Moment
from app.domain.withholding import PLAIN, WITHHELD, Member, Shape, readable
from app.read_side.clocks import When
from projections.views import accounts, contract_lines, contracts, timeline

router = APIRouter(prefix="/v1/accounts", tags=["accounts"], route_class=StrictRoute)
Reading = Annotated[ReadContext, Security(read_context, scopes=["accounts:read"])]
LEFT_OUT: Final = "…"
"""What stands in a sentence in the place of an amount, or of whatever else its reader may not read."""
LIMIT: Final = 200
"""How many events a difference names at the most."""


class TimelineEntryBody(BaseModel):
    """An event of an account with a sentence that a person can read."""

    id: Annotated[str, From("event_id")] = Field(examples=["evt_01jd7z5m3sf8x9v0w1y2z3a4b5"])
    position: int
    type: str = Field(examples=["account.opened"])
    subject: Annotated[str, From("stream_id")] = Field(description="the thing that it happened to")
    sentence: str = Field(examples=["Northwind became a client"])
    taken_back: Annotated[bool, Added()] = Field(
        description="whether a later event took it back, as a void does an interaction; it counts for nothing then"
    )
    effective_at: AsInstant
    recorded_at: AsInstant
    actor: str
    client: str | None
    on_behalf_of: str | None
    run: str | None
    visibility: Visibility


class AccountChange(BaseModel):
    """A member that differs between two states."""

    member: str
    before: Any
    after: Any


class PointBody(BaseModel):
    """A point of both clocks."""

    as_of: str
    known_at: int | None


class AccountDiffBody(BaseModel):
    """An account between two points of either clock."""

    account: str
    before: PointBody
    after: PointBody
    changes: list[AccountChange]
    events: list[TimelineEntryBody] = Field(
        description="what one of the points knows and has reached, and the other does not"
    )
    more_events: bool
    position: int


_shown: Final = Presenter(TimelineEntryBody, timeline.Entry, not_shown=("account",))


def present(context: ReadContext, entries: Sequence[timeline.Entry], when: When) -> list[dict[str, Any]]:
    """Entries as they are answered, with what had been taken back at a point of both clocks."""
    streams = sorted({entry.stream_id for entry in entries if entry.type in timeline.TAKEN_BACK_BY})
    taking = timeline.taking_back(streams)
    later = context.reader.select(context.tenant_id, timeline.VIEW, taking, when)[0] if streams else []
    last: dict[tuple[str, str], int] = {}
    for event in later:
        last[event.stream_id, event.type] = max(event.position, last.get((event.stream_id, event.type), 0))
    answers = _shown(context, entries)
    for answer, entry in zip(answers, entries, strict=True):
        by = timeline.TAKEN_BACK_BY.get(entry.type, "")
        answer["taken_back"] = last.get((entry.stream_id, by), 0) > entry.position
    if Classification.COMMERCIAL not in context.caller.lacking:  # what is sealed is in no sentence
        return answers
    return _without_amounts(context, answers)


def _without_amounts(context: ReadContext, answers: list[Answer]) -> list[Answer]:
    """Entries with sentences that tell nothing of what the caller may not read; they are written anew from the events."""
    events = context.runtime.log.events(context.tenant_id, [answer["id"] for answer in answers if answer["sentence"]])
    sentences = {
        event.event_id: timeline.sentence_of(event.type, readable(event, context.caller.scopes, LEFT_OUT))
        for event in events
    }
    return [answer | {"sentence": sentences.get(answer["id"], "")} for answer in answers]


LISTED: Final = ListOf(
    timeline.VIEW,
    _shown,
    filters={"type": Filter(Topic), "subject": Filter(), "visibility": Filter(Visibility)}
    | {member: Filter(RunName if member == "run" else str) for member in timeline.WHO},
    ranges={"effective_at": Moment, "recorded_at": Moment, "position": int},
    sorts=("position", "effective_at"),
    default="-position",
)


@router.get(
    "/{account}/timeline", operation_id="accounts.timeline", responses=answered(PageBody[TimelineEntryBody], 400, 404)
)
def get_timeline(account: str, context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """Every event of an account with a sentence, latest first."""
    account_id = context.find("account", account)
    begin = start(context, asked, accounts.VIEW, timeline.VIEW)
    context.reader.one(context.tenant_id, accounts.VIEW, account_id, begin.when)
    return page(
        context,
        asked,
        begin=begin,
        account=account_id,
        present=lambda context, entries: present(context, entries, begin.when),
    )


@router.get("/{account}/diff", operation_id="accounts.diff", responses=answered(AccountDiffBody, 400, 404))
def diff(
    account: str,
    context: Reading,
    from_: Annotated[str | None, Query(alias="from", description="business time before: a date or an instant")] = None,
    to: Annotated[str | None, Query(description="business time after; default now")] = None,
    from_known_at: Annotated[str | None, Query(description="knowledge before: a position or an instant")] = None,
    to_known_at: Annotated[str | None, Query(description="knowledge after; default all that is known")] = None,
) -> Response:
    """What changed on an account between two points of business time, of knowledge, or of both, and the events that did it."""
    if from_ is None and from_known_at is None:
        raise Refusal(Invalid("invalid_parameter", "name a point before: from, from_known_at or both"))
    account_id = context.find("account", account)
    context.when(accounts.VIEW, contracts.VIEW, contract_lines.VIEW, timeline.VIEW)
    reader = context.reader
    before = reader.when(context.tenant_id, _first(from_, context.as_of), _first(from_known_at, context.known_at))
    after = reader.when(context.tenant_id, _first(to, context.as_of), _first(to_known_at, context.known_at))
    old, new = _state(context, account_id, before), _state(context, account_id, after)
    if old is None and new is None:
        raise NotFound("account_not_found", "there is no such account")
    entries, more, position = _between(context, account_id, before, after)
    flat_old, flat_new = _flat(old or {}), _flat(new or {})
    changes, left_out = [], False
    for name in sorted({*flat_old, *flat_new}):
        leaf_old, leaf_new = flat_old.get(name, NOTHING), flat_new.get(name, NOTHING)
        if leaf_old.value != leaf_new.value:
            hidden = not context.caller.lacking.isdisjoint(leaf_old.classes | leaf_new.classes)
            values = (None, None) if hidden else (leaf_old.value, leaf_new.value)
            changes.append({"member": name, "before": values[0], "after": values[1]})
            left_out = left_out or hidden
    body = {
        "account": account_id,
        "before": _point(before),
        "after": _point(after),
        "changes": changes,
        "events": present(context, entries, after),
        "more_events": more,
        "position": position,
    }
    if left_out:
        body[WITHHELD] = ["changes[].before", "changes[].after"]
    return context.answer(body, position)


def _first(named: str | None, default: str | None) -> str | None:
    """What is asked for of one point, else of both."""
    return default if named is None else named


def _shape_of_state() -> Member:
    """How the members of the state that is compared are classified: those of an account, of its contracts and of their lines."""
    lines = Member(inner=shape_of(ContractLineBody), keyed=True)
    contract = Shape(shape_of(contract_answers.ContractBody).members | {"lines": lines})
    account = shape_of(account_answers.AccountDetailsBody).members
    return Member(inner=Shape(account | {"contracts": Member(inner=contract, keyed=True)}))


_STATE: Final = _shape_of_state()


def _state(context: ReadContext, account_id: str, when: When) -> dict[str, Any] | None:
    """An account, its recurring revenue and its contracts at a point of both clocks; None where it did not exist."""
    rows, _ = context.reader.group(context.tenant_id, accounts.VIEW, account_id, when)
    if not rows:
        return None
    state = account_answers.present(context, rows)[0] | account_answers.revenue_of(context, account_id, when)
    known = contract_answers.settled(context, when)
    held, position = context.reader.select(context.tenant_id, contracts.VIEW, [contracts.of_account(account_id)], known)
    state["contracts"] = {
        contract["id"]: {name: contract[name] for name in ("status", "start", "end", "notice", "termination", "arr")}
        | {"lines": {line["line"]: line for line in contract["lines"]}}
        for contract in contract_answers.present(context, held, when, position)
    }
    state.pop("version")
    return state


def _between(
    context: ReadContext, account_id: str, before: When, after: When
) -> tuple[list[timeline.Entry], bool, int]:
    """The events that one point knows and has reached, and the other does not."""
    reached = context.reader.position(context.tenant_id, [timeline.VIEW])
    points = [
        timeline.Knowledge(reached if point.known_at is None else point.known_at, point.as_of)
        for point in (before, after)
    ]
    rows, position = context.reader.select(
        context.tenant_id,
        timeline.VIEW,
        timeline.in_one_of(account_id, *points),
        When(max(before.as_of, after.as_of), max(point.position for point in points), now=False),
        order=timeline.BY_POSITION,
        limit=LIMIT + 1,
    )
    return rows[:LIMIT], len(rows) > LIMIT, position


def _point(when: When) -> dict[str, Any]:
    return {"as_of": at(when.as_of), "known_at": when.known_at}


class _Leaf(NamedTuple):
    """What stands at a path, and how it is classified."""

    value: Any
    classes: frozenset[Classification]


NOTHING: Final = _Leaf(None, PLAIN)


def _flat(value: Any, path: str = "", member: Member = _STATE) -> dict[str, _Leaf]:
    """JSON as a flat table of paths and leaves."""
    if not isinstance(value, dict) or not value:
        return {path: _Leaf(value, member.classes)}
    leaves: dict[str, _Leaf] = {}
    for key, held in value.items():
        inner = Member(member.classes)
        if member.keyed:
            inner = Member(member.classes, member.inner)
        elif member.inner is not None:
            inner = member.inner.member(key)
        leaves |= _flat(held, f"{path}.{key}" if path else key, inner)
    return leaves
