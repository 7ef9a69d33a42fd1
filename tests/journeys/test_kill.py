"""A server that is killed again and again under load: what it acknowledged is there, once, and nothing else is."""

import itertools
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.auth.keys import issue
from app.domain.api_key.commands import IssueApiKey
from app.domain.kernel.principal import Principal
from app.domain.tenant.commands import CreateTenant
from app.runtime import Runtime
from app.store.engine import Database
from app.store.receipts import Request
from app.write_side.command_envelope import CommandEnvelope
from projections import VIEWS
from tests.store.writers import runtime_of
from tests.support.command_line import CommandLine
from tests.support.databases import owned
from tests.support.processes import StewardProcess

KILLS = 20
CLIENTS = 8
A_ROUND = 24
"""How many acknowledgements a server lives."""


class Served:
    """`steward serve` as a process of its own, always on the same address."""

    def __init__(self, url: str, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.shell = CommandLine(folder, url, log_level="error", watchers="1")
        self.process: StewardProcess | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = self.shell.start("serve", "--port", f"{self.port}")

    def end(self, by: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(by)
        self.process.communicate(timeout=30)
        return self.process.wait()


@dataclass
class Load:
    """Clients that write, each with its own keys, and send again what nobody answered."""

    address: str
    api_key: str
    account: str
    receipts: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)
    stopped: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stopped.set()
            for thread in threads:
                thread.join(timeout=60)

    def _client(self, number: int) -> None:
        with httpx.Client(base_url=self.address, timeout=10) as client:
            for nth in itertools.count():
                if self.stopped.is_set():
                    return
                key = f"client-{number}-{nth}"
                self.receipts[key] = self.send(client, key)

    def send(self, client: httpx.Client, key: str) -> dict[str, Any]:
        """Sends a command until it is answered."""
        path, body = self.command(key)
        headers = {"Authorization": f"Bearer {self.api_key}", "Idempotency-Key": key}
        while True:
            try:
                answer = client.post(path, json=body, headers=headers)
            except httpx.ConnectError:
                self.answers["nobody there"] += 1
                time.sleep(0.02)
                continue
            except httpx.TransportError:
                self.answers["unknown"] += 1
                continue
            if answer.status_code != 201:
                self.answers[f"{answer.status_code}"] += 1
                assert answer.status_code in (409, 503), answer.text
                time.sleep(0.02)
                continue
            self.answers["replayed" if "Idempotency-Replayed" in answer.headers else "stored"] += 1
            receipt: dict[str, Any] = answer.json()
            return receipt

    def command(self, key: str) -> tuple[str, dict[str, Any]]:
        """A command that tells its own key."""
        if key[-1] in "02468":
            return "/v1/accounts", {"name": key, "currency": "EUR"}
        return f"/v1/accounts/{self.account}/interactions", {
            "channel": "call",
            "direction": "inbound",
            "occurred_at": "2026-01-10T09:00:00Z",
            "topics": [key],
        }


def wait_for(load: Load, acknowledged: int) -> None:
    deadline = time.monotonic() + 120
    while len(load.receipts) < acknowledged:
        assert time.monotonic() < deadline, f"the server does not come back: {load.answers}"
        time.sleep(0.005)


def told_keys(runtime: Runtime, tenant: str) -> Counter[str]:
    """How often each key is named by an event."""
    events = runtime.log.after(tenant, 0, 1_000_000)
    names = (event.data.get("name") or "".join(event.data.get("topics", ())) for event in events)
    return Counter(name for name in names if name.startswith("client-"))


@pytest.fixture
def runtime(database_url: str) -> Iterator[Runtime]:
    made = runtime_of(database_url)
    yield made
    made.close()


def test_what_was_acknowledged_survives_twenty_kills_and_is_there_once(runtime: Runtime, tmp_path: Path) -> None:
    tenant = runtime.new_id("tnt")
    runtime.handler.handle(
        CommandEnvelope(tenant, Principal("test"), CreateTenant(name="Agency"), Request("tenant", b""), new_id=tenant)
    )
    _, api_key = issue(
        runtime.handler, tenant, Principal("test", "admin"), IssueApiKey(role="admin"), Request("key", b"")
    )
    served = Served(str(runtime.settings.database_url), tmp_path)
    load = Load(served.address, str(api_key), "")
    served.start()
    with httpx.Client(base_url=served.address, timeout=10) as client:
        load.account = load.send(client, "client-0-setup-0")["id"]

    with load.running():
        for kill in range(1, KILLS + 1):
            wait_for(load, kill * A_ROUND)
            assert served.end(signal.SIGKILL) == -signal.SIGKILL
            served.start()
        wait_for(load, (KILLS + 1) * A_ROUND)

    with httpx.Client(base_url=served.address, timeout=10) as client:
        again = {key: load.send(client, key) for key in load.receipts}
    assert served.end(signal.SIGTERM) == 0

    recorder = runtime.log.recorder(tenant)
    stored = {event.event_id: event.position for event in runtime.log.after(tenant, 0, 1_000_000)}
    acknowledged = {event["id"]: event["position"] for receipt in load.receipts.values() for event in receipt["events"]}
    assert again == load.receipts
    assert acknowledged.items() <= stored.items()
    assert told_keys(runtime, tenant) == Counter([*load.receipts, "client-0-setup-0"])
    assert len(stored) == len(load.receipts) + 3
    assert sorted(stored.values()) == list(range(1, len(stored) + 1))
    assert recorder.max_notification_id() == recorder.count() == len(stored)
    assert load.answers["unknown"] > 0, "else nothing was killed in the middle of a request"

    runtime.projector.catch_up(tenant)
    owner = Database(owned(str(runtime.settings.database_url)), owner=True)
    assert all(runtime.projector.rebuild(owner, tenant, view, verify=True).equal for view in VIEWS)
    owner.close()
