"""The tenant: an agency that uses Steward, and the zone in which its days begin and end."""

from app.domain.kernel.context import Context
from app.domain.kernel.errors import Refused
from app.domain.kernel.event import Event
from app.domain.kernel.values import nearest_day, require_currency
from app.domain.tenant.commands import CreateTenant
from app.domain.tenant.events import TenantCreated
from app.domain.tenant.state import TenantState


def create(state: TenantState, command: CreateTenant, context: Context) -> tuple[Event, ...]:
    """A new tenant. Raises: Refused when there is one."""
    if state.exists:
        raise Refused("tenant_exists", "the tenant exists already")
    if command.currency is not None:
        require_currency(command.currency, nearest_day(context.effective_at, context.zone))
    return (TenantCreated(name=command.name, time_zone=command.time_zone, currency=command.currency),)
