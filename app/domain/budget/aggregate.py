"""The declaration of the aggregate type `budget`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, optional, required
from app.domain.budget import commands, decisions
from app.domain.budget.state import BudgetState, evolve

BUDGET: Final = AggregateType(
    name="budget",
    id_prefix="bud",
    initial=BudgetState(),
    evolve=evolve,
    decisions={
        commands.SetBudget: Decision(
            decisions.set_, "budget", creates=True, reads=(required("account"), optional("contract"))
        ),
        commands.ReviseBudget: Decision(decisions.revise, "budget", reads=(required("account"),)),
        commands.RecordSpend: Decision(decisions.record_spend, "budget", reads=(required("account"),)),
        commands.CorrectSpend: Decision(
            decisions.correct_spend, "correct", reads=(required("account"),), authored=decisions.recorded
        ),
        commands.RecordForecast: Decision(decisions.record_forecast, "budget", reads=(required("account"),)),
        commands.CloseBudget: Decision(decisions.close, "budget", reads=(required("account"),)),
    },
)
