"""A trial ledger: what one account has met, copied into memory, and on top of it what is only tried.

Its views are grown by the projector, and read by the reader, as those of the real ledger are: a figure of it is the figure.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Self

from app.domain.recorded import Recorded
from app.read_side.projector import Projector
from app.read_side.reader import Reader
from app.read_side.view_tables import create_tables
from app.store import tables
from app.store.engine import Database
from app.store.log import Log
from projections.view import View

ALSO: Final = ("policy.drafted", "policy.activated", "policy.retired")
"""The topics that count for every account: the rules by which its figures are counted."""
PAGE: Final = 5000


class TrialLedger:
    """A ledger in memory. Takes: the reader of the real one, the tenant, the account, up to which position, and the views that it grows.

    `known`: the position of all that has really happened. `close` gives its memory back.
    """

    def __init__(self, reader: Reader, tenant_id: str, account: str, until: int, views: Sequence[View[Any]]) -> None:
        self._tenant_id = tenant_id
        self._memory = Database("sqlite://")
        with self._memory.administer() as connection:
            tables.metadata.create_all(connection)
        create_tables(self._memory, views)
        log = Log(self._memory, reader.log.vault, reader.log.time_after, reader.log.new_id)
        projector = Projector(self._memory, log, reader.projector.zone, reader.clock, views)
        self.reader = Reader(self._memory, log, projector, reader.clock)
        events = [
            *_every(lambda after: reader.log.after(tenant_id, after, PAGE, until=until, account_id=account)),
            *_every(lambda after: reader.log.after(tenant_id, after, PAGE, until=until, types=ALSO)),
        ]
        self.known = self.add(sorted(events, key=lambda event: event.position))

    def add(self, events: Iterable[Recorded]) -> int:
        """Lets events have happened. Gives: the position of the last one."""
        self.reader.log.tell(self._tenant_id, list(events))
        self.reader.projector.catch_up(self._tenant_id)
        return self.reader.log.head(self._tenant_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._memory.close()


def _every(page: Callable[[int], list[Recorded]]) -> list[Recorded]:
    """All events, page by page. Takes: what reads a page behind a position."""
    events: list[Recorded] = []
    while read := page(events[-1].position if events else 0):
        events += read
    return events
