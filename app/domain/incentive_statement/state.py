"""What decisions need to know of an incentive statement, folded from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from app.domain.incentive_statement import events
from app.domain.incentive_statement.commands import Key
from app.domain.kernel.values import scaled
from app.domain.recorded import Recorded


class PaidLine(NamedTuple):
    """What a line pays. amount: in 10^-6, as a dispute may have changed it; returned: what of it was taken back."""

    account: str
    contract: str
    at: str
    amount: int
    returned: int = 0
    disputed: bool = False


@dataclass(frozen=True)
class StatementState:
    """What decisions need of a statement. losses: events for which something was taken back."""

    payee: str = ""
    currency: str = ""
    clawback_months: int = 0
    lines: Mapping[Key, PaidLine] = field(default_factory=dict)
    losses: frozenset[str] = frozenset()


def evolve(state: StatementState, recorded: Recorded) -> StatementState:
    """The state after one more event."""
    match recorded.event:
        case events.IncentiveStatementIssued() as issued:
            lines = {
                (line.rule, line.event): PaidLine(
                    account=line.account, contract=line.contract, at=line.at, amount=scaled(line.amount)
                )
                for line in issued.lines
            }
            return StatementState(
                payee=issued.payee, currency=issued.currency, clawback_months=issued.clawback_months, lines=lines
            )
        case events.IncentiveClawbackApplied() as clawback:
            for line in clawback.lines:
                state = _with_line(state, (line.rule, line.event), returned=scaled(line.amount))
            return replace(state, losses=state.losses | {clawback.loss})
        case events.IncentiveLineDisputed() as dispute:
            return _with_line(state, (dispute.rule, dispute.event), disputed=True)
        case events.IncentiveDisputeResolved() as resolution:
            key = (resolution.rule, resolution.event)
            return _with_line(state, key, disputed=False, amount=scaled(resolution.amount))
        case _:
            return state


def _with_line(
    state: StatementState, key: Key, *, disputed: bool | None = None, amount: int | None = None, returned: int = 0
) -> StatementState:
    """The state with a line changed. Takes: `returned`, how much more of it is taken back."""
    line = state.lines.get(key)
    if line is None:
        return state
    changed = line._replace(
        returned=line.returned + returned,
        disputed=line.disputed if disputed is None else disputed,
        amount=line.amount if amount is None else amount,
    )
    return replace(state, lines={**state.lines, key: changed})
