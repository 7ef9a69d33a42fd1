"""What happens around every request: an id, what it must have, a bound on its body, headers, figures, and never a trace.

Source: RFC 9110 for HEAD, whose answer is that of GET without its body.
"""

import time
from collections.abc import Callable
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.heads import refused
from app.api.http.path_segments import with_whole_segments
from app.api.http.problems import Refusal, internal_error, problem_of
from app.api.http.tenant_limits import HEADERS as RATE_LIMIT
from app.api.http.tenant_limits import TenantLimits
from app.domain.kernel.errors import Invalid
from app.observe.logs import logger
from app.observe.metrics import answered
from app.settings import Settings

HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"strict-transport-security", b"max-age=31536000"),
)
"""What every answer has, unless it says something else of its own."""


class Surround:
    """Surrounds the application.

    Takes: the application, settings for how large a head and a body may be, the limits of tenants, and a maker of request ids.
    """

    def __init__(self, app: ASGIApp, settings: Settings, limits: TenantLimits, new_id: Callable[[str], str]) -> None:
        self.app = app
        self.head_limit = settings.head_limit
        self.limit = settings.body_limit
        self.events_limit = settings.events_body_limit
        self.limits = limits
        self.new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        only_head = scope["method"] == "HEAD"
        if only_head:
            scope = {**scope, "method": "GET", "steward.method": "HEAD"}
        scope = with_whole_segments(scope)
        request_id = self.new_id("req")
        scope["steward.request_id"] = request_id
        started = time.perf_counter()
        status, begun = 500, False

        async def answer(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                headers = message.get("headers", [])
                own = dict(headers)
                ours = [header for header in HEADERS if header[0] not in own]
                left = scope.get(RATE_LIMIT, ())
                message["headers"] = [*headers, *ours, (b"request-id", request_id.encode()), *left]
            elif only_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        limit = self.events_limit if scope["path"] == "/v1/events" else self.limit
        body = _Body(receive, limit)
        try:
            refusal = refused(scope, self.head_limit, limit)
            if refusal:
                problem = problem_of(request_id, refusal)
                await problem(scope, receive, answer)
            else:
                await self.app(scope, body, answer)
        except ClientDisconnect:  # a request that is cut off is no request: nothing was done, and nobody waits
            status = 400
        except Exception as fault:  # noqa: BLE001 - a caller gets an answer, never a trace
            logger().error("request_failed", request_id=request_id, error=type(fault).__name__, path=_route(scope))
            if not begun:
                await internal_error(request_id)(scope, receive, answer)
        finally:
            self.limits.count_body(scope, body.received)
            count, seconds = answered(scope["method"], _route(scope), status)
            count.inc()
            seconds.observe(time.perf_counter() - started)


def _route(scope: Scope) -> str:
    """The route's template, so that no id and no name becomes a label."""
    return str(getattr(scope.get("route"), "path", "unknown"))


class _Body:
    """A body that is counted as it comes, and refused once it is too large."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self.received = 0

    async def __call__(self) -> Message:
        """The next part. Raises: Refusal."""
        message = await self._receive()
        self.received += len(message.get("body", b""))
        if self.received > self._limit:
            raise Refusal(Invalid("too_large", f"a body may have {self._limit} bytes here"), 413)
        return message
