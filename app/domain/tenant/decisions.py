"""The tenant: a house that uses Steward, and the zone in which its days begin and end."""

from dataclasses import dataclass, replace

from app.domain.kernel.command import Command
from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import Currency, Name, TimeZone
from app.domain.recorded import Recorded
from app.domain.tenant.events import TenantCreated


class CreateTenant(Command):
    """Begins a ledger."""

    name: Name
    time_zone: TimeZone = "UTC"
    currency: Currency | None = None


@dataclass(frozen=True)
class TenantState:
    """What later decisions and folds need of a tenant."""

    exists: bool = False
    time_zone: str = "UTC"
    currency: str | None = None
    account: str | None = None


def evolve(state: TenantState, recorded: Recorded) -> TenantState:
    """The state after one more event."""
    match recorded.event:
        case TenantCreated(time_zone=time_zone, currency=currency):
            return replace(state, exists=True, time_zone=time_zone, currency=currency)
        case _:
            return state


def create(state: TenantState, command: CreateTenant, _context: Context) -> tuple[Event, ...]:
    """A new tenant. Raises: Refused when there is one."""
    if state.exists:
        raise Refused("tenant_exists", "the tenant exists already")
    return (TenantCreated(name=command.name, time_zone=command.time_zone, currency=command.currency),)
