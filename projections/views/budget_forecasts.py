"""Budget forecasts: each as it was made, for no later one changes it."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import scaled
from app.domain.recorded import Recorded
from projections.view import View


class BudgetForecast(NamedTuple):
    """What somebody expected to be spent in all, in 10^-6, seen from an instant, in microseconds."""

    event_id: str
    position: int
    account: str
    budget: str
    at_completion: int
    effective_at: int
    recorded_at: int
    actor: str


def _told(_row: BudgetForecast | None, recorded: Recorded, _where: ZoneInfo) -> BudgetForecast:
    return BudgetForecast(
        recorded.event_id,
        recorded.position,
        recorded.account_id or "",
        recorded.stream_id,
        scaled(recorded.data["at_completion"]),
        recorded.effective_at,
        recorded.recorded_at,
        recorded.actor,
    )


VIEW = View(
    name="budget_forecasts",
    version=1,
    row=BudgetForecast,
    keys=("event_id",),
    on={"budget.forecast_recorded": _told},
    group_of=lambda recorded: recorded.event_id,
    facts=True,
    filters=("budget",),
    order=("position", "effective_at"),
    indexes=(("budget", "position"),),
    noun="budget_forecast",
)
