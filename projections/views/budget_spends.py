"""Budget spends: one row for each document that was paid from a budget, as it was recorded and as it was corrected."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import micros, scaled
from app.domain.recorded import Recorded
from projections.view import Condition, View


class BudgetSpend(NamedTuple):
    """What a document says. spend: the event that recorded it; amount: now, recorded: first, each in 10^-6.

    A correction is true from when the spend was, so that `effective_at` says from when all of the row is.
    """

    spend: str
    budget: str
    account: str
    document: str
    amount: int
    recorded: int
    category: str | None
    late: bool
    spent_at: int
    effective_at: int
    corrections: list[str]


def _recorded(_row: BudgetSpend | None, recorded: Recorded, _where: ZoneInfo) -> BudgetSpend:
    data, amount = recorded.data, scaled(recorded.data["amount"])
    return BudgetSpend(
        spend=recorded.event_id,
        budget=recorded.stream_id,
        account=recorded.account_id or "",
        document=data["document"],
        amount=amount,
        recorded=amount,
        category=data.get("category"),
        late=data.get("late", False),
        spent_at=micros(data["spent_at"]),
        effective_at=recorded.effective_at,
        corrections=[],
    )


def _corrected(row: BudgetSpend | None, recorded: Recorded, _where: ZoneInfo) -> BudgetSpend | None:
    if row is None:
        return None
    return row._replace(amount=scaled(recorded.data["amount"]), corrections=[*row.corrections, recorded.event_id])


def _spend(recorded: Recorded) -> str:
    return recorded.event_id if recorded.type == "budget.spend_recorded" else str(recorded.data["corrects"])


VIEW = View(
    name="budget_spends",
    version=1,
    row=BudgetSpend,
    keys=("spend",),
    on={"budget.spend_recorded": _recorded, "budget.spend_corrected": _corrected},
    group_of=_spend,
    history=True,
    schedule=True,
    indexes=(("budget", "spent_at"),),
    noun="budget_spend",
)


# --- queries ---


def recorded_by(at: int) -> Condition:
    """Spends that had been recorded by an instant, microseconds of business time."""
    return VIEW.table.c.effective_at <= at
