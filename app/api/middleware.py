"""What happens around every request: an id, a bound on its body, headers, a log line, figures, and never a trace."""

import time
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import Refusal, problem
from app.bootstrap import Ids, system_clock
from app.domain.errors import Invalid
from app.observe.logs import logger
from app.observe.metrics import REQUESTS, SECONDS

HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"strict-transport-security", b"max-age=31536000"),
)
HEADERS_LIMIT: Final = 16_384
_new_id: Final = Ids(system_clock)


class Surround:
    """Surrounds the application. Takes: the application, and how large a body may be, by path."""

    def __init__(self, app: ASGIApp, limit: int, events_limit: int) -> None:
        self.app = app
        self.limit = limit
        self.events_limit = events_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _new_id("req")
        scope["steward.request_id"] = request_id
        started = time.perf_counter()
        status = 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [header for header in message.get("headers", []) if header[0] != b"server"]
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = [*headers, (b"request-id", request_id.encode()), *HEADERS]
            await send(message)

        limit = self.events_limit if scope["path"] == "/v1/events" else self.limit
        try:
            if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_LIMIT:
                await _headers_too_large(request_id)(scope, receive, answer)
            elif _announced(scope) > limit:
                await _too_large(request_id, limit)(scope, receive, answer)
            else:
                await self.app(scope, _bounded(receive, limit), answer)
        except Exception as fault:  # noqa: BLE001 - a caller gets an answer, never a trace
            logger().error("request_failed", request_id=request_id, error=type(fault).__name__, path=_route(scope))
            if status == 500:
                await problem(
                    request_id, 500, "internal_error", "something went wrong on our side; quote the instance"
                )(scope, receive, answer)
        finally:
            route = _route(scope)
            REQUESTS.labels(scope["method"], route, str(status)).inc()
            SECONDS.labels(scope["method"], route).observe(time.perf_counter() - started)


def _route(scope: Scope) -> str:
    """The route's template, so that no id and no name becomes a label."""
    return str(getattr(scope.get("route"), "path", "unknown"))


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 19 else 0
    return 0


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
