"""Renewals: every end of a term is a decision that falls due; one row for each, until its outcome.

Lives here: the view and its queries; `row`; `contract_folds` and `cycle_folds`, for two kinds of streams change a row.
May import: what a view may, see `projections`.
To add a member: `row`, the folds that set it, and a new version of the view below.
"""

from collections.abc import Mapping
from typing import Final, Literal

from sqlalchemy import and_, or_, text

from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections.contract_schedule import TOPICS, is_schedule_row
from projections.view import Condition, Partial, View
from projections.views.renewals.contract_folds import fold_contract
from projections.views.renewals.cycle_folds import fold_cycle
from projections.views.renewals.row import Renewal

__all__ = [
    "BY_DUE_DAY", "CYCLE", "SUMMED", "VIEW", "WATCHED", "Outcome", "Renewal", "behind", "falling_due", "of_cycle", "open_after",
    "open_cycles", "to_be_opened", "with_deadline_passed",
]  # fmt: skip

Outcome = Literal["open", "renewed", "lost"]


def _group(recorded: Recorded) -> str:
    return recorded.stream_id if recorded.type.startswith("contract.") else str(recorded.data["contract"])


SUMMED: Final = (
    "account", "currency", "outcome", "auto_renew", "noticed", "atr", "renewed", "co_termed", "risk", "category",
)  # fmt: skip
"""The columns that a KPI over a period reads, so that an index answers alone."""

WATCHED: Final = "outcome = 'open' AND (renewal IS NOT NULL OR automatic)"
"""Rows that time alone may change: an open cycle, or the next term of one that was renewed automatically."""
CYCLE: Final = ("opened", "risk_set", "deferred", "won", "lost", "milestone_reached", "forecast_submitted")
"""What happens to a cycle."""

VIEW = View(
    name="renewals",
    version=4,
    row=Renewal,
    keys=("contract", "due"),
    on={
        **dict.fromkeys(TOPICS, fold_contract),
        **{f"renewal.{name}": fold_cycle for name in CYCLE},
    },
    group_of=_group,
    history=True,
    aged=True,
    many=True,
    unversioned=is_schedule_row,
    schedule=True,
    indexes=(
        ("due_at", "contract"),
        ("account", "due_at"),
        Partial("due", ("due_at", "pos_from", *SUMMED), f"due <> '' AND pos_to = {FOREVER}"),
        Partial("watched", ("pos_to", "due_at", "contract"), WATCHED),
        Partial("past", ("age", "pos_from", "pos_to", "due_at", *SUMMED), f"due <> '' AND pos_to < {FOREVER}"),
    ),
    noun="renewal",
)


# --- queries ---

BY_DUE_DAY: Final = ("due_at", "contract")
_DAY: Final = 86_400_000_000
_CLOCK_CHANGE: Final = 3 * 3_600_000_000
"""By how much a day that begins or ends summer time may differ from 24 hours, and more."""


def of_cycle(renewal: str) -> Condition:
    """The row of a cycle."""
    return VIEW.table.c.renewal == renewal


def falling_due(due_from: str | None = None, due_to: str | None = None) -> list[Condition]:
    """All ends of terms, or those with a due day in [due_from, due_to)."""
    due = VIEW.table.c.due
    return [
        due != "",
        *([due >= due_from] if due_from else []),
        *([due < due_to] if due_to else []),
    ]


def open_cycles(
    *, account: str | None = None, due_from: str | None = None, due_to: str | None = None
) -> list[Condition]:
    """Cycles that are open, with a due day in [due_from, due_to) where these are given."""
    table = VIEW.table
    return [
        table.c.outcome == "open",
        table.c.renewal.is_not(None),
        *([] if account is None else [table.c.account == account]),
        *falling_due(due_from, due_to),
    ]


def open_after(account: str, at: int) -> list[Condition]:
    """An account's terms that fall due after an instant, microseconds, and are not decided."""
    table = VIEW.table
    return [table.c.account == account, table.c.outcome == "open", table.c.due_at > at]


def behind(row: Renewal) -> Condition:
    """What comes after a row by due day."""
    table = VIEW.table
    same_day = and_(table.c.due_at == row.due_at, table.c.contract > row.contract)
    return or_(table.c.due_at > row.due_at, same_day)


def to_be_opened(after: int, up_to: int) -> list[Condition]:
    """Terms that fall due within (after, up_to], microseconds, and have no cycle yet."""
    table = VIEW.table
    return [
        table.c.due != "",
        table.c.outcome == "open",
        table.c.renewal.is_(None),
        table.c.due_at > after,
        table.c.due_at <= up_to,
    ]


def with_deadline_passed(
    now: int, today: str, *, milestones: Mapping[int, int], grace_from: int, grace_day: str
) -> list[Condition]:
    """Watched rows of which a deadline may have passed: more than is due, never less.

    Takes: `milestones`, by days left, up to which due instant each is reached; where the grace of what is over today began, as an instant
    and as a day.
    """
    table = VIEW.table
    reached = [
        and_(
            table.c.due_at <= due_up_to,
            or_(table.c.milestone.is_(None), table.c.milestone > days),
            table.c.opened_at < table.c.due_at - days * _DAY + _CLOCK_CHANGE,
        )
        for days, due_up_to in milestones.items()
    ]
    not_deferred = or_(table.c.deferred_to.is_(None), table.c.deferred_to <= today)
    renews_itself = and_(table.c.auto_renew, ~table.c.noticed)
    undecided = and_(
        not_deferred, ~table.c.noticed, table.c.due_at <= now, or_(renews_itself, table.c.due_at <= grace_from)
    )
    notice_ended = and_(table.c.noticed, table.c.notice_end <= grace_day)
    return [text(WATCHED), or_(table.c.renewal.is_(None), *reached, undecided, notice_ended)]  # type: ignore[list-item]  # text is a condition too
