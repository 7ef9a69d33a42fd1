"""What can have happened to a renewal cycle: one contract, one due date."""

from typing import Any

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Commercial, Public


class RenewalOpened(Event):
    """Work on a renewal began. due: the first day after the term. atr: the annual value available to renew, frozen now."""

    TOPIC = "renewal.opened"
    account: Public[str]
    contract: Public[str]
    due: Public[str]
    notice_deadline: Public[str]
    atr: Commercial[str]
    currency: Public[str]


class RenewalRiskSet(Event):
    """How likely the renewal is. risk: on_track, watch, at_risk or critical. drivers: labels."""

    TOPIC = "renewal.risk_set"
    contract: Public[str]
    due: Public[str]
    risk: Public[str]
    probability: Business[str | None] = None
    drivers: Business[tuple[str, ...]] = ()


class RenewalDeferred(Event):
    """The decision was put off to another day."""

    TOPIC = "renewal.deferred"
    contract: Public[str]
    due: Public[str]
    new_due: Public[str]


class Outcome(Event):
    """An event whose second version says which outcome it corrects."""

    VERSION = 2

    @staticmethod
    def upcast_v1(data: dict[str, Any]) -> dict[str, Any]:
        """The data of the first version, which is valid in the second as it is."""
        return data


class RenewalWon(Outcome):
    """The contract was renewed. contract_event: the event that did it. value: annual, of the new term. corrects: the outcome that was
    recorded before, because nobody had said otherwise.
    """

    TOPIC = "renewal.won"
    contract: Public[str]
    due: Public[str]
    contract_event: Public[str]
    value: Commercial[str]
    uplift: Commercial[str]
    corrects: Public[str | None] = None


class RenewalLost(Outcome):
    """The contract was not renewed. value: annual, lost. corrects: as of one that was won."""

    TOPIC = "renewal.lost"
    contract: Public[str]
    due: Public[str]
    contract_event: Public[str]
    value: Commercial[str]
    reason: Business[str]
    voluntary: Public[bool]
    corrects: Public[str | None] = None


class RenewalMilestoneReached(Event):
    """So many days are left until the due day, and nothing is decided."""

    TOPIC = "renewal.milestone_reached"
    contract: Public[str]
    due: Public[str]
    days: Public[int]


class RenewalForecastSubmitted(Event):
    """Somebody submitted a forecast; earlier ones stay as they were.

    category: commit, best_case, at_risk or lost. probability: that the contract is renewed, where it was estimated.
    expected_value: annual, of the new term if it is. by: who submitted it.
    """

    TOPIC = "renewal.forecast_submitted"
    contract: Public[str]
    due: Public[str]
    category: Public[str]
    probability: Business[str | None] = None
    expected_value: Commercial[str]
    currency: Public[str]
    by: Public[str]


EVENTS = (
    RenewalOpened,
    RenewalRiskSet,
    RenewalDeferred,
    RenewalWon,
    RenewalLost,
    RenewalMilestoneReached,
    RenewalForecastSubmitted,
)
