"""Commands on a fast path: FastAPI describes their endpoints, and this module calls them.

An endpoint that takes a command, a write context and names from its path does not need FastAPI to resolve its parameters:
that costs more than to decide the command and to store it. Every other request is handled by FastAPI.
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
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.http import problems
from app.api.http.dependencies import caller_of
from app.api.http.path_segments import name_in
from app.api.http.strict_json_route import require_json
from app.api.http.write_context import WriteContext, prefers_preview, write_context_of
from app.domain.kernel.errors import DomainError
from app.domain.kernel.strict_json import decode

_ANY: Final = "/"
"""Stands in the tree for a variable part; no part of a path can be this."""


@dataclass(frozen=True)
class FastRoute:
    """A route whose endpoint can be called directly.

    names: of its path's variable parts, in order. context, body: the names of its parameters for the write context and the command.
    """

    route: APIRoute
    names: tuple[str, ...]
    context: str
    scopes: tuple[str, ...]
    body: str
    command: type[BaseModel]

    async def call(self, scope: Scope, receive: Receive, targets: dict[str, str]) -> Response:
        """The endpoint's answer. Raises: what FastAPI would answer as a problem."""
        headers = _Headers(scope)
        require_json(headers.get(b"content-type"))
        known = await caller_of(scope, headers.get(b"authorization"), self.scopes)
        raw = await _read(receive)
        context = write_context_of(
            scope["app"].state,
            known,
            method=scope["method"],
            path=scope["path"],
            body=raw,
            idempotency_key=headers.get(b"idempotency-key"),
            if_match=headers.get(b"if-match"),
            run=headers.get(b"steward-run"),
            preview=prefers_preview(headers.get(b"prefer")),
            operation=self.route.operation_id or "",
        )
        answer: Response = await self.route.endpoint(
            **targets, **{self.body: self._command(raw), self.context: context}
        )
        return answer

    def _command(self, raw: bytes) -> BaseModel:
        if not raw:
            raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "Field required"}])
        value = decode(raw)
        try:
            return self.command.model_validate(value, from_attributes=True)  # as FastAPI does
        except ValidationError as error:
            faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)]
            raise RequestValidationError(faults, body=value) from error


class FastRoutes:
    """The routes of commands that can be called directly, by path. Takes: all routes."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self._tree: dict[str, Any] = {}
        for route in routes:
            fast = _fast_route(route)
            if fast is not None:
                self._add(fast)

    def _add(self, fast: FastRoute) -> None:
        branch = self._tree
        for part in fast.route.path.split("/")[1:]:
            branch = branch.setdefault(_ANY if part.startswith("{") else part, {})
        branch[""] = fast

    def match(self, path: str) -> tuple[FastRoute, dict[str, str]] | None:
        """The route of a path and the path's variable parts; None for the path of no command that can be called so."""
        branch, values = self._tree, []
        for part in path.split("/")[1:]:
            if part in branch and part:
                branch = branch[part]
            elif part and _ANY in branch:
                branch = branch[_ANY]
                values.append(name_in(part))
            else:
                return None
        fast: FastRoute | None = branch.get("")
        return None if fast is None else (fast, dict(zip(fast.names, values, strict=True)))


class FastCommandRouter:
    """Calls the endpoints of commands. Takes: the application for everything else, and the routes."""

    def __init__(self, app: ASGIApp, routes: FastRoutes) -> None:
        self.app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match = self._match(scope) if scope["type"] == "http" and scope["method"] == "POST" else None
        if match is None:
            await self.app(scope, receive, send)
            return
        fast, targets = match
        scope["route"] = fast.route
        try:
            answer = await fast.call(scope, receive, targets)
        except (DomainError, HTTPException, RequestValidationError) as error:
            answer = await _problem(Request(scope), error)
        await answer(scope, receive, send)

    def _match(self, scope: Scope) -> tuple[FastRoute, dict[str, str]] | None:
        """The route of a request and its path's variable parts; None where FastAPI handles it."""
        path: str = scope["path"]
        return None if scope["query_string"] or "\x00" in path else self._routes.match(path)


def _fast_route(route: BaseRoute) -> FastRoute | None:
    """The fast path of a route, where its endpoint takes a write context, a command and text from the path, and nothing else."""
    if not isinstance(route, APIRoute) or route.methods != {"POST"} or not inspect.iscoroutinefunction(route.endpoint):
        return None
    context = body = command = None
    scopes: tuple[str, ...] = ()
    names = tuple(route.param_convertors)
    for name, parameter in inspect.signature(route.endpoint, eval_str=True).parameters.items():
        kind: Any = parameter.annotation
        origin, marks = getattr(kind, "__origin__", kind), tuple(getattr(kind, "__metadata__", ()))
        if origin is WriteContext and len(marks) == 1 and isinstance(marks[0], Security):
            context, scopes = name, tuple(marks[0].scopes or ())
        elif isinstance(kind, type) and issubclass(kind, BaseModel) and parameter.default is parameter.empty:
            body, command = name, kind
        elif kind is not str or name not in names:
            return None
    if context is None or body is None or command is None:
        return None
    return FastRoute(route=route, names=names, context=context, scopes=scopes, body=body, command=command)


class _Headers:
    """The first value of each header, as text."""

    def __init__(self, scope: Scope) -> None:
        self._values: dict[bytes, bytes] = dict(reversed(scope["headers"]))

    def get(self, name: bytes) -> str | None:
        value = self._values.get(name)
        return None if value is None else value.decode("latin-1")


async def _read(receive: Receive) -> bytes:
    """The whole body. Raises: ClientDisconnect for one that is cut off."""
    message = await receive()
    parts = [message.get("body", b"")]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _problem(request: Request, error: Exception) -> Response:
    if isinstance(error, DomainError):
        return await problems.domain_error(request, error)
    if isinstance(error, RequestValidationError):
        return await problems.validation_error(request, error)
    return await problems.http_error(request, error)
