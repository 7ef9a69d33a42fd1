"""Which decision answers which command: one line each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain import account, api_key, contract, interaction, renewal, tenant
from app.domain.command import Command
from app.domain.context import Context, Decided
from app.domain.events.base import Event
from app.domain.recorded import Recorded


@dataclass(frozen=True)
class Noun:
    """A kind of thing: the prefix of its ids, its state before its first event, and how events change it."""

    prefix: str
    initial: Any
    evolve: Callable[[Any, Recorded], Any]


@dataclass(frozen=True)
class Decision:
    """How a command is decided.

    noun: what it is about. creates: whether it begins a new one. reads: nouns whose state it needs too, found by the
    caller's target, by the command's member or by the state's attribute of that name; with `?` it may be missing.
    ref: what a new thing may be called besides its id and `external_ref`.
    """

    noun: str
    decide: Callable[[Any, Any, Context], Sequence[Event | Decided]]
    creates: bool = False
    reads: tuple[str, ...] = ()
    ref: Callable[[Context], str] | None = None


NOUNS: Final[dict[str, Noun]] = {
    "tenant": Noun("tnt", tenant.TenantState(), tenant.evolve),
    "api_key": Noun("key", api_key.ApiKeyState(), api_key.evolve),
    "account": Noun("acct", account.AccountState(), account.evolve),
    "interaction": Noun("int", interaction.InteractionState(), interaction.evolve),
    "contract": Noun("ctr", contract.ContractState(), contract.evolve),
    "renewal": Noun("rnw", renewal.RenewalState(), renewal.evolve),
}

DECISIONS: Final[dict[type[Command], Decision]] = {
    tenant.CreateTenant: Decision("tenant", tenant.create, creates=True),
    api_key.RecordApiKey: Decision("api_key", api_key.issue, creates=True),
    api_key.RevokeApiKey: Decision("api_key", api_key.revoke),
    account.OpenAccount: Decision("account", account.open_, creates=True),
    account.RenameAccount: Decision("account", account.rename),
    account.SetAccountTier: Decision("account", account.set_tier),
    account.SetAccountOwner: Decision("account", account.set_owner),
    account.CloseAccount: Decision("account", account.close),
    account.ReopenAccount: Decision("account", account.reopen),
    interaction.LogInteraction: Decision("interaction", interaction.log, creates=True, reads=("account",)),
    interaction.VoidInteraction: Decision("interaction", interaction.void),
    contract.DraftContract: Decision("contract", contract.draft, creates=True, reads=("account",)),
    contract.RecordContract: Decision("contract", contract.record, creates=True, reads=("account",)),
    contract.SignContract: Decision("contract", contract.sign, reads=("account",)),
    contract.AmendContract: Decision("contract", contract.amend, reads=("account",)),
    contract.CorrectContract: Decision("contract", contract.correct, reads=("account",)),
    contract.GiveNotice: Decision("contract", contract.give_notice, reads=("account",)),
    contract.WithdrawNotice: Decision("contract", contract.withdraw_notice, reads=("account",)),
    contract.SuspendContract: Decision("contract", contract.suspend, reads=("account",)),
    contract.ResumeContract: Decision("contract", contract.resume, reads=("account",)),
    contract.RenewContract: Decision("contract", contract.renew, reads=("account", "renewal?")),
    contract.TerminateContract: Decision("contract", contract.terminate, reads=("account", "renewal?")),
    renewal.OpenRenewal: Decision(
        "renewal", renewal.open_, creates=True, reads=("contract",),
        ref=lambda context: f"{context.ids['contract']}@{context.states['contract'].end}"),
    renewal.SetRenewalRisk: Decision("renewal", renewal.set_risk),
    renewal.DeferRenewal: Decision("renewal", renewal.defer),
}
