"""What recurs under a contract at an instant, a year, in 10^-6."""

from collections.abc import Iterable

from app.domain.contract.line_steps import RECURRING, LineStep
from app.domain.contract.schedule import Schedule


def running(schedule: Schedule, at: int) -> list[LineStep]:
    """The lines that recur at an instant, resting or not, as they are agreed."""
    steps = (schedule.step_at(line, at) for line in schedule.lines)
    return [step for step in steps if step is not None and step.kind in RECURRING]


def yearly(steps: Iterable[LineStep]) -> int:
    """What they come to."""
    return sum(step.annual for step in steps)


def by_product(steps: Iterable[LineStep]) -> dict[str, int]:
    """The same of each product."""
    products: dict[str, int] = {}
    for step in steps:
        products[step.product] = products.get(step.product, 0) + step.annual
    return products
