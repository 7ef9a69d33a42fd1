"""The client: HTTP/1.1 over persistent connections, in a process of its own. It is small so that it is never the bottleneck."""

import asyncio
import math
import time
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import uvloop

Request = Callable[[int], bytes]
"""The bytes of the n-th request; picklable, because the client's process builds it."""
HOST: Final = "127.0.0.1"
_LATE_SECONDS: Final = 30


@dataclass
class Load:
    """What a client measured.

    latencies: seconds of each successful answer within the measured time. late: how many successful answers came after it.
    last: seconds from the beginning to the last answer. first_fault: status and body of the first failed answer.
    """

    seconds: float = 0.0
    last: float = 0.0
    late: int = 0
    failed: int = 0
    first_fault: str = ""
    latencies: "array[float]" = field(default_factory=lambda: array("d"))

    @property
    def done(self) -> int:
        """How many successful answers came in time."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Successful answers a second."""
        return self.done / self.seconds if self.seconds else 0.0

    def at(self, share: float) -> float:
        """The latency in milliseconds at a share of the answers: 0.99 gives p99."""
        ordered = sorted(self.latencies)
        return ordered[math.ceil(len(ordered) * share) - 1] * 1000 if ordered else float("inf")

    def checked(self) -> "Load":
        """The load itself. Raises: RuntimeError where an answer failed, or none came: its figures would mean nothing."""
        if self.failed or not self.done + self.late:
            raise RuntimeError(f"{self.failed} answers failed, the first with {self.first_fault or 'no answer'}")
        return self

    def __add__(self, other: "Load") -> "Load":
        return Load(
            self.seconds + other.seconds,
            self.last + other.last,
            self.late + other.late,
            self.failed + other.failed,
            self.first_fault or other.first_fault,
            self.latencies + other.latencies,
        )


@dataclass(frozen=True)
class Acknowledged:
    """An acknowledged write: when it was due to be sent and when it was answered (monotonic seconds), and its position."""

    due: float
    answered: float
    position: int


def call(method: str, path: str, key: str, body: bytes = b"", kind: str = "application/json", **headers: str) -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", f"Authorization: Bearer {key}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if method == "POST":
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class ClientConnection(asyncio.Protocol):
    """A connection with one request in flight. Takes: a function that gets each answer's status, head and body."""

    def __init__(self, answered: Callable[["ClientConnection", int, bytes, bytes], None]) -> None:
        self._answered = answered
        self._buffer = b""
        self.sent = 0.0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Keeps the transport."""
        self.transport = transport

    def send(self, request: bytes, due: float | None = None) -> None:
        """Sends a request. Takes: when it was due, if not now."""
        self.sent = time.monotonic() if due is None else due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collects bytes until an answer is complete."""
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        length = end + 4 + number_of(head, b"\r\ncontent-length: ")
        if len(self._buffer) < length:
            return
        body, self._buffer = self._buffer[end + 4 : length], b""
        self._answered(self, int(head[9:12]), head, body)


def number_of(head: bytes, name: bytes) -> int:
    """The number in a header, 0 where it is missing. Takes: the head in lower case; the header's name as `\\r\\nname: `."""
    start = head.find(name)
    if start < 0:
        return 0
    start += len(name)
    end = head.find(b"\r\n", start)
    return int(head[start:] if end < 0 else head[start:end])


# --- as fast as the server answers ---


def drive(
    port: int, request: Request, connections: int, seconds: float, warm: float = 0.0, most: int | None = None
) -> Load:
    """Sends the next request on a connection as soon as the last one was answered. Waits for the last answer.

    Takes: `warm`, seconds before latencies count; `most`, the largest number of requests to send.
    """
    return uvloop.run(_drive(port, request, connections, seconds, warm, most))


async def _drive(port: int, request: Request, connections: int, seconds: float, warm: float, most: int | None) -> Load:
    load, started = Load(), time.monotonic()
    begins, ends = started + warm, started + warm + seconds
    sent = answered = 0
    done = asyncio.Event()

    def follow(connection: ClientConnection, status: int, _head: bytes, body: bytes) -> None:
        nonlocal answered
        answered += 1
        now = time.monotonic()
        if status >= 300:
            load.failed += 1
            load.first_fault = load.first_fault or fault_text(status, body)
        elif begins <= now < ends:
            load.latencies.append(now - connection.sent)
            load.seconds = now - begins
        else:
            load.late += now >= ends
        load.last = now - begins
        if now < ends and (most is None or sent < most):
            begin(connection)
        elif answered == sent:
            done.set()

    def begin(connection: ClientConnection) -> None:
        nonlocal sent
        sent += 1
        connection.send(request(sent))

    open_connections = [await connect(port, follow) for _ in range(connections)]
    for connection in open_connections[:most]:
        begin(connection)
    await asyncio.wait_for(done.wait(), warm + seconds + _LATE_SECONDS)
    for connection in open_connections:
        connection.transport.abort()
    return load


def fault_text(status: int, body: bytes) -> str:
    """A failed answer in one line."""
    return f"{status} {body[:300].decode(errors='replace')}"


async def connect(port: int, answered: Callable[[ClientConnection, int, bytes, bytes], None]) -> ClientConnection:
    """A new connection."""
    _, connection = await asyncio.get_running_loop().create_connection(lambda: ClientConnection(answered), HOST, port)
    return connection


# --- at a fixed rate ---


def pace(
    port: int,
    request: Request,
    connections: int,
    rate: float,
    seconds: float,
    ended: Callable[[], bool] = lambda: False,
) -> tuple[Load, list[Acknowledged]]:
    """Sends requests at a fixed rate, whether answers come or not. The latency of a late one counts from when it was due.

    Takes: `ended`, which is asked whether to stop early.
    """
    return uvloop.run(_pace(port, request, connections, rate, seconds, ended))


async def _pace(
    port: int, request: Request, connections: int, rate: float, seconds: float, ended: Callable[[], bool]
) -> tuple[Load, list[Acknowledged]]:
    load, acknowledged, waiting = Load(seconds=seconds), [], deque[tuple[int, float]]()
    idle: deque[ClientConnection] = deque()

    def follow(connection: ClientConnection, status: int, head: bytes, body: bytes) -> None:
        now = time.monotonic()
        if status < 300:
            load.latencies.append(now - connection.sent)
            acknowledged.append(Acknowledged(connection.sent, now, number_of(head, b"\r\nevent-position: ")))
        else:
            load.failed += 1
            load.first_fault = load.first_fault or fault_text(status, body)
        idle.append(connection)
        flush()

    def flush() -> None:
        while idle and waiting:
            number, due = waiting.popleft()
            idle.popleft().send(request(number), due)

    idle.extend([await connect(port, follow) for _ in range(connections)])
    started, total = time.monotonic(), int(rate * seconds)
    for number in range(total):
        due = started + number / rate
        ahead = due - time.monotonic()
        if ahead > 0:
            await asyncio.sleep(ahead)
        if number % 50 == 0 and ended():
            load.seconds = time.monotonic() - started
            break
        waiting.append((number, due))
        flush()
    late = time.monotonic() + _LATE_SECONDS
    while (waiting or len(idle) < connections) and time.monotonic() < late:
        await asyncio.sleep(0.01)
    load.failed += len(waiting) + connections - len(idle)
    for connection in idle:
        connection.transport.abort()
    return load, acknowledged
