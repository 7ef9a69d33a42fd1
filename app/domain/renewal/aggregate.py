"""The declaration of the aggregate type `renewal`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, required
from app.domain.renewal import commands, decisions
from app.domain.renewal.state import RenewalState, evolve

RENEWAL: Final = AggregateType(
    name="renewal",
    id_prefix="rnw",
    initial=RenewalState(),
    evolve=evolve,
    decisions={
        commands.OpenRenewal: Decision(
            decisions.open_, "renew", creates=True, reads=(required("contract"),), reference=decisions.reference
        ),
        commands.SetRenewalRisk: Decision(decisions.set_risk, "renew"),
        commands.DeferRenewal: Decision(decisions.defer, "renew"),
        commands.SubmitForecast: Decision(decisions.submit_forecast, "forecast"),
        commands.ReachMilestone: Decision(decisions.reach_milestone, "watch"),
    },
)
