"""The declaration of the aggregate type `interaction`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, required
from app.domain.interaction import commands, decisions
from app.domain.interaction.state import InteractionState, evolve

INTERACTION: Final = AggregateType(
    name="interaction",
    id_prefix="int",
    initial=InteractionState(),
    evolve=evolve,
    decisions={
        commands.LogInteraction: Decision(decisions.log, "log", creates=True, reads=(required("account"),)),
        commands.VoidInteraction: Decision(decisions.void, "correct", authored=decisions.logged),
    },
)
