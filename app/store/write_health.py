"""WriteHealth: whether the database takes writes, by what became of the last ones; and whether one of them takes too long."""

import threading
from time import monotonic
from typing import Final

from sqlalchemy import delete, insert

from app.domain.kernel.errors import DomainError, Unavailable
from app.observe.alarms import Alarm, Alarms
from app.store import tables
from app.store.engine import Database
from app.store.randomness import random_bytes

STUCK_SECONDS: Final = 30
"""After how long a transaction that writes is stuck: a lock is waited for a third of that."""
TRY_SECONDS: Final = 1
"""How long what a try has shown is believed."""
TRIAL_BYTES: Final = 65_536
"""How much is written to see whether the disk has space: random, so that no database makes it small."""
REFUSING: Final[tuple[Alarm, ...]] = ("storage_full", "store_read_only")
"""What refuses every write of every tenant, until somebody sees to it."""
REFUSALS: Final[tuple[Alarm, ...]] = (*REFUSING, "clock_ahead")


class WriteHealth:
    """What appends tell. Takes: the database, and the alarms of the process."""

    def __init__(self, database: Database, alarms: Alarms) -> None:
        self._database = database
        self._alarms = alarms
        self._tenant_id = ""
        self._tried_at = monotonic() - TRY_SECONDS
        self._lock = threading.Lock()

    def committed(self) -> None:
        """An append was written."""
        self._alarms.end(*REFUSALS)

    def failed(self, tenant_id: str, failure: BaseException) -> None:
        """An append could not be written."""
        for alarm in REFUSALS:
            if isinstance(failure, Unavailable) and failure.code == alarm:
                self._tenant_id = tenant_id
                self._alarms.begin(alarm, tenant_id=tenant_id)

    def look(self, longest: float) -> None:
        """Whether a transaction takes too long. Takes: since how many seconds the longest one goes on."""
        if longest > STUCK_SECONDS:
            self._alarms.begin("writes_stuck")
        else:
            self._alarms.end("writes_stuck")

    def require(self) -> None:
        """Raises: Unavailable while every write is refused: whether that is still so is tried, since who is not ready gets no writes."""
        standing = self._alarms.stands(*REFUSING)
        if standing is not None and self._lock.acquire(
            blocking=False
        ):  # while one tries, the others answer what stands
            try:
                if monotonic() - self._tried_at >= TRY_SECONDS:
                    self._tried_at = monotonic()
                    if self._takes_writes():
                        self._alarms.end(*REFUSING)
                        standing = None
            finally:
                self._lock.release()
        if standing is not None:
            raise Unavailable(standing, "the database takes no writes")

    def _takes_writes(self) -> bool:
        """Writes as much as a large batch, and takes it away again."""
        keys, trial = tables.data_keys, {"tenant_id": self._tenant_id, "key_id": "write-trial"}
        taken_away = delete(keys).where(keys.c.tenant_id == self._tenant_id, keys.c.key_id == trial["key_id"])
        try:
            with self._database.write(self._tenant_id) as connection:
                connection.execute(taken_away)
                connection.execute(insert(keys).values(**trial, wrapped=random_bytes(TRIAL_BYTES), created_at=0))
            with self._database.write(self._tenant_id) as connection:
                connection.execute(taken_away)
        except DomainError:
            return False
        return True
