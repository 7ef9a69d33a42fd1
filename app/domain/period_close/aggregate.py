"""The declaration of the aggregate type `period_close`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision
from app.domain.period_close import commands, decisions
from app.domain.period_close.state import PeriodCloseState, evolve

PERIOD_CLOSE: Final = AggregateType(
    name="period_close",
    id_prefix="pcl",
    initial=PeriodCloseState(),
    evolve=evolve,
    decisions={
        commands.RecordPeriodClose: Decision(
            decisions.close, "activate_policy", creates=True, reference=decisions.reference
        ),
        commands.RecordPeriodRestatement: Decision(decisions.restate, "activate_policy"),
    },
)
