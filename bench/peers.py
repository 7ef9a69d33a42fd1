"""The peer: an application, a recorder and a projection of the eventsourcing library, written as its documentation shows."""

import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking, TrackingRecorder
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

PREPARED: Final = 20_000
"""The number of events in the runner's log."""


class Client(Aggregate):
    """A client whose interactions are its events."""

    @event("Opened")
    def __init__(self, name: str) -> None:
        self.name = name
        self.interactions = 0

    @event("Logged")
    def log(self, channel: str, direction: str, occurred_at: str, subject: str, topics: list[str]) -> None:  # noqa: ARG002
        """Records an interaction."""
        self.interactions += 1


class Diary(Application[UUID]):
    """The application that stores clients."""


def _log_interaction(client: Client) -> None:
    client.log("call", "inbound", "2026-01-15T09:00:00Z", "Asked for a second campaign", ["campaign", "budget"])


def save_events(env: Mapping[str, str], seconds: float) -> float:
    """Events a second, with one aggregate event saved at a time."""
    app = Diary(dict(env))
    clients = [Client(name=f"Client {number}") for number in range(100)]
    app.save(*clients)
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        client = clients[done % len(clients)]
        _log_interaction(client)
        app.save(client)
        done += 1
    rate = done / (time.perf_counter() - started)
    app.close()
    return rate


# --- projections ---


class Counters(TrackingRecorder):
    """The number of interactions of each client."""

    def count(self, client: UUID, tracking: Tracking) -> None:
        """Counts one interaction."""
        raise NotImplementedError


class PostgresCounters(PostgresTrackingRecorder, Counters):
    """The counters in a table, updated in one transaction with the position."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        create_table = SQL("CREATE TABLE IF NOT EXISTS counters (client uuid PRIMARY KEY, n bigint)").format()
        self.sql_create_statements.append(create_table)

    def count(self, client: UUID, tracking: Tracking) -> None:
        """Counts one interaction and stores the position."""
        upsert = "INSERT INTO counters VALUES (%s, 1) ON CONFLICT (client) DO UPDATE SET n = counters.n + 1"
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(upsert, (client,), prepare=True)


class CountersProjection(Projection[Counters]):
    """Counts interactions. The library gives it one event at a time."""

    name = "counters"
    topics = ()

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Counts an event."""
        self.view.count(domain_event.originator_id, tracking)


def prepare_log(env: Mapping[str, str]) -> None:
    """Writes the runner's log: clients with five hundred events each."""
    app = Diary(dict(env))
    for number in range(PREPARED // 500):
        client = Client(name=f"Client {number}")
        for _ in range(499):
            _log_interaction(client)
        app.save(client)
    app.close()


def project(env: Mapping[str, str], seconds: float) -> tuple[int, float, float]:
    """Runs the library's projection from the beginning of its log to the end, or until the time is over.

    Gives: the number of events, the seconds, and the processor seconds of this process.
    """
    started, cpu = time.perf_counter(), time.process_time()
    with ProjectionRunner(
        application_class=Diary, projection_class=CountersProjection, view_class=PostgresCounters, env=dict(env)
    ) as runner:
        reached = 0
        while reached < PREPARED and time.perf_counter() - started < seconds:
            runner.run_forever(timeout=0.05)
            reached = runner.projection.view.max_tracking_id("Diary") or 0
        return reached, time.perf_counter() - started, time.process_time() - cpu
