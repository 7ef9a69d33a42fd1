"""P4 and P8: all views of a tenant rebuilt while the old ones serve."""

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
from bench.environment import Environment
from bench.generate import Tenant, generated_tenant
from bench.interleaving import interleaved, median_of
from bench.results import Goal, Result, compare
from bench.servers import memory_of, process_environment

TURNS: Final = 3
_PAGE: Final = 5000
_POLL_SECONDS: Final = 0.05
_RUNNER_SECONDS: Final = 5.0
"""The least time of a turn of the library's runner, so that its start does not dominate."""


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild cost. cpu: processor seconds, with the database's own. peak: the most megabytes of all its processes together."""

    seconds: float
    cpu: float
    peak: float
    views: int


def rebuild(environment: Environment, url: str, tenant_id: str, *words: str) -> Rebuilt:
    """Measures `steward rebuild` of all views of a tenant. Raises: RuntimeError where a rebuilt view differs from the old one."""
    command = [sys.executable, "-m", "app", "rebuild", "--tenant", tenant_id, "--json", *words]
    busy = environment.databases.cpu(url)
    seconds, cpu, peak, output = measured_process(environment, url, command)
    compared = json.loads(output)
    unequal = [view["view"] for view in compared if not view["equal"]]
    if unequal or not compared:
        raise RuntimeError(f"rebuilt views differ from those that served: {', '.join(unequal)}")
    return Rebuilt(seconds, cpu + environment.databases.cpu(url) - busy, peak, len(compared))


def start_cost(environment: Environment, tenant: Tenant) -> float:
    """Seconds of processor time that the command line takes to start and to end."""
    return measured_process(environment, tenant.url, [sys.executable, "-m", "app", "status", "--json"])[1]


def measured_process(environment: Environment, url: str, command: Sequence[str]) -> tuple[float, float, float, bytes]:
    """Runs a process to its end. Gives: its seconds, its processor seconds, its peak in megabytes, its output.

    Processor seconds are what the system counted for it and for the processes that it started and waited for.
    """
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=environment.folder, env=process_environment(url), stdout=subprocess.PIPE)  # noqa: S603 - a fixed command
    peak, tree = 0.0, psutil.Process(process.pid)
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        peak = max(peak, memory_of(tree))
        time.sleep(_POLL_SECONDS)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout is None or process.returncode:
        raise RuntimeError(f"{' '.join(command[3:])} ended with {process.returncode}")
    with process.stdout as output:
        return seconds, usage.ru_utime + usage.ru_stime, peak, output.read()


def scan(url: str, tenant_id: str) -> tuple[float, float]:
    """The limit: the driver reads the log in pages and parses the bodies.

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
        for row in rows:
            json.loads(row[7])
        done, reached = done + len(rows), rows[-1][0]
        peak = max(peak, process.memory_info().rss)
    return done / (time.process_time() - started), peak / 1_000_000


def beside_runner(environment: Environment, backend: str) -> list[Result]:
    """P4: a rebuild beside the library's runner and beside a bare scan. P8: the memory of the same rebuilds."""
    from bench.peers import PREPARED, prepare_log, project  # needs the library's PostgreSQL extra; only P2 and P4 do

    tenant = generated_tenant(environment, backend, environment.accounts, environment.events)

    def runner(turn: int, seconds: float) -> tuple[float, float]:
        library = environment.databases.library(f"row_p4_peer_{turn}")  # it cannot start again from the beginning
        environment.run_in_process(prepare_log, library)
        busy = environment.databases.cpu("postgresql")
        reached, took, cpu = environment.run_in_process(project, library, max(seconds, _RUNNER_SECONDS))
        return reached / took, reached / (cpu + environment.databases.cpu("postgresql") - busy)

    sides: dict[str, Callable[[int, float], Any]] = {
        "ours": lambda _turn, _seconds: rebuild(environment, tenant.url, tenant.tenant_id),
        "one worker": lambda _turn, _seconds: rebuild(environment, tenant.url, tenant.tenant_id, "--workers", "1"),
        "runner": runner,
        "scan": lambda _turn, _seconds: environment.run_in_process(scan, tenant.url, tenant.tenant_id),
    }
    by_side = interleaved(environment, sides, TURNS)
    ours: list[Rebuilt] = by_side["ours"]
    core, clock = (
        median_of(ours, lambda turn: tenant.events / turn.cpu),
        median_of(ours, lambda turn: tenant.events / turn.seconds),
    )
    took = f"{median_of(ours, lambda turn: turn.seconds):.1f} s on {median_of(ours, lambda turn: turn.cpu / turn.seconds):.1f} cores"
    also = " (PostgreSQL's own among them)" if backend == "postgresql" else ""
    work = f"rebuild of all {ours[0].views} views of a tenant, {tenant.events:,} events, {took}{also}"
    peer = f"eventsourcing's ProjectionRunner on PostgreSQL, one view (a counter a client), {PREPARED:,} events"
    scanned = "bare scan and decode of the log"
    # Memory does not depend on the machine's other users: the worst turn counts.
    peak, bare = max(turn.peak for turn in ours), max(turn[1] for turn in by_side["scan"])
    return [
        compare(f"P4-{backend}", f"{work}, a second of processor time", core, "events/s a core",
            median_of(by_side["runner"], lambda turn: turn[1]), f"{peer}, a second of processor time, PostgreSQL's own too",
            Goal(ours_from=50_000, ratio_from=40)),
        compare(f"P4-{backend}-clock", f"{work}, by the clock", clock, "events/s", median_of(by_side["runner"], lambda turn: turn[0]),
            f"{peer}, by the clock", Goal(ratio_from=40)),
        compare(f"P4-{backend}-workers", f"{work}, by the clock, a worker for each core", clock, "events/s",
            median_of(by_side["one worker"], lambda turn: tenant.events / turn.seconds), "the same with one worker", Goal(ratio_from=1)),
        compare(f"P4-{backend}-scan", f"{work}, a second of processor time", core, "events/s a core",
            median_of(by_side["scan"], lambda turn: turn[0]), f"{scanned}, a second of the driver's processor time", Goal()),
        compare(f"P8-rebuild-{backend}", f"peak memory of all processes of that rebuild, {tenant.events:,} events", peak, "MB", bare,
            scanned, Goal(ours_to=300)),
    ]  # fmt: skip
