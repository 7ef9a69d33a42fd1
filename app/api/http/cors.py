"""Cross-origin requests: which pages of other origins may read answers in a browser. None, unless the operator names them.

Never with cookies or other credentials of the browser's own, for nothing here is authorised by them: a page sends its token itself.

Starlette's own middleware answers a preflight from elsewhere with a text of its own; here every refusal is a problem document.

Source: the Fetch standard, section 3.3 (the CORS protocol).
"""

from collections.abc import Sequence
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS: Final = b"GET, HEAD, POST"
ALLOWED: Final = (
    b"Accept, Authorization, Content-Type, DPoP, Idempotency-Key, If-Match, If-None-Match, Min-Event-Position, Prefer, "
    b"Steward-Reason, Steward-Run"
)
"""The headers that a page may send besides those that it always may."""
EXPOSED: Final = (
    b"Content-Disposition, ETag, Event-Position, Idempotency-Key, Idempotency-Replayed, Link, Location, Preference-Applied, "
    b"Projection-Position, RateLimit, RateLimit-Policy, Request-Id, Retry-After, WWW-Authenticate"
)
"""The headers that a page may read besides those that it always may."""
SECONDS: Final = b"600"
"""How long a browser may keep the answer to a preflight."""
Headers = list[tuple[bytes, bytes]]


class Cors:
    """Lets pages of some origins in. Takes: the application, and the origins."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self.app = app
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a preflight; adds to every other answer what the page may read."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        asked = dict(scope["headers"])
        origin = asked.get(b"origin")
        allowed = origin if origin in self._origins else None
        preflight = scope["method"] == "OPTIONS" and b"access-control-request-method" in asked

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers: Headers = _varying([*message.get("headers", [])])
                if allowed is not None:
                    headers += _permission(allowed, preflight=preflight)
                if preflight and allowed is not None:
                    message["status"] = 204
                message["headers"] = headers
            await send(message)

        await self.app(scope, receive, answer)


def _permission(origin: bytes, *, preflight: bool) -> Headers:
    """What a page of an origin may do."""
    permission = [(b"access-control-allow-origin", origin)]
    if not preflight:
        return [*permission, (b"access-control-expose-headers", EXPOSED)]
    return [
        *permission,
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", ALLOWED),
        (b"access-control-max-age", SECONDS),
    ]


def _varying(headers: Headers) -> Headers:
    """The headers of an answer, with `Origin` among what it varies by."""
    varying = [value for name, value in headers if name == b"vary"]
    return [
        *((name, value) for name, value in headers if name != b"vary"),
        (b"vary", b", ".join([*varying, b"Origin"])),
    ]
