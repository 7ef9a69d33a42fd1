"""KPI certificates: one row each, as it was issued; no later event changes one."""

from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import View, stream


class KpiCertificate(NamedTuple):
    """A certificate. start, end: days of the period; as_of: an instant as text; effective_at: when it was issued, microseconds.

    position: of its event; known_position: up to which its figure was known. note stays sealed; its key is the event's.
    """

    kpi_certificate: str
    position: int
    effective_at: int
    event_id: str
    actor: str
    kpi: str
    method: str
    unit: str
    account: str | None
    scope: dict[str, Any]
    options: list[dict[str, Any]]
    start: str | None
    end: str | None
    as_of: str
    known_position: int
    policy: str | None
    policy_version: str
    fx_version: str | None
    value: str | None
    null_reason: str | None
    numerator: str
    denominator: str | None
    currency: str | None
    warnings: list[dict[str, Any]]
    answer_hash: str
    inputs_hash: str
    calculation: int
    code_digest: str | None
    note: dict[str, Any] | None


def _issued(_row: KpiCertificate | None, recorded: Recorded, _where: ZoneInfo) -> KpiCertificate:
    data = recorded.data
    return KpiCertificate(
        kpi_certificate=recorded.stream_id,
        position=recorded.position,
        effective_at=recorded.effective_at,
        event_id=recorded.event_id,
        actor=recorded.actor,
        account=data["scope"].get("account"),
        **{name: data.get(name) for name in _FROM_EVENT},  # type: ignore[arg-type]  # as the event has them
    )


_FROM_EVENT: Final = tuple(
    name for name in KpiCertificate._fields[KpiCertificate._fields.index("kpi") :] if name != "account"
)

VIEW = View(
    name="kpi_certificates",
    version=2,
    row=KpiCertificate,
    keys=("kpi_certificate",),
    on={"kpi_certificate.issued": _issued},
    group_of=stream,
    facts=True,
    indexes=(("position",), ("kpi", "position"), ("account", "position")),
    noun="kpi_certificate",
)
