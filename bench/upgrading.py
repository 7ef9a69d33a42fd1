"""The rolling upgrade: an old version serves while a new one migrates and grows its views, then both serve, then the new one alone.

No request may fail, no answer may lack what an earlier one had. It runs only when it is named: `make upgrade OLD=<commit or tag>`.
"""

import asyncio
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.caller import Answer, Caller
from bench.client import call, fault_text, number_of
from bench.commands import BODY
from bench.environment import Environment
from bench.results import Goal, Result, compare
from bench.servers import ROOT, free_port, process_environment

EVENTS: Final = 20_000
"""How many events there are before, at the size of 1: what the views of the new version have to read."""
RAISED: Final = ("accounts", "contract_lines", "timeline")
"""The views whose versions are raised in a copy of this tree, so that there is something to grow whatever has changed."""
SECONDS: Final = 5.0
"""How long each of the periods is in which nothing else happens."""
CLIENTS: Final = 4
PAUSE: Final = 0.02
ANSWER_SECONDS: Final = 60.0
PATHS: Final = (
    "/v1/accounts?limit=200",
    "/v1/accounts/ref:client-1",
    "/v1/accounts/ref:client-2/timeline",
    "/v1/kpis/mrr",
)
_NONE: Final = Goal(ours_to=0)


@dataclass
class Seen:
    """What clients saw. growing: how often the new version said, before it was ready, that its views are not whole yet."""

    written: list[int] = field(default_factory=list)
    reads: int = 0
    failed: int = 0
    short: int = 0
    growing: int = 0
    first_fault: str = ""
    rows: dict[str, int] = field(default_factory=dict)

    def fail(self, status: int, body: bytes) -> None:
        """Counts a request that failed."""
        self.failed += 1
        self.first_fault = self.first_fault or fault_text(status, body)


@dataclass
class Trees:
    """The two versions, as folders."""

    old: Path
    new: Path

    def run(self, tree: Path, url: str, *words: str) -> str:
        """The output of a command of one version that must succeed."""
        done = subprocess.run([sys.executable, "-P", "-m", "app", *words], cwd=tree.parent, check=False,  # noqa: S603 - fixed words
                              env=_variables(tree, url), capture_output=True, text=True)  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{words[0]} of {tree.name} ended with {done.returncode}: {done.stderr[-500:]}")
        return done.stdout


def _variables(tree: Path, url: str) -> dict[str, str]:
    return {**process_environment(url, watchers=False), "PYTHONPATH": str(tree)}


@contextmanager
def _trees(folder: Path, old: str) -> Iterator[Trees]:
    """Both versions as folders: a commit of the repository, and the files of this tree with some views' versions raised."""
    folder = folder / "upgrade"
    shutil.rmtree(folder, ignore_errors=True)
    trees = Trees(folder / "old", folder / "new")
    for tree in (trees.old, trees.new):
        tree.mkdir(parents=True)
    archive = subprocess.run(["git", "-C", ROOT, "archive", old], check=True, capture_output=True).stdout  # noqa: S603, S607 - fixed words
    subprocess.run(["tar", "-x", "-C", trees.old], input=archive, check=True)  # noqa: S603, S607 - fixed words
    for name in ("app", "projections", "migrations"):
        shutil.copytree(ROOT / name, trees.new / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "alembic.ini", trees.new)
    for name in RAISED:
        file = trees.new / "projections" / "views" / f"{name}.py"
        text, raised = re.subn(
            r"^    version=(\d+),", lambda found: f"    version={int(found[1]) + 1},", file.read_text(), flags=re.M
        )
        if raised != 1:
            raise RuntimeError(f"{name} names {raised} versions")
        file.write_text(text)
    yield trees
    shutil.rmtree(folder)


class _Server:
    """A server of one version, on a port."""

    def __init__(self, tree: Path, url: str, port: int) -> None:
        self.port = port
        words = [sys.executable, "-P", "-m", "app", "serve", "--port", str(port)]
        self._process = subprocess.Popen(words, cwd=tree.parent, env=_variables(tree, url), stdout=subprocess.DEVNULL)  # noqa: S603 - fixed words

    def stop(self) -> None:
        """Ends it as an operator does."""
        self._process.terminate()
        self._process.wait(timeout=60)

    def running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process.poll() is None


