"""The commands of an API key; each is the body of its request."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.domain.kernel.command import Command
from app.domain.kernel.roles import Role
from app.domain.kernel.values import Digest, Instant, Label, Ref

Scope = Annotated[str, StringConstraints(pattern=r"^[a-z_]+:(read|write)$")]


class IssueApiKey(Command):
    """Issues a key; its secret is in the answer once and never again."""

    role: Role | None = Field(
        None, description="in which its bearer acts; a personal key without one acts in every role that its user has"
    )
    scopes: tuple[Scope, ...] = Field((), max_length=50, description="for the role integration: what the key may do")
    user: Ref | None = Field(None, description="whose personal key it is: their id, or `ref:` and your own reference")
    agent: Ref | None = Field(
        None, description="whose key it is, where it is an agent's: its id, or `ref:` and your own reference"
    )
    label: Label | None = None
    expires_at: Instant | None = None


class RecordApiKey(IssueApiKey):
    """The same with the digest of the secret that was made for it."""

    secret_sha256: Digest


class RevokeApiKey(Command):
    """Revokes a key."""
