"""What decisions need to know of a budget, folded from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from app.domain.budget import events
from app.domain.kernel.rights import Authored
from app.domain.kernel.values import FOREVER, scaled
from app.domain.recorded import Recorded


class Spend(NamedTuple):
    """The spending of a document. recorded: who recorded it, and by which event; at: when it is true, microseconds; amount: in 10^-6."""

    recorded: Authored
    at: int
    amount: int


@dataclass(frozen=True)
class BudgetState:
    """What decisions need of a budget. spent_at: the latest spending; latest_at: the latest effective time of its events.

    crossed: the thresholds that were recorded as reached since the last revision.
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
        case events.BudgetSet() as budget:
            return BudgetState(
                account=budget.account,
                currency=budget.currency,
                amount=scaled(budget.amount),
                start=budget.start,
                end=budget.end,
                thresholds=budget.thresholds,
                latest_at=at,
            )
        case events.BudgetRevised(revision=revision, amount=amount):
            return replace(state, revision=revision, amount=scaled(amount), crossed=frozenset())
        case events.BudgetSpendRecorded(document=document, amount=amount):
            spend = Spend(recorded=recorded.authored, at=at, amount=scaled(amount))
            return _with_spend(replace(state, spent_at=max(state.spent_at, at)), document, spend)
        case events.BudgetSpendCorrected(document=document, amount=amount, corrects=corrects):
            known = state.documents.get(document)
            first = known.recorded if known else recorded.authored._replace(event_id=corrects)
            return _with_spend(state, document, Spend(recorded=first, at=at, amount=scaled(amount)))
        case events.BudgetThresholdCrossed(percent=percent):
            return replace(state, crossed=state.crossed | {percent})
        case events.BudgetClosed():
            return replace(state, closed=True)
        case _:
            return state


def _with_spend(state: BudgetState, document: str, spend: Spend) -> BudgetState:
    before = state.documents[document].amount if document in state.documents else 0
    documents = {**state.documents, document: spend}
    return replace(state, documents=documents, spent=state.spent - before + spend.amount)
