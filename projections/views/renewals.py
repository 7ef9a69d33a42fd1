"""Renewals: every end of a term is a decision that falls due; one row for each, from opening to outcome."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, text

from app.domain.contract.schedule import LineStep, Schedule
from app.domain.kernel.values import FOREVER, day_start, days_earlier, moment_start, scaled
from app.domain.recorded import Recorded
from projections.contract_schedule import TOPICS, is_anchor, moved
from projections.view import Condition, Key, Partial, Rows, View


class Renewal(NamedTuple):
    """What falls due on a contract's day `due`, the first after the term; `due_at` in microseconds.

    atr: the annual value available to renew, renewed: that of the new term, lost: that of what ended, each in 10^-6.
    outcome: open, renewed or lost; decided_at: when, in business. An open one whose day has passed went on by itself when
    the contract renews itself and nobody gave notice; otherwise it lapsed. automatic: the term began by an automatic renewal.
    agreed_at: since when, in business, the term is agreed. notice_end: where a notice that stands ends the contract.
    A corrected term moves `due_at`; a cycle that was opened for the wrong day keeps that day as its name, `due`.
    renewal: the id of its cycle, version: of that, opened_at: since when there is one; milestone: the fewest days left that were noted.
    co_termed: the annual value of lines that joined since the cycle was opened and run to the same day; frozen: the
    lines that were there before. products: the annual value available to renew, by product.
    category, chance, expected, forecast_by, forecast_at: of the newest forecast; `expected` in 10^-6 a year.
    The row with an empty `due` is the contract's schedule, from which the others are made: in memory a Schedule, in the
    table the same as JSON.
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


def _contract(rows: Rows[Renewal], recorded: Recorded, where: ZoneInfo) -> Rows[Renewal]:
    data, contract = recorded.data, recorded.stream_id
    anchor = rows.get((contract, ""))
    if recorded.type == "contract.drafted":
        return {(contract, ""): _anchor(recorded, where)}
    if anchor is None:
        return rows
    before, schedule = moved(anchor.schedule, recorded, where)
    if schedule is not before:
        anchor = anchor._replace(schedule=schedule)
    due = {key: row for key, row in rows.items() if row.due}
    match recorded.type:
        case "contract.signed":
            anchor = anchor._replace(agreed_at=moment_start(data["signed_at"], where))
            due |= _open(anchor, anchor.outcome, schedule, where)
        case "contract.notice_given" | "contract.notice_withdrawn":
            ends = data.get("effective_end")
            due = {
                key: row._replace(noticed=ends is not None, notice_end=ends) if row.outcome == "open" else row
                for key, row in due.items()
            }
        case "contract.renewed":
            value = schedule.annual_at(day_start(data["start"], where))
            due = {
                key: _decided(row, recorded, "renewed", renewed=value, timing=data["timing"])
                for key, row in due.items()
            }
            anchor = anchor._replace(
                outcome=data.get("end") or "",
                automatic=bool(data.get("automatic")),
                agreed_at=recorded.effective_at,
            )
            due |= _open(anchor, anchor.outcome, schedule, where)
        case "contract.terminated":
            due = {
                key: _decided(row, recorded, "lost", reason=data["reason"], voluntary=data["voluntary"])
                for key, row in due.items()
            }
        case "contract.expired":
            due = {
                key: _decided(row, recorded, "lost", reason="expired", voluntary=data["voluntary"])
                for key, row in due.items()
            }
        case "contract.terms_corrected":
            anchor, due = _corrected(anchor, due, data, schedule, where)
        case _:
            due = {key: _revalued(row, schedule) for key, row in due.items()}
    return {(contract, ""): anchor, **due}


def _anchor(recorded: Recorded, where: ZoneInfo) -> Renewal:
    data = recorded.data
    return Renewal(
        contract=recorded.stream_id,
        due="",
        due_at=0,
        account=data["account"],
        currency=data["currency"],
        auto_renew=data.get("auto_renew", False),
        notice_deadline=str(data.get("notice_days", 0)),
        noticed=False,
        atr=0,
        outcome=data.get("end") or "",
        external_ref=data.get("external_ref"),
        schedule=moved(Schedule(), recorded, where)[1],
    )


def _open(anchor: Renewal, end: str, schedule: Schedule, where: ZoneInfo) -> dict[tuple[str, str], Renewal]:
    if not end:
        return {}
    due_at = day_start(end, where)
    row = anchor._replace(
        due=end,
        due_at=due_at,
        notice_deadline=days_earlier(end, int(anchor.notice_deadline)),
        outcome="open",
        atr=schedule.annual_at(due_at - 1),
        products=_by_product(schedule, due_at - 1),
        schedule=None,
    )
    return {(row.contract, row.due): row}


def _by_product(schedule: Schedule, at: int) -> dict[str, int]:
    """What each product recurs at in a year at an instant; nothing while the contract pays nothing."""
    found: dict[str, int] = {}
    for step in _paid(schedule, at):
        found[step.product] = found.get(step.product, 0) + step.annual
    return found


