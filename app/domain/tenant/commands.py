"""What may be asked of a tenant."""

from app.domain.kernel.command import Command
from app.domain.kernel.values import Currency, Name, TimeZone


class CreateTenant(Command):
    """Begins a ledger."""

    name: Name
    time_zone: TimeZone = "UTC"
    currency: Currency | None = None
