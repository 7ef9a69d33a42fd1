"""FastCommandRouter on the short way: FastAPI describes their endpoints, and this calls them.

An endpoint that takes a command, a door and names from its path needs none of the framework's solving of parameters, which
costs more than deciding the command and storing it. Whatever else a request holds goes the framework's way.
"""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.params import Security
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.http import problems
from app.api.http.dependencies import WriteContext, door_of, principal_of
from app.api.http.strict_json_route import require_json
from app.domain.kernel.errors import DomainError
from app.domain.kernel.strict_json import decode

_ANY: Final = "/"
"""Stands in the tree for a variable part; no part of a path can be this."""


@dataclass(frozen=True)
class FastRoute:
    """A route whose endpoint can be called directly. names: of its path's variable parts, in order; to, body: of its parameters."""

    route: APIRoute
    names: tuple[str, ...]
    to: str
    scopes: tuple[str, ...]
    body: str
    command: type[BaseModel]

    async def call(self, scope: Scope, receive: Receive, told: dict[str, str]) -> Response:
        """The endpoint's answer. Raises: what the framework's way would answer as a problem."""
        headers = _Headers(scope)
        require_json(headers.get(b"content-type"))
        principal = await principal_of(scope["app"], headers.get(b"authorization"), self.scopes)
        raw = await _read(receive)
        to = door_of(
            scope["app"].state.runtime,
            principal,
            (scope["method"], scope["path"], raw),
            headers.get(b"idempotency-key"),
            headers.get(b"if-match"),
        )
        answer: Response = await self.route.endpoint(**told, **{self.body: self._command(raw), self.to: to})
        return answer

    def _command(self, raw: bytes) -> BaseModel:
        if not raw:
            raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "Field required"}])
        value = decode(raw)
        try:
            return self.command.model_validate(value, from_attributes=True)  # the framework says it so
        except ValidationError as error:
            faults = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False)]
            raise RequestValidationError(faults, body=value) from error


class FastCommandRouter:
    """Calls commands' endpoints. Takes: the application for everything else, and its routes."""

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute]) -> None:
        self.app = app
        self._tree: dict[str, Any] = {}
        for route in routes:
            short = _short(route)
            if short is not None:
                self._plant(short)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope) if scope["type"] == "http" and scope["method"] == "POST" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        short, told = found
        scope["route"] = short.route
        try:
            answer = await short.call(scope, receive, told)
        except (DomainError, HTTPException, RequestValidationError) as error:
            answer = await _problem(Request(scope), error)
        await answer(scope, receive, send)

    def _plant(self, short: FastRoute) -> None:
        branch = self._tree
        for part in short.route.path.split("/")[1:]:
            branch = branch.setdefault(_ANY if part.startswith("{") else part, {})
        branch[""] = short

    def _find(self, scope: Scope) -> tuple[FastRoute, dict[str, str]] | None:
        """The route of a path and the path's variable parts; None where the framework has more to say."""
        path: str = scope["path"]
        if scope["query_string"] or "\x00" in path:
            return None
        branch, told = self._tree, []
        for part in path.split("/")[1:]:
            if part in branch and part:
                branch = branch[part]
            elif part and _ANY in branch:
                branch = branch[_ANY]
                told.append(part)
            else:
                return None
        short: FastRoute | None = branch.get("")
        return None if short is None else (short, dict(zip(short.names, told, strict=True)))


def _short(route: BaseRoute) -> FastRoute | None:
    """The short way of a route, where its endpoint takes a door, a command and text from the path, and nothing else."""
    if not isinstance(route, APIRoute) or route.methods != {"POST"} or not inspect.iscoroutinefunction(route.endpoint):
        return None
    to = body = command = None
    scopes: tuple[str, ...] = ()
    names = tuple(route.param_convertors)
    for name, parameter in inspect.signature(route.endpoint, eval_str=True).parameters.items():
        kind: Any = parameter.annotation
        origin, marks = getattr(kind, "__origin__", kind), tuple(getattr(kind, "__metadata__", ()))
        if origin is WriteContext and len(marks) == 1 and isinstance(marks[0], Security):
            to, scopes = name, tuple(marks[0].scopes or ())
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and parameter.default is parameter.empty:
            body, command = name, kind
        elif kind is not str or name not in names:
            return None
    return None if to is None or body is None or command is None else FastRoute(route, names, to, scopes, body, command)


class _Headers:
    """The first value of each header, as text."""

    def __init__(self, scope: Scope) -> None:
        self._found: dict[bytes, bytes] = dict(reversed(scope["headers"]))

    def get(self, name: bytes) -> str | None:
        found = self._found.get(name)
        return None if found is None else found.decode("latin-1")


async def _read(receive: Receive) -> bytes:
    """The whole body."""
    message = await receive()
    if not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        return whole
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def _problem(request: Request, error: Exception) -> Response:
    if isinstance(error, DomainError):
        return await problems.domain_error(request, error)
    if isinstance(error, RequestValidationError):
        return await problems.validation_error(request, error)
    return await problems.http_error(request, error)
