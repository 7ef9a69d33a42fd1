"""The declaration of the aggregate type `account`: one line a command."""

from typing import Final

from app.domain.account import assignments, commands, decisions
from app.domain.account.state import AccountState, evolve
from app.domain.aggregate_type import AggregateType, Decision, every

ACCOUNT: Final = AggregateType(
    name="account",
    id_prefix="acct",
    initial=AccountState(),
    evolve=evolve,
    decisions={
        commands.OpenAccount: Decision(decisions.open_, creates=True),
        commands.RenameAccount: Decision(decisions.rename),
        commands.SetAccountTier: Decision(decisions.set_tier),
        commands.SetAccountOwner: Decision(decisions.set_owner),
        commands.SetAccountBackup: Decision(assignments.set_backup),
        commands.AssignAccountMember: Decision(assignments.assign),
        commands.ReleaseAccountMember: Decision(assignments.release),
        commands.SetKeyAccount: Decision(assignments.set_key_account),
        commands.SetAccountCountry: Decision(decisions.set_country),
        commands.CloseAccount: Decision(
            decisions.close, reads=(every("contracts", aggregate="contract", topic="contract.signed"),)
        ),
        commands.ReopenAccount: Decision(decisions.reopen),
    },
)
