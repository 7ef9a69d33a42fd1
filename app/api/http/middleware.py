"""What happens around every request: an id, a bound on its body, headers, a log line, figures, and never a trace."""

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.problems import Refusal, internal_error, problem
from app.domain.kernel.errors import Invalid
from app.observe.logs import logger
from app.observe.metrics import answered

HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"strict-transport-security", b"max-age=31536000"),
)
HEADERS_LIMIT: Final = 16_384


class Surround:
    """Surrounds the application. Takes: the application, how large a body may be, by path, and a maker of request ids."""

    def __init__(self, app: ASGIApp, limit: int, events_limit: int, new_id: Callable[[str], str]) -> None:
        self.app = app
        self.limit = limit
        self.events_limit = events_limit
        self.new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = self.new_id("req")
        scope["steward.request_id"] = request_id
        started = time.perf_counter()
        status, begun = 500, False

        async def answer(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                headers = message.get("headers", [])
                cached = () if b"cache-control" in dict(headers) else ((b"cache-control", b"no-store"),)
                message["headers"] = [*headers, *cached, (b"request-id", request_id.encode()), *HEADERS]
            await send(message)

        limit = self.events_limit if scope["path"] == "/v1/events" else self.limit
        try:
            length, announced = _measured(scope["headers"])
            if length > HEADERS_LIMIT:
                await _headers_too_large(request_id)(scope, receive, answer)
            elif announced > limit:
                await _too_large(request_id, limit)(scope, receive, answer)
            else:
                await self.app(scope, _bounded(receive, limit), answer)
        except Exception as fault:  # noqa: BLE001 - a caller gets an answer, never a trace
            logger().error("request_failed", request_id=request_id, error=type(fault).__name__, path=_route(scope))
            if not begun:
                await internal_error(request_id)(scope, receive, answer)
        finally:
            count, seconds = answered(scope["method"], _route(scope), status)
            count.inc()
            seconds.observe(time.perf_counter() - started)


def _route(scope: Scope) -> str:
    """The route's template, so that no id and no name becomes a label."""
    return str(getattr(scope.get("route"), "path", "unknown"))


def _measured(headers: Iterable[tuple[bytes, bytes]]) -> tuple[int, int]:
    """How many bytes the headers have, and how many they announce for the body."""
    length = announced = 0
    for name, value in headers:
        length += len(name) + len(value)
        if name == b"content-length" and value.isdigit() and len(value) < 19:
            announced = announced or int(value)
    return length, announced


def _headers_too_large(request_id: str) -> Any:
    return problem(request_id, 431, "headers_too_large", f"headers may have {HEADERS_LIMIT} bytes in all")


def _too_large(request_id: str, limit: int) -> Any:
    return problem(request_id, 413, "too_large", f"a body may have {limit} bytes here")


def _bounded(receive: Receive, limit: int) -> Receive:
    """Counts a body that comes in pieces and refuses it once it is too large."""
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise Refusal(Invalid("too_large", f"a body may have {limit} bytes here"), 413)
        return message

    return bounded
