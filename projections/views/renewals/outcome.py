"""What time alone decides of a due day: it renews itself, a notice ends it, or its grace days are over and nobody had renewed it.

The rows say what facts decide. The rest follows from the instant of the question and the days of grace that the renewal policy gives, here
in Python and once more in SQL.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, text

from projections.view import Condition
from projections.views.renewals.row import Renewal

NOTICE: Final = "notice"
EXPIRED: Final = "expired"


class Grace(NamedTuple):
    """Due days in [start, end), microseconds, and up to which of them the days of grace are over; span: how long they are."""

    start: int
    end: int
    over: int
    days: int


class Passed(NamedTuple):
    """What has passed at an instant, microseconds, with the days of grace by due day."""

    at: int
    grace: Sequence[Grace]
    ends: Any
    """(due instant, days of grace) -> the instant at which they are over."""

    def read(self, row: Renewal) -> Renewal:
        """A row with what time has decided."""
        if row.outcome != "open":
            return row
        if row.passes_at is not None:
            if row.passes_at > self.at:
                return row
            if row.auto_renew and not row.noticed:
                return row._replace(
                    outcome="renewed", renewed=row.continues, timing="on_time", decided_at=row.passes_at
                )
            return row._replace(outcome="lost", decided_at=row.passes_at, reason=NOTICE)
        for span in self.grace:
            if span.start <= row.due_at < span.end and row.due_at <= span.over:
                decided_at = self.ends(row.due_at, span.days)
                return row._replace(outcome="lost", decided_at=decided_at, reason=EXPIRED, voluntary=False)
        return row

    def sql(self) -> str:
        """The outcome in SQL. Binds: those of `binds`."""
        over = " OR ".join(
            f"(due_at >= :grace_start_{at} AND due_at < :grace_end_{at} AND due_at <= :grace_over_{at})"
            for at in range(len(self.grace))
        )
        return (
            "CASE WHEN outcome <> 'open' THEN outcome "
            "WHEN passes_at <= :as_of THEN CASE WHEN auto_renew AND NOT noticed THEN 'renewed' ELSE 'lost' END "
            f"WHEN passes_at IS NULL AND ({over}) THEN 'lost' ELSE 'open' END"
        )

    def binds(self) -> dict[str, int]:
        """The values that the SQL names."""
        named = {"as_of": self.at}
        for at, span in enumerate(self.grace):
            named |= {f"grace_start_{at}": span.start, f"grace_end_{at}": span.end, f"grace_over_{at}": span.over}
        return named

    def has(self, outcomes: Sequence[str]) -> Condition:
        """The condition that the outcome is one of these."""
        condition = text(f"({self.sql()}) IN :outcomes").bindparams(bindparam("outcomes", expanding=True))
        return condition.bindparams(outcomes=list(outcomes), **self.binds())  # type: ignore[return-value]  # text is a condition too
