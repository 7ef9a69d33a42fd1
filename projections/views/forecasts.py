"""Forecasts: every submission for a renewal cycle, each for ever, with whose cycle it is for."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import scaled
from app.domain.recorded import Recorded
from projections.view import View


class Forecast(NamedTuple):
    """What somebody expected of a renewal. effective_at, recorded_at: microseconds; expected: in 10^-6 a year.

    probability: where it was said. by: the key that said so.
    """

    event_id: str
    position: int
    renewal: str
    contract: str
    due: str
    account: str
    category: str
    probability: str | None
    expected: int
    currency: str
    by: str
    effective_at: int
    recorded_at: int


def _submitted(_row: Forecast | None, recorded: Recorded, _where: ZoneInfo) -> Forecast:
    data = recorded.data
    return Forecast(
        recorded.event_id,
        recorded.position,
        recorded.stream_id,
        data["contract"],
        data["due"],
        recorded.account_id or "",
        data["category"],
        data.get("probability"),
        scaled(data["expected_value"]),
        data["currency"],
        data["by"],
        recorded.effective_at,
        recorded.recorded_at,
    )


def _group(recorded: Recorded) -> str:
    return recorded.event_id


VIEW = View(
    name="forecasts",
    version=1,
    row=Forecast,
    keys=("event_id",),
    on={"renewal.forecast_submitted": _submitted},
    group_of=_group,
    facts=True,
    filters=("renewal", "account", "category", "by"),
    order=("position", "effective_at"),
    indexes=(("renewal", "position"), ("contract", "due")),
    noun="forecast",
)
