"""The commands of an account; each is the body of its request."""

from pydantic import Field

from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Country, Currency, Group, Name, TimeZone


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


class SetAccountCountry(Command):
    """Says in which country the account has its seat; null that it is not known."""

    country: Country | None = Field(examples=["AT"])


class CloseAccount(Command):
    """Closes the account."""


class ReopenAccount(Command):
    """Reopens the account."""
