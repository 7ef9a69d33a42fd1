"""Errors by name: a rule said no, in words that a caller may read.

    DomainError
    ├── Invalid          422  the command does not make sense by itself
    ├── Refused          409  a rule of the business says no
    ├── NotFound         404  there is no such thing for this tenant
    ├── Conflict         412  somebody was faster; holds the current version
    ├── NotAllowed       403  the credential does not reach so far
    ├── Unauthenticated  401  no credential, or none that is good
    └── Unavailable      503  not now; nothing was stored

Only `app/api/http/problems.py` knows statuses. A message never holds personal data: it names codes, ids and limits.
"""


class DomainError(Exception):
    """A refusal with a stable code."""

    code = "error"

    def __init__(self, code: str, detail: str = "", **members: object) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail or code.replace("_", " ")
        self.members = members


class Invalid(DomainError):
    """The command does not make sense by itself."""


class Refused(DomainError):
    """A rule of the business says no."""


class NotFound(DomainError):
    """There is no such thing for this tenant."""


class Conflict(DomainError):
    """The stream moved on since the caller looked."""


class NotAllowed(DomainError):
    """The credential does not reach so far."""


class Unauthenticated(DomainError):
    """No credential, or none that is good."""


class Unavailable(DomainError):
    """Not now; nothing was stored, and the same request may be sent again."""
