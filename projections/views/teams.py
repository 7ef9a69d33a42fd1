"""Teams: who works together, from when until when."""

from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream

Status = Literal["formed", "dissolved"]


class Team(NamedTuple):
    """A team. members: user, start and end (days) of each spell, in the order of their days. Instants are microseconds."""

    team: str
    name: str
    status: str
    parent: str | None
    members: list[dict[str, Any]]
    external_ref: str | None
    formed_at: int
    version: int
    latest_at: int


def _formed(_row: Team | None, recorded: Recorded, _where: ZoneInfo) -> Team:
    data, at = recorded.data, recorded.effective_at
    return Team(
        team=recorded.stream_id,
        name=data["name"],
        status="formed",
        parent=data.get("parent"),
        members=[],
        external_ref=data.get("external_ref"),
        formed_at=at,
        version=recorded.version,
        latest_at=at,
    )


def _renamed(row: Team | None, recorded: Recorded, _where: ZoneInfo) -> Team | None:
    return None if row is None else _changed(row, recorded, name=recorded.data["name"])


def _added(row: Team | None, recorded: Recorded, _where: ZoneInfo) -> Team | None:
    if row is None:
        return None
    data = recorded.data
    spell = {"user": data["user"], "start": data["start"], "end": data.get("end")}
    members = sorted([*row.members, spell], key=lambda each: (str(each["start"]), str(each["user"])))
    return _changed(row, recorded, members=members)


def _removed(row: Team | None, recorded: Recorded, _where: ZoneInfo) -> Team | None:
    if row is None:
        return None
    user, end = recorded.data["user"], recorded.data["end"]
    return _changed(row, recorded, members=_until(row.members, end, user))


def _dissolved(row: Team | None, recorded: Recorded, _where: ZoneInfo) -> Team | None:
    if row is None:
        return None
    return _changed(row, recorded, status="dissolved", members=_until(row.members, recorded.data["end"], None))


def _until(members: list[dict[str, Any]], end: str, user: str | None) -> list[dict[str, Any]]:
    """Spells without what lies on a day or behind it. Takes: whose, none for everybody's."""
    return [
        spell if user not in (None, spell["user"]) else {**spell, "end": min(spell["end"] or end, end)}
        for spell in members
        if user not in (None, spell["user"]) or spell["start"] < end
    ]


def _changed(row: Team, recorded: Recorded, **changes: Any) -> Team:
    return row._replace(version=recorded.version, latest_at=max(row.latest_at, recorded.effective_at), **changes)


VIEW = View(
    name="teams",
    version=1,
    row=Team,
    keys=("team",),
    on={
        "team.formed": _formed,
        "team.renamed": _renamed,
        "team.member_added": _added,
        "team.member_removed": _removed,
        "team.dissolved": _dissolved,
    },
    group_of=stream,
    noun="team",
)
