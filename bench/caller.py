"""A caller: a client that asks several servers, one request at a time, and loses neither a connection nor an answer unnoticed."""

import asyncio
from typing import NamedTuple

from bench.client import HOST, ClientConnection


class Answer(NamedTuple):
    """An answer; status 0 where there is none, with why in the body."""

    status: int
    head: bytes
    body: bytes


class _Connection(ClientConnection):
    """A connection that says when it is lost. What comes late is its own, and no answer to what another one asked."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[Answer] = asyncio.Queue()
        super().__init__(lambda _connection, *answer: self.answers.put_nowait(Answer(*answer)))

    def connection_lost(self, _error: Exception | None) -> None:
        """Answers with nothing."""
        self.answers.put_nowait(Answer(0, b"", b"the connection was lost"))


class Caller:
    """Keeps a connection to each server that answers. Takes: for how many seconds an answer is waited for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._connections: dict[int, _Connection] = {}

    async def ask(self, port: int, request: bytes) -> Answer:
        """The answer of the server on a port."""
        connection = self._connections.pop(port, None)
        if connection is None or connection.transport.is_closing():
            loop = asyncio.get_running_loop()
            try:
                _, connection = await loop.create_connection(_Connection, HOST, port)
            except OSError as error:
                return Answer(0, b"", str(error).encode())
        connection.send(request)
        try:
            answer = await asyncio.wait_for(connection.answers.get(), self._seconds)
        except TimeoutError:
            connection.transport.abort()
            return Answer(0, b"", b"no answer")
        if answer.status:
            self._connections[port] = connection
        return answer
