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


def _recorded(_row: BudgetForecast | None, recorded: Recorded, _where: ZoneInfo) -> BudgetForecast:
    return BudgetForecast(
        event_id=recorded.event_id,
        position=recorded.position,
        account=recorded.account_id or "",
        budget=recorded.stream_id,
        at_completion=scaled(recorded.data["at_completion"]),
        effective_at=recorded.effective_at,
        recorded_at=recorded.recorded_at,
        actor=recorded.actor,
    )


VIEW = View(
    name="budget_forecasts",
    version=1,
    row=BudgetForecast,
    keys=("event_id",),
    on={"budget.forecast_recorded": _recorded},
    group_of=lambda recorded: recorded.event_id,
    facts=True,
    indexes=(("budget", "position"),),
    noun="budget_forecast",
)
