"""P4 and P8: all views of a tenant grown anew while the old ones serve."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psutil

from app.store.engine import Database
from bench.environment import Ground
from bench.generate import Tenant, grown
from bench.interleaving import in_turns, middle
from bench.results import Goal, Row, row
from bench.servers import environment, weight_of

TURNS: Final = 3
_PAGE: Final = 5000
_LOOK_SECONDS: Final = 0.05
_RUNNER_SECONDS: Final = 5.0
"""The library's runner may go on for so long at each turn, lest its beginning weigh too much."""


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild took. cpu: processor seconds, the database's own too. peak: megabytes of all its processes at once."""

    seconds: float
    cpu: float
    peak: float
    views: int


def rebuild(ground: Ground, url: str, tenant_id: str, *words: str) -> Rebuilt:
    """`steward rebuild` of all views of a tenant, watched. Raises: RuntimeError unless what it grew is equal."""
    command = [sys.executable, "-m", "app", "rebuild", "--tenant", tenant_id, "--json", *words]
    busy = ground.databases.cpu(url)
    seconds, cpu, peak, answer = watched(ground, url, command)
    compared = json.loads(answer)
    unequal = [one["view"] for one in compared if not one["equal"]]
    if unequal or not compared:
        raise RuntimeError(f"grown anew, these are not what served: {', '.join(unequal)}")
    return Rebuilt(seconds, cpu + ground.databases.cpu(url) - busy, peak, len(compared))


def begin_and_end(ground: Ground, tenant: Tenant) -> float:
    """Seconds of processor time that a command of ours takes to begin and to end."""
    return watched(ground, tenant.url, [sys.executable, "-m", "app", "status", "--json"])[1]


def watched(ground: Ground, url: str, command: Sequence[str]) -> tuple[float, float, float, bytes]:
    """A process until its end. Gives: its seconds, and those of the processor, its peak in megabytes, what it said.

    The processor's are what the system counted for it and for all that it started and waited for.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ground.folder, env=environment(url), stdout=subprocess.PIPE)  # noqa: S603 - our own words
    peak, tree = 0.0, psutil.Process(process.pid)
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        peak = max(peak, weight_of(tree))
        time.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout is None or process.returncode:
        raise RuntimeError(f"{' '.join(command[3:])} ended with {process.returncode}")
    with process.stdout as said:
        return seconds, usage.ru_utime + usage.ru_stime, peak, said.read()


def scan(url: str, tenant_id: str) -> tuple[float, float]:
    """The limit: the log read by the driver in pages and its bodies parsed.

    Gives: events a second of processor time, peak megabytes.
    """
    database = Database(url, owner=True)
    connection: Any = database.reader.raw_connection().driver_connection
    mark = "%s" if database.postgres else "?"
    page = (
        "SELECT position, stream_id, version, account_id, type, effective_at, recorded_at, body FROM events "
        f"WHERE tenant_id = {mark} AND position > {mark} ORDER BY position LIMIT {_PAGE}"
    )
    cursor, reached, done, peak = connection.cursor(), 0, 0, 0
    process, started = psutil.Process(), time.process_time()
    while rows := cursor.execute(page, (tenant_id, reached)).fetchall():
        for found in rows:
            json.loads(found[7])
        done, reached = done + len(rows), rows[-1][0]
        peak = max(peak, process.memory_info().rss)
    return done / (time.process_time() - started), peak / 1_000_000


def beside_runner(ground: Ground, backend: str) -> list[Row]:
    """P4 beside the library's runner and beside a bare scan; P8's memory from the same rebuilds."""
    from bench.peers import PREPARED, prepare_log, project  # needs the library's PostgreSQL extra, no other row does

    tenant = grown(ground, backend, ground.accounts, ground.events)

    def runner(turn: int, seconds: float) -> tuple[float, float]:
        library = ground.databases.library(f"row_p4_peer_{turn}")  # it has no way to begin again
        ground.aside(prepare_log, library)
        busy = ground.databases.cpu("postgresql")
        reached, took, cpu = ground.aside(project, library, max(seconds, _RUNNER_SECONDS))
        return reached / took, reached / (cpu + ground.databases.cpu("postgresql") - busy)

    sides: dict[str, Callable[[int, float], Any]] = {
        "ours": lambda _turn, _seconds: rebuild(ground, tenant.url, tenant.tenant_id),
        "one worker": lambda _turn, _seconds: rebuild(ground, tenant.url, tenant.tenant_id, "--workers", "1"),
        "runner": runner,
        "scan": lambda _turn, _seconds: ground.aside(scan, tenant.url, tenant.tenant_id),
    }
    gave = in_turns(ground, sides, TURNS)
    ours: list[Rebuilt] = gave["ours"]
    core, clock = (
        middle(ours, lambda one: tenant.events / one.cpu),
        middle(ours, lambda one: tenant.events / one.seconds),
    )
    took = (
        f"{middle(ours, lambda one: one.seconds):.1f} s on {middle(ours, lambda one: one.cpu / one.seconds):.1f} cores"
    )
    also = " (PostgreSQL's own among them)" if backend == "postgresql" else ""
    work = f"rebuild of all {ours[0].views} views of a tenant, {tenant.events:,} events, {took}{also}"
    kept = f"eventsourcing's ProjectionRunner on PostgreSQL, one view (a counter a client), {PREPARED:,} events"
    scanned = "bare scan and decode of the log"
    # Memory does not vary with who else is busy: the worst turn counts.
    peak, bare = max(one.peak for one in ours), max(one[1] for one in gave["scan"])
    return [
        row(f"P4-{backend}", f"{work}, a second of processor time", core, "events/s a core",
            middle(gave["runner"], lambda one: one[1]), f"{kept}, a second of processor time, PostgreSQL's own too",
            Goal(ours_from=50_000, ratio_from=40)),
        row(f"P4-{backend}-clock", f"{work}, by the clock", clock, "events/s", middle(gave["runner"], lambda one: one[0]),
            f"{kept}, by the clock", Goal(ratio_from=40)),
        row(f"P4-{backend}-workers", f"{work}, by the clock, a worker for each core", clock, "events/s",
            middle(gave["one worker"], lambda one: tenant.events / one.seconds), "the same with one worker", Goal(ratio_from=1)),
        row(f"P4-{backend}-scan", f"{work}, a second of processor time", core, "events/s a core",
            middle(gave["scan"], lambda one: one[0]), f"{scanned}, a second of the driver's processor time", Goal()),
        row(f"P8-rebuild-{backend}", f"peak memory of all processes of that rebuild, {tenant.events:,} events", peak, "MB", bare,
            scanned, Goal(ours_to=300)),
    ]  # fmt: skip
