"""Routes that read bodies and parameters strictly, before any model sees them; and JSON as it is answered."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from typing import Any, get_args, get_origin

import orjson
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.http.path_segments import name_in
from app.api.http.problems import Refusal
from app.api.http.waiting_reads import WaitingReads
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
    """A route that refuses query parameters that are unknown or say two things, and bodies that are not JSON.

    An endpoint that is no coroutine reads: it has a thread of those that tenants share, but none where it waits for views.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._reads = not inspect.iscoroutinefunction(endpoint)
        super().__init__(path, _in_thread(endpoint) if self._reads else endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler with the checks in front."""
        handle = super().get_route_handler()
        parameters = {
            param.alias: _takes_several(param.field_info.annotation)
            for param in get_flat_params(self.dependant)
            if isinstance(param.field_info, Query)
        }
        takes_json = self.body_field is not None

        async def strict(request: Request) -> Response:
            if "\x00" in request.scope["path"]:
                raise Refusal(NotFound("not_found", "no name holds NUL"))
            names = request.scope.get("path_params", {})
            request.scope["path_params"] = {each: name_in(name) for each, name in names.items()}
            if request.scope["query_string"]:
                _require_parameters(request.query_params.multi_items(), parameters)
            if takes_json:
                require_json(request.headers.get("content-type"))
            strictly = StrictRequest(request.scope, request.receive)
            if not self._reads:
                return await handle(strictly)
            waiting: WaitingReads = request.app.state.waiting
            return await waiting.patiently(lambda: handle(strictly))

        return strict


def _in_thread(endpoint: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    @wraps(endpoint)
    async def threaded(**arguments: Any) -> Any:
        return await asyncio.to_thread(endpoint, **arguments)

    return threaded


def _takes_several(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_takes_several, get_args(annotation)))


def _require_parameters(given: Sequence[tuple[str, str]], declared: Mapping[str, bool]) -> None:
    """Raises: Refusal for a parameter that is unknown, is given twice where one value counts, says nothing, or holds NUL.

    Takes: the declared parameters, and whether each takes several values.
    """
    seen: set[str] = set()
    for name, value in given:
        if name not in declared:
            raise Refusal(Invalid("unknown_parameter", f"this call takes no parameter {name[:50]!r}"))
        if name in seen and not declared[name]:
            raise Refusal(Invalid("parameter_repeated", f"{name} takes one value"))
        if "\x00" in value:
            raise _unfit(name, "may not hold NUL")
        if not value.strip():
            raise _unfit(name, "must say something; leave it out to ask for all")
        seen.add(name)


def _unfit(name: str, why: str) -> Refusal:
    """The refusal of a parameter's value."""
    wrong = {"pointer": name, "code": "value_error", "detail": why}
    return Refusal(Invalid("invalid_parameter", f"{name} {why}", errors=[wrong]))


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
