"""The commands of an account; each is the body of its request."""

from pydantic import Field

from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Currency, Label, Name, TimeZone


class OpenAccount(Creation):
    """Opens an account for a client."""

    name: Name = Field(examples=["Northwind"])
    currency: Currency = Field(examples=["EUR"])
    time_zone: TimeZone = "UTC"
    industry: Label | None = None
    tier: Label | None = Field(None, examples=["gold"])
    owner: Label | None = Field(None, description="the account manager who is accountable", examples=["usr_maria"])


class RenameAccount(Command):
    """Gives the organisation another name."""

    name: Name


class SetAccountTier(Command):
    """Puts the account into a tier; null takes it out."""

    tier: Label | None


class SetAccountOwner(Command):
    """Makes another account manager accountable."""

    owner: Label


class CloseAccount(Command):
    """Closes the account."""


class ReopenAccount(Command):
    """Reopens the account."""
