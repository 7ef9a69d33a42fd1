"""What falls due on a contract, as one row for each state that it had."""

from typing import Any, NamedTuple


class Renewal(NamedTuple):
    """The end of a contract's term, as it stood over [valid_from, valid_to), microseconds of business time.

    due: the first day after the term, which names it; due_at: the instant of that day, or of the one that the decision was deferred to.
    atr: the annual amount that expires, continues: what goes on at the due day if nobody ends it, renewed: that of what was agreed
    instead, each in 10^-6; products: what expires by product.
    outcome: open, renewed or lost, as facts alone decide it; decided_at: when. What only time decides, `outcome` adds at reading:
    passes_at is when an open one renews itself or a notice ends it; one without passes_at is lost when the grace days are over.
    automatic: the term began by itself. runs_from: when the term begins; of the first, when it was signed. notice_end: of a notice.
    renewal: the id of its cycle, version: of that, opened_at: since when there is one, closed: whether that has noted an outcome;
    milestone: the fewest days left of those reached.
    category, chance, expected, forecast_by, forecast_at: of the newest forecast; `expected` in 10^-6 a year.
    The row of a contract with an empty `due` that is never in force holds the facts, from which the others are made; the one that is
    says from when on the automatic terms have not been worked out yet.
    """

    account: str
    contract: str
    due: str
    valid_from: int
    valid_to: int
    due_at: int = 0
    currency: str = ""
    auto_renew: bool = False
    notice_deadline: str = ""
    noticed: bool = False
    atr: int = 0
    outcome: str = ""
    continues: int | None = None
    renewed: int | None = None
    timing: str | None = None
    passes_at: int | None = None
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
    runs_from: int | None = None
    opened_at: int | None = None
    closed: bool = False
    milestone: int | None = None
    products: dict[str, int] = {}
    category: str | None = None
    chance: str | None = None
    expected: int | None = None
    forecast_by: str | None = None
    forecast_at: int | None = None
    version: int | None = None
    facts: Any | None = None
