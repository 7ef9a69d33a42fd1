"""Interactions: one row each; texts and people stay sealed here and are opened when they are read."""

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import micros
from app.domain.recorded import Recorded
from projections.view import View, stream


class Interaction(NamedTuple):
    """A contact with a client. occurred: microseconds; event_id: to whose sealed members `subject` and the like belong."""

    interaction: str
    account: str
    channel: str
    direction: str
    occurred: int
    subject: dict[str, Any] | None
    summary: dict[str, Any] | None
    participants: list[dict[str, Any]]
    sentiment: str | None
    topics: list[str]
    duration_seconds: int | None
    external_ref: str | None
    voided: bool
    actor: str
    visibility: str
    event_id: str
    version: int
    latest_at: int


def _logged(_row: Interaction | None, recorded: Recorded, _where: ZoneInfo) -> Interaction:
    data = recorded.data
    # By position, the only such call: most events are interactions. `test_rows` compares it member by member.
    return Interaction(
        recorded.stream_id,
        data["account"],
        data["channel"],
        data["direction"],
        micros(data["occurred_at"]),
        data.get("subject"),
        data.get("summary"),
        data["participants"],
        data.get("sentiment"),
        data["topics"],
        data.get("duration_seconds"),
        data.get("external_ref"),
        False,
        recorded.actor,
        recorded.meta.get("visibility", "internal"),
        recorded.event_id,
        recorded.version,
        recorded.effective_at,
    )


def _voided(row: Interaction | None, recorded: Recorded, _where: ZoneInfo) -> Interaction | None:
    if row is None:
        return None
    return row._replace(voided=True, version=recorded.version, latest_at=max(row.latest_at, recorded.effective_at))


VIEW = View(
    name="interactions",
    version=1,
    row=Interaction,
    keys=("interaction",),
    on={"interaction.logged": _logged, "interaction.voided": _voided},
    group_of=stream,
    history=True,
    indexes=(("account", "occurred", "interaction"),),
    noun="interaction",
)
