"""Operations: the writes of the contract by their path, so that one that was written down can be tried and done later."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from app.api.http.fast_commands import FastRoute, FastRoutes
from app.api.http.problems import Refusal
from app.api.http.write_context import Computed, WriteContext, not_suggestible
from app.domain.kernel.command import Command
from app.domain.kernel.errors import Invalid
from app.services.service_call import ServiceCall
from app.write_side.rehearsal import Rehearsal


@dataclass(frozen=True)
class Operation:
    """A write with its body. name: as the contract calls it; command: the body, checked; targets: what its path names."""

    name: str
    command: Command
    fast: FastRoute
    targets: dict[str, str]

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the caller needs."""
        return self.fast.scopes

    async def run(self, context: WriteContext) -> Response:
        """The endpoint's answer to it. Raises: NotAllowed for a scope that is missing, and what the endpoint raises."""
        for scope in self.scopes:
            context.caller.require(scope)
        parameters: dict[str, Any] = {self.fast.body: self.command, self.fast.context: context}
        answer: Response = await self.fast.route.endpoint(**self.targets, **parameters)
        return answer


def operation_of(request: Request, path: str, body: dict[str, Any], pointer: str) -> Operation:
    """The write that a path and a body are. Takes: where the body stands in the request's own, for what is wrong with it.

    Raises: Refusal for a path of no such write; RequestValidationError for a body that does not fit it.
    """
    routes: FastRoutes = request.app.state.writes
    found = routes.match(path)
    if found is None or not issubclass(found[0].command, Command):
        raise Refusal(Invalid("unknown_command", "this is the path of no write that can be suggested"), 422)
    fast, targets = found
    try:
        command: Any = fast.command.model_validate(body)
    except ValidationError as error:
        where = ("body", *pointer.split("/"))
        faults = [{**fault, "loc": (*where, *fault["loc"])} for fault in error.errors(include_url=False)]
        raise RequestValidationError(faults, body=body) from error
    return Operation(fast.route.operation_id or "", command, fast, targets)


class Attempt(WriteContext):
    """The context of a write that is tried, and not done: it keeps what would be appended."""

    tried: Rehearsal | None = None

    async def write(self, command: Command, **targets: str) -> Response:
        """Tries a command. Raises: the refusal."""
        rehearsal = await asyncio.to_thread(Rehearsal, self.runtime.handler, self.caller.tenant_id)
        await asyncio.to_thread(self.service_call(rehearsal).append, command, **targets)
        object.__setattr__(self, "tried", rehearsal)  # frozen as any context is, and read by whoever made it
        return Response()

    async def compute(self, _service: Callable[[ServiceCall], Computed]) -> Response:
        """Raises: Refused: what is computed is not suggested."""
        raise not_suggestible()


async def tried(operation: Operation, context: WriteContext) -> Rehearsal:
    """What an operation would append. Raises: as the write would; Refused for one that is not suggested."""
    attempt = Attempt(**{each.name: getattr(context, each.name) for each in fields(context)})
    await operation.run(attempt)
    if attempt.tried is None:
        raise not_suggestible()
    return attempt.tried
