"""Renewals: every end of a term is a decision that falls due; one row for each, from opening to outcome."""

from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from app.domain.schedule import Schedule
from app.domain.values import FOREVER, add_days, day_start, scaled
from projections.base import Partial, Rows, View
from projections.schedules import TOPICS, is_anchor, moved


class Renewal(NamedTuple):
    """What falls due on a contract's day `due`, the first after the term; `due_at` in microseconds.

    atr: the annual value available to renew, renewed: that of the new term, lost: that of what ended, each in 10^-6.
    outcome: open, renewed or lost; decided_at: when, in business. An open one whose day has passed went on by itself when
    the contract renews itself and nobody gave notice; otherwise it lapsed.
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
    renewed: int | None
    timing: str | None
    decided_at: int | None
    reason: str | None
    voluntary: bool | None
    renewal: str | None
    risk: str | None
    probability: str | None
    drivers: list[str]
    deferred_to: str | None
    external_ref: str | None
    schedule: Any | None


def _contract(rows: Rows[Renewal], recorded: Recorded, where: ZoneInfo) -> Rows[Renewal]:
    data, contract = recorded.data, recorded.stream_id
    anchor = rows.get((contract, ""))
    if recorded.type == "contract.drafted":
        end = data.get("end")
        anchor = Renewal(
            contract,
            "",
            0,
            data["account"],
            data["currency"],
            data.get("auto_renew", False),
            str(data.get("notice_days", 0)),
            False,
            0,
            end or "",
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            None,
            [],
            None,
            data.get("external_ref"),
            moved(Schedule(), recorded, where)[1],
        )
        return {(contract, ""): anchor}
    if anchor is None:
        return rows
    before, schedule = moved(anchor.schedule, recorded, where)
    if schedule is not before:
        anchor = Renewal(*anchor[:-1], schedule)
    due = {key: row for key, row in rows.items() if row.due}
    match recorded.type:
        case "contract.signed":
            due |= _open(anchor, anchor.outcome, schedule, where)
        case "contract.notice_given" | "contract.notice_withdrawn":
            given = recorded.type == "contract.notice_given"
            due = {key: row._replace(noticed=given) if row.outcome == "open" else row for key, row in due.items()}
        case "contract.renewed":
            value = schedule.annual_at(day_start(data["start"], where))
            due = {
                key: _decided(row, recorded, "renewed", renewed=value, timing=data["timing"])
                for key, row in due.items()
            }
            anchor = anchor._replace(outcome=data.get("end") or "")
            due |= _open(anchor, anchor.outcome, schedule, where)
        case "contract.terminated":
            due = {
                key: _decided(row, recorded, "lost", reason=data["reason"], voluntary=data["voluntary"])
                for key, row in due.items()
            }
        case _:
            due = {key: _revalued(row, schedule) for key, row in due.items()}
    return {(contract, ""): anchor, **due}


def _open(anchor: Renewal, end: str, schedule: Schedule, where: ZoneInfo) -> dict[tuple[str, str], Renewal]:
    if not end:
        return {}
    due_at = day_start(end, where)
    row = anchor._replace(
        due=end,
        due_at=due_at,
        notice_deadline=add_days(end, -int(anchor.notice_deadline)),
        outcome="open",
        atr=schedule.annual_at(due_at - 1),
        schedule=None,
    )
    return {(row.contract, row.due): row}


def _decided(row: Renewal, recorded: Recorded, outcome: str, **members: Any) -> Renewal:
    if row.outcome != "open":
        return row
    return row._replace(outcome=outcome, decided_at=recorded.effective_at, **members)


def _revalued(row: Renewal, schedule: Schedule) -> Renewal:
    """What is available to renew follows amendments until the cycle is opened, which freezes it."""
    if row.outcome != "open" or row.renewal:
        return row
    atr = schedule.annual_at(row.due_at - 1)
    return row if atr == row.atr else row._replace(atr=atr)


def _cycle(rows: Rows[Renewal], recorded: Recorded, _where: ZoneInfo) -> Rows[Renewal]:
    data = recorded.data
    key = (data["contract"], data["due"])
    row = rows.get(key)
    if row is None:
        return rows
    changes: dict[str, Any] = {}
    match recorded.type:
        case "renewal.opened":
            changes = {"renewal": recorded.stream_id, "atr": scaled(data["atr"])}
        case "renewal.risk_set":
            changes = {"risk": data["risk"], "probability": data.get("probability"), "drivers": list(data["drivers"])}
        case "renewal.deferred":
            changes = {"deferred_to": data["new_due"]}
    return {**rows, key: row._replace(**changes)}


def _group(recorded: Recorded) -> str:
    return recorded.stream_id if recorded.type.startswith("contract.") else str(recorded.data["contract"])


SUMMED: Final = ("account", "currency", "outcome", "auto_renew", "noticed", "atr", "renewed")
"""What a figure over a period reads, so that an index answers alone."""

VIEW = View(
    name="renewals",
    version=2,
    row=Renewal,
    keys=("contract", "due"),
    on={
        **dict.fromkeys(TOPICS, _contract),
        **{f"renewal.{what}": _cycle for what in ("opened", "risk_set", "deferred", "won", "lost")},
    },
    group_of=_group,
    history=True,
    aged=True,
    many=True,
    anchor=is_anchor,
    schedule=True,
    filters=("outcome", "account", "contract", "currency", "risk", "renewal"),
    order=("due_at", "contract", "atr"),
    indexes=(
        ("due_at", "contract"),
        ("account", "due_at"),
        Partial("due", ("due_at", "pos_from", *SUMMED), f"due <> '' AND pos_to = {FOREVER}"),
        Partial("past", ("age", "pos_from", "pos_to", "due_at", *SUMMED), f"due <> '' AND pos_to < {FOREVER}"),
    ),
    noun="renewal",
)
