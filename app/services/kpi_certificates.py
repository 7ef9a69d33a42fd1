"""KPI certificates: a KPI is computed and certified; later it is computed again and compared."""

from dataclasses import asdict
from typing import Any, Final

from app.domain.kernel.command import Command
from app.domain.kernel.errors import NotFound
from app.domain.kernel.values import micros
from app.domain.kpi_certificate.commands import RecordKpiCertificate
from app.domain.kpi_certificate.events import CertifiedOption, CertifiedScope, CertifiedWarning, KpiCertificateIssued
from app.kpi_queries.digests import answer_hash, inputs_hash
from app.kpi_queries.evaluate import evaluate_exactly
from app.kpi_queries.query import KpiQuery, Scope, kpi_of
from app.kpi_queries.sources import views_of
from app.read_side.clocks import When
from app.read_side.reader import Reader
from app.services.service_call import ServiceCall
from app.store.receipts import Receipt
from projections.kpis.decimals import step
from projections.kpis.presentation import is_share

COMPARED: Final = (
    "value",
    "null_reason",
    "numerator",
    "denominator",
    "currency",
    "policy_version",
    "fx_version",
    "answer_hash",
    "inputs_hash",
)
"""What must be the same when a KPI is computed again."""
RESTATED: Final = ("value", "numerator", "denominator", "currency")
"""What makes a KPI restated when it has changed."""


def pin_clocks(reader: Reader, tenant_id: str, kpi: str, as_of: str | None, known_at: str | None) -> When:
    """Both clocks at a named position: everything that is known now, once the views have read it, or what the caller names.

    Raises: NotFound for an unknown KPI; Invalid for a clock that cannot be read; Unavailable while views are behind.
    """
    needed = views_of(kpi)
    when = reader.when(tenant_id, as_of, known_at)
    position = reader.aim(tenant_id) if when.known_at is None else when.known_at
    reader.wait(tenant_id, needed, position, 2, strict=True)
    return When(when.as_of, position, when.now)


def compute(
    reader: Reader, tenant_id: str, query: KpiQuery, when: When, note: str | None = None
) -> KpiCertificateIssued:
    """The event that certifies the answer to a query; nothing is appended. Raises: as an answer does."""
    result, answer = evaluate_exactly(reader, tenant_id, query, when, explained=True)
    period = answer["period"] or {}
    return KpiCertificateIssued(
        kpi=answer["name"],
        method=answer["method"],
        unit=answer["unit"],
        scope=CertifiedScope(**asdict(query.scope), reporting_currency=query.reporting_currency),
        options=tuple(CertifiedOption(name=name, value=value) for name, value in query.options),
        start=period.get("from"),
        end=period.get("to"),
        as_of=answer["as_of"],
        known_position=answer["position"],
        policy=query.policy,
        policy_version=answer["policy_version"],
        fx_version=answer["fx_version"],
        value=answer["value"],
        null_reason=answer.get("null_reason"),
        numerator=answer["numerator"],
        denominator=answer["denominator"],
        currency=answer["currency"],
        warnings=tuple(CertifiedWarning(**warning) for warning in answer["warnings"]),
        answer_hash=answer_hash(answer),
        inputs_hash=inputs_hash(result),
        calculation=answer["calculation"],
        note=note,
    )


def issue(call: ServiceCall, certificate: KpiCertificateIssued, command: Command | None = None) -> Receipt:
    """Appends a certificate. Takes: `command`, the one that asks for it, for its date, reason and visibility."""
    common = {} if command is None else command.model_dump(include={"effective_at", "reason", "visibility"})
    return call.append(RecordKpiCertificate(issued=certificate, account=certificate.scope.account, **common))


# --- computing again ---


def query_of(certificate: KpiCertificateIssued) -> KpiQuery:
    """The query that a certificate answers."""
    scope = certificate.scope.model_dump()
    reporting_currency = scope.pop("reporting_currency")
    return KpiQuery(
        name=certificate.kpi,
        from_=certificate.start,
        to=certificate.end,
        method=certificate.method,
        scope=Scope(**scope),
        options=tuple((option.name, option.value) for option in certificate.options),
        policy=certificate.policy,
        reporting_currency=reporting_currency,
    )


def certificate_of(reader: Reader, tenant_id: str, certificate_id: str) -> KpiCertificateIssued:
    """A certificate as the log holds it. Raises: NotFound."""
    recorded = next(reader.log.stream(tenant_id, certificate_id), None)
    if recorded is None or not isinstance(recorded.event, KpiCertificateIssued):
        raise NotFound("kpi_certificate_not_found", "there is no such kpi certificate")
    return recorded.event


def verify(reader: Reader, tenant_id: str, certificate_id: str) -> dict[str, Any]:
    """A certificate, the same computed again, where the two differ, and the value of the KPI now."""
    certificate = certificate_of(reader, tenant_id, certificate_id)
    clocks = When(micros(certificate.as_of), certificate.known_position, now=False)
    again = compute(reader, tenant_id, query_of(certificate), clocks)
    certified = {name: getattr(certificate, name) for name in COMPARED}
    recomputed = {name: getattr(again, name) for name in COMPARED}
    differences = [
        {"member": name, "certified": certified[name], "recomputed": recomputed[name]}
        for name in COMPARED
        if certified[name] != recomputed[name]
    ]
    return {
        "id": certificate_id,
        "verified": not differences,
        "certified": certified,
        "recomputed": recomputed,
        "differences": differences,
        "code_changed": certificate.calculation != again.calculation,
        "known_since": current_value(reader, tenant_id, certificate),
    }


def current_value(
    reader: Reader, tenant_id: str, certificate: KpiCertificateIssued, known_at: int | None = None
) -> dict[str, Any]:
    """The value of a certified KPI as it is known now, or at a position, and whether it has been restated."""
    clocks = When(micros(certificate.as_of), known_at, now=False)
    _, answer = evaluate_exactly(reader, tenant_id, query_of(certificate), clocks)
    currency = answer["currency"] or certificate.currency
    return {
        "value": answer["value"],
        "numerator": answer["numerator"],
        "denominator": answer["denominator"],
        "position": answer["position"],
        "restated": any(answer[name] != getattr(certificate, name) for name in RESTATED),
        "difference": step(certificate.value, answer["value"], currency, share=is_share(kpi_of(certificate.kpi))),
    }
