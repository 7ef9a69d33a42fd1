"""The declaration of the aggregate type `kpi_certificate`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, optional
from app.domain.kpi_certificate import commands, decisions
from app.domain.kpi_certificate.state import KpiCertificateState, evolve

KPI_CERTIFICATE: Final = AggregateType(
    name="kpi_certificate",
    id_prefix="crt",
    initial=KpiCertificateState(),
    evolve=evolve,
    decisions={
        commands.RecordKpiCertificate: Decision(decisions.issue, "certify", creates=True, reads=(optional("account"),)),
    },
)
