"""The KPI certificate: a figure that was given away, with what it takes to compute it again and compare."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from app.domain.kernel.command import Command
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid
from app.domain.kernel.event import Event
from app.domain.kernel.values import Currency, Day, Instant, Label, Name, Note, Ref
from app.domain.kpi_certificate.events import KpiCertificateIssued
from app.domain.recorded import Recorded

Position = Annotated[int, Field(ge=0, le=2**53, strict=True)]


class IssueKpiCertificate(Command):
    """Certifies a figure as it is known now, or was known at a position."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    kpi: Name
    from_: Day | None = Field(None, alias="from", description="first day of the period")
    to: Day | None = Field(None, description="first day after the period")
    as_of: Day | Instant | None = Field(None, description="of a point in time; a date means its end")
    method: Label | None = Field(None, description="one of the KPI's methods; default: its first")
    account: Ref | None = Field(None, description="one account, by id or ref:…")
    owner: Label | None = None
    tier: Label | None = None
    currency: Currency | None = Field(None, description="only contracts in it")
    reporting_currency: Currency | None = Field(None, description="the currency into which amounts are converted")
    attribution: Literal["start", "end"] = "start"
    options: dict[Label, Label] = Field({}, max_length=20, description="what else the KPI's question may say")
    policy: Name | None = Field(None, description="the version of a metric policy to count by")
    known_at: Position | Day | Instant | None = Field(None, description="a position or an instant; default: all")
    note: Note | None = Field(None, description="for whom and what for; sealed like any free text")


class RecordKpiCertificate(Command):
    """The same with the figure that was computed for it."""

    issued: KpiCertificateIssued
    account: Ref | None = None


@dataclass(frozen=True)
class KpiCertificateState:
    """What decisions need of a certificate."""

    account: str | None = None
    exists: bool = False


def evolve(state: KpiCertificateState, recorded: Recorded) -> KpiCertificateState:
    """The state after one more event."""
    match recorded.event:
        case KpiCertificateIssued(scope=scope):
            return KpiCertificateState(scope.account, exists=True)
        case _:
            return state


def issue(_state: KpiCertificateState, command: RecordKpiCertificate, _context: Context) -> tuple[Event, ...]:
    """A new certificate. Raises: Invalid for one that is dated: it is issued when it is computed."""
    require_undated(command)
    return (command.issued,)


def require_undated(command: Command) -> None:
    """Raises: Invalid where a command that certifies names its own date."""
    if command.effective_at is not None:
        raise Invalid("effective_at_not_allowed", "what is certified is certified now; as_of and known_at say of when")
