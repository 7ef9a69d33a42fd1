"""A check of a whole ledger: every event is the one that was written, none is missing, doubled, out of order or beyond the head."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from app.domain.kernel.errors import Unavailable
from app.domain.recorded import Recorded
from app.store.engine import Database
from app.store.event_pages import read_page
from app.store.intact import damage
from app.store.positions import head_of

PAGE: Final = 2000


@dataclass(frozen=True)
class LedgerCheck:
    """What was found. head: where the ledger ends; position: the first bad one, and what is wrong there; none where all is whole."""

    tenant_id: str
    head: int
    position: int | None = None
    detail: str | None = None

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "intact": self.position is None}


def check_ledger(
    database: Database, tenant_id: str, progress: Callable[[int], None] = lambda _read: None
) -> LedgerCheck:
    """Reads a ledger from its first event to its last. Takes: what is called with how many more events were read.

    What is appended meanwhile is read as well, up to the head at the end. Raises: Unavailable where the database is away.
    """
    last: Recorded | None = None
    versions: dict[str, int] = {}
    try:
        while True:
            with database.read(tenant_id) as connection:
                head = head_of(connection, tenant_id)
                events = read_page(connection, tenant_id, last.position if last else 0, PAGE, intact=True)
            if not events:
                break
            last = _follows(last, events, versions)
            progress(len(events))
        reached = last.position if last else 0
        if reached != head:
            where = min(reached, head) + 1
            raise damage(where, f"the events end at position {reached}, and the ledger says {head}")
    except Unavailable as fault:
        if "position" not in fault.members:
            raise
        return LedgerCheck(tenant_id, head, int(str(fault.members["position"])), fault.detail)
    return LedgerCheck(tenant_id, head)


def _follows(last: Recorded | None, events: Sequence[Recorded], versions: dict[str, int]) -> Recorded:
    """The last of some events. Takes: the one before them; each stream's version so far, which is moved on.

    Raises: Unavailable at the first that is not the next of the ledger or of its stream, or was recorded before the one before.
    """
    for event in events:
        expected = last.position + 1 if last else 1
        if event.position != expected:
            raise damage(expected, f"there is no event at position {expected}")
        if event.version != versions.get(event.stream_id, 0) + 1:
            raise damage(event.position, f"the event at position {event.position} is not the next of its stream")
        if last is not None and event.recorded_at < last.recorded_at:
            raise damage(
                event.position, f"the event at position {event.position} was recorded before the one before it"
            )
        versions[event.stream_id] = event.version
        last = event
    return events[-1]
