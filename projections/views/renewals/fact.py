"""A fact of a contract or of a renewal cycle, as it stands among the others."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.catalogue import CATALOGUE
from app.domain.contract.schedule import Schedule, apply
from app.domain.recorded import Recorded

AMOUNTS: Final = frozenset({"contract.drafted", "contract.amended", "contract.corrected", "contract.renewed"})
"""What changes the lines of a contract."""
TERMS: Final = frozenset(
    {
        "contract.drafted",
        "contract.signed",
        "contract.renewed",
        "contract.notice_given",
        "contract.notice_withdrawn",
        "contract.terminated",
    }
)
"""What changes when a contract ends."""
OF_TERMS: Final = "contract.terms_corrected"
CORRECTIONS: Final = frozenset({OF_TERMS, "contract.corrected"})
KEY: Final = 4
"""How many members of a fact say where it stands among the others."""


class Fact(NamedTuple):
    """An event of a contract or of a renewal cycle. data: its members, as they were recorded. Times are in microseconds.

    counts_from: when it was decided. decided, order, position: what comes before what among facts that count from the same
    instant; nothing comes before the draft.
    """

    counts_from: int
    decided: int
    order: int
    position: int
    type: str
    stream: str
    version: int
    event: str
    effective_at: int
    data: dict[str, Any]

    @property
    def is_inert(self) -> bool:
        """Whether a watcher appended it, so that it follows from the other facts."""
        return self.type == "contract.expired" or bool(self.type == "contract.renewed" and self.data.get("automatic"))

    @property
    def is_of_cycle(self) -> bool:
        """Whether it happened to a renewal cycle."""
        return self.type.startswith("renewal.")

    def recorded(self) -> Recorded:
        """The event as a schedule takes it."""
        return Recorded(
            tenant_id="",
            position=self.position,
            event_id=self.event,
            stream_id=self.stream,
            version=self.version,
            account_id=None,
            type=self.type,
            schema_version=CATALOGUE[self.type].VERSION,
            effective_at=self.effective_at,
            recorded_at=self.effective_at,
            actor="",
            body=b"",
            known={"data": self.data, "meta": {}},
        )


def schedule_of(facts: Sequence[Fact], where: ZoneInfo, schedule: Schedule | None = None) -> Schedule:
    """A contract's lines by facts in order. Takes: the lines by the facts before these."""
    schedule = schedule or Schedule()
    for fact in facts:
        if fact.type in AMOUNTS:
            schedule = apply(schedule, fact.recorded(), where)
    return schedule


def until(facts: Sequence[Fact], at: int) -> Sequence[Fact]:
    """The facts that were decided at an instant."""
    return facts[: bisect_right(facts, at, key=lambda fact: fact.counts_from)]
