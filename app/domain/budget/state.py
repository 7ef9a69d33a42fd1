"""What decisions need to know of a budget, folded from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from app.domain.budget import events as facts
from app.domain.kernel.values import (
    FOREVER,
    scaled,
)
from app.domain.recorded import Recorded


class Spend(NamedTuple):
    """What a document says now. event: that recorded it; at: when it is true, microseconds; amount: in 10^-6."""

    event: str
    at: int
    amount: int


@dataclass(frozen=True)
class BudgetState:
    """What decisions need of a budget. spent_at: the latest spending; latest_at: the latest effective time of its events.

    crossed: thresholds that were told since the last revision.
    """

    account: str | None = None
    currency: str = ""
    amount: int = 0
    start: str = ""
    end: str = ""
    thresholds: tuple[int, ...] = ()
    revision: int = 0
    spent: int = 0
    documents: Mapping[str, Spend] = field(default_factory=dict)
    crossed: frozenset[int] = frozenset()
    spent_at: int = -FOREVER
    latest_at: int = -FOREVER
    closed: bool = False


def evolve(state: BudgetState, recorded: Recorded) -> BudgetState:
    """The state after one more event."""
    at = recorded.effective_at
    state = replace(state, latest_at=max(state.latest_at, at))
    match recorded.event:
        case facts.BudgetSet() as told:
            amount = scaled(told.amount)
            terms = (told.account, told.currency, amount, told.start, told.end, told.thresholds)
            return BudgetState(*terms, latest_at=at)
        case facts.BudgetRevised(revision=revision, amount=amount):
            return replace(state, revision=revision, amount=scaled(amount), crossed=frozenset())
        case facts.BudgetSpendRecorded(document=document, amount=amount):
            spend = Spend(recorded.event_id, at, scaled(amount))
            return _with(replace(state, spent_at=max(state.spent_at, at)), document, spend)
        case facts.BudgetSpendCorrected(document=document, amount=amount, corrects=corrects):
            return _with(state, document, Spend(corrects, at, scaled(amount)))
        case facts.BudgetThresholdCrossed(percent=percent):
            return replace(state, crossed=state.crossed | {percent})
        case facts.BudgetClosed():
            return replace(state, closed=True)
        case _:
            return state


def _with(state: BudgetState, document: str, spend: Spend) -> BudgetState:
    before = state.documents[document].amount if document in state.documents else 0
    documents = {**state.documents, document: spend}
    return replace(state, documents=documents, spent=state.spent - before + spend.amount)
