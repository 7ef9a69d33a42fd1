"""Causes: which events are behind the rows of an account in a figure."""

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER, day_start
from app.domain.recorded import Recorded
from projections.kpis.row_types import row_type
from projections.views.contract_lines import ContractLine


def streams(rows: Sequence[Any], lines: Sequence[ContractLine]) -> set[str]:
    """The streams that hold the events behind an account's rows."""
    return {line.contract for line in lines} | _whole_streams(rows) | {stream for stream, _ in _single_events(rows)}


def causes(
    rows: Sequence[Any], lines: Sequence[ContractLine], start: int, end: int, zone: ZoneInfo
) -> Callable[[Recorded], bool]:
    """Whether an event of those streams is behind an account's rows.

    Behind a contract line are the event that set it and its contract's signature; where a line began or ended within
    [start, end), also what took effect then. Behind a row of a whole lifetime is all that began, prolonged or ended a line.
    A row type names the streams of which every event is behind a row, and the single events behind it.
    """
    lifelong = any(row_type(row).lifelong for row in rows)
    if lifelong:
        start = -FOREVER
    whole, sources = _whole_streams(rows), {line.source for line in lines} | {id_ for _, id_ in _single_events(rows)}
    changed = {at for line in lines for at in (line.valid_from, line.valid_to) if start <= at < end}

    def behind(event: Recorded) -> bool:
        if event.stream_id in whole or event.event_id in sources or event.type == "contract.signed":
            return True
        if lifelong and event.type == "contract.renewed":
            return True
        return not changed.isdisjoint(_effects(event, zone))

    return behind


def _whole_streams(rows: Sequence[Any]) -> set[str]:
    return {stream for row in rows for stream in row_type(row).streams(row)}


def _single_events(rows: Sequence[Any]) -> set[tuple[str, str]]:
    return {event for row in rows for event in row_type(row).events(row)}


def _effects(event: Recorded, zone: ZoneInfo) -> list[int]:
    """When an event changes something: at its effective time, and on the days that it names."""
    days = [event.data[name] for name in ("start", "effective_end") if event.data.get(name)]
    return [event.effective_at, *(day_start(day, zone) for day in days)]
