"""The period close: figures of a period certified together, once; what is recorded later restates them in the open."""

from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import day_start
from app.domain.kpi_certificate.decisions import require_undated
from app.domain.period_close.commands import RecordPeriodClose, RecordPeriodRestatement
from app.domain.period_close.events import PeriodCloseRestated
from app.domain.period_close.state import PeriodCloseState


def claim(start: str, end: str, currency: str | None) -> str:
    """What a close of a period claims for itself."""
    return f"{start}/{end}" + (f"/{currency}" if currency else "")


def reference(command: RecordPeriodClose, _context: Context) -> str:
    """The name that only one close of a period may have."""
    return claim(command.closed.start, command.closed.end, command.closed.currency)


def close(_state: PeriodCloseState, command: RecordPeriodClose, context: Context) -> tuple[Event, ...]:
    """The period closed. Raises: Refused before it has ended."""
    require_undated(command)
    if day_start(command.closed.end, context.zone) > context.now:
        raise Refused("period_not_ended", "a period is closed once its last day is over")
    return (command.closed,)


def restate(state: PeriodCloseState, command: RecordPeriodRestatement, _context: Context) -> tuple[Event, ...]:
    """Its figures restated. Raises: Refused when another certificate has taken a place by now."""
    require_undated(command)
    for figure in command.restated:
        if figure.from_cert not in state.certificates:
            raise Refused("certificate_replaced", "another certificate has taken its place already")
    return tuple(PeriodCloseRestated(**figure.model_dump()) for figure in command.restated)
