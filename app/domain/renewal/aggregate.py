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
            decisions.open_, creates=True, reads=(required("contract"),), reference=decisions.reference
        ),
        commands.SetRenewalRisk: Decision(decisions.set_risk),
        commands.DeferRenewal: Decision(decisions.defer),
        commands.SubmitForecast: Decision(decisions.submit_forecast),
        commands.ReachMilestone: Decision(decisions.reach_milestone),
    },
)
