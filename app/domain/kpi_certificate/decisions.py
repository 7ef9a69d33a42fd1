"""The KPI certificate: a figure that was handed out, with what it takes to compute it again and compare."""

from app.domain.kernel.command import Command
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid
from app.domain.kernel.event import Event
from app.domain.kpi_certificate.commands import RecordKpiCertificate
from app.domain.kpi_certificate.state import KpiCertificateState


def issue(_state: KpiCertificateState, command: RecordKpiCertificate, _context: Context) -> tuple[Event, ...]:
    """A new certificate. Raises: Invalid for one that is dated: it is issued when it is computed."""
    require_undated(command)
    return (command.issued,)


def require_undated(command: Command) -> None:
    """Raises: Invalid where a command that certifies names its own date."""
    if command.effective_at is not None:
        raise Invalid(
            "effective_at_not_allowed", "a certificate is dated now; as_of and known_at name the time of the figure"
        )
