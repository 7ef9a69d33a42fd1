"""The commands of a user; each is the body of its request."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from app.domain.kernel.command import Command, Creation
from app.domain.kernel.roles import PersonRole, Reach
from app.domain.kernel.values import Day, ExternalRef, Group, IssuerUrl, Name, Ref, line

MailAddress = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$"), AfterValidator(line)
]


class InviteUser(Creation):
    """Makes a user of a person. They may do nothing before they have a role."""

    name: Name = Field(examples=["Maria Lindqvist"])
    address: MailAddress | None = Field(None, examples=["maria@harbour-pine.example"])


class NoteUser(Creation):
    """Makes a user of a name of whom nothing else is known."""

    external_ref: ExternalRef


class ClaimUser(Command):
    """Makes a person of a user of whom only a name was known."""

    name: Name = Field(examples=["Maria Lindqvist"])
    address: MailAddress | None = Field(None, examples=["maria@harbour-pine.example"])


class MergeUser(Command):
    """Says that a user of whom only a name was known is another one."""

    into: Ref = Field(description="the user's id, or `ref:` and your own reference", examples=["ref:maria"])


class BindLogin(Command):
    """Makes a login of an identity provider the person's own; another one takes the place of the one before."""

    issuer: IssuerUrl = Field(examples=["https://login.harbour-pine.example"])
    subject: Name = Field(examples=["248289761001"])


class SuspendUser(Command):
    """Takes everything from the person until they are reinstated: their roles and their keys count for nothing."""


class ReinstateUser(Command):
    """Gives back what the person's roles allow, and their keys."""


class GrantRole(Command):
    """Gives a role for a while, or until it is revoked."""

    role: PersonRole = Field(examples=["account_manager"])
    reach: Reach | None = Field(None, description="over whose accounts; default: what the role usually has")
    department: Group | None = Field(None, description="of a specialist")
    start: Day | None = Field(None, description="the first day; default: today, in the tenant's zone")
    end: Day | None = Field(None, description="the first day without the role; default: none")

    @model_validator(mode="after")
    def _of_a_specialist(self) -> Self:
        if (self.role == "specialist") != (self.department is not None):
            raise PydanticCustomError("department_of_specialist", "a specialist has a department, and nobody else")
        return self


class RoleRevocation(Command):
    """The end of a grant, at once."""


class RevokeRole(RoleRevocation):
    """Takes a role away at once."""

    grant: int = Field(ge=1, le=2**53)


class SetReportingLine(Command):
    """Says to whom the person reports from a day on; null for nobody."""

    manager: Ref | None = Field(description="the user's id, or `ref:` and your own reference", examples=["ref:helena"])
    start: Day | None = Field(None, description="the first day; default: today, in the tenant's zone")
