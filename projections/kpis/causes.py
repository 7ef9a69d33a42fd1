"""Causes: which events are behind the rows of an account in a figure."""

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from app.domain.values import day_start
from projections.contract_lines import ContractLine
from projections.kpis.scope import Wish
from projections.renewals import Renewal


def causes(
    rows: Sequence[Any], lines: Sequence[ContractLine], start: int, end: int, where: ZoneInfo
) -> Callable[[Recorded], bool]:
    """Whether an event of the account is behind its rows.

    A line was set by its source and binds by its contract's signature; where one began or ended within [start, end), what
    took effect then is behind it too. What fell due or was wished has its own streams.
    """
    streams = {name for row in rows if isinstance(row, Renewal) for name in (row.contract, row.renewal)}
    streams |= {row.scope_change for row in rows if isinstance(row, Wish)}
    sources, contracts = {line.source for line in lines}, {line.contract for line in lines}
    changed = {at for line in lines for at in (line.valid_from, line.valid_to) if start <= at < end}

    def behind(event: Recorded) -> bool:
        if event.stream_id in streams or event.event_id in sources:
            return True
        if event.stream_id not in contracts:
            return False
        return event.type == "contract.signed" or not changed.isdisjoint(_effects(event, where))

    return behind


def _effects(event: Recorded, where: ZoneInfo) -> list[int]:
    """When an event changes something: at its effective time, and on the days that it names."""
    days = [event.data[name] for name in ("start", "effective_end") if event.data.get(name)]
    return [event.effective_at, *(day_start(day, where) for day in days)]
