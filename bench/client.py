"""The client: HTTP/1.1 over kept connections, written by hand so that it is never the bottleneck; runs in its own process."""

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
"""The bytes of the n-th request; picklable, for it is made in the client's process."""
HOST: Final = "127.0.0.1"
_LATE_SECONDS: Final = 30


@dataclass
class Load:
    """What a client saw.

    latencies: seconds, of the wanted answers that came in time. late: how many came after it, `last` seconds after the
    beginning. first_fault: status and body of the first unwanted one.
    """

    seconds: float = 0.0
    last: float = 0.0
    late: int = 0
    failed: int = 0
    first_fault: str = ""
    latencies: "array[float]" = field(default_factory=lambda: array("d"))

    @property
    def done(self) -> int:
        """How many wanted answers came."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Wanted answers a second."""
        return self.done / self.seconds if self.seconds else 0.0

    def at(self, share: float) -> float:
        """The latency in milliseconds that a share of the answers stayed within."""
        ordered = sorted(self.latencies)
        return ordered[math.ceil(len(ordered) * share) - 1] * 1000 if ordered else float("inf")

    def whole(self) -> "Load":
        """Itself. Raises: RuntimeError where an answer was not the wanted one, for then no figure means anything."""
        if self.failed or not self.done + self.late:
            raise RuntimeError(f"{self.failed} answers failed, the first with {self.first_fault or 'silence'}")
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
class Seen:
    """A write that was acknowledged: when it was due to be sent, when it was answered (monotonic), and its position."""

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


class Line(asyncio.Protocol):
    """A connection with one request under way. Takes: what to do with each answer's status, head and body."""

    def __init__(self, answered: Callable[["Line", int, bytes, bytes], None]) -> None:
        self._answered = answered
        self._buffer = b""
        self.sent = 0.0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Remembers where to write."""
        self.transport = transport

    def send(self, request: bytes, due: float | None = None) -> None:
        """Writes a request."""
        self.sent = time.monotonic() if due is None else due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Waits until an answer is whole."""
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        whole = end + 4 + number_of(head, b"\r\ncontent-length: ")
        if len(self._buffer) < whole:
            return
        body, self._buffer = self._buffer[end + 4 : whole], b""
        self._answered(self, int(head[9:12]), head, body)


def number_of(head: bytes, name: bytes) -> int:
    """What a header says, 0 where it is missing. Takes: the head in small letters; the name between its line's end and a space."""
    start = head.find(name)
    if start < 0:
        return 0
    start += len(name)
    end = head.find(b"\r\n", start)
    return int(head[start:] if end < 0 else head[start:end])


# --- as fast as it is answered ---


def drive(
    port: int, request: Request, connections: int, seconds: float, warm: float = 0.0, most: int | None = None
) -> Load:
    """Sends on each connection as soon as it was answered, and waits for the last answer.

    Takes: `warm`, how long before it counts; `most`, how many requests are enough.
    """
    return uvloop.run(_drive(port, request, connections, seconds, warm, most))


async def _drive(port: int, request: Request, connections: int, seconds: float, warm: float, most: int | None) -> Load:
    load, started = Load(), time.monotonic()
    begins, ends = started + warm, started + warm + seconds
    sent = answered = 0
    done = asyncio.Event()

    def follow(line: Line, status: int, _head: bytes, body: bytes) -> None:
        nonlocal answered
        answered += 1
        now = time.monotonic()
        if status >= 300:
            load.failed += 1
            load.first_fault = load.first_fault or told(status, body)
        elif begins <= now < ends:
            load.latencies.append(now - line.sent)
            load.seconds = now - begins
        else:
            load.late += now >= ends
        load.last = now - begins
        if now < ends and (most is None or sent < most):
            begin(line)
        elif answered == sent:
            done.set()

    def begin(line: Line) -> None:
        nonlocal sent
        sent += 1
        line.send(request(sent))

    lines = [await connected(port, follow) for _ in range(connections)]
    for line in lines[:most]:
        begin(line)
    await asyncio.wait_for(done.wait(), warm + seconds + _LATE_SECONDS)
    for line in lines:
        line.transport.abort()
    return load


def told(status: int, body: bytes) -> str:
    """An unwanted answer in a line."""
    return f"{status} {body[:300].decode(errors='replace')}"


async def connected(port: int, answered: Callable[[Line, int, bytes, bytes], None]) -> Line:
    """A connection of its own."""
    _, line = await asyncio.get_running_loop().create_connection(lambda: Line(answered), HOST, port)
    return line


# --- as often as it is told ---


def pace(
    port: int,
    request: Request,
    connections: int,
    rate: float,
    seconds: float,
    ended: Callable[[], bool] = lambda: False,
) -> tuple[Load, list[Seen]]:
    """Sends so many requests a second, whether answers come or not; a late one counts from when it was due.

    Takes: `ended`, which may end it before its time.
    """
    return uvloop.run(_pace(port, request, connections, rate, seconds, ended))


async def _pace(
    port: int, request: Request, connections: int, rate: float, seconds: float, ended: Callable[[], bool]
) -> tuple[Load, list[Seen]]:
    load, seen, waiting = Load(seconds=seconds), [], deque[tuple[int, float]]()
    idle: deque[Line] = deque()

    def follow(line: Line, status: int, head: bytes, body: bytes) -> None:
        now = time.monotonic()
        if status < 300:
            load.latencies.append(now - line.sent)
            seen.append(Seen(line.sent, now, number_of(head, b"\r\nevent-position: ")))
        else:
            load.failed += 1
            load.first_fault = load.first_fault or told(status, body)
        idle.append(line)
        flush()

    def flush() -> None:
        while idle and waiting:
            number, due = waiting.popleft()
            idle.popleft().send(request(number), due)

    idle.extend([await connected(port, follow) for _ in range(connections)])
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
    for line in idle:
        line.transport.abort()
    return load, seen
