"""The declaration of the aggregate type `user`: one line a command."""

from typing import Final

from app.domain.aggregate_type import AggregateType, Decision, every_of_tenant, optional, required
from app.domain.user import commands, decisions
from app.domain.user.state import UserState, evolve

USERS: Final = every_of_tenant("users", aggregate="user", topic="user.invited")
EVERYBODY: Final = (USERS, every_of_tenant("keys", aggregate="api_key", topic="api_key.issued"))
USER: Final = AggregateType(
    name="user",
    id_prefix="usr",
    initial=UserState(),
    evolve=evolve,
    decisions={
        commands.InviteUser: Decision(decisions.invite, "administer", creates=True),
        commands.NoteUser: Decision(decisions.note, "administer", creates=True),
        commands.ClaimUser: Decision(decisions.claim, "administer"),
        commands.MergeUser: Decision(decisions.merge, "administer", reads=(required("into", aggregate="user"),)),
        commands.BindLogin: Decision(
            decisions.bind_login,
            "administer",
            claims=decisions.login_claims,
            former_claims=decisions.former_login_claims,
        ),
        commands.SuspendUser: Decision(decisions.suspend, "administer", reads=EVERYBODY),
        commands.ReinstateUser: Decision(decisions.reinstate, "administer"),
        commands.GrantRole: Decision(decisions.grant, "administer"),
        commands.RevokeRole: Decision(decisions.revoke, "administer", reads=EVERYBODY),
        commands.SetReportingLine: Decision(
            decisions.report_to, "administer", reads=(optional("manager", aggregate="user"), USERS)
        ),
    },
)
