"""Period closes: the KPIs of a period are certified together, and certified again where later events have changed them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from app.domain.kernel.errors import Conflict, Invalid, NotFound, Refused
from app.domain.kernel.values import day_start, instant
from app.domain.kpi_certificate.decisions import require_undated
from app.domain.kpi_certificate.events import KpiCertificateIssued
from app.domain.period_close.commands import (
    ClosePeriod,
    RecordPeriodClose,
    RecordPeriodRestatement,
    Restated,
    RestatePeriod,
)
from app.domain.period_close.decisions import claim
from app.domain.period_close.events import PeriodCloseClosed
from app.kpi_queries.query import KpiQuery, Scope, kpi_of
from app.kpi_queries.restatement import Restatement
from app.kpi_queries.sources import takes_currency
from app.read_side.reader import Reader
from app.services import kpi_certificates
from app.services.service_call import ServiceCall
from app.store.receipts import Receipt

DEFAULT_KPIS: Final = (
    "client_retention_rate", "net_revenue_retention", "gross_revenue_retention", "mrr_waterfall", "arr_growth",
    "customer_churn_rate", "quick_ratio", "mrr", "arr",
)  # fmt: skip
"""What is certified where the command names no KPI."""


class RestatedKpi(NamedTuple):
    """A certificate by id, the one that replaces it, the ids of the events that changed the KPI, and whether these are all."""

    certificate_id: str
    replacement: KpiCertificateIssued
    causes: list[str]
    complete: bool


def close(call: ServiceCall, command: ClosePeriod) -> Receipt:
    """Certifies the KPIs of a period as they are known now, and closes it.

    Raises: Refused before it has ended or when it is closed already; as the KPIs do, before anything is appended.
    """
    call.require_whole()
    reference = claim(command.from_, command.to, command.currency)
    if (receipt := call.replayed()) is not None:
        return receipt
    _require_closable(call, command, reference)
    certificates: list[KpiCertificateIssued] = []
    position: int | None = None
    for name in dict.fromkeys(command.kpis) or DEFAULT_KPIS:
        query, as_of = _query(call.reader, call.tenant_id, name, command)
        known_at = None if position is None else str(position)
        when = kpi_certificates.pin_clocks(call.reader, call.tenant_id, name, as_of, known_at)
        position = when.known_at
        certificates.append(kpi_certificates.compute(call.reader, call.tenant_id, query, when))
    closed = PeriodCloseClosed(
        start=command.from_,
        end=command.to,
        currency=command.currency,
        known_position=position or 0,
        certificates=tuple(_issue(call, certificate, certificate.kpi) for certificate in certificates),
    )
    return call.append(
        RecordPeriodClose(
            closed=closed,
            effective_at=command.effective_at,
            reason=command.reason,
            visibility=command.visibility,
        )
    )


def restate(call: ServiceCall, close_id: str, command: RestatePeriod) -> Receipt:
    """Certifies again what is no longer as it was certified, and names the events that changed it.

    Raises: NotFound; Conflict where the close has another version; Refused when nothing has changed.
    """
    call.require_whole()
    close_id, period_close = call.handler.load_as_stored(call.tenant_id, "period_close", close_id)
    if (receipt := call.replayed()) is not None:
        return receipt
    require_undated(command)
    if call.if_match is not None and call.if_match != period_close.version:
        raise Conflict("version_conflict", "it changed since you looked", current_version=period_close.version)
    changed = list(_changed(call.reader, call.tenant_id, period_close.state.certificates))
    if not changed:
        raise Refused("nothing_restated", "every certified figure is as it was")
    restated = tuple(
        Restated(
            kpi=kpi.replacement.kpi,
            from_cert=kpi.certificate_id,
            to_cert=_issue(call, kpi.replacement, kpi.certificate_id),
            known_position=kpi.replacement.known_position,
            causes=tuple(kpi.causes),
            complete=kpi.complete,
        )
        for kpi in changed
    )
    record = RecordPeriodRestatement(
        restated=restated,
        reason=command.reason,
        effective_at=command.effective_at,
        visibility=command.visibility,
    )
    return call.append(record, period_close=close_id)


def compared(
    reader: Reader, tenant_id: str, certificate_ids: Iterable[str], known_at: int | None = None
) -> list[dict[str, Any]]:
    """The certified values of a period beside what they are now, or were at a position."""
    rows = []
    for certificate_id in certificate_ids:
        certificate = kpi_certificates.certificate_of(reader, tenant_id, certificate_id)
        current = kpi_certificates.current_value(reader, tenant_id, certificate, known_at)
        rows.append(
            {
                "kpi": certificate.kpi,
                "method": certificate.method,
                "unit": certificate.unit,
                "currency": certificate.currency,
                "certificate": certificate_id,
                "known_at": certificate.known_position,
                "certified": certificate.value,
                "now": current["value"],
                "difference": current["difference"],
                "restated": current["restated"],
            }
        )
    return rows


def _require_closable(call: ServiceCall, command: ClosePeriod, reference: str) -> None:
    require_undated(command)
    zone = call.reader.projector.zone(call.tenant_id)
    try:
        start, end = day_start(command.from_, zone), day_start(command.to, zone)
    except (ValueError, OverflowError) as error:
        raise Invalid("invalid_period", "from and to are dates such as 2026-01-31") from error
    if start >= end:
        raise Invalid("invalid_period", "from must be before to")
    if end > call.reader.clock():
        raise Refused("period_not_ended", "a period is closed once its last day is over")
    try:
        call.handler.resolve(call.tenant_id, "period_close", f"ref:{reference}")
    except NotFound:
        return
    raise Refused("period_closed", "the period is closed already; what has changed since may be restated")


def _query(reader: Reader, tenant_id: str, name: str, command: ClosePeriod) -> tuple[KpiQuery, str | None]:
    """The query of a KPI for the period, and the instant of one that is of a point in time: the period's last."""
    kpi = kpi_of(name)
    scope = Scope(currency=command.currency if takes_currency(kpi) else None)
    if kpi.kind == "period":
        return KpiQuery(name, command.from_, command.to, scope=scope), None
    last = day_start(command.to, reader.projector.zone(tenant_id)) - 1
    return KpiQuery(name, scope=scope), instant(last)


def _issue(call: ServiceCall, certificate: KpiCertificateIssued, name: str) -> str:
    """Issues a certificate. Gives: its id. The same request sent again finds the certificates that it had issued."""
    request = replace(call.request, key=f"{call.request.key}:{name}")
    return kpi_certificates.issue(replace(call, request=request, if_match=None), certificate).id


def _changed(reader: Reader, tenant_id: str, certificate_ids: Iterable[str]) -> Iterator[RestatedKpi]:
    """The certificates that no longer say what is known, each with its replacement; all replacements are of one position."""
    position = None
    for certificate_id in certificate_ids:
        certificate = kpi_certificates.certificate_of(reader, tenant_id, certificate_id)
        query = kpi_certificates.query_of(certificate)
        clocks = kpi_certificates.pin_clocks(reader, tenant_id, certificate.kpi, certificate.as_of, position)
        position = str(clocks.known_at)
        if kpi_certificates.current_value(reader, tenant_id, certificate, clocks.known_at)["restated"]:
            replacement = kpi_certificates.compute(reader, tenant_id, query, clocks)
            clocks = replace(clocks, known_at=None)
            difference = Restatement(
                reader, tenant_id, query, clocks, certificate.known_position, replacement.known_position
            )
            causes, complete = difference.causes()
            yield RestatedKpi(certificate_id, replacement, causes, complete)
