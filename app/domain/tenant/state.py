"""What decisions need to know of a tenant, folded from its events."""

from dataclasses import dataclass, replace

from app.domain.recorded import Recorded
from app.domain.tenant.events import TenantCreated


@dataclass(frozen=True)
class TenantState:
    """What later decisions and folds need of a tenant."""

    exists: bool = False
    name: str = ""
    time_zone: str = "UTC"
    currency: str | None = None
    account: str | None = None


def evolve(state: TenantState, recorded: Recorded) -> TenantState:
    """The state after one more event."""
    match recorded.event:
        case TenantCreated(name=name, time_zone=time_zone, currency=currency):
            return replace(state, exists=True, name=name, time_zone=time_zone, currency=currency)
        case _:
            return state
