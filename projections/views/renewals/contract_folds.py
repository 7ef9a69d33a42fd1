"""What the events of a contract make of what falls due on it."""

from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import LineStep, Schedule
from app.domain.kernel.values import day_start, days_earlier, moment_start
from app.domain.recorded import Recorded
from projections.contract_schedule import advance
from projections.view import Key, Rows
from projections.views.renewals.row import Renewal

Cycles = dict[Key, Renewal]
"""What falls due on a contract, by key; without its schedule row."""
Folded = tuple[Renewal, Cycles]
"""A contract's schedule row and what falls due on it, after an event."""


def fold_contract(rows: Rows[Renewal], recorded: Recorded, where: ZoneInfo) -> Rows[Renewal]:
    contract = recorded.stream_id
    if recorded.type == "contract.drafted":
        return {(contract, ""): _schedule_row(recorded, where)}
    schedule_row = rows.get((contract, ""))
    if schedule_row is None:
        return rows
    before, schedule = advance(schedule_row.schedule, recorded, where)
    if schedule is not before:
        schedule_row = schedule_row._replace(schedule=schedule)
    cycles = {key: row for key, row in rows.items() if row.due}
    fold = _CONTRACT_FOLDS.get(recorded.type, _revalued_all)
    schedule_row, cycles = fold(schedule_row, cycles, recorded, schedule, where)
    return {(contract, ""): schedule_row, **cycles}


def _schedule_row(recorded: Recorded, where: ZoneInfo) -> Renewal:
    """The row from which the others are made: `outcome` is the last day of the last term, `notice_deadline` the days of notice."""
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
        schedule=advance(Schedule(), recorded, where)[1],
    )


def _signed(row: Renewal, cycles: Cycles, recorded: Recorded, schedule: Schedule, where: ZoneInfo) -> Folded:
    row = row._replace(agreed_at=moment_start(recorded.data["signed_at"], where))
    return row, cycles | _falls_due(row, row.outcome, schedule, where)


def _notice(row: Renewal, cycles: Cycles, recorded: Recorded, _schedule: Schedule, _where: ZoneInfo) -> Folded:
    """Notice given or withdrawn."""
    ends = recorded.data.get("effective_end")
    return row, {
        key: cycle._replace(noticed=ends is not None, notice_end=ends) if cycle.outcome == "open" else cycle
        for key, cycle in cycles.items()
    }


def _renewed(row: Renewal, cycles: Cycles, recorded: Recorded, schedule: Schedule, where: ZoneInfo) -> Folded:
    data = recorded.data
    value = schedule.annual_at(day_start(data["start"], where))
    decided = _decided(cycles, recorded, "renewed", renewed=value, timing=data["timing"])
    row = row._replace(
        outcome=data.get("end") or "", automatic=bool(data.get("automatic")), agreed_at=recorded.effective_at
    )
    return row, decided | _falls_due(row, row.outcome, schedule, where)


def _terminated(row: Renewal, cycles: Cycles, recorded: Recorded, _schedule: Schedule, _where: ZoneInfo) -> Folded:
    data = recorded.data
    return row, _decided(cycles, recorded, "lost", reason=data["reason"], voluntary=data["voluntary"])


def _expired(row: Renewal, cycles: Cycles, recorded: Recorded, _schedule: Schedule, _where: ZoneInfo) -> Folded:
    return row, _decided(cycles, recorded, "lost", reason="expired", voluntary=recorded.data["voluntary"])


