"""Many writers at once: no gap, no disorder, nothing lost, and nothing stored that was not acknowledged."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager

from app.domain.account.commands import OpenAccount
from app.domain.recorded import Recorded
from app.store.log import Log
from tests.store.writers import Tally, four_writers, runtime_of, write
from tests.support.application import Steward
from tests.support.processes import FORKS

SEEDS = (100, 200, 300, 400)
DOOMED = {"version_conflict", "nothing_changes", "IntegrityError", "stream_busy"}
"""The refusals that a writer may get, the last one where the machine is busy; above all never that the database is locked."""


@contextmanager
def following(log: Log, tenant_id: str) -> Iterator[list[Recorded]]:
    """What a follower sees that reads the log while it is written, in its order."""
    seen: list[Recorded] = []
    stopped = threading.Event()

    def follow() -> None:
        while not stopped.is_set():
            seen.extend(log.after(tenant_id, seen[-1].position if seen else 0, 7))
            time.sleep(0.001)

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        yield seen
    finally:
        stopped.set()
        thread.join()
    seen.extend(log.after(tenant_id, seen[-1].position if seen else 0, 100_000))


def assert_sound(steward: Steward, seen: list[Recorded], tally: Tally) -> None:
    """The log is 1..n for everybody who reads it, and holds what was acknowledged and nothing else."""
    recorder = steward.runtime.log.recorder(steward.tenant)
    stored = steward.runtime.log.after(steward.tenant, 0, 100_000)
    versions = defaultdict(list)
    for event in stored:
        versions[event.stream_id].append(event.version)

    assert [event.position for event in stored] == list(range(1, len(stored) + 1))
    assert [event.event_id for event in seen] == [event.event_id for event in stored]
    assert recorder.max_notification_id() == recorder.count() == len(stored)
    assert all(one.recorded_at <= other.recorded_at for one, other in zip(stored, stored[1:], strict=False))
    assert all(stream == list(range(1, len(stream) + 1)) for stream in versions.values())
    assert tally.acknowledged == {event.event_id: event.position for event in stored}
    assert set(tally.refused) <= DOOMED


def hot_accounts(steward: Steward, count: int) -> tuple[list[str], Tally]:
    """Accounts that everybody writes to, and the tally of what there is so far."""
    accounts = [steward.do(OpenAccount(name=f"Hot {number}", currency="EUR")).id for number in range(count)]
    begun = {event.event_id: event.position for event in steward.runtime.log.after(steward.tenant, 0, 1000)}
    return accounts, Tally(acknowledged=begun)


def test_eight_writers_leave_no_gap_and_a_follower_sees_each_position_once_and_in_order(
    steward: Steward, database_url: str
) -> None:
    accounts, total = hot_accounts(steward, 4)
    runtimes = [runtime_of(database_url) for _ in range(8)]

    with following(steward.runtime.log, steward.tenant) as seen, ThreadPoolExecutor(8) as pool:
        tallies = pool.map(lambda seed: write(runtimes[seed], steward.tenant, seed, 50, accounts), range(8))
        for tally in tallies:
            total.add(tally)

    assert_sound(steward, seen, total)
    assert "version_conflict" in total.refused
    for runtime in runtimes:
        runtime.close()


def test_sixteen_writers_in_four_processes_share_one_log(steward: Steward, database_url: str) -> None:
    accounts, total = hot_accounts(steward, 4)

    with following(steward.runtime.log, steward.tenant) as seen, ProcessPoolExecutor(4, mp_context=FORKS) as processes:
        work = [processes.submit(four_writers, database_url, steward.tenant, seed, 12, accounts) for seed in SEEDS]
        for tally in work:
            total.add(tally.result())

    assert_sound(steward, seen, total)


def test_time_never_falls_along_the_log_though_the_clock_does(steward: Steward) -> None:
    steward.clock.set("2026-03-01T12:00:00Z")
    late = steward.do(OpenAccount(name="Late", currency="EUR")).recorded_at
    steward.clock.set("2026-02-01T12:00:00Z")
    early = [steward.do(OpenAccount(name=f"Early {number}", currency="EUR")).recorded_at for number in range(3)]
    steward.clock.set("2026-03-01T12:00:01Z")
    later = steward.do(OpenAccount(name="Later", currency="EUR")).recorded_at

    log = steward.runtime.log
    assert early == [late] * 3
    assert later > late
    assert [event.recorded_at for event in log.after(steward.tenant, 1, 10)] == [late] * 4 + [later]
    assert [log.position_at(steward.tenant, at) for at in (late - 1, late, later - 1, later)] == [1, 5, 5, 6]
