"""What decisions need to know of an incentive statement, folded from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from app.domain.incentive_statement import events as facts
from app.domain.incentive_statement.commands import Key
from app.domain.kernel.values import (
    scaled,
)
from app.domain.recorded import Recorded


class Paid(NamedTuple):
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
    months: int = 0
    lines: Mapping[Key, Paid] = field(default_factory=dict)
    losses: frozenset[str] = frozenset()


def evolve(state: StatementState, recorded: Recorded) -> StatementState:
    """The state after one more event."""
    match recorded.event:
        case facts.IncentiveStatementIssued() as told:
            lines = {
                (line.rule, line.event): Paid(line.account, line.contract, line.at, scaled(line.amount))
                for line in told.lines
            }
            return StatementState(told.payee, told.currency, told.clawback_months, lines)
        case facts.IncentiveClawbackApplied() as told:
            for one in told.lines:
                state = _with(state, (one.rule, one.event), returned=scaled(one.amount))
            return replace(state, losses=state.losses | {told.loss})
        case facts.IncentiveLineDisputed() as told:
            return _with(state, (told.rule, told.event), disputed=True)
        case facts.IncentiveDisputeResolved() as told:
            return _with(state, (told.rule, told.event), disputed=False, amount=scaled(told.amount))
        case _:
            return state


def _with(
    state: StatementState, key: Key, *, disputed: bool | None = None, amount: int | None = None, returned: int = 0
) -> StatementState:
    """The state with a line changed. Takes: what else of it is taken back."""
    line = state.lines.get(key)
    if line is None:
        return state
    changed = line._replace(
        returned=line.returned + returned,
        disputed=line.disputed if disputed is None else disputed,
        amount=line.amount if amount is None else amount,
    )
    return replace(state, lines={**state.lines, key: changed})
