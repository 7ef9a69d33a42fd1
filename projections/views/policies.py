"""Policies: one row each with its versions, which of them count and on which days; what they say stands in policy_rules."""

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream


class Policy(NamedTuple):
    """A policy. versions: number, status, start and end (days) of each, in order.

    status: of a version draft, active or retired; the policy is active while a version is, else a draft while one is.
    """

    policy: str
    kind: str
    name: str
    status: str
    versions: list[dict[str, Any]]
    external_ref: str | None
    drafted_at: int
    version: int


def version_on(row: Policy, day: str) -> int | None:
    """The number of the version that is in force on a day. Days of the calendar order like their texts."""
    for one in row.versions:
        if one["start"] is not None and one["start"] <= day and (one["end"] is None or day < one["end"]):
            number: int = one["number"]
            return number
    return None


def _drafted(row: Policy | None, recorded: Recorded, _where: ZoneInfo) -> Policy:
    data = recorded.data
    version = {"number": data["number"], "status": "draft", "start": None, "end": None}
    if row is None:
        return Policy(
            recorded.stream_id,
            data["kind"],
            data["name"],
            "draft",
            [version],
            data.get("external_ref"),
            recorded.effective_at,
            recorded.version,
        )
    return _with(row, recorded, [*row.versions, version])


def _activated(row: Policy | None, recorded: Recorded, _where: ZoneInfo) -> Policy | None:
    data = recorded.data
    return _changed(row, recorded, status="active", start=data["start"], end=data.get("end"))


def _retired(row: Policy | None, recorded: Recorded, _where: ZoneInfo) -> Policy | None:
    return _changed(row, recorded, status="retired", end=recorded.data["end"])


def _changed(row: Policy | None, recorded: Recorded, **changes: Any) -> Policy | None:
    if row is None:
        return None
    number = recorded.data["number"]
    return _with(row, recorded, [{**one, **changes} if one["number"] == number else one for one in row.versions])


def _with(row: Policy, recorded: Recorded, versions: list[dict[str, Any]]) -> Policy:
    told = {one["status"] for one in versions}
    status = next(one for one in ("active", "draft", "retired") if one in told)
    return row._replace(versions=versions, status=status, version=recorded.version)


VIEW = View(
    name="policies",
    version=1,
    row=Policy,
    keys=("policy",),
    on={"policy.drafted": _drafted, "policy.activated": _activated, "policy.retired": _retired},
    group_of=stream,
    history=True,
    schedule=True,
    filters=("kind", "name", "status"),
    order=("kind", "name", "policy"),
    indexes=(("kind", "name"),),
    noun="policy",
)
