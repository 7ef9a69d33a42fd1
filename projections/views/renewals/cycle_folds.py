"""What the events of a renewal cycle make of its row."""

from typing import Any
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import Schedule
from app.domain.kernel.values import FOREVER, scaled
from app.domain.recorded import Recorded
from projections.view import Rows
from projections.views.renewals.row import Renewal


def fold_cycle(rows: Rows[Renewal], recorded: Recorded, _where: ZoneInfo) -> Rows[Renewal]:
    data = recorded.data
    key = (data["contract"], data["due"])
    row = rows.get(key)
    if row is None:
        return rows
    changes: dict[str, Any] = {}
    match recorded.type:
        case "renewal.opened":
            schedule_row = rows[data["contract"], ""]
            changes = {
                "renewal": recorded.stream_id,
                "atr": scaled(data["atr"]),
                "opened_at": recorded.effective_at,
                "frozen": list(Schedule.load(schedule_row.schedule).lines),
            }
        case "renewal.risk_set":
            changes = {"risk": data["risk"], "probability": data.get("probability"), "drivers": list(data["drivers"])}
        case "renewal.deferred":
            changes = {"deferred_to": data["new_due"]}
        case "renewal.milestone_reached":
            changes = {"milestone": data["days"] if row.milestone is None else min(row.milestone, data["days"])}
        case "renewal.forecast_submitted" if (row.forecast_at or -FOREVER) <= recorded.effective_at:
            changes = {
                "category": data["category"],
                "chance": data.get("probability"),
                "expected": scaled(data["expected_value"]),
                "forecast_by": data["by"],
                "forecast_at": recorded.effective_at,
            }
    return {**rows, key: row._replace(**changes, version=recorded.version)}
