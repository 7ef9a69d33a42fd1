"""The steps: commands at moments of the story, in threads of which each comes after the one before."""

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
"""What says nothing of when it is true: what is certified is so when it is computed, a correction since what it corrects was."""
NewId = Callable[[str, str], str]
"""(prefix, name within the story) -> id, always the same one"""


@dataclass(frozen=True, eq=False)
class Step:
    """A command at a moment of the story.

    at: microseconds, when it was given. cites: an earlier step and the type of its event that the command names; the event's id
    is known once that step is told. role: in which role the actor speaks.
    """

    at: int
    actor: str
    command: Command
    targets: Mapping[str, str] = field(default_factory=dict)
    new_id: str | None = None
    cites: "tuple[Step, str] | None" = None
    role: str = "manager"


@dataclass(frozen=True)
class Win:
    """A step by which a contract was won or renewed, on a day, and whose doing that was."""

    step: Step
    topic: str
    day: str
    owner: str
    currency: str


@dataclass(frozen=True)
class Loss:
    """A step by which a contract ended, the first day without it, and what had won it."""

    step: Step
    day: str
    won: Win


class Due(NamedTuple):
    """A renewal: its cycle, contract and due day, how it goes, and what the plot pays a year by then, in whole units."""

    cycle: str
    contract: str
    due: str
    outcome: str
    annual: int


class Thread:
    """A chain of steps of which each comes after the one before."""

    def __init__(self, rng: Random, steps: list[Step]) -> None:
        self.rng = rng
        self.steps = steps
        self._last = 0

    def moment(self, day: str) -> int:
        """A working hour of a day, after the thread's last."""
        hour, minute = self.rng.randrange(7, 16), self.rng.randrange(60)
        self._last = max(micros(f"{day}T{hour:02d}:{minute:02d}:00Z"), self._last + MINUTE)
        return self._last

    def tell(
        self,
        day: str,
        actor: str,
        command: Command,
        targets: Mapping[str, str],
        *,
        new_id: str | None = None,
        cites: tuple[Step, str] | None = None,
        role: str = "manager",
    ) -> Step:
        """Adds a step; unless it says otherwise, the command is true from the moment on at which it is given."""
        at = self.moment(day)
        if command.effective_at is None and not isinstance(command, UNDATED):
            command = command.model_copy(update={"effective_at": instant(at)})
        step = Step(at, actor, command, targets, new_id, cites, role)
        self.steps.append(step)
        return step
