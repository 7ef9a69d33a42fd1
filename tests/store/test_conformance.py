"""The recorder under the cases that `eventsourcing` ships for recorders, on both databases."""

import itertools
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.persistence import AggregateRecorder, StoredEvent
from eventsourcing.tests import persistence as cases

from app.bootstrap import Ids, system_clock
from app.store.engine import Database
from app.store.ledger_time import unguarded
from app.store.log import Log
from app.store.recorder import LedgerRecorder
from app.store.vault import Vault
from tests.support.databases import Databases

_numbers = itertools.count()


class OnSqlite:
    """Gives each case the recorder of a new tenant in a new database."""

    backend = "sqlite"
    databases: Databases

    @pytest.fixture(autouse=True)
    def _given(self, databases: Databases) -> None:
        self.databases = databases

    def create_recorder(self) -> LedgerRecorder:
        database = Database(self.databases.fresh(self.backend))
        self.addCleanup(database.close)  # type: ignore[attr-defined]
        return Log(database, Vault(bytes(32)), unguarded(system_clock), Ids(system_clock)).recorder("tnt_conformance")

    def new_originator_id(self) -> str:
        return f"acct_{next(_numbers)}"


class OnPostgresql(OnSqlite):
    backend = "postgresql"


class Silent(AggregateRecorder):
    """The recorder as an aggregate recorder, which tells no positions."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self.recorder = recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        self.recorder.insert_events(stored_events, **kwargs)

    def select_events(self, originator_id: UUID | str, **kwargs: Any) -> Sequence[StoredEvent]:
        return self.recorder.select_events(originator_id, **kwargs)


class TestApplicationRecorderOnSqlite(OnSqlite, cases.ApplicationRecorderTestCase[LedgerRecorder]):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestApplicationRecorderOnPostgresql(OnPostgresql, cases.ApplicationRecorderTestCase[LedgerRecorder]):
    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestProcessRecorderOnSqlite(OnSqlite, cases.ProcessRecorderTestCase):
    pass


class TestProcessRecorderOnPostgresql(OnPostgresql, cases.ProcessRecorderTestCase):
    pass


class TestTrackingRecorderOnSqlite(OnSqlite, cases.TrackingRecorderTestCase):
    pass


class TestTrackingRecorderOnPostgresql(OnPostgresql, cases.TrackingRecorderTestCase):
    pass


class TestAggregateRecorderOnSqlite(OnSqlite, cases.AggregateRecorderTestCase):
    def create_recorder(self) -> Silent:  # type: ignore[override]  # the library says which class, and means which interface
        return Silent(super().create_recorder())


class TestAggregateRecorderOnPostgresql(OnPostgresql, cases.AggregateRecorderTestCase):
    def create_recorder(self) -> Silent:  # type: ignore[override]  # the library says which class, and means which interface
        return Silent(super().create_recorder())


class TestNonInterleavingOnSqlite(OnSqlite, cases.NonInterleavingNotificationIDsBaseCase):
    pass


class TestNonInterleavingOnPostgresql(OnPostgresql, cases.NonInterleavingNotificationIDsBaseCase):
    pass
