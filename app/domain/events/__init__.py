"""The catalogue: every fact that has ever been possible.

Lives here: one file of event classes per noun, and the table from topic to class.
May import: `app.domain.values` and pydantic.
To add an event: a class in its noun's file and a golden sample in `tests/golden/events/`.
"""

from typing import Final

from app.domain.events import (
    account,
    api_key,
    budget,
    contract,
    incentive_statement,
    interaction,
    kpi_certificate,
    opportunity,
    period_close,
    policy,
    proposal,
    renewal,
    scope_change,
    tenant,
    webhook,
)
from app.domain.events.base import Event

CATALOGUE: Final[dict[str, type[Event]]] = {
    kind.TOPIC: kind
    for noun in (
        tenant,
        api_key,
        account,
        interaction,
        contract,
        renewal,
        scope_change,
        webhook,
        policy,
        proposal,
        opportunity,
        budget,
        incentive_statement,
        kpi_certificate,
        period_close,
    )
    for kind in noun.EVENTS
}
