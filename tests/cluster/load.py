"""Writers and readers under which a drill takes place: each write is sent until it is acknowledged, under one key, and counted."""

import http.client
import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Final

from tests.cluster.service import Service

PAUSE_SECONDS: Final = 0.03
RETRY_SECONDS: Final = 0.1
LONGEST_SECONDS: Final = 60.0
"""How long a request may take before its writer takes it for lost. No answer may come as late as that."""


@dataclass(frozen=True)
class Write:
    """An acknowledged write: when it was first sent, how long it took until then, and after how many attempts."""

    began: float
    seconds: float
    attempts: int


@dataclass
class Tally:
    """What a writer of a tenant saw. ids: by key, what was opened; doubled: keys that were answered with two of them."""

    writes: list[Write] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    doubled: int = 0
    longest_attempt: float = 0.0
    refused: dict[int, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class Load:
    """A writer of each tenant, in a thread, until it is stopped. Takes: the service, and by what its keys begin."""

    def __init__(self, service: Service, name: str) -> None:
        self.service, self.name = service, name
        self.tallies = {tenant_id: Tally() for tenant_id in service.keys}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(tenant_id,)) for tenant_id in service.keys]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs meanwhile. In the end everything that was sent has been acknowledged."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(180)
        assert not any(thread.is_alive() for thread in self._threads)

    def _write(self, tenant_id: str) -> None:
        line, number = None, 0
        while not self._stop.is_set():
            number += 1
            line = self._until_acknowledged(tenant_id, f"{self.name}-{number}", line)
            sleep(PAUSE_SECONDS)

    def _until_acknowledged(
        self, tenant_id: str, key: str, line: http.client.HTTPConnection | None
    ) -> http.client.HTTPConnection | None:
        tally, began, attempts = self.tallies[tenant_id], monotonic(), 0
        body = json.dumps({"name": key, "currency": "EUR"})
        headers = {
            "Authorization": f"Bearer {self.service.keys[tenant_id]}",
            "Idempotency-Key": key,
            "Content-Type": "application/json",
        }
        while True:
            attempts += 1
            sent = monotonic()
            try:
                line = line or http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=LONGEST_SECONDS)
                line.request("POST", "/v1/accounts", body, headers)
                answer = line.getresponse()
                status, text = answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                line, status, text = None, 0, b""
            tally.longest_attempt = max(tally.longest_attempt, monotonic() - sent)
            if status == 201:
                tally.ids[key] = json.loads(text)["id"]
                tally.writes.append(Write(began, monotonic() - began, attempts))
                return line
            tally.refused[status] = tally.refused.get(status, 0) + 1
            if status not in (0, 409, 503) or monotonic() - began > 120:
                tally.wrong.append(f"{status} {text[:300]!r}")
                return line
            sleep(RETRY_SECONDS)

    # --- what was seen ---

    def writes(self, tenants: Iterable[str], since: float, until: float) -> list[Write]:
        """The writes of some tenants that began in a time."""
        return [w for tenant_id in tenants for w in self.tallies[tenant_id].writes if since <= w.began < until]

    def acknowledged(self) -> int:
        """How many writes were acknowledged."""
        return sum(len(tally.ids) for tally in self.tallies.values())

    def wrong(self) -> list[str]:
        """Answers that no fault excuses."""
        return [answer for tally in self.tallies.values() for answer in tally.wrong]

    def longest(self, tenants: Iterable[str]) -> float:
        """The longest that an attempt of some tenants took to be answered."""
        return max(self.tallies[tenant_id].longest_attempt for tenant_id in tenants)


def p99(writes: Iterable[Write]) -> float:
    """The 99th percentile of how long writes took, in seconds."""
    seconds = sorted(write.seconds for write in writes)
    return seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))] if seconds else float("nan")
