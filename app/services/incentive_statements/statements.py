"""Statements: issued from a preview, and clawed back for a loss."""

from typing import Final

from app.domain.incentive_statement.commands import ClawBack, IssueStatement, RecordClawback, RecordStatement
from app.domain.incentive_statement.decisions import NOUN
from app.domain.kernel.errors import Refused
from app.domain.kernel.values import LAST, day_of
from app.domain.recorded import Recorded
from app.read_side.clocks import When
from app.read_side.reader import Reader
from app.services.incentive_statements.preview import StatementPreview, StatementRequest, preview
from app.services.service_call import ServiceCall
from app.store.receipts import Receipt
from projections.views import timeline

LOSSES: Final = ("contract.terminated", "contract.expired", "renewal.lost", "account.closed")
"""The topics of events that take back what was paid."""
ATTEMPTS: Final = 3


def issue(call: ServiceCall, command: IssueStatement) -> Receipt:
    """A statement of everything that is known now and was not paid yet.

    Raises: as `preview`; Refused where there is nothing to pay; Unavailable while views are behind.
    """
    if (receipt := call.replayed()) is not None:
        return receipt
    call.require_person(command.payee)
    request = StatementRequest(command.plan, command.payee, command.from_, command.to, command.currency)
    current: StatementPreview | None = None
    for attempt in range(ATTEMPTS):
        before = current
        current = preview(call.handler, call.reader, call.tenant_id, request, call.reader.when(call.tenant_id))
        unchanged = before is not None and before.lines == current.lines
        record = RecordStatement(
            **command.model_dump(include={"payee", "currency", "external_ref", "effective_at", "reason", "visibility"}),
            start=command.from_,
            end=command.to,
            number=current.number,
            position=current.position,
            lines=current.lines,
            retention=current.retention,
        )
        try:
            return call.append(record, policy=current.plan)
        except Refused as refusal:
            # Another statement may have paid a line meanwhile: the preview is worked out again without it.
            if refusal.code != "external_ref_taken" or unchanged or attempt + 1 == ATTEMPTS:
                raise
    raise AssertionError("every attempt ends in a receipt or a refusal")


def claw_back(call: ServiceCall, statement_id: str, command: ClawBack) -> Receipt:
    """What a loss takes back of a statement. Raises: NotFound for an unknown statement; Refused for an event that is no loss."""
    _, statement = call.handler.load(call.tenant_id, NOUN, statement_id)
    call.require_person(statement.state.payee)
    loss = _event(call.reader, call.tenant_id, command.event)
    if loss is None:
        raise Refused("unknown_event", "no account has met such an event")
    if loss.type not in LOSSES:
        raise Refused(
            "not_a_loss", "only an end of a contract, a lost renewal or a closed account takes something back"
        )
    data = loss.data
    end = data.get("effective_end") or data.get("end")
    record = RecordClawback(
        **command.model_dump(include={"effective_at", "reason", "visibility"}),
        loss=loss.event_id,
        account=loss.account_id or "",
        contract=loss.stream_id if loss.type.startswith("contract.") else data.get("contract"),
        lost_on=end or day_of(loss.effective_at, call.handler.zone(call.tenant_id)),
    )
    return call.append(record, **{NOUN: statement_id})


def _event(reader: Reader, tenant_id: str, event_id: str) -> Recorded | None:
    """An event of an account, if there is one."""
    known = When(LAST, reader.aim(tenant_id), now=False)
    rows, _ = reader.group(tenant_id, timeline.VIEW, event_id, known)
    streams = (reader.log.stream(tenant_id, entry.stream_id) for entry in rows if entry.account)
    return next((event for stream in streams for event in stream if event.event_id == event_id), None)
