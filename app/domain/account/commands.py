"""The commands of an account; each is the body of its request."""

from typing import Literal

from pydantic import Field

from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Country, Currency, Group, Name, TimeZone

Function = Literal[
    "coordinator", "account_manager", "senior_account_manager", "director", "project_manager", "customer_success", "sales", "specialist",
    "finance",
]  # fmt: skip
"""What somebody does for an account."""


class OpenAccount(Creation):
    """Opens an account for a client."""

    name: Name = Field(examples=["Northwind"])
    currency: Currency = Field(examples=["EUR"])
    time_zone: TimeZone = "UTC"
    industry: Group | None = None
    country: Country | None = Field(None, description="where it has its seat", examples=["DE"])
    tier: Group | None = Field(None, examples=["gold"])
    owner: Group | None = Field(None, description="the account manager who is accountable", examples=["usr_maria"])


class RenameAccount(Command):
    """Gives the organisation another name."""

    name: Name


class SetAccountTier(Command):
    """Puts the account into a tier; null takes it out."""

    tier: Group | None


class SetAccountOwner(Command):
    """Makes another account manager accountable."""

    owner: Group


class SetAccountBackup(Command):
    """Says who stands in for the owner; null for nobody."""

    backup: Group | None = Field(description="who stands in for the owner", examples=["usr_tom"])


class AssignAccountMember(Command):
    """Makes somebody work for the account in a function."""

    member: Group = Field(description="who it is, by a name of theirs", examples=["usr_noah"])
    function: Function = Field(examples=["coordinator"])


class AccountMemberRelease(Command):
    """The end of somebody's work for the account in a function."""

    function: Function = Field(examples=["coordinator"])


class ReleaseAccountMember(AccountMemberRelease):
    """Makes somebody work for the account in a function no more."""

    member: Group


class SetKeyAccount(Command):
    """Says whether the account is one of those that matter most."""

    key_account: bool


class SetAccountCountry(Command):
    """Says in which country the account has its seat; null that it is not known."""

    country: Country | None = Field(examples=["AT"])


class CloseAccount(Command):
    """Closes the account."""


class ReopenAccount(Command):
    """Reopens the account."""
