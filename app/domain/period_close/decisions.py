"""The period close: figures of a period certified together, once; what is recorded later restates them in the open."""

from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field

from app.domain.kernel.command import Command
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import Currency, Day, Name, Note, Public, day_start
from app.domain.kpi_certificate.decisions import require_undated
from app.domain.period_close.events import PeriodCloseClosed, PeriodCloseRestated
from app.domain.recorded import Recorded


class ClosePeriod(Command):
    """Certifies the figures of a period that has ended."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    from_: Day = Field(alias="from", description="first day of the period")
    to: Day = Field(description="first day after the period")
    currency: Currency | None = Field(None, description="only contracts in it")
    kpis: tuple[Name, ...] = Field((), max_length=50, description="which figures; default: retention and revenue")


class RecordPeriodClose(Command):
    """The same with the certificates that were issued for it."""

    closed: PeriodCloseClosed


class RestatePeriod(Command):
    """Certifies anew the figures of a closed period that are no longer what they were."""

    reason: Note = Field(description="why it is said anew; sealed like any free text")


class Restated(BaseModel):
    """A figure that was certified anew."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kpi: Public[str]
    from_cert: Public[str]
    to_cert: Public[str]
    known_position: Public[int]
    causes: Public[tuple[str, ...]]
    complete: Public[bool]


class RecordPeriodRestatement(Command):
    """The same with the certificates that take the place of others."""

    restated: tuple[Restated, ...] = Field(min_length=1)


@dataclass(frozen=True)
class PeriodCloseState:
    """What decisions need of a closed period. certificates: those that stand."""

    start: str = ""
    end: str = ""
    certificates: tuple[str, ...] = ()
    account: str | None = None


def evolve(state: PeriodCloseState, recorded: Recorded) -> PeriodCloseState:
    """The state after one more event."""
    match recorded.event:
        case PeriodCloseClosed() as closed:
            return PeriodCloseState(closed.start, closed.end, closed.certificates)
        case PeriodCloseRestated(from_cert=old, to_cert=new):
            return replace(state, certificates=tuple(new if one == old else one for one in state.certificates))
        case _:
            return state


def claim(start: str, end: str, currency: str | None) -> str:
    """What a close of a period claims for itself."""
    return f"{start}/{end}" + (f"/{currency}" if currency else "")


def called(command: RecordPeriodClose) -> str:
    """What only one close may claim."""
    return claim(command.closed.start, command.closed.end, command.closed.currency)


def close(_state: PeriodCloseState, command: RecordPeriodClose, context: Context) -> tuple[Event, ...]:
    """The period closed. Raises: Refused before it has ended."""
    require_undated(command)
    if day_start(command.closed.end, context.zone) > context.now:
        raise Refused("period_not_ended", "a period is closed once its last day is over")
    return (command.closed,)


def restate(state: PeriodCloseState, command: RecordPeriodRestatement, _context: Context) -> tuple[Event, ...]:
    """Its figures said anew. Raises: Refused when another certificate stands by now."""
    require_undated(command)
    for one in command.restated:
        if one.from_cert not in state.certificates:
            raise Refused("certificate_replaced", "another certificate has taken its place already")
    return tuple(PeriodCloseRestated(**one.model_dump()) for one in command.restated)
