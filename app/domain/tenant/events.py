"""What can have happened to a tenant, the agency that uses Steward."""

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Public


class TenantCreated(Event):
    """The ledger began. time_zone: the reporting zone, in which days begin and end. currency: of its reports."""

    TOPIC = "tenant.created"
    name: Business[str]
    time_zone: Public[str]
    currency: Public[str | None] = None


EVENTS = (TenantCreated,)
