"""Suggestions: writes that somebody prepared, and what became of them. What they would write, and why, is sealed."""

from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Text

from app.domain.kernel.values import micros
from app.domain.recorded import Recorded
from projections.view import Condition, View, stream

Status = Literal["open", "approved", "rejected", "withdrawn", "expired"]


class Suggestion(NamedTuple):
    """A suggestion. Instants are microseconds.

    account: empty for a write about none. author: who made it; person: for whom, where that is an agent. body, preview, reason: sealed.
    rests_on: streams with their versions then. may: the roles that may approve it. appended: the events of the write, once done.
    """

    suggestion: str
    account: str
    status: str
    author: str
    person: str | None
    operation: str
    path: str
    body: dict[str, str]
    preview: dict[str, str]
    reason: dict[str, str] | None
    cites: list[str]
    rests_on: list[dict[str, Any]]
    may: list[str]
    made_at: int
    expires_at: int
    decided_at: int | None
    decided_by: str | None
    rejection: dict[str, str] | None
    edited: bool
    appended: list[str]
    version: int
    latest_at: int


def _made(_row: Suggestion | None, recorded: Recorded, _where: ZoneInfo) -> Suggestion:
    data, at = recorded.data, recorded.effective_at
    return Suggestion(
        suggestion=recorded.stream_id,
        account=data.get("account") or "",
        status="open",
        author=recorded.actor,
        person=data.get("person"),
        operation=data["operation"],
        path=data["path"],
        body=data["body"],
        preview=data["preview"],
        reason=data.get("reason"),
        cites=data["cites"],
        rests_on=data["rests_on"],
        may=data["may"],
        made_at=at,
        expires_at=micros(data["expires_at"]),
        decided_at=None,
        decided_by=None,
        rejection=None,
        edited=False,
        appended=[],
        version=recorded.version,
        latest_at=at,
    )


def _approved(row: Suggestion | None, recorded: Recorded, _where: ZoneInfo) -> Suggestion | None:
    if row is None:
        return None
    data = recorded.data
    return _decided(row, recorded, "approved", edited=data["edited"], appended=data["appended"])


def _rejected(row: Suggestion | None, recorded: Recorded, _where: ZoneInfo) -> Suggestion | None:
    return None if row is None else _decided(row, recorded, "rejected", rejection=recorded.data["reason"])


def _withdrawn(row: Suggestion | None, recorded: Recorded, _where: ZoneInfo) -> Suggestion | None:
    return None if row is None else _decided(row, recorded, "withdrawn")


def _expired(row: Suggestion | None, recorded: Recorded, _where: ZoneInfo) -> Suggestion | None:
    return None if row is None else _decided(row, recorded, "expired")


def _decided(row: Suggestion, recorded: Recorded, status: Status, **changes: Any) -> Suggestion:
    at = recorded.effective_at
    return row._replace(
        status=status,
        decided_at=at,
        decided_by=recorded.actor,
        version=recorded.version,
        latest_at=max(row.latest_at, at),
        **changes,
    )


VIEW = View(
    name="suggestions",
    version=1,
    row=Suggestion,
    keys=("suggestion",),
    on={
        "suggestion.made": _made,
        "suggestion.approved": _approved,
        "suggestion.rejected": _rejected,
        "suggestion.withdrawn": _withdrawn,
        "suggestion.expired": _expired,
    },
    group_of=stream,
    indexes=(("status", "expires_at"), ("account",), ("author",)),
    noun="suggestion",
)
BY_EXPIRY = ("expires_at", "suggestion")
"""The order in which they expire."""


# --- queries ---


def awaiting(role: str) -> Condition:
    """The condition that it is open and a role may approve it."""
    table = VIEW.table
    return (table.c.status == "open") & table.c.may.cast(Text).contains(f'"{role}"', autoescape=True)


def still_open() -> list[Condition]:
    """Those that nobody has decided about."""
    return [VIEW.table.c.status == "open"]