class _Caller:
    """A client of both versions, with a key."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._caller = Caller(ANSWER_SECONDS)

    async def ask(
        self, port: int, method: str, path: str, body: bytes = b"", kind: str = "application/json", **headers: str
    ) -> Answer:
        """An answer."""
        return await self._caller.ask(port, call(method, path, self._key, body, kind, **headers))


class _Upgrade:
    """An upgrade under load. Takes: the versions, the database, a key, and what says what is going on."""

    def __init__(self, environment: Environment, trees: Trees, url: str, key: str) -> None:
        self._environment, self._trees, self._url, self._key = environment, trees, url, key
        self.seen = Seen()
        self._ports: list[int] = []
        """Where clients send to, in turn."""
        self._ended = False
        self._numbers = itertools.count()

    async def run(self, stack: ExitStack) -> None:
        """The whole of it. Raises: RuntimeError where a server ends or a step fails."""
        old = _Server(self._trees.old, self._url, free_port())
        stack.callback(old.stop)
        await self._until_ready(old, "old")
        await self._fill(old.port)
        self._ports = [old.port]
        clients = [asyncio.create_task(each()) for each in (self._write, self._read) for _ in range(CLIENTS)]
        await self._period("the old version serves")
        self._environment.say("the new version migrates")
        await asyncio.to_thread(self._trees.run, self._trees.new, self._url, "migrate")
        new = _Server(self._trees.new, self._url, free_port())
        stack.callback(new.stop)
        await self._until_ready(new, "new")
        self._ports = [old.port, new.port]
        await self._period("both serve")
        self._ports = [new.port]
        await asyncio.sleep(1.0)  # what was sent to the old one is answered
        await asyncio.to_thread(old.stop)
        await self._period("the new version serves")
        self._ended = True
        await asyncio.gather(*clients)

    async def _period(self, what: str) -> None:
        self._environment.say(what)
        await asyncio.sleep(SECONDS)

    async def _until_ready(self, server: _Server, name: str) -> None:
        """Waits until a server says that it is ready. Whoever reads there before is answered in whole, or with the word that views grow."""
        self._environment.say(f"the {name} version starts")
        caller, deadline = _Caller(self._key), time.monotonic() + 300
        while True:
            status, _, said = await caller.ask(server.port, "GET", "/readyz")
            if status == 200:
                return
            if not server.running() or time.monotonic() > deadline:
                raise RuntimeError(f"the {name} version does not serve: {fault_text(status, said)}")
            if self._ports:
                await self._compare(caller, server.port, PATHS[next(self._numbers) % len(PATHS)], growing=True)
            await asyncio.sleep(PAUSE)

    async def _fill(self, port: int) -> None:
        self._environment.say("writing what there is before")
        caller, many = _Caller(self._key), max(1000, int(EVENTS * self._environment.scale))
        opened = [
            _event(f"a{n}", "account.opened", name=f"Client {n}", currency="EUR", external_ref=f"client-{n}")
            for n in range(100)
        ]
        logged = [_event(f"i{n}", "interaction.logged", f"ref:client-{n % 100}", channel="call", direction="inbound",
                         occurred_at="2026-01-15T09:00:00Z") for n in range(many)]  # fmt: skip
        for at in range(0, len(opened + logged), 1000):
            body = "\n".join((opened + logged)[at : at + 1000]).encode()
            status, _, answer = await caller.ask(port, "POST", "/v1/events", body, "application/x-ndjson")
            if status >= 300:
                raise RuntimeError(f"nothing could be written: {fault_text(status, answer)}")

    async def _write(self) -> None:
        """Writes, each command once: one that fails is not sent again."""
        caller = _Caller(self._key)
        while not self._ended:
            number = next(self._numbers)
            path = f"/v1/accounts/ref:client-{number % 100}/interactions"
            status, head, body = await caller.ask(self._port(number), "POST", path, BODY)
            if status == 201:
                self.seen.written.append(number_of(head, b"\r\nevent-position: "))
            else:
                self.seen.fail(status, body)
            await asyncio.sleep(PAUSE)

    async def _read(self) -> None:
        caller = _Caller(self._key)
        while not self._ended:
            number = next(self._numbers)
            await self._compare(caller, self._port(number), PATHS[number % len(PATHS)])
            await asyncio.sleep(PAUSE)

    def _port(self, number: int) -> int:
        return self._ports[number // 2 % len(self._ports)]

    async def _compare(self, caller: _Caller, port: int, path: str, *, growing: bool = False) -> None:
        """Reads what must be there by now, and counts an answer that lacks some of it. Takes: whether views may say that they grow."""
        seen = self.seen
        least, rows = max(seen.written, default=0), seen.rows.get(path, 0)
        headers = {"Min_Event_Position": str(least), "Prefer": "wait=30, handling=strict"}
        status, head, body = await caller.ask(port, "GET", path, b"", "", **headers)
        if growing and (status == 0 or b"view_growing" in body or b"projection_behind" in body):
            seen.growing += status != 0
            return
        seen.reads += 1
        if status != 200:
            seen.fail(status, body)
            return
        shown = len(json.loads(body).get("data", [0]))
        seen.short += shown < rows or number_of(head, b"\r\nprojection-position: ") < least
        seen.rows[path] = max(shown, seen.rows.get(path, 0))


def _event(id_: str, topic: str, subject: str | None = None, **data: Any) -> str:
    named = {"subject": subject, "time": "2026-01-15T09:00:00Z"} if subject else {}
    return json.dumps({"specversion": "1.0", "id": id_, "source": "urn:bench", "type": topic, **named, "data": data})


def rolling(environment: Environment) -> list[Result]:
    """From the version that the variable OLD names to this one. Raises: RuntimeError where it names none."""
    old = os.environ.get("OLD")
    if not old:
        raise RuntimeError("name the old version: make upgrade OLD=<commit or tag>")
    url = environment.databases.make("postgresql", "row_upgrade")
    with _trees(environment.folder, old) as trees, ExitStack() as stack:
        trees.run(trees.old, url, "migrate")
        tenant = json.loads(trees.run(trees.old, url, "tenants", "create", "Bench", "--json"))
        upgrade = _Upgrade(environment, trees, url, tenant["api_key"])
        asyncio.run(upgrade.run(stack))
        stack.close()
        environment.say("comparing")
        unequal = 0
        try:
            trees.run(trees.new, url, "rebuild", "--verify")
        except RuntimeError:
            unequal = 1
        (status,) = json.loads(trees.run(trees.new, url, "status", "--json"))
    with suppress(RuntimeError):
        environment.databases.drop(url)
    return _results(old, upgrade.seen, status["head"], unequal)


def _results(old: str, seen: Seen, head: int, unequal: int) -> list[Result]:
    work = f"a rolling upgrade from {old}: {seen.reads:,} reads, {len(seen.written):,} writes, {seen.growing} answers that views grow"
    requests = seen.reads + len(seen.written) + seen.failed
    first = f", the first with {seen.first_fault}" if seen.failed else ""
    begun = min(seen.written) - 1
    lost = len(set(range(begun + 1, head + 1)) ^ set(seen.written)) + len(seen.written) - len(set(seen.written))
    return [
        compare("upgrade-failed", f"{work}: requests that failed{first}", seen.failed, "requests", requests, "all", _NONE),
        compare("upgrade-short", f"{work}: answers that lacked something", seen.short, "reads", seen.reads, "all", _NONE),
        compare("upgrade-lost", f"{work}: writes acknowledged and not in the log once", lost, "writes",
                len(seen.written), "all", _NONE),
        compare("upgrade-unequal", f"{work}: whether views differ from the log at the end", unequal, "rebuilds", 1, "all", _NONE),
    ]  # fmt: skip
