"""The commands of an API key; each is the body of its request."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app.domain.kernel.command import Command
from app.domain.kernel.values import Digest, Instant, Label

Role = Literal["admin", "director", "senior_manager", "manager", "auditor", "integration"]
Scope = Annotated[str, StringConstraints(pattern=r"^[a-z_]+:(read|write)$")]


class IssueApiKey(Command):
    """Issues a key; its secret is in the answer once and never again."""

    role: Role
    scopes: tuple[Scope, ...] = Field((), max_length=50, description="for the role integration: what the key may do")
    label: Label | None = None
    expires_at: Instant | None = None


class RecordApiKey(IssueApiKey):
    """The same with the digest of the secret that was made for it."""

    secret_sha256: Digest


class RevokeApiKey(Command):
    """Revokes a key."""
