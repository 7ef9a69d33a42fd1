"""Policies: one row each with its versions, their status and days; their rules are in policy_rules."""

from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream

Status = Literal["draft", "active", "retired"]


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
    for version in row.versions:
        if (
            version["start"] is not None
            and version["start"] <= day
            and (version["end"] is None or day < version["end"])
        ):
            number: int = version["number"]
            return number
    return None


def _drafted(row: Policy | None, recorded: Recorded, _where: ZoneInfo) -> Policy:
    data = recorded.data
    version = {"number": data["number"], "status": "draft", "start": None, "end": None}
    if row is None:
        return Policy(
            policy=recorded.stream_id,
            kind=data["kind"],
            name=data["name"],
            status="draft",
            versions=[version],
            external_ref=data.get("external_ref"),
            drafted_at=recorded.effective_at,
            version=recorded.version,
        )
    return _versioned(row, recorded, [*row.versions, version])


def _activated(row: Policy | None, recorded: Recorded, _where: ZoneInfo) -> Policy | None:
    data = recorded.data
    return _changed(row, recorded, status="active", start=data["start"], end=data.get("end"))


def _retired(row: Policy | None, recorded: Recorded, _where: ZoneInfo) -> Policy | None:
    return _changed(row, recorded, status="retired", end=recorded.data["end"])


def _changed(row: Policy | None, recorded: Recorded, **changes: Any) -> Policy | None:
    if row is None:
        return None
    number = recorded.data["number"]
    versions = [{**version, **changes} if version["number"] == number else version for version in row.versions]
    return _versioned(row, recorded, versions)


def _versioned(row: Policy, recorded: Recorded, versions: list[dict[str, Any]]) -> Policy:
    statuses = {version["status"] for version in versions}
    status = next(status for status in ("active", "draft", "retired") if status in statuses)
    return row._replace(versions=versions, status=status, version=recorded.version)


VIEW = View(
    name="policies",
    version=2,
    row=Policy,
    keys=("policy",),
    on={"policy.drafted": _drafted, "policy.activated": _activated, "policy.retired": _retired},
    group_of=stream,
    history=True,
    schedule=True,
    indexes=(("kind", "name"),),
    noun="policy",
)
