"""What can have happened to a budget: money that a client set aside, and what became of it."""

from app.domain.kernel.event import Event
from app.domain.kernel.values import Business, Commercial, Public


class BudgetSet(Event):
    """Money was set aside for [start, end). thresholds: percent of it; each is recorded when it is reached."""

    TOPIC = "budget.set"
    account: Public[str]
    contract: Public[str | None] = None
    title: Business[str]
    currency: Public[str]
    amount: Commercial[str]
    start: Public[str]
    end: Public[str]
    thresholds: Public[tuple[int, ...]]
    external_ref: Business[str | None] = None


class BudgetRevised(Event):
    """It is more or less now. revision: 1..n, of one budget without gaps; previous: the amount before."""

    TOPIC = "budget.revised"
    revision: Public[int]
    amount: Commercial[str]
    previous: Commercial[str]


class BudgetSpendRecorded(Event):
    """Some of it was spent. document: what shows it, once in a budget. late: after the budget's end, and marked as such."""

    TOPIC = "budget.spend_recorded"
    document: Business[str]
    amount: Commercial[str]
    spent_at: Public[str]
    category: Business[str | None] = None
    late: Public[bool] = False


class BudgetSpendCorrected(Event):
    """A document had been recorded wrongly. corrects: the event that recorded it; previous: its amount before."""

    TOPIC = "budget.spend_corrected"
    corrects: Public[str]
    document: Business[str]
    amount: Commercial[str]
    previous: Commercial[str]


class BudgetForecastRecorded(Event):
    """What somebody expects to be spent in all, seen from the effective instant. It replaces no earlier one."""

    TOPIC = "budget.forecast_recorded"
    at_completion: Commercial[str]


class BudgetThresholdCrossed(Event):
    """So much of it was spent, for the first time since its last revision.

    revision: 0 for the amount that was set first. spent, amount: what was compared. projected_at_end: what will have been
    spent at the end if it goes on like that, by days.
    """

    TOPIC = "budget.threshold_crossed"
    percent: Public[int]
    revision: Public[int]
    spent: Commercial[str]
    amount: Commercial[str]
    projected_at_end: Commercial[str]


class BudgetClosed(Event):
    """Nothing more is spent from it."""

    TOPIC = "budget.closed"


EVENTS = (
    BudgetSet,
    BudgetRevised,
    BudgetSpendRecorded,
    BudgetSpendCorrected,
    BudgetForecastRecorded,
    BudgetThresholdCrossed,
    BudgetClosed,
)
