"""The declaration of the aggregate type `team`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, optional, required
from app.domain.team import commands, decisions
from app.domain.team.state import TeamState, evolve

TEAM: Final = AggregateType(
    name="team",
    id_prefix="tem",
    initial=TeamState(),
    evolve=evolve,
    decisions={
        commands.FormTeam: Decision(
            decisions.form, "administer", creates=True, reads=(optional("parent", aggregate="team"),)
        ),
        commands.RenameTeam: Decision(decisions.rename, "administer"),
        commands.AddTeamMember: Decision(decisions.add, "administer", reads=(required("user"),)),
        commands.RemoveTeamMember: Decision(decisions.remove, "administer", reads=(required("user"),)),
        commands.DissolveTeam: Decision(decisions.dissolve, "administer"),
    },
)
