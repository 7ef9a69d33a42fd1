"""Period closes: one row each, with the certificates that stand and those that stood."""

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream


class PeriodClose(NamedTuple):
    """A closed period. certificates: those that stand. closed_at: microseconds. known_position: of the first close.

    restatements: kpi, from_cert, to_cert, causes, complete, known_position, restated_at, in their order.
    """

    period_close: str
    start: str
    end: str
    currency: str | None
    known_position: int
    certificates: list[str]
    restatements: list[dict[str, Any]]
    closed_at: int
    actor: str
    version: int
    latest_at: int


def _closed(_row: PeriodClose | None, recorded: Recorded, _where: ZoneInfo) -> PeriodClose:
    data, at = recorded.data, recorded.effective_at
    return PeriodClose(
        period_close=recorded.stream_id,
        start=data["start"],
        end=data["end"],
        currency=data.get("currency"),
        known_position=data["known_position"],
        certificates=list(data["certificates"]),
        restatements=[],
        closed_at=at,
        actor=recorded.actor,
        version=recorded.version,
        latest_at=at,
    )


def _restated(row: PeriodClose | None, recorded: Recorded, _where: ZoneInfo) -> PeriodClose | None:
    if row is None:
        return None
    data = recorded.data
    return row._replace(
        certificates=[
            data["to_cert"] if certificate == data["from_cert"] else certificate for certificate in row.certificates
        ],
        restatements=[*row.restatements, {**data, "restated_at": recorded.effective_at, "event": recorded.event_id}],
        version=recorded.version,
        latest_at=max(row.latest_at, recorded.effective_at),
    )


VIEW = View(
    name="period_closes",
    version=1,
    row=PeriodClose,
    keys=("period_close",),
    on={"period_close.closed": _closed, "period_close.restated": _restated},
    group_of=stream,
    history=True,
    indexes=(("start",),),
    noun="period_close",
)