def _paid(schedule: Schedule, at: int) -> list[LineStep]:
    if not schedule.frame.pays_at(at):
        return []
    steps = (schedule.step_at(line, at) for line in schedule.lines)
    return [step for step in steps if step is not None and step.annual]


def _corrected(
    anchor: Renewal, due: Rows[Renewal], data: dict[str, Any], schedule: Schedule, where: ZoneInfo
) -> tuple[Renewal, dict[Key, Renewal]]:
    """The terms as they should have been told: what is due of the last one falls due on another day.

    A day that nobody works on yet gives way to the right one; a cycle that was opened for the wrong one stays, and moves.
    """
    end = data["terms"][-1].get("end") or ""
    ends = data["effective_end"] if data["corrected"] == "contract.notice_given" else None
    notice_days = data.get("notice_days")
    anchor = anchor._replace(
        outcome=end,
        auto_renew=data.get("auto_renew", anchor.auto_renew),
        notice_deadline=anchor.notice_deadline if notice_days is None else str(notice_days),
    )
    kept: dict[Key, Renewal] = {}
    for key, row in due.items():
        if row.outcome != "open":
            kept[key] = row
            continue
        moved_ = row._replace(auto_renew=anchor.auto_renew, notice_end=ends or row.notice_end)
        if end and (row.renewal or row.due == end):
            at = day_start(end, where)
            moved_ = moved_._replace(due_at=at, notice_deadline=days_earlier(end, int(anchor.notice_deadline)))
            kept[key] = _revalued(moved_, schedule)
        elif row.renewal:
            kept[key] = moved_
        else:
            fresh = _open(anchor._replace(noticed=row.noticed, notice_end=moved_.notice_end), end, schedule, where)
            kept |= {other: one for other, one in fresh.items() if other not in due}
    return anchor, kept


def _decided(row: Renewal, recorded: Recorded, outcome: str, **members: Any) -> Renewal:
    if row.outcome != "open":
        return row
    return row._replace(outcome=outcome, decided_at=recorded.effective_at, **members)


def _revalued(row: Renewal, schedule: Schedule) -> Renewal:
    """What is available to renew follows amendments until the cycle is opened, which freezes it; what joins later stands apart."""
    if row.outcome != "open":
        return row
    at = row.due_at - 1
    if row.renewal:
        frozen = row.frozen or []
        return row._replace(co_termed=sum(step.annual for step in _paid(schedule, at) if step.line not in frozen))
    return row._replace(atr=schedule.annual_at(at), products=_by_product(schedule, at))


def _cycle(rows: Rows[Renewal], recorded: Recorded, _where: ZoneInfo) -> Rows[Renewal]:
    data = recorded.data
    key = (data["contract"], data["due"])
    row = rows.get(key)
    if row is None:
        return rows
    changes: dict[str, Any] = {}
    match recorded.type:
        case "renewal.opened":
            anchor = rows[data["contract"], ""]
            changes = {
                "renewal": recorded.stream_id,
                "atr": scaled(data["atr"]),
                "opened_at": recorded.effective_at,
                "frozen": list(Schedule.load(anchor.schedule).lines),
            }
        case "renewal.risk_set":
            changes = {"risk": data["risk"], "probability": data.get("probability"), "drivers": list(data["drivers"])}
        case "renewal.deferred":
            changes = {"deferred_to": data["new_due"]}
        case "renewal.milestone_reached":
            changes = {"milestone": data["days"] if row.milestone is None else min(row.milestone, data["days"])}
        case "renewal.forecast_submitted" if (row.forecast_at or -FOREVER) <= recorded.effective_at:
            changes = {
                "category": data["category"],
                "chance": data.get("probability"),
                "expected": scaled(data["expected_value"]),
                "forecast_by": data["by"],
                "forecast_at": recorded.effective_at,
            }
    return {**rows, key: row._replace(**changes, version=recorded.version)}


def _group(recorded: Recorded) -> str:
    return recorded.stream_id if recorded.type.startswith("contract.") else str(recorded.data["contract"])


SUMMED: Final = (
    "account", "currency", "outcome", "auto_renew", "noticed", "atr", "renewed", "co_termed", "risk", "category",
)  # fmt: skip
"""What a figure over a period reads, so that an index answers alone."""

WATCHED: Final = "outcome = 'open' AND (renewal IS NOT NULL OR automatic)"
"""Rows that something may become of by itself: an open cycle, or the next term of one that was renewed automatically."""
CYCLE: Final = ("opened", "risk_set", "deferred", "won", "lost", "milestone_reached", "forecast_submitted")
"""What happens to a cycle."""

VIEW = View(
    name="renewals",
    version=4,
    row=Renewal,
    keys=("contract", "due"),
    on={
        **dict.fromkeys(TOPICS, _contract),
        **{f"renewal.{what}": _cycle for what in CYCLE},
    },
    group_of=_group,
    history=True,
    aged=True,
    many=True,
    anchor=is_anchor,
    schedule=True,
    filters=("outcome", "account", "contract", "currency", "risk", "category", "renewal"),
    order=("due_at", "contract", "atr"),
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
