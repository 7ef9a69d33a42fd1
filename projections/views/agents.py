"""Agents: software that acts for persons, and what bounds it."""

from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream

Status = Literal["active", "suspended", "ended"]


class Agent(NamedTuple):
    """An agent. Instants are microseconds, but for ends_at, which is an instant as text.

    money, hours: as the events say them; may_suggest: None for whatever its person may do.
    """

    agent: str
    name: str
    user: str
    purpose: str
    status: str
    may_execute: list[str]
    may_suggest: list[str] | None
    commands_per_day: int | None
    money: dict[str, str] | None
    hours: dict[str, Any] | None
    ends_at: str | None
    external_ref: str | None
    registered_at: int
    version: int
    latest_at: int


def _bounds(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "may_execute": data["may_execute"],
        "may_suggest": data.get("may_suggest"),
        "commands_per_day": data.get("commands_per_day"),
        "money": data.get("money_per_command"),
        "hours": data.get("hours"),
        "ends_at": data.get("ends_at"),
    }


def _registered(_row: Agent | None, recorded: Recorded, _where: ZoneInfo) -> Agent:
    data, at = recorded.data, recorded.effective_at
    return Agent(
        agent=recorded.stream_id,
        name=data["name"],
        user=data["user"],
        purpose=data["purpose"],
        status="active",
        external_ref=data.get("external_ref"),
        registered_at=at,
        version=recorded.version,
        latest_at=at,
        **_bounds(data),
    )


def _bounded(row: Agent | None, recorded: Recorded, _where: ZoneInfo) -> Agent | None:
    return None if row is None else _changed(row, recorded, **_bounds(recorded.data))


def _suspended(row: Agent | None, recorded: Recorded, _where: ZoneInfo) -> Agent | None:
    return None if row is None else _changed(row, recorded, status="suspended")


def _resumed(row: Agent | None, recorded: Recorded, _where: ZoneInfo) -> Agent | None:
    return None if row is None else _changed(row, recorded, status="active")


def _ended(row: Agent | None, recorded: Recorded, _where: ZoneInfo) -> Agent | None:
    return None if row is None else _changed(row, recorded, status="ended")


def _changed(row: Agent, recorded: Recorded, **changes: Any) -> Agent:
    return row._replace(version=recorded.version, latest_at=max(row.latest_at, recorded.effective_at), **changes)


VIEW = View(
    name="agents",
    version=1,
    row=Agent,
    keys=("agent",),
    on={
        "agent.registered": _registered,
        "agent.bounded": _bounded,
        "agent.suspended": _suspended,
        "agent.resumed": _resumed,
        "agent.ended": _ended,
    },
    group_of=stream,
    noun="agent",
)
