"""What happens around every request: an id, what it must have, a bound on its body, headers, figures, and never a trace.

Source: RFC 9110 for HEAD, whose answer is that of GET without its body, and for a coding that is not undone (section 8.4);
RFC 9112 section 3.2 for Host.
"""

import time
from collections.abc import Callable
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.path_segments import with_whole_segments
from app.api.http.problems import Refusal, internal_error, problem
from app.domain.kernel.errors import Invalid
from app.observe.logs import logger
from app.observe.metrics import answered

HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"strict-transport-security", b"max-age=31536000"),
)
"""What every answer has, unless it says something else of its own."""
BESIDES: Final = 4
"""How many bytes a header has besides its name and value."""
UNCODED: Final = {b"content-encoding": b"identity", b"transfer-encoding": b"chunked"}
"""What these headers may say: nothing else is undone here."""


class Surround:
    """Surrounds the application.

    Takes: the application, how large a head and a body may be, the latter by path, and a maker of request ids.
    """

    def __init__(
        self, app: ASGIApp, head_limit: int, limit: int, events_limit: int, new_id: Callable[[str], str]
    ) -> None:
        self.app = app
        self.head_limit = head_limit
        self.limit = limit
        self.events_limit = events_limit
        self.new_id = new_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        only_head = scope["method"] == "HEAD"
        if only_head:
            scope = {**scope, "method": "GET"}
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
                message["headers"] = [*headers, *ours, (b"request-id", request_id.encode())]
            elif only_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        limit = self.events_limit if scope["path"] == "/v1/events" else self.limit
        try:
            refused = _refused(scope, self.head_limit, limit, request_id)
            if refused:
                await refused(scope, receive, answer)
            else:
                await self.app(scope, _bounded(receive, limit), answer)
        except ClientDisconnect:  # a request that is cut off is no request: nothing was done, and nobody waits
            status = 400
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


def _refused(scope: Scope, head_limit: int, limit: int, request_id: str) -> ASGIApp | None:
    """The problem of a request that is refused for its head alone. Takes: how large its head and its body may be."""
    headers = scope["headers"]
    by_name: dict[bytes, bytes] = dict(headers)
    length = sum([len(name) + len(value) for name, value in headers]) + BESIDES * len(headers)
    length += len(scope["path"]) + len(scope["query_string"])
    announced = by_name.get(b"content-length", b"0")
    hosts = 1 if b"host" in by_name else 0
    if len(by_name) < len(headers):  # only then is a header there twice
        hosts = sum(name == b"host" for name, _ in headers)
        by_name |= {name: value for name, value in headers if name in UNCODED and value != UNCODED[name]}
    if length > head_limit:
        return problem(request_id, 431, "headers_too_large", f"the head of a request may have {head_limit} bytes")
    if hosts > 1 or (hosts == 0 and scope["http_version"] == "1.1"):
        return problem(request_id, 400, "invalid_host", "a request names one Host")
    for name, only in UNCODED.items():
        if name in by_name and by_name[name].strip().lower() != only:
            return problem(request_id, 415, "unsupported_encoding", f"send a body as it is, without {name.decode()}")
    if announced.isdigit() and (len(announced) > 18 or int(announced) > limit):
        return problem(request_id, 413, "too_large", f"a body may have {limit} bytes here")
    return None


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
