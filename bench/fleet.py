"""The fleet: two servers with two processes each on one PostgreSQL, one process killed again and again, a rebuild in the middle.

Nothing that was acknowledged may be lost or doubled, every view stays near the log, and all are right at the end. `SOAK_SECONDS` says how
long, `SOAK_RATE` how many commands a second. It runs only when it is named: `make soak`, or `python -m bench soak-servers`.
"""

import asyncio
import itertools
import math
import os
import random
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

import psutil
import uvloop

from app.bootstrap import build
from app.domain.kernel.errors import DomainError
from app.runtime import Runtime
from bench.bulkheads import tenants_on
from bench.caller import Caller
from bench.client import HOST, call, fault_text, number_of
from bench.commands import BODY
from bench.environment import Environment, WritableTenant, settings_of
from bench.results import Goal, Result, compare
from bench.servers import ROOT, free_port, process_environment
from bench.side_clients import clients

SECONDS: Final = float(os.environ.get("SOAK_SECONDS", "300"))
RATE: Final = float(os.environ.get("SOAK_RATE", "500"))
TENANTS: Final = 4
CONNECTIONS: Final = 64
KILL_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 0.1
ANSWER_SECONDS: Final = 10.0
GIVE_UP_SECONDS: Final = 60.0
"""How long a command is sent again before it counts as failed."""
_NONE: Final = Goal(ours_to=0)


class Written(NamedTuple):
    """An acknowledged command: whose, its position, when it was answered (monotonic seconds)."""

    tenant: int
    position: int
    answered: float


@dataclass
class Account:
    """What the clients have to tell. again: how often a command was sent again, because nobody had answered it or somebody was busy."""

    written: list[Written] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    again: int = 0
    failed: int = 0
    first_fault: str = ""


def write(ports: Sequence[int], tenants: Sequence[WritableTenant], ended: Callable[[], bool]) -> Account:
    """Sends commands at the rate, each until it is acknowledged, to the servers in turn."""
    return uvloop.run(_write(ports, tenants, ended))


async def _write(ports: Sequence[int], tenants: Sequence[WritableTenant], ended: Callable[[], bool]) -> Account:
    account, numbers, started = Account(), itertools.count(), time.monotonic()

    async def client() -> None:
        caller = Caller(ANSWER_SECONDS)
        for number in numbers:
            due = started + number / RATE
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if ended():
                return
            await _acknowledged(account, number, due, ports, tenants, caller)

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return account


async def _acknowledged(
    account: Account,
    number: int,
    due: float,
    ports: Sequence[int],
    tenants: Sequence[WritableTenant],
    caller: Caller,
) -> None:
    """Sends a command until it is acknowledged, to the other server where one does not answer."""
    at = number % len(tenants)
    tenant = tenants[at]
    path = f"/v1/accounts/{tenant.accounts[number // len(tenants) % len(tenant.accounts)]}/interactions"
    request = call("POST", path, tenant.key, BODY, Idempotency_Key=f"soak-{number}")
    for attempt in itertools.count():
        status, head, body = await caller.ask(ports[(number + attempt) % len(ports)], request)
        if status == 201:
            now = time.monotonic()
            account.written.append(Written(at, number_of(head, b"\r\nevent-position: "), now))
            account.latencies.append(now - due)
            return
        account.again += 1
        if status not in (0, 409, 503) or time.monotonic() - due > GIVE_UP_SECONDS:
            account.failed += 1
            account.first_fault = account.first_fault or fault_text(status, body)
            return
        await asyncio.sleep(0.05)


# --- servers that are killed ---


