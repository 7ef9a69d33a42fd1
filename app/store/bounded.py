"""BoundedConnection: a connection to PostgreSQL on which nobody waits without bound, whatever the server does.

A server that is cut off is noticed by TCP. One that is frozen still acknowledges what it is sent, and only a clock notices it. To cancel
does not help there, for the process that is cancelled may itself wait for one that is frozen. So the connection is given up.
"""

import os
import socket
from contextlib import suppress
from time import monotonic
from typing import Any, Final, Self

import psycopg

STATEMENT_SECONDS: Final = 30
"""How long a statement may take before PostgreSQL ends it."""
BOUND_SECONDS: Final = STATEMENT_SECONDS + 5.0
"""After how long without an answer a connection is given up."""
TCP: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}
"""When TCP gives a peer up: after 25 s without a sign, after 15 s with something sent. The last is in milliseconds."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed once it has waited for long. What it was doing may be done or not, as when a network fails."""

    given_up: bool = False
    """Whether nobody waits for its answer any more."""
    _socket: socket.socket
    bound: float | None = BOUND_SECONDS
    """How long it waits, in seconds; None: for ever."""

    @classmethod
    def connect(cls, *args: Any, **kwargs: Any) -> Self:
        """A connection to a server."""
        made: Self = super().connect(*args, **kwargs)
        made.given_up = False
        # Its own number of the same socket: the driver's may be another socket's by the time that somebody gives it up.
        made._socket = socket.socket(fileno=os.dup(made.pgconn.socket))
        return made

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Waits for an answer. Raises: OperationalError when none came in time."""
        began = monotonic()
        try:
            return super().wait(gen, interval, self.bound if timeout is None else timeout)
        except psycopg.Error as error:
            late = timeout is None and self.bound is not None and monotonic() - began >= self.bound
            if not (late or self.given_up):
                raise
            self.close()
            raise psycopg.OperationalError(
                "timed out: the server neither answered nor closed the connection"
            ) from error

    def give_up(self) -> None:
        """Lets whoever waits on it in another thread wait no more."""
        self.given_up = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes it."""
        super().close()
        self._socket.close()
