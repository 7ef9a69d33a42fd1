"""Scripted commands: commands at moments of the story, in chains of which each comes after the one before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from app.domain.contract import commands as contract_commands
from app.domain.kernel.command import Command
from app.domain.kernel.values import instant, micros
from app.domain.kpi_certificate.commands import IssueKpiCertificate
from app.domain.period_close.commands import ClosePeriod, RestatePeriod

MINUTE: Final = 60_000_000
UNDATED: Final = (IssueKpiCertificate, ClosePeriod, RestatePeriod, contract_commands.CorrectContract)
"""Commands without an effective date: a certificate is true when it is computed, a correction when what it corrects was."""
NewId = Callable[[str, str], str]
"""(prefix, name within the story) -> id, always the same one"""


@dataclass(frozen=True, eq=False)
class ScriptedCommand:
    """A command at a moment of the story.

    at: microseconds, when it is given and recorded. cites: an earlier command and the type of its event that this one names;
    the event's id is known once that command is handled. role: the actor's role. on_behalf_of, operation: of an agent, for whom it acts,
    and what the contract calls the command. approves: the suggestion that is approved with it.
    """

    at: int
    actor: str
    command: Command
    targets: Mapping[str, str] = field(default_factory=dict)
    new_id: str | None = None
    cites: "tuple[ScriptedCommand, str] | None" = None
    role: str = "account_manager"
    on_behalf_of: str | None = None
    operation: str = ""
    approves: str | None = None


@dataclass(frozen=True)
class Win:
    """A command by which a contract was won or renewed, the day, and the owner who won it."""

    scripted: ScriptedCommand
    topic: str
    day: str
    owner: str
    currency: str


@dataclass(frozen=True)
class Loss:
    """A command by which a contract ended, the first day without it, and what had won it."""

    scripted: ScriptedCommand
    day: str
    won: Win


class Due(NamedTuple):
    """A renewal: its id, contract and due day, how it goes, and what the contract pays a year by then, in whole units."""

    renewal: str
    contract: str
    due: str
    outcome: str
    annual: int


class CommandChain:
    """A chain of commands of which each comes after the one before."""

    def __init__(self, rng: Random, commands: list[ScriptedCommand]) -> None:
        self.rng = rng
        self.commands = commands
        self._last = 0

    def moment(self, day: str) -> int:
        """A working hour of a day, after the last of the chain."""
        hour, minute = self.rng.randrange(7, 16), self.rng.randrange(60)
        self._last = max(micros(f"{day}T{hour:02d}:{minute:02d}:00Z"), self._last + MINUTE)
        return self._last

    def add(
        self,
        day: str,
        actor: str,
        command: Command,
        targets: Mapping[str, str],
        *,
        new_id: str | None = None,
        cites: tuple[ScriptedCommand, str] | None = None,
        role: str = "account_manager",
        on_behalf_of: str | None = None,
        operation: str = "",
        approves: str | None = None,
    ) -> ScriptedCommand:
        """Adds a command; without an effective date of its own it is effective when it is given."""
        at = self.moment(day)
        if command.effective_at is None and not isinstance(command, UNDATED):
            command = command.model_copy(update={"effective_at": instant(at)})
        scripted = ScriptedCommand(
            at=at,
            actor=actor,
            command=command,
            targets=targets,
            new_id=new_id,
            cites=cites,
            role=role,
            on_behalf_of=on_behalf_of,
            operation=operation,
            approves=approves,
        )
        self.commands.append(scripted)
        return scripted
