"""HTTP/1.1 as uvicorn speaks it, with bounds on what a client sends and on the time that it takes.

uvicorn itself ends idle connections only: it has no bound on a head, nor on the time of a head, a body or an answer.

Source: RFC 9110 section 15.5.9 for 408; RFC 6585 section 5 for 431.
"""

import asyncio
from typing import Any, Final, cast

from starlette.responses import JSONResponse
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from app.api.http.connections import Connections, peer_of
from app.api.http.middleware import HEADERS
from app.api.http.problems import problem

STATE: Final = "connections"
"""Under which name the application's state has the connections."""
SLOWEST: Final = 1024
"""How many bytes of a body earn its client another second."""
FRAMING: Final = 8
"""How many bytes a byte of a body may cost as a chunk of its own."""
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 16 << 20
"""How long, and for how much, a client that was refused is still listened to, so that it reads the refusal and no reset."""
SILENT, HEAD, BODY, WHOLE, REFUSED = range(5)
"""How far a request has come: nothing yet, some of its head, some of its body, all of it; or the client was refused."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._connections: Connections = app_state[STATE]
        self.peer = ""
        self.since = 0.0
        self._stage = SILENT
        self._begun = 0
        """How many requests have begun in the bytes at hand, with the one that was under way."""
        self._read = 0
        """How many bytes were read of the request that is under way."""
        self._body = 0
        """How many of them are its body."""
        self._unsent = (0, 0.0)
        """How much of an answer was not taken, and since when."""

    # --- the connection ---

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """A client has connected."""
        super().connection_made(transport)
        self.peer = peer_of(self.client[0]) if self.client else ""
        if not self._connections.enter(self, self.loop):
            members = {"retry_after": 1}
            self._refuse(problem(self._id(), 503, "too_many_connections", "too many connections are open", members))

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._connections.leave(self)
        super().connection_lost(exc)

    def waits(self) -> bool:
        """Whether nothing is under way."""
        return self._stage in (SILENT, HEAD, WHOLE) and self._answered()

    def end(self) -> None:
        """Ends it at once."""
        self.transport.abort()

    # --- what comes ---

    def data_received(self, data: bytes) -> None:
        """Some bytes, which may be part of a request or several."""
        if self._stage == REFUSED:
            self._read += len(data)
            if self._read > LINGER_BYTES:
                self.transport.abort()
            return
        if self._stage in (SILENT, WHOLE):  # even a blank line begins a request
            self._stage, self._read, self._body, self.since = HEAD, 0, 0, self._connections.now
            self._begun = 0
        elif self._begun > 1:
            self._begun = 1
        super().data_received(data)
        if self._stage in (HEAD, BODY) and not self.transport.is_closing():
            # Bytes that hold the end of one request and the beginning of another are not counted.
            self._read = self._read + len(data) if self._begun <= 1 else 0
            self._require_short()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._begun += 1
        if self._begun > 1:
            self._stage, self._read, self._body, self.since = HEAD, 0, 0, self._connections.now
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._stage, self.since = BODY, self._connections.now
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of its body."""
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._stage = WHOLE
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It was answered."""
        if self._stage == WHOLE:
            self.since = self._connections.now
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours is a problem document
        """Refuses what is no HTTP."""
        self._refuse(problem(self._id(), 400, "bad_request", "the request cannot be read as HTTP"))

    def _require_short(self) -> None:
        """Refuses a head that is too long, and what stands between the parts of a body or behind it."""
        limit = self._connections.settings.head_limit
        allowed = limit if self._stage == HEAD else 2 * limit + FRAMING * self._body
        if self._read - self._body > allowed:
            self._refuse(problem(self._id(), 431, "headers_too_large", f"the head of a request may have {limit} bytes"))

    # --- the time it takes ---

    def look(self, now: float) -> None:
        """Ends it where its client has taken too long. What the server itself takes does not count."""
        settings, taken = self._connections.settings, now - self.since
        if self._stalled(now) or (self._stage == REFUSED and taken > LINGER_SECONDS):
            self.transport.abort()
        elif self.transport.is_closing():
            return
        elif self._stage == SILENT and taken > settings.head_seconds:
            self.transport.close()  # a browser that connected in advance needs no answer
        elif self._stage == HEAD:
            if self.flow.read_paused or not self._answered():
                self.since = now
            elif taken > settings.head_seconds:
                detail = f"a head may take {settings.head_seconds:g} seconds"
                self._refuse(problem(self._id(), 408, "head_too_slow", detail))
        elif self._stage == BODY:
            if self.flow.read_paused or self.pipeline or self.cycle.waiting_for_100_continue:
                self.since = now
            elif taken > settings.body_seconds + self._body / SLOWEST:
                detail = f"a body may take {settings.body_seconds:g} seconds, and one more for each KiB"
                self._refuse(problem(self._id(), 408, "body_too_slow", detail))

    def _stalled(self, now: float) -> bool:
        """Whether the client takes nothing of what it is sent."""
        unsent, since = self._unsent
        left = self.transport.get_write_buffer_size()
        if not left or left != unsent:
            self._unsent = (left, now)
            return False
        return now - since > self._connections.settings.answer_seconds

    def _answered(self) -> bool:
        return cast("Any", self.cycle) is None or self.cycle.response_complete

    def _id(self) -> str:
        return self._connections.new_id("req")

    def _refuse(self, answer: JSONResponse) -> None:
        """Answers with a problem, unless an answer is on its way or was given, and listens no more."""
        cycle = cast("Any", self.cycle)
        answering = cycle is not None and not cycle.response_complete
        known = self._stage == BODY  # the application knows of the request, and of no later one
        late = self.pipeline or answering != known or (answering and cycle.response_started)
        if late or not self._connections.refuse(self):
            self.transport.abort()
            return
        if answering:  # the application sees a request that was cut off, of which it does nothing
            cycle.disconnected = True
            cycle.message_event.set()
        self._unset_keepalive_if_required()
        own = {name for name, _ in answer.raw_headers}
        headers = [*answer.raw_headers, *(each for each in HEADERS if each[0] not in own), (b"connection", b"close")]
        head = b"".join([name + b": " + value + b"\r\n" for name, value in headers])
        self._stage, self._read, self.since = REFUSED, 0, self._connections.now
        self.flow.resume_reading()
        self.transport.write(STATUS_LINE[answer.status_code] + head + b"\r\n" + bytes(answer.body))
        self.transport.write_eof()