def _terms_corrected(row: Renewal, cycles: Cycles, recorded: Recorded, schedule: Schedule, where: ZoneInfo) -> Folded:
    """The terms as they should have been: what falls due at the end of the last one falls due on another day.

    A due day without a cycle gives way to the right one; a cycle that was opened for the wrong day stays, and moves.
    """
    data = recorded.data
    end = data["terms"][-1].get("end") or ""
    notice_end = data["effective_end"] if data["corrected"] == "contract.notice_given" else None
    notice_days = data.get("notice_days")
    row = row._replace(
        outcome=end,
        auto_renew=data.get("auto_renew", row.auto_renew),
        notice_deadline=row.notice_deadline if notice_days is None else str(notice_days),
    )
    corrected: dict[Key, Renewal] = {}
    for key, cycle in cycles.items():
        if cycle.outcome != "open":
            corrected[key] = cycle
            continue
        cycle = cycle._replace(auto_renew=row.auto_renew, notice_end=notice_end or cycle.notice_end)
        if end and (cycle.renewal or cycle.due == end):
            deadline = days_earlier(end, int(row.notice_deadline))
            cycle = cycle._replace(due_at=day_start(end, where), notice_deadline=deadline)
            corrected[key] = _revalued(cycle, schedule)
        elif cycle.renewal:
            corrected[key] = cycle
        else:
            noticed = row._replace(noticed=cycle.noticed, notice_end=cycle.notice_end)
            fresh = _falls_due(noticed, end, schedule, where)
            corrected |= {other: new for other, new in fresh.items() if other not in cycles}
    return row, corrected


def _revalued_all(row: Renewal, cycles: Cycles, _recorded: Recorded, schedule: Schedule, _where: ZoneInfo) -> Folded:
    """What any other event of the contract changes: the value of what is open."""
    return row, {key: _revalued(cycle, schedule) for key, cycle in cycles.items()}


_CONTRACT_FOLDS: Final[dict[str, Callable[[Renewal, Cycles, Recorded, Schedule, ZoneInfo], Folded]]] = {
    "contract.signed": _signed,
    "contract.notice_given": _notice,
    "contract.notice_withdrawn": _notice,
    "contract.renewed": _renewed,
    "contract.terminated": _terminated,
    "contract.expired": _expired,
    "contract.terms_corrected": _terms_corrected,
}


def _falls_due(schedule_row: Renewal, end: str, schedule: Schedule, where: ZoneInfo) -> dict[Key, Renewal]:
    """The row of the end of a term; none for a term without an end."""
    if not end:
        return {}
    due_at = day_start(end, where)
    row = schedule_row._replace(
        due=end,
        due_at=due_at,
        notice_deadline=days_earlier(end, int(schedule_row.notice_deadline)),
        outcome="open",
        atr=schedule.annual_at(due_at - 1),
        products=_by_product(schedule, due_at - 1),
        schedule=None,
    )
    return {(row.contract, row.due): row}


def _by_product(schedule: Schedule, at: int) -> dict[str, int]:
    """The annual value of each product at an instant; none while the contract pays nothing."""
    products: dict[str, int] = {}
    for step in _paid(schedule, at):
        products[step.product] = products.get(step.product, 0) + step.annual
    return products


def _paid(schedule: Schedule, at: int) -> list[LineStep]:
    """The steps of lines that are paid at an instant."""
    if not schedule.terms.pays_at(at):
        return []
    steps = (schedule.step_at(line, at) for line in schedule.lines)
    return [step for step in steps if step is not None and step.annual]


def _decided(cycles: Cycles, recorded: Recorded, outcome: str, **members: Any) -> dict[Key, Renewal]:
    """The rows, those that were open with an outcome."""
    decided = {"outcome": outcome, "decided_at": recorded.effective_at, **members}
    return {key: cycle._replace(**decided) if cycle.outcome == "open" else cycle for key, cycle in cycles.items()}


def _revalued(row: Renewal, schedule: Schedule) -> Renewal:
    """What is available to renew follows amendments until the cycle is opened; lines that join later are `co_termed`."""
    if row.outcome != "open":
        return row
    at = row.due_at - 1
    if row.renewal:
        frozen = row.frozen or []
        return row._replace(co_termed=sum(step.annual for step in _paid(schedule, at) if step.line not in frozen))
    return row._replace(atr=schedule.annual_at(at), products=_by_product(schedule, at))
