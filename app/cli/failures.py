"""What the command line says when a command fails: a code, one sentence and an exit status; never a traceback or a secret."""

from typing import Final, NamedTuple

import typer
from pydantic import ValidationError

from app.domain.kernel.errors import DomainError
from app.store.urls import DatabaseFault

REFUSED: Final = 1
MISUSED: Final = 2


class Misuse(Exception):
    """The command line does not make sense. Its text is shown as it is."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Failure(NamedTuple):
    """How a command failed, and with which status the process ends."""

    code: str
    detail: str
    status: int


def describe(error: Exception) -> Failure:
    """What to say of an exception."""
    match error:
        case typer.TyperException():
            return Failure("usage", error.format_message(), MISUSED)
        case Misuse():
            return Failure(error.code, error.detail, MISUSED)
        case DomainError():
            return Failure(error.code, error.detail, REFUSED)
        case DatabaseFault():
            return Failure("database_failed", type(error).__name__, REFUSED)
        case ValidationError():
            return Failure("invalid_command", first_fault(error), REFUSED)
        case OSError() | RuntimeError() | ValueError():
            return Failure("failed", str(error) or type(error).__name__, REFUSED)
        case _:
            return Failure("failed", type(error).__name__, REFUSED)


def first_fault(error: ValidationError) -> str:
    """What is wrong where first; the value itself is not repeated, for it may be a secret."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}" if where else str(fault["msg"])
