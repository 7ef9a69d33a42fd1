"""Who works for the accounts of the demo besides their owners, and which of them matter most."""

from random import Random
from typing import Final

from app.demo.account_history import AccountHistory
from app.demo.organisation import COORDINATOR
from app.demo.people import OWNERS
from app.demo.scripted_command import CommandChain
from app.domain.account import commands
from app.domain.kernel.command import Command
from app.domain.kernel.values import add_days

KEY_FEE: Final = 15_000
"""From which monthly fee on an account is a key account."""


def write_account_team(history: AccountHistory, rng: Random) -> None:
    """Who stands in for the owner, who supports, and until when. Takes: a random of its own, so that nothing else changes."""
    client, (first, _) = history.client, history.service_periods[0]
    joined = add_days(first, 14)
    others = [name for name in OWNERS if name != client.owner]
    _do(history, rng, joined, commands.SetAccountBackup(backup=others[client.number % len(others)]))
    if client.number % 4 == 0:
        supports: dict[str, str] = {"member": COORDINATOR, "function": "coordinator"}
        _do(history, rng, joined, commands.AssignAccountMember.model_validate(supports))
        _do(history, rng, add_days(first, 70), commands.ReleaseAccountMember.model_validate(supports))
    if client.fee >= KEY_FEE:
        _do(history, rng, joined, commands.SetKeyAccount(key_account=True))


def _do(history: AccountHistory, rng: Random, day: str, command: Command) -> None:
    """A command by the owner, while the relationship lasts."""
    if any(start < day < end for start, end in history.service_periods):
        chain = CommandChain(rng, history.commands)
        chain.add(day, history.owner_on(day), command, {"account": history.account})
