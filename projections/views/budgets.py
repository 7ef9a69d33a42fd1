"""Budgets: one row each, with what is spent, what is left, and what is expected in all."""

from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import MICRO, scaled
from app.domain.recorded import Recorded
from projections.view import View, stream

MOST_BURNT: Final = 10**18
"""The largest value of `burnt`, so that it fits a database's integer."""

State = Literal["open", "closed"]


class Budget(NamedTuple):
    """A budget. Amounts are integers of 10^-6, instants microseconds.

    burnt: percent of the amount that is spent, in 10^-6, rounded down. forecast: the newest, in business time, of what is
    expected in all. crossed: thresholds as {percent, revision, spent, amount, projected_at_end, crossed_at, event}. state: open or closed.
    """

    budget: str
    account: str
    contract: str | None
    title: str
    external_ref: str | None
    currency: str
    amount: int
    first_amount: int
    start: str
    end: str
    thresholds: list[int]
    revision: int
    spent: int
    burnt: int
    documents: int
    forecast: int | None
    forecast_at: int | None
    crossed: list[Any]
    state: str
    set_at: int
    closed_at: int | None
    version: int
    latest_at: int


def _set(_row: Budget | None, recorded: Recorded, _where: ZoneInfo) -> Budget:
    data, at, amount = recorded.data, recorded.effective_at, scaled(recorded.data["amount"])
    return Budget(
        budget=recorded.stream_id,
        account=data["account"],
        contract=data.get("contract"),
        title=data["title"],
        external_ref=data.get("external_ref"),
        currency=data["currency"],
        amount=amount,
        first_amount=amount,
        start=data["start"],
        end=data["end"],
        thresholds=list(data["thresholds"]),
        revision=0,
        spent=0,
        burnt=0,
        documents=0,
        forecast=None,
        forecast_at=None,
        crossed=[],
        state="open",
        set_at=at,
        closed_at=None,
        version=recorded.version,
        latest_at=at,
    )


def _changed(row: Budget | None, recorded: Recorded, _where: ZoneInfo) -> Budget | None:
    if row is None:
        return None
    data, at = recorded.data, recorded.effective_at
    changes: dict[str, Any] = {}
    match recorded.type:
        case "budget.revised":
            changes = {"revision": data["revision"], "amount": scaled(data["amount"])}
        case "budget.spend_recorded":
            changes = {"spent": row.spent + scaled(data["amount"]), "documents": row.documents + 1}
        case "budget.spend_corrected":
            changes = {"spent": row.spent - scaled(data["previous"]) + scaled(data["amount"])}
        case "budget.forecast_recorded" if row.forecast_at is None or row.forecast_at <= at:
            changes = {"forecast": scaled(data["at_completion"]), "forecast_at": at}
        case "budget.threshold_crossed":
            changes = {"crossed": [*row.crossed, {**data, "crossed_at": at, "event": recorded.event_id}]}
        case "budget.closed":
            changes = {"state": "closed", "closed_at": at}
    changed = row._replace(**changes, version=recorded.version, latest_at=max(row.latest_at, at))
    return changed._replace(burnt=min(changed.spent * 100 * MICRO // changed.amount, MOST_BURNT))


VIEW = View(
    name="budgets",
    version=1,
    row=Budget,
    keys=("budget",),
    on={
        "budget.set": _set,
        **{
            f"budget.{name}": _changed
            for name in (
                "revised", "spend_recorded", "spend_corrected", "forecast_recorded", "threshold_crossed", "closed",
            )
        },
    },
    group_of=stream,
    history=True,
    indexes=(("account", "set_at"), ("state", "burnt")),
    noun="budget",
)  # fmt: skip


# --- queries ---
