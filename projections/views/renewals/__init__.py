"""Renewals: every end of a term is a decision that falls due; one row for each state that it had, in business time and as it was known.

Lives here: the view and its queries; `row`; `fold`, which keeps the facts of a contract and derives its `states` from them by the
`term_sequence` and the `cycles`; `outcome`, which says what time alone decides.
May import: what a view may, see `projections`.
To add a member: `row`, the states that set it, and a new version of the view below.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, text, tuple_

from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections.view import Condition, Partial, Validity, View
from projections.views.renewals.contract_facts import ContractFacts
from projections.views.renewals.fold import HEAD, fold_fact, is_head, timeline_of
from projections.views.renewals.outcome import Grace, Passed
from projections.views.renewals.row import Renewal
from projections.views.renewals.states import Timeline

__all__ = [
    "BY_DUE_DAY", "SUMMED", "VIEW", "Grace", "Outcome", "Passed", "Renewal", "behind", "falling_due", "of_account", "of_cycle",
    "timelines", "to_be_opened", "watched",
]  # fmt: skip

Outcome = Literal["open", "renewed", "lost"]
SUMMED: Final = (
    "valid_from", "valid_to", "account", "currency", "outcome", "passes_at", "auto_renew", "noticed", "atr", "continues", "renewed",
    "risk", "category",
)  # fmt: skip
"""The columns that a KPI over a period reads, so that an index answers alone."""

WATCHED: Final = "outcome = 'open' AND renewal IS NOT NULL AND NOT closed"
"""Cycles in which no outcome has been noted: time may decide them."""
OF_CONTRACT: Final = (
    "drafted", "signed", "amended", "corrected", "notice_given", "notice_withdrawn", "renewed", "terminated", "terms_corrected",
)  # fmt: skip
"""What happens to a contract and changes what falls due."""
OF_CYCLE: Final = ("opened", "risk_set", "deferred", "won", "lost", "milestone_reached", "forecast_submitted")
"""What happens to a cycle."""


def _account(recorded: Recorded) -> str | None:
    return recorded.account_id


def in_force(at: int) -> list[Condition]:
    """The states of due days at an instant, microseconds."""
    table = VIEW.table
    return [table.c.due != "", table.c.valid_from <= at, table.c.valid_to > at]


def unknown(at: int) -> list[Condition]:
    """The rows of contracts whose automatic terms have not been worked out until an instant."""
    table = VIEW.table
    return [table.c.due == "", table.c.valid_from >= 0, table.c.valid_from <= at]


def heads() -> list[Condition]:
    """The rows that hold the facts of contracts."""
    table = VIEW.table
    return [table.c.due == HEAD[0], table.c.valid_from == HEAD[1]]


def timelines(rows: Sequence[Renewal], position: int, where: ZoneInfo) -> Mapping[str, Timeline]:
    """The facts of contracts as they were known at a position. Takes: the rows that hold them, of whole accounts."""
    known = {
        (row.account, row.contract, *HEAD): row._replace(facts=ContractFacts.load(row.facts).known_at(position))
        for row in rows
    }
    return {head.contract: timeline_of(known, head, where) for head in known.values()}


def states_of(rows: Sequence[Renewal], contract: str, at: int, position: int, where: ZoneInfo) -> Iterable[Renewal]:
    """All states of a contract until an instant and beyond, from its facts as they were known at a position."""
    timeline = timelines(rows, position, where)[contract]
    timeline.reached = at
    return timeline.states()[0]


VIEW = View(
    name="renewals",
    version=6,
    row=Renewal,
    keys=("account", "contract", "due", "valid_from"),
    on=dict.fromkeys(
        [*(f"contract.{name}" for name in OF_CONTRACT), *(f"renewal.{name}" for name in OF_CYCLE)], fold_fact
    ),
    group_of=_account,
    history=True,
    aged=True,
    many=True,
    unversioned=is_head,
    validity=Validity(in_force, unknown, "contract", heads, states_of),
    schedule=True,
    indexes=(
        ("due_at", "contract"),
        ("contract", "due"),
        Partial("due", ("due_at", "pos_from", *SUMMED), f"due <> '' AND pos_to = {FOREVER}"),
        Partial("past", ("age", "pos_from", "pos_to", "due_at", *SUMMED), f"due <> '' AND pos_to < {FOREVER}"),
        Partial("watched", ("pos_to", "due_at", "contract"), WATCHED),
        Partial("horizon", ("pos_to", "valid_from"), "due = '' AND valid_from >= 0"),
    ),
    noun="renewal",
)


# --- queries ---

BY_DUE_DAY: Final = ("due_at", "contract", "due")
_DAY: Final = 86_400_000_000
_CLOCK_CHANGE: Final = 3 * 3_600_000_000
"""By how much a day that begins or ends summer time may differ from 24 hours, and more."""


def of_cycle(renewal: str) -> Condition:
    """The row of a cycle."""
    return VIEW.table.c.renewal == renewal


def of_account(account: str) -> Condition:
    """What falls due on an account's contracts."""
    return VIEW.table.c.account == account


def watched(now: int, milestones: Mapping[int, int], grace_over: int) -> list[Condition]:
    """Open cycles of which a deadline may have passed: more than is due, never less.

    Takes: `milestones`, by days left, up to which due instant each is reached; up to which the longest grace is over.
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
    decided = [table.c.passes_at <= now, and_(table.c.passes_at.is_(None), table.c.due_at <= grace_over)]
    return [text(WATCHED), or_(*reached, *decided)]  # type: ignore[list-item]  # text is a condition too


def to_be_opened(after: int, up_to: int) -> list[Condition]:
    """Terms that fall due within (after, up_to], microseconds, and have no cycle yet."""
    table = VIEW.table
    return [table.c.outcome == "open", table.c.renewal.is_(None), table.c.due_at > after, table.c.due_at <= up_to]


def falling_due(start: int | None = None, end: int | None = None) -> list[Condition]:
    """What falls due within [start, end), microseconds, or at any time; a deferred decision falls due when it was deferred to."""
    due_at = VIEW.table.c.due_at
    return [*([due_at >= start] if start is not None else []), *([due_at < end] if end is not None else [])]


def behind(row: Renewal) -> Condition:
    """What comes after a row by due day."""
    table = VIEW.table
    last = tuple(getattr(row, name) for name in BY_DUE_DAY)
    return tuple_(*(table.c[name] for name in BY_DUE_DAY)) > last
