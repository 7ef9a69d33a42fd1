"""Causes: which events are behind the rows of an account in a figure."""

from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER, day_start
from app.domain.recorded import Recorded
from projections.kpis.cohorts import Joined
from projections.kpis.customer_lifetimes import CustomerLifetime
from projections.kpis.forecast import Outlook, Predicted
from projections.kpis.growth import Agreement, Deal
from projections.kpis.incentives import Payment
from projections.kpis.scope import ScopeChangeOutcome
from projections.views.budgets import Budget
from projections.views.contract_lines import ContractLine
from projections.views.renewals import Renewal


def streams(rows: Sequence[Any], lines: Sequence[ContractLine]) -> set[str]:
    """The streams in which the events behind an account's rows are found."""
    return {line.contract for line in lines} | _own(rows) | {row.statement for row in rows if isinstance(row, Payment)}


def causes(
    rows: Sequence[Any], lines: Sequence[ContractLine], start: int, end: int, zone: ZoneInfo
) -> Callable[[Recorded], bool]:
    """Whether an event of those streams is behind an account's rows.

    A line was set by its source and binds by its contract's signature; where one began or ended within [start, end), what
    took effect then is behind it too; behind a whole life is all that began, prolonged or ended a line. What fell due or was wished
    has its own streams, and all of them is behind it.
    """
    whole = any(isinstance(row, CustomerLifetime | Joined) for row in rows)
    if whole:
        start = -FOREVER
    own, sources = _own(rows), {line.source for line in lines} | _paid(rows)
    changed = {at for line in lines for at in (line.valid_from, line.valid_to) if start <= at < end}

    def behind(event: Recorded) -> bool:
        if event.stream_id in own or event.event_id in sources or event.type == "contract.signed":
            return True
        if whole and event.type == "contract.renewed":
            return True
        return not changed.isdisjoint(_effects(event, zone))

    return behind


def _own(rows: Sequence[Any]) -> set[str]:
    context = [row.term if isinstance(row, Outlook | Predicted) else row for row in rows]
    found = {name for row in context if isinstance(row, Renewal) for name in (row.contract, row.renewal) if name}
    found |= {row.stream for row in rows if isinstance(row, Deal | Agreement)}
    found |= {row.budget for row in rows if isinstance(row, Budget)}
    return found | {row.scope_change for row in rows if isinstance(row, ScopeChangeOutcome)}


def _paid(rows: Sequence[Any]) -> set[str]:
    """The events that paid something or took it back."""
    return {row.cause for row in rows if isinstance(row, Payment)}


def _effects(event: Recorded, zone: ZoneInfo) -> list[int]:
    """When an event changes something: at its effective time, and on the days that it names."""
    days = [event.data[name] for name in ("start", "effective_end") if event.data.get(name)]
    return [event.effective_at, *(day_start(day, zone) for day in days)]
