"""What falls due on a contract, as one row."""

from typing import Any, NamedTuple


class Renewal(NamedTuple):
    """What falls due on a contract's day `due`, the first after the term; `due_at` in microseconds.

    atr: the annual value available to renew, renewed: that of the new term, lost: that of what ended, each in 10^-6.
    outcome: open, renewed or lost; decided_at: when, in business. An open one whose day has passed went on by itself when
    the contract renews itself and nobody gave notice; otherwise it lapsed. automatic: the term began by an automatic renewal.
    agreed_at: since when, in business, the term is agreed. notice_end: where a notice that stands ends the contract.
    A corrected term moves `due_at`; a cycle that was opened for the wrong day keeps that day as its name, `due`.
    renewal: the id of its cycle, version: of that, opened_at: since when there is one; milestone: the fewest days left of
    those reached.
    co_termed: the annual value of lines that joined since the cycle was opened and run to the same day; frozen: the
    lines that were there before. products: the annual value available to renew, by product.
    category, chance, expected, forecast_by, forecast_at: of the newest forecast; `expected` in 10^-6 a year.
    The row with an empty `due` is the schedule row, from which the others are made.
    """

    contract: str
    due: str
    due_at: int
    account: str
    currency: str
    auto_renew: bool
    notice_deadline: str
    noticed: bool
    atr: int
    outcome: str
    renewed: int | None = None
    timing: str | None = None
    decided_at: int | None = None
    reason: str | None = None
    voluntary: bool | None = None
    renewal: str | None = None
    risk: str | None = None
    probability: str | None = None
    drivers: list[str] = []
    deferred_to: str | None = None
    external_ref: str | None = None
    notice_end: str | None = None
    automatic: bool = False
    agreed_at: int | None = None
    opened_at: int | None = None
    milestone: int | None = None
    co_termed: int = 0
    frozen: list[str] | None = None
    products: dict[str, int] = {}
    category: str | None = None
    chance: str | None = None
    expected: int | None = None
    forecast_by: str | None = None
    forecast_at: int | None = None
    version: int | None = None
    schedule: Any | None = None
