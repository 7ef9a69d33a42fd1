"""What is worked out before it is told: statements, losses, certificates and closes rest on views, which read the ledger first."""

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


def compute(runtime: Runtime, intent: CommandEnvelope) -> Receipt:
    """Does what a command asks for, once the views have read the ledger. Raises: as the service does that works it out."""
    runtime.projector.catch_up(intent.tenant_id)
    return COMPUTED[type(intent.command)](runtime, intent, intent.command)


def _issue(runtime: Runtime, intent: CommandEnvelope, command: IssueStatement) -> Receipt:
    who = (intent.tenant_id, intent.actor, intent.role)
    return incentives.issue(runtime.handler, runtime.reader, *who, command, intent.request)


def _claw_back(runtime: Runtime, intent: CommandEnvelope, command: ClawBack) -> Receipt:
    who = (intent.tenant_id, intent.actor, intent.role)
    statement = intent.targets["incentive_statement"]
    return incentives.claw_back(runtime.handler, runtime.reader, *who, statement, command, intent.request)


def _resolve(runtime: Runtime, intent: CommandEnvelope, command: ResolveDispute) -> Receipt:
    """A dispute whose outcome is a change ends with half of the line, in whole units."""
    if command.outcome == "changed":
        _, held = runtime.handler.load(intent.tenant_id, "incentive_statement", intent.targets["incentive_statement"])
        half = held.state.lines[(command.rule, command.event)].amount // 2 // MICRO * MICRO
        command = command.model_copy(update={"amount": unscaled(half)})
    return runtime.handler.handle(intent._replace(command=command))


def _certify(runtime: Runtime, intent: CommandEnvelope, command: IssueKpiCertificate) -> Receipt:
    reader, tenant_id = runtime.reader, intent.tenant_id
    if (replayed := reader.log.replay(tenant_id, intent.request)) is not None:
        return replayed
    question = KpiQuery(command.kpi, command.from_, command.to)
    when = certificates.known(reader, tenant_id, command.kpi, command.as_of, None)
    told = certificates.certified(reader, tenant_id, question, when, command.note)
    return certificates.issue(runtime.handler, tenant_id, intent.actor, told, intent.request)


def _close(runtime: Runtime, intent: CommandEnvelope, command: ClosePeriod) -> Receipt:
    return periods.close(runtime.handler, runtime.reader, intent.tenant_id, intent.actor, command, intent.request)


def _restate(runtime: Runtime, intent: CommandEnvelope, command: RestatePeriod) -> Receipt:
    closed = intent.targets["period_close"]
    return periods.restate(
        runtime.handler, runtime.reader, intent.tenant_id, intent.actor, closed, command, intent.request, None
    )


COMPUTED: Final[Mapping[type[Command], Callable[[Runtime, CommandEnvelope, Any], Receipt]]] = {
    IssueStatement: _issue,
    ClawBack: _claw_back,
    ResolveDispute: _resolve,
    IssueKpiCertificate: _certify,
    ClosePeriod: _close,
    RestatePeriod: _restate,
}
"""Which commands the corridor alone does not answer."""
