"""Routes that read bodies and parameters strictly, before any model sees them; and JSON as it is answered."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.http.problems import Refusal
from app.domain.kernel.errors import DomainError, Invalid, NotFound
from app.domain.kernel.strict_json import decode


class Json(JSONResponse):
    """A body as it is answered."""

    def render(self, content: Any) -> bytes:
        """The bytes of a value."""
        return orjson.dumps(content)


class StrictRequest(Request):
    """A request whose JSON is read by the strict decoder."""

    async def json(self) -> Any:
        """The body's value. Raises: Refusal."""
        if not hasattr(self, "_json"):
            try:
                self._json = decode(await self.body())
            except DomainError as error:
                raise Refusal(error) from error
        return self._json


class StrictRoute(APIRoute):
    """A route that refuses unknown query parameters and bodies that are not JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with the checks in front."""
        handle = super().get_route_handler()
        parameters = {param.alias for param in get_flat_params(self.dependant) if isinstance(param.field_info, Query)}
        takes_json = self.body_field is not None

        async def strict(request: Request) -> Response:
            if "\x00" in request.scope["path"]:
                raise Refusal(NotFound("not_found", "no name holds NUL"))
            unknown = sorted(set(request.query_params) - parameters)
            if unknown:
                raise Refusal(Invalid("unknown_parameter", f"this call takes no parameter {unknown[0][:50]!r}"))
            if any("\x00" in value for _, value in request.query_params.multi_items()):
                raise Refusal(Invalid("invalid_parameter", "a parameter may not hold NUL"))
            if takes_json:
                require_json(request.headers.get("content-type"))
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


def require_json(content_type: str | None) -> None:
    """Raises: Refusal with 415 unless a body's media type is JSON."""
    if content_type != "application/json":
        _require(content_type, "application/json")


def require_type(request: Request, *allowed: str) -> str:
    """The media type of a body. Raises: Refusal with 415 when it is none of those."""
    return _require(request.headers.get("content-type"), *allowed)


def _require(content_type: str | None, *allowed: str) -> str:
    sent = (content_type or "").partition(";")[0].strip().lower()
    if sent not in allowed:
        raise Refusal(Invalid("unsupported_media_type", f"send {' or '.join(allowed)}"), 415)
    return sent
