"""Errors by name: why a command is refused, in words that a caller may read.

    DomainError
    ├── Invalid          422  the command does not make sense by itself
    ├── Refused          409  a rule of the business forbids it
    ├── NotFound         404  there is no such thing for this tenant
    ├── Conflict         412  the stream has changed since; holds the current version
    ├── NotAllowed       403  the credential does not allow it
    ├── Unauthenticated  401  no valid credential
    ├── Throttled        429  too much in a short time; nothing was stored
    └── Unavailable      503  not now; nothing was stored

Only `app/api/http/problems.py` knows statuses. A message never holds personal data: it names codes, ids and limits.
"""

from typing import Any


class DomainError(Exception):
    """A refusal with a stable code."""

    code = "error"

    def __init__(self, code: str, detail: str = "", **members: object) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail or code.replace("_", " ")
        self.members = members

    def __reduce__(self) -> tuple[Any, ...]:
        """As one process hands it to another."""
        return _again, (type(self), self.code, self.detail, self.members)


def _again(kind: type[DomainError], code: str, detail: str, members: dict[str, object]) -> DomainError:
    return kind(code, detail, **members)


class Invalid(DomainError):
    """The command does not make sense by itself."""


class Refused(DomainError):
    """A rule of the business forbids it."""


class NotFound(DomainError):
    """There is no such thing for this tenant."""


class Conflict(DomainError):
    """The stream has changed since the caller read it."""


class NotAllowed(DomainError):
    """The credential does not allow it."""


class Unauthenticated(DomainError):
    """No valid credential. tenant_id: whose it would be, where that is sure."""

    tenant_id: str | None = None


class Throttled(DomainError):
    """Too much in a short time; nothing was stored, and the same request may be sent again later."""


class Unavailable(DomainError):
    """Not now; nothing was stored, and the same request may be sent again."""
