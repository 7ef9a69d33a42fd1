"""Periods: the figures of a period certified together, and said anew where later knowledge has changed them."""

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
from app.services.kpi_certificates import certified, figure_of, issue, known, question_of, since
from app.store.receipts import Receipt, Request
from app.write_side.handler import CommandEnvelope, Handler

FIGURES: Final = (
    "client_retention_rate", "net_revenue_retention", "gross_revenue_retention", "mrr_waterfall", "arr_growth",
    "customer_churn_rate", "quick_ratio", "mrr", "arr",
)  # fmt: skip
"""What is certified where nothing else is said."""


class Anew(NamedTuple):
    """A certificate that stood, what takes its place, the events that moved it, and whether these are all."""

    standing: str
    told: KpiCertificateIssued
    causes: list[str]
    complete: bool


def close(
    handler: Handler, reader: Reader, tenant_id: str, actor: str, command: ClosePeriod, request: Request
) -> Receipt:
    """Certifies the figures of a period as they are known now, and closes it.

    Raises: Refused before it has ended or when it is closed already; as the figures do, before anything is appended.
    """
    own = claim(command.from_, command.to, command.currency)
    if (answered := reader.log.replay(tenant_id, request)) is not None:
        return answered
    _require_closable(handler, reader, tenant_id, command, own)
    names = tuple(dict.fromkeys(command.kpis)) or FIGURES
    told, position = [], None
    for name in names:
        question, as_of = _asked(reader, tenant_id, name, command)
        when = known(reader, tenant_id, name, as_of, None if position is None else str(position))
        position = when.known_at
        told.append(certified(reader, tenant_id, question, when))
    ids = [_issued(handler, tenant_id, actor, one, request, one.kpi) for one in told]
    closed = PeriodCloseClosed(
        start=command.from_,
        end=command.to,
        currency=command.currency,
        known_position=position or 0,
        certificates=tuple(ids),
    )
    record = RecordPeriodClose(
        closed=closed,
        effective_at=command.effective_at,
        reason=command.reason,
        visibility=command.visibility,
    )
    return handler.handle(CommandEnvelope(tenant_id, actor, record, request))


def restate(
    handler: Handler, reader: Reader, tenant_id: str, actor: str, close_id: str, command: RestatePeriod, request: Request,
    if_match: int | None,
) -> Receipt:  # fmt: skip
    """Certifies anew what is no longer as it was certified, and says which events moved it.

    Raises: NotFound; Refused when everything stands.
    """
    close_id, held = handler.load(tenant_id, "period_close", close_id)
    if (answered := reader.log.replay(tenant_id, request)) is not None:
        return answered
    require_undated(command)
    if if_match is not None and if_match != held.version:
        raise Conflict("version_conflict", "it changed since you looked", current_version=held.version)
    anew = list(_anew(reader, tenant_id, held.state.certificates))
    if not anew:
        raise Refused("nothing_restated", "every certified figure is as it was")
    restated = [
        Restated(
            kpi=told.kpi,
            from_cert=standing,
            to_cert=_issued(handler, tenant_id, actor, told, request, standing),
            known_position=told.known_position,
            causes=tuple(causes),
            complete=complete,
        )
        for standing, told, causes, complete in anew
    ]
    record = RecordPeriodRestatement(
        restated=tuple(restated),
        reason=command.reason,
        effective_at=command.effective_at,
        visibility=command.visibility,
    )
    return handler.handle(CommandEnvelope(tenant_id, actor, record, request, {"period_close": close_id}, if_match))


def standing(
    reader: Reader, tenant_id: str, certificates: list[str], known_at: int | None = None
) -> list[dict[str, Any]]:
    """The certified figures of a period beside what they are by now, or were at a position."""
    found = []
    for one in certificates:
        told = figure_of(reader, tenant_id, one)
        now = since(reader, tenant_id, told, known_at)
        found.append(
            {
                "kpi": told.kpi,
                "method": told.method,
                "unit": told.unit,
                "currency": told.currency,
                "certificate": one,
                "known_position": told.known_position,
                "certified": told.value,
                "now": now["value"],
                "difference": now["difference"],
                "restated": now["restated"],
            }
        )
    return found


def _require_closable(handler: Handler, reader: Reader, tenant_id: str, command: ClosePeriod, own: str) -> None:
    require_undated(command)
    where = reader.projector.zone(tenant_id)
    try:
        start, end = day_start(command.from_, where), day_start(command.to, where)
    except (ValueError, OverflowError) as error:
        raise Invalid("invalid_period", "from and to are dates such as 2026-01-31") from error
    if start >= end:
        raise Invalid("invalid_period", "from must be before to")
    if end > reader.clock():
        raise Refused("period_not_ended", "a period is closed once its last day is over")
    try:
        handler.resolve(tenant_id, "period_close", f"ref:{own}")
    except NotFound:
        return
    raise Refused("period_closed", "the period is closed already; what has changed since may be restated")


def _asked(reader: Reader, tenant_id: str, name: str, command: ClosePeriod) -> tuple[KpiQuery, str | None]:
    """A figure of the period; one of a point in time is asked for its last instant."""
    kpi = kpi_of(name)
    scope = Scope(currency=command.currency if takes_currency(kpi) else None)
    if kpi.kind == "period":
        return KpiQuery(name, command.from_, command.to, scope=scope), None
    last = day_start(command.to, reader.projector.zone(tenant_id)) - 1
    return KpiQuery(name, scope=scope), instant(last)


def _issued(
    handler: Handler, tenant_id: str, actor: str, told: KpiCertificateIssued, request: Request, name: str
) -> str:
    """The certificate's id. The same request asked again finds the certificates that it issued."""
    own = replace(request, key=f"{request.key}:{name}")
    return issue(handler, tenant_id, actor, told, own).id


def _anew(reader: Reader, tenant_id: str, certificates: Iterable[str]) -> Iterator[Anew]:
    """What takes the place of certificates that no longer say what is known, all of one position."""
    position = None
    for standing in certificates:
        told = figure_of(reader, tenant_id, standing)
        clocks = known(reader, tenant_id, told.kpi, told.as_of, position)
        position = str(clocks.known_at)
        if since(reader, tenant_id, told, clocks.known_at)["restated"]:
            anew = certified(reader, tenant_id, question_of(told), clocks)
            clocks = replace(clocks, known_at=None)
            moved = Restatement(reader, tenant_id, question_of(told), clocks, told.known_position, anew.known_position)
            yield Anew(standing, anew, *moved.causes())
