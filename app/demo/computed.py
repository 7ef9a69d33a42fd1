"""Commands that a service computes first: statements, clawbacks, certificates and closes need views that have read the log."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from app.domain.incentive_statement.commands import ClawBack, IssueStatement, ResolveDispute
from app.domain.kernel.command import Command
from app.domain.kernel.values import MICRO, unscaled
from app.domain.kpi_certificate.commands import IssueKpiCertificate
from app.domain.period_close.commands import ClosePeriod, RestatePeriod
from app.kpi_queries import KpiQuery
from app.runtime import Runtime
from app.services import incentive_statements as incentives
from app.services import kpi_certificates as certificates
from app.services import period_closes as periods
from app.store.receipts import Receipt
from app.write_side.handler import CommandEnvelope


def compute(runtime: Runtime, envelope: CommandEnvelope) -> Receipt:
    """Handles a command with its service, once the views have read the log. Raises: as the service does."""
    runtime.projector.catch_up(envelope.tenant_id)
    return COMPUTED[type(envelope.command)](runtime, envelope, envelope.command)


def _issue(runtime: Runtime, envelope: CommandEnvelope, command: IssueStatement) -> Receipt:
    who = (envelope.tenant_id, envelope.actor, envelope.role)
    return incentives.issue(runtime.handler, runtime.reader, *who, command, envelope.request)


def _claw_back(runtime: Runtime, envelope: CommandEnvelope, command: ClawBack) -> Receipt:
    who = (envelope.tenant_id, envelope.actor, envelope.role)
    statement = envelope.targets["incentive_statement"]
    return incentives.claw_back(runtime.handler, runtime.reader, *who, statement, command, envelope.request)


def _resolve(runtime: Runtime, envelope: CommandEnvelope, command: ResolveDispute) -> Receipt:
    """A dispute whose outcome is a change ends with half of the line, in whole units."""
    if command.outcome == "changed":
        _, held = runtime.handler.load(
            envelope.tenant_id, "incentive_statement", envelope.targets["incentive_statement"]
        )
        half = held.state.lines[(command.rule, command.event)].amount // 2 // MICRO * MICRO
        command = command.model_copy(update={"amount": unscaled(half)})
    return runtime.handler.handle(envelope._replace(command=command))


def _certify(runtime: Runtime, envelope: CommandEnvelope, command: IssueKpiCertificate) -> Receipt:
    reader, tenant_id = runtime.reader, envelope.tenant_id
    if (replayed := reader.log.replay(tenant_id, envelope.request)) is not None:
        return replayed
    query = KpiQuery(command.kpi, command.from_, command.to)
    when = certificates.known(reader, tenant_id, command.kpi, command.as_of, None)
    certified = certificates.certified(reader, tenant_id, query, when, command.note)
    return certificates.issue(runtime.handler, tenant_id, envelope.actor, certified, envelope.request)


def _close(runtime: Runtime, envelope: CommandEnvelope, command: ClosePeriod) -> Receipt:
    return periods.close(runtime.handler, runtime.reader, envelope.tenant_id, envelope.actor, command, envelope.request)


def _restate(runtime: Runtime, envelope: CommandEnvelope, command: RestatePeriod) -> Receipt:
    closed = envelope.targets["period_close"]
    return periods.restate(
        runtime.handler, runtime.reader, envelope.tenant_id, envelope.actor, closed, command, envelope.request, None
    )


COMPUTED: Final[Mapping[type[Command], Callable[[Runtime, CommandEnvelope, Any], Receipt]]] = {
    IssueStatement: _issue,
    ClawBack: _claw_back,
    ResolveDispute: _resolve,
    IssueKpiCertificate: _certify,
    ClosePeriod: _close,
    RestatePeriod: _restate,
}
"""The commands that the handler alone cannot answer, and how each is handled."""
