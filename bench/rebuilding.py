"""P4 and P8: all views of a tenant grown anew while the old ones serve."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import psutil

from app.store.engine import Database
from bench.generate import Tenant, grown
from bench.ground import Ground
from bench.rows import Goal, Row, row
from bench.servers import environment

_PAGE: Final = 5000


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild took. cores: how many it kept busy. peak: megabytes of all its processes at once."""

    seconds: float
    cores: float
    peak: float
    views: int


def rebuild(ground: Ground, tenant: Tenant) -> Rebuilt:
    """`steward rebuild` of all views of a tenant, watched. Raises: RuntimeError unless what it grew is equal."""
    command = [sys.executable, "-m", "app", "rebuild", "--tenant", tenant.tenant_id, "--json"]
    return watched(ground, tenant, command)


def begin_and_end(ground: Ground, tenant: Tenant) -> float:
    """Seconds that a command of ours takes to begin and to end."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "app", "status", "--json"]
    told = environment(tenant.url)
    subprocess.run(command, cwd=ground.folder, env=told, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
    return time.perf_counter() - started


def watched(ground: Ground, tenant: Tenant, command: Sequence[str]) -> Rebuilt:
    """A process until its end, with the memory and the time of all that it started."""
    started = time.perf_counter()
    process = psutil.Popen(command, cwd=ground.folder, env=environment(tenant.url), stdout=subprocess.PIPE)
    peak, busy = 0, 0.0
    while process.poll() is None:
        rss, cpu = _used(process)
        peak, busy = max(peak, rss), max(busy, cpu)
        time.sleep(0.02)
    seconds = time.perf_counter() - started
    answer = process.stdout.read()
    if process.returncode:
        raise RuntimeError(f"rebuild ended with {process.returncode}")
    compared = json.loads(answer)
    unequal = [one["view"] for one in compared if not one["equal"]]
    if unequal:
        raise RuntimeError(f"grown anew, these are not what served: {', '.join(unequal)}")
    return Rebuilt(seconds, busy / seconds, peak / 1_000_000, len(compared))


def _used(process: psutil.Popen) -> tuple[int, float]:
    """Bytes and processor seconds of a process and what it started."""
    rss, cpu = 0, 0.0
    try:
        for one in (process, *process.children(recursive=True)):
            times = one.cpu_times()
            rss, cpu = rss + one.memory_info().rss, cpu + times.user + times.system
    except psutil.NoSuchProcess:
        return 0, 0.0
    return rss, cpu


def scan(url: str, tenant_id: str) -> tuple[float, float]:
    """The limit: the log read by the driver in pages and its bodies parsed. Gives: events a second, peak megabytes."""
    database = Database(url, owner=True)
    connection: Any = database.reader.raw_connection().driver_connection
    mark = "%s" if database.postgres else "?"
    page = (
        "SELECT position, stream_id, version, account_id, type, effective_at, recorded_at, body FROM events "
        f"WHERE tenant_id = {mark} AND position > {mark} ORDER BY position LIMIT {_PAGE}"
    )
    cursor, reached, done, peak = connection.cursor(), 0, 0, 0
    process, started = psutil.Process(), time.perf_counter()
    while rows := cursor.execute(page, (tenant_id, reached)).fetchall():
        for found in rows:
            json.loads(found[7])
        done, reached = done + len(rows), rows[-1][0]
        peak = max(peak, process.memory_info().rss)
    return done / (time.perf_counter() - started), peak / 1_000_000


def beside_runner(ground: Ground, backend: str) -> list[Row]:
    """P4 beside the library's runner and beside a bare scan; P8's memory from the same rebuild."""
    from bench.peers import project  # needs the library's PostgreSQL extra, which no other row does

    ground.say("eventsourcing's runner")
    peer = ground.aside(project, ground.databases.library("row_p4_peer"), ground.seconds)
    tenant = grown(ground, backend, ground.accounts, ground.events)
    ground.say(f"rebuilding {tenant.events:,} events")
    ours = rebuild(ground, tenant)
    ground.say("bare scan")
    limit, bare = ground.aside(scan, tenant.url, tenant.tenant_id)
    rate = tenant.events / ours.seconds / max(1.0, ours.cores)
    took = f"{ours.seconds:.1f} s on {ours.cores:.1f} cores"
    work = f"rebuild of all {ours.views} views of a tenant, {tenant.events:,} events, {took}"
    runner = "eventsourcing ProjectionRunner on PostgreSQL, one counter a client"
    scanned = "bare scan and decode of the log"
    memory = f"memory of that rebuild, {tenant.events:,} events"
    return [
        row(f"P4-{backend}", work, rate, "events/s a core", peer, runner, Goal(ours_from=50_000, ratio_from=40)),
        row(f"P4-{backend}-scan", work, rate, "events/s a core", limit, scanned, Goal()),
        row(f"P8-rebuild-{backend}", memory, ours.peak, "MB", bare, scanned, Goal(ours_to=300)),
    ]
