"""The declaration of the aggregate type `agent`: one line a command."""

from typing import Final

from app.domain.agent import commands, decisions
from app.domain.agent.state import AgentState, evolve
from app.domain.aggregate_type import AggregateType, Decision, required

AGENT: Final = AggregateType(
    name="agent",
    id_prefix="agt",
    initial=AgentState(),
    evolve=evolve,
    decisions={
        commands.RegisterAgent: Decision(decisions.register, "administer", creates=True, reads=(required("user"),)),
        commands.BoundAgent: Decision(decisions.bound, "administer"),
        commands.SuspendAgent: Decision(decisions.suspend, "administer"),
        commands.ResumeAgent: Decision(decisions.resume, "administer"),
        commands.EndAgent: Decision(decisions.end, "administer"),
    },
)
