"""Handovers: one row each, from the first section to the day on which the client meets the new owner."""

from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.handover.events import NEEDED
from app.domain.recorded import Recorded
from projections.view import View, stream

Stage = Literal["draft", "submitted", "rejected", "accepted"]


class Handover(NamedTuple):
    """A handover. Instants (`_at`) are microseconds.

    giver, receiver: names of people. sections: by section, with text and promises, sealed, and when it was filled. missing: the sections
    that are needed yet. rejection: why it was last rejected, sealed. introduced_on: the day on which the client met the new owner.
    """

    handover: str
    account: str
    kind: str
    giver: str | None
    receiver: str
    stage: str
    sections: list[dict[str, Any]]
    missing: list[str]
    external_ref: str | None
    started_at: int
    submitted_at: int | None
    rejected_at: int | None
    rejection: dict[str, Any] | None
    rejections: int
    accepted_at: int | None
    introduced_on: str | None
    interaction: str | None
    version: int
    latest_at: int


def _started(_row: Handover | None, recorded: Recorded, _where: ZoneInfo) -> Handover:
    data, at = recorded.data, recorded.effective_at
    return Handover(
        handover=recorded.stream_id,
        account=data["account"],
        kind=data["kind"],
        giver=data.get("giver"),
        receiver=data["receiver"],
        stage="draft",
        sections=[],
        missing=[*NEEDED[data["kind"]]],
        external_ref=data.get("external_ref"),
        started_at=at,
        submitted_at=None,
        rejected_at=None,
        rejection=None,
        rejections=0,
        accepted_at=None,
        introduced_on=None,
        interaction=None,
        version=recorded.version,
        latest_at=at,
    )


def _changed(row: Handover | None, recorded: Recorded, _where: ZoneInfo) -> Handover | None:
    if row is None:
        return None
    data, at, changes = recorded.data, recorded.effective_at, dict[str, Any]()
    match recorded.type:
        case "handover.section_filled":
            section = {name: data[name] for name in ("section", "text")} | {"promises": data.get("promises", [])}
            others = [each for each in row.sections if each["section"] != data["section"]]
            changes["sections"] = [*others, {**section, "filled_at": at}]
            changes["missing"] = [name for name in row.missing if name != data["section"]]
        case "handover.submitted":
            changes |= {"stage": "submitted", "submitted_at": at}
        case "handover.rejected":
            changes |= {"stage": "rejected", "rejected_at": at, "rejection": data["reason"]}
            changes["rejections"] = row.rejections + 1
        case "handover.accepted":
            changes |= {"stage": "accepted", "accepted_at": at}
        case "handover.client_introduced":
            changes |= {"introduced_on": data["day"], "interaction": data.get("interaction")}
    return row._replace(version=recorded.version, latest_at=max(row.latest_at, at), **changes)


VIEW = View(
    name="handovers",
    version=1,
    row=Handover,
    keys=("handover",),
    on={
        "handover.started": _started,
        "handover.section_filled": _changed,
        "handover.submitted": _changed,
        "handover.rejected": _changed,
        "handover.accepted": _changed,
        "handover.client_introduced": _changed,
    },
    group_of=stream,
    indexes=(("account", "handover"), ("stage", "handover")),
    noun="handover",
)
