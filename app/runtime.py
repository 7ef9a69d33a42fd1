"""The runtime: everything that the API, the workers and the command line need. `app.bootstrap` makes one."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from app.auth.issuers import Issuers
from app.observe.alarms import Alarms
from app.read_side.projector import Projector
from app.read_side.reader import Reader
from app.services.deadlines import RenewalDeadlines, SuggestionDeadlines
from app.services.people_takeover import PeopleTakeover
from app.settings import Settings
from app.store.committer import Committer
from app.store.engine import Database
from app.store.log import Log
from app.store.read_log import ReadLog
from app.store.vault import Vault
from app.store.write_health import WriteHealth
from app.webhooks.inbound.endpoints import Endpoints
from app.webhooks.inbound.inbox import Inbox
from app.write_side.handler import Handler
from app.write_side.ingestion import Ingestion

Clock = Callable[[], int]
"""Microseconds since 1970."""


@dataclass(frozen=True)
class Runtime:
    """What the API, the workers and the command line work with, made once for a process."""

    settings: Settings
    database: Database
    clock: Clock
    new_id: Callable[[str], str]
    vault: Vault
    log: Log
    committer: Committer
    handler: Handler
    ingestion: Ingestion
    projector: Projector
    reader: Reader
    endpoints: Endpoints
    inbox: Inbox
    read_log: ReadLog
    issuers: Issuers
    people: PeopleTakeover
    watcher: RenewalDeadlines
    expiries: SuggestionDeadlines
    wake: threading.Event
    alarms: Alarms
    health: WriteHealth
    require_root_key: Callable[[], None]
    """Raises unless the root key is still where it is kept, and still the database's."""

    def look(self) -> None:
        """Looks for what nobody says by itself: a write that takes too long."""
        self.health.look(self.committer.longest())

    def close(self) -> None:
        """Appends what is waiting and gives connections back."""
        self.inbox.close()
        self.read_log.close()
        self.committer.close()
        self.database.close()
