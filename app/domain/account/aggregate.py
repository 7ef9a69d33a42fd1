"""The declaration of the aggregate type `account`: one line a command."""

from typing import Final

from app.domain.account import assignments, commands, decisions
from app.domain.account.people import owner, person
from app.domain.account.state import AccountState, evolve
from app.domain.aggregate_type import AggregateType, Decision, every

ACCOUNT: Final = AggregateType(
    name="account",
    id_prefix="acct",
    initial=AccountState(),
    evolve=evolve,
    decisions={
        commands.OpenAccount: Decision(decisions.open_, "keep_account", creates=True, reads=(person("owner"),)),
        commands.RenameAccount: Decision(decisions.rename, "keep_account"),
        commands.SetAccountTier: Decision(decisions.set_tier, "keep_account"),
        commands.SetAccountOwner: Decision(decisions.set_owner, "transfer_ownership", reads=(person("owner"),)),
        commands.SetAccountBackup: Decision(assignments.set_backup, "staff_account", reads=(person("backup"),)),
        commands.AssignAccountMember: Decision(assignments.assign, "staff_account", reads=(person("member"),)),
        commands.ReleaseAccountMember: Decision(assignments.release, "staff_account", reads=(person("member"),)),
        commands.SetKeyAccount: Decision(assignments.set_key_account, "flag_key_account", reads=(owner(),)),
        commands.SetAccountCountry: Decision(decisions.set_country, "keep_account"),
        commands.CloseAccount: Decision(
            decisions.close, "keep_account", reads=(every("contracts", aggregate="contract", topic="contract.signed"),)
        ),
        commands.ReopenAccount: Decision(decisions.reopen, "keep_account"),
    },
)
