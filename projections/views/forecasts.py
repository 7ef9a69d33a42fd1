"""Forecasts: every submission for a renewal cycle, for ever, with the contract, due day and account of the cycle."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import scaled
from app.domain.recorded import Recorded
from projections.view import View


class Forecast(NamedTuple):
    """What somebody expected of a renewal. effective_at, recorded_at: microseconds; expected: in 10^-6 a year.

    probability: where one was given. by: the API key that submitted it.
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
        event_id=recorded.event_id,
        position=recorded.position,
        renewal=recorded.stream_id,
        contract=data["contract"],
        due=data["due"],
        account=recorded.account_id or "",
        category=data["category"],
        probability=data.get("probability"),
        expected=scaled(data["expected_value"]),
        currency=data["currency"],
        by=data["by"],
        effective_at=recorded.effective_at,
        recorded_at=recorded.recorded_at,
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
    indexes=(("renewal", "position"), ("contract", "due")),
    noun="forecast",
)