class Servers:
    """Two `steward serve --workers 2`, of which one process is killed now and then: mostly one that serves, at times the one above."""

    def __init__(self, url: str) -> None:
        self.ports = [free_port(), free_port()]
        self.kills: dict[str, int] = {"process": 0, "supervisor": 0}
        self._variables = {**process_environment(url, watchers=False), "PYTHONPATH": str(ROOT)}
        self._running = [self._start(port) for port in self.ports]
        self._random = random.Random(11)  # noqa: S311 - which process is killed is no secret

    def _start(self, port: int) -> "subprocess.Popen[bytes]":
        words = [sys.executable, "-P", "-m", "app", "serve", "--port", str(port), "--workers", "2"]
        return subprocess.Popen(words, env=self._variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - fixed words

    def kill_one(self) -> None:
        """Kills a process of one of the servers; who starts servers starts one anew whose supervisor is gone."""
        number = sum(self.kills.values())
        at = number % 2
        supervisor = psutil.Process(self._running[at].pid)
        serving = [each for each in supervisor.children() if "spawn_main" in " ".join(each.cmdline())]
        if number % 4 < 2 and serving:
            self._random.choice(serving).kill()
            self.kills["process"] += 1
            return
        supervisor.kill()
        self._running[at].wait()
        psutil.wait_procs(serving, timeout=30)
        self._running[at] = self._start(self.ports[at])
        self.kills["supervisor"] += 1

    def stop(self) -> None:
        """Ends both as an operator does."""
        for server in self._running:
            server.terminate()
        for server in self._running:
            server.wait(timeout=120)


# --- how near the views are ---


class Lags:
    """When each view of each tenant had read which position, seen by another process than those that serve."""

    def __init__(self, runtime: Runtime, tenants: Sequence[WritableTenant]) -> None:
        self._runtime, self._tenants = runtime, tenants
        self._reached: dict[tuple[int, str], list[tuple[int, float]]] = defaultdict(list)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Looks at the views until the block ends."""
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(LOOK_SECONDS):
                with suppress(DomainError):
                    self._look()

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self._look()

    def _look(self) -> None:
        for at, tenant in enumerate(self._tenants):
            for view, position in self._runtime.projector.positions(tenant.tenant_id).items():
                seen = self._reached[at, view]
                if not seen or position > seen[-1][0]:
                    seen.append((position, time.monotonic()))

    def worst(self, written: Sequence[Written]) -> tuple[float, str]:
        """The largest p99 of any view of any tenant, in milliseconds, from an acknowledgement to when the view had read it; and which."""
        figures = []
        for (at, view), seen in self._reached.items():
            took = sorted(
                max(0.0, seen[found][1] - each.answered)
                for each in written
                if each.tenant == at
                for found in [bisect_left(seen, (each.position, 0.0))]
                if found < len(seen)
            )
            if took:
                figures.append((took[math.ceil(len(took) * 0.99) - 1] * 1000, view))
        return max(figures)


# --- all of it ---


def soak(environment: Environment) -> list[Result]:
    """Runs the fleet under load. Raises: RuntimeError where a part of the harness itself fails."""
    url = environment.databases.fresh("postgresql")
    tenants = tenants_on(url, TENANTS)
    runtime, servers = build(settings_of(url)), Servers(url)
    try:
        before = [runtime.log.head(tenant.tenant_id) for tenant in tenants]
        _wait_until_served(servers)
        lags = Lags(runtime, tenants)
        with lags.watched():
            with clients(partial(write, servers.ports, tenants)) as end:
                rebuilt = _disturb(environment, servers, url)
                (account,) = end()
            if isinstance(account, Exception):
                raise account
            environment.say("the views come to the head")
            _come_to_the_head(runtime, tenants)
        servers.stop()
        unequal = _run(url, "rebuild", "--verify")
        heads = [runtime.log.head(tenant.tenant_id) for tenant in tenants]
    finally:
        with suppress(subprocess.TimeoutExpired):
            servers.stop()
        runtime.close()
    environment.databases.drop(url)
    return list(_results(account, servers, before, heads, lags, unequal, rebuilt))


def _wait_until_served(servers: Servers) -> None:
    """Waits until both servers accept connections and their processes have imported what they serve."""
    import httpx

    deadline = time.monotonic() + 300
    for port in servers.ports:
        while True:
            with suppress(httpx.TransportError):
                if httpx.get(f"http://{HOST}:{port}/readyz").status_code == 200:
                    break
            if time.monotonic() > deadline:
                raise RuntimeError("the servers do not start")
            time.sleep(0.1)


def _disturb(environment: Environment, servers: Servers, url: str) -> int:
    """Kills processes, and rebuilds all views in the middle. Gives: the exit code of the rebuild."""
    began, rebuilt, codes = time.monotonic(), threading.Event(), [1]
    rebuilding = threading.Thread(target=lambda: codes.__setitem__(0, _run(url, "rebuild")))
    kills = 0
    while (passed := time.monotonic() - began) < SECONDS:
        environment.say(f"{passed:.0f} of {SECONDS:.0f} s, {kills} kills")
        if passed > KILL_SECONDS * (kills + 1):
            servers.kill_one()
            kills += 1
        if passed > SECONDS / 2 and not rebuilt.is_set():
            rebuilt.set()
            rebuilding.start()
        time.sleep(0.2)
    if rebuilt.is_set():
        rebuilding.join()
    return codes[0]


def _run(url: str, *words: str) -> int:
    """The exit code of a command."""
    variables = {**process_environment(url), "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-P", "-m", "app", *words], env=variables, check=False,  # noqa: S603 - fixed words
                          stdout=subprocess.DEVNULL).returncode  # fmt: skip


def _come_to_the_head(runtime: Runtime, tenants: Sequence[WritableTenant]) -> None:
    deadline = time.monotonic() + 120
    for tenant in tenants:
        head = runtime.log.head(tenant.tenant_id)
        while min(runtime.projector.positions(tenant.tenant_id).values()) < head:
            if time.monotonic() > deadline:
                raise RuntimeError("a view does not come to the head")
            time.sleep(0.1)


def _results(
    account: Account,
    servers: Servers,
    before: Sequence[int],
    heads: Sequence[int],
    lags: Lags,
    unequal: int,
    rebuilt: int,
) -> Iterator[Result]:
    id_, many = "soak-servers", len(account.written)
    positions: dict[int, list[int]] = defaultdict(list)
    for each in account.written:
        positions[each.tenant].append(each.position)
    # Each command writes one event: the positions after the tenant's last are exactly those that were acknowledged.
    acknowledged = {(at, position) for at, all_ in positions.items() for position in all_}
    stored = {(at, position) for at, head in enumerate(heads) for position in range(before[at] + 1, head + 1)}
    lost, surplus = len(acknowledged - stored), len(stored - acknowledged) + many - len(acknowledged)
    latencies = sorted(account.latencies)
    p99 = latencies[math.ceil(many * 0.99) - 1] * 1000
    lag, view = lags.worst(account.written)
    kills = f"{servers.kills['process']} processes and {servers.kills['supervisor']} supervisors killed"
    rate = f"{many / SECONDS:.0f} of {RATE:.0f} commands/s for {SECONDS:.0f} s"
    work = f"two servers of two processes, {rate}, {kills}, {account.again} sent again"
    first = f", the first with {account.first_fault}" if account.failed else ""
    yield compare(
        f"{id_}-failed", f"{work}: commands never acknowledged{first}", account.failed, "commands", many, "all", _NONE
    )
    yield compare(f"{id_}-lost", f"{work}: acknowledged and not in the log", lost, "commands", many, "all", _NONE)
    yield compare(
        f"{id_}-doubled", f"{work}: in the log and not acknowledged, or twice", surplus, "commands", many, "all", _NONE
    )
    yield compare(f"{id_}-unequal", f"{work}: rebuilds that failed, or found a view unequal at the end", bool(unequal) + bool(rebuilt),
                  "rebuilds", 2, "all", _NONE)  # fmt: skip
    yield compare(f"{id_}-lag", f"{work}: p99 until a view has read a command, of the worst view of any tenant ({view})", lag, "ms",
                  p99, "p99 of the acknowledgement", Goal(ours_to=1000))  # fmt: skip
