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
from app.services.service_call import ServiceCall
from app.store.receipts import Receipt
from app.write_side.command_envelope import CommandEnvelope


def compute(runtime: Runtime, envelope: CommandEnvelope) -> Receipt:
    """Handles a command with its service, once the views have read the log. Raises: as the service does."""
    runtime.projector.catch_up(envelope.tenant_id)
    return COMPUTED[type(envelope.command)](runtime, envelope, envelope.command)


def _call(runtime: Runtime, envelope: CommandEnvelope) -> ServiceCall:
    """The call of a service for a command."""
    return ServiceCall(
        handler=runtime.handler,
        reader=runtime.reader,
        tenant_id=envelope.tenant_id,
        principal=envelope.principal,
        request=envelope.request,
    )


def _issue(runtime: Runtime, envelope: CommandEnvelope, command: IssueStatement) -> Receipt:
    return incentives.issue(_call(runtime, envelope), command)


def _claw_back(runtime: Runtime, envelope: CommandEnvelope, command: ClawBack) -> Receipt:
    return incentives.claw_back(_call(runtime, envelope), envelope.targets["incentive_statement"], command)


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
    call, reader, tenant_id = _call(runtime, envelope), runtime.reader, envelope.tenant_id
    if (receipt := call.replayed()) is not None:
        return receipt
    query = KpiQuery(command.kpi, command.from_, command.to)
    when = certificates.pin_clocks(reader, tenant_id, command.kpi, command.as_of, None)
    return certificates.issue(call, certificates.compute(reader, tenant_id, query, when, command.note))


def _close(runtime: Runtime, envelope: CommandEnvelope, command: ClosePeriod) -> Receipt:
    return periods.close(_call(runtime, envelope), command)


def _restate(runtime: Runtime, envelope: CommandEnvelope, command: RestatePeriod) -> Receipt:
    return periods.restate(_call(runtime, envelope), envelope.targets["period_close"], command)


COMPUTED: Final[Mapping[type[Command], Callable[[Runtime, CommandEnvelope, Any], Receipt]]] = {
    IssueStatement: _issue,
    ClawBack: _claw_back,
    ResolveDispute: _resolve,
    IssueKpiCertificate: _certify,
    ClosePeriod: _close,
    RestatePeriod: _restate,
}
"""The commands that the handler alone cannot answer, and how each is handled."""
