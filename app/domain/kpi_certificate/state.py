"""What decisions need to know of a KPI certificate, folded from its events."""

from dataclasses import dataclass

from app.domain.kpi_certificate.events import KpiCertificateIssued
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class KpiCertificateState:
    """What decisions need of a certificate."""

    account: str | None = None
    exists: bool = False


def evolve(state: KpiCertificateState, recorded: Recorded) -> KpiCertificateState:
    """The state after one more event."""
    match recorded.event:
        case KpiCertificateIssued(scope=scope):
            return KpiCertificateState(account=scope.account, exists=True)
        case _:
            return state
