"""The commands of a tenant; each is the body of its request."""

from app.domain.kernel.command import Command
from app.domain.kernel.values import Currency, Name, TimeZone


class CreateTenant(Command):
    """Begins a ledger."""

    name: Name
    time_zone: TimeZone = "UTC"
    currency: Currency | None = None
