"""Certificates: a figure computed and given away, and computed again to compare."""

from dataclasses import asdict
from typing import Any, Final

from app.domain.kernel.errors import NotFound
from app.domain.kernel.values import micros
from app.domain.kpi_certificate.commands import RecordKpiCertificate
from app.domain.kpi_certificate.events import CertifiedOption, CertifiedScope, CertifiedWarning, KpiCertificateIssued
from app.kpi_queries.digests import answer_hash, inputs_hash
from app.kpi_queries.evaluate import evaluate_exactly
from app.kpi_queries.query import KpiQuery, Scope, kpi_of
from app.kpi_queries.sources import views_of
from app.read_side.reader import Reader, When
from app.store.receipts import Receipt, Request
from app.write_side.handler import CommandEnvelope, Handler
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
"""What must be the same when a figure is computed again."""


def known(reader: Reader, tenant_id: str, name: str, as_of: str | None, known_at: str | None) -> When:
    """Both clocks of a figure that will be kept, at a named position: what is known now, once the views have read it.

    Raises: NotFound for an unknown KPI; Invalid for a clock that is none; Unavailable while views are behind.
    """
    read = views_of(name)
    when = reader.when(tenant_id, as_of, known_at)
    position = reader.log.head(tenant_id) if when.known_at is None else when.known_at
    reader.wait(tenant_id, read, position, 2, strict=True)
    return When(when.as_of, position, when.now)


def certified(
    reader: Reader, tenant_id: str, question: KpiQuery, when: When, note: str | None = None
) -> KpiCertificateIssued:
    """A figure as a certificate says it. Raises: as an answer does."""
    found, answer = evaluate_exactly(reader, tenant_id, question, when, explained=True)
    period = answer["period"] or {}
    return KpiCertificateIssued(
        kpi=answer["name"],
        method=answer["method"],
        unit=answer["unit"],
        scope=CertifiedScope(**asdict(question.scope), reporting_currency=question.reporting_currency),
        options=tuple(CertifiedOption(name=name, value=value) for name, value in question.options),
        start=period.get("from"),
        end=period.get("to"),
        as_of=answer["as_of"],
        known_position=answer["position"],
        policy=question.policy,
        policy_version=answer["policy_version"],
        fx_version=answer["fx_version"],
        value=answer["value"],
        null_reason=answer.get("null_reason"),
        numerator=answer["numerator"],
        denominator=answer["denominator"],
        currency=answer["currency"],
        warnings=tuple(CertifiedWarning(**one) for one in answer["warnings"]),
        answer_hash=answer_hash(answer),
        inputs_hash=inputs_hash(found),
        calculation=answer["calculation"],
        note=note,
    )


def issue(
    handler: Handler, tenant_id: str, actor: str, issued: KpiCertificateIssued, request: Request, **said: Any
) -> Receipt:
    """Appends a certificate. Takes: `said`, what the command says besides."""
    command = RecordKpiCertificate(issued=issued, account=issued.scope.account, **said)
    return handler.handle(CommandEnvelope(tenant_id, actor, command, request))


# --- computing again ---


def question_of(told: KpiCertificateIssued) -> KpiQuery:
    """What a certificate answers."""
    scope = told.scope.model_dump()
    reporting_currency = scope.pop("reporting_currency")
    options = tuple((one.name, one.value) for one in told.options)
    return KpiQuery(
        told.kpi, told.start, told.end, told.method, Scope(**scope), options, told.policy, reporting_currency
    )


def figure_of(reader: Reader, tenant_id: str, certificate_id: str) -> KpiCertificateIssued:
    """What a certificate says, as it stands in the log. Raises: NotFound."""
    recorded = next(reader.log.stream(tenant_id, certificate_id), None)
    if recorded is None or not isinstance(recorded.event, KpiCertificateIssued):
        raise NotFound("kpi_certificate_not_found", "there is no such kpi certificate")
    return recorded.event


def verify(reader: Reader, tenant_id: str, certificate_id: str) -> dict[str, Any]:
    """What a certificate says, what computing it again gives, where they differ, and what the figure is by now."""
    told = figure_of(reader, tenant_id, certificate_id)
    question, as_of = question_of(told), micros(told.as_of)
    again = certified(reader, tenant_id, question, When(as_of, told.known_position, now=False))
    stands = {name: getattr(told, name) for name in COMPARED}
    found = {name: getattr(again, name) for name in COMPARED}
    differences = [
        {"member": name, "certified": stands[name], "recomputed": found[name]}
        for name in COMPARED
        if stands[name] != found[name]
    ]
    return {
        "id": certificate_id,
        "verified": not differences,
        "certified": stands,
        "recomputed": found,
        "differences": differences,
        "code_changed": told.calculation != again.calculation,
        "known_since": since(reader, tenant_id, told),
    }


def since(reader: Reader, tenant_id: str, told: KpiCertificateIssued, known_at: int | None = None) -> dict[str, Any]:
    """A certified figure as it is by now, and whether it has been restated."""
    _, now = evaluate_exactly(reader, tenant_id, question_of(told), When(micros(told.as_of), known_at, now=False))
    members = ("value", "numerator", "denominator", "currency")
    return {
        "value": now["value"],
        "numerator": now["numerator"],
        "denominator": now["denominator"],
        "position": now["position"],
        "restated": any(now[name] != getattr(told, name) for name in members),
        "difference": step(
            told.value, now["value"], now["currency"] or told.currency, share=is_share(kpi_of(told.kpi))
        ),
    }
