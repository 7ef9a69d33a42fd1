"""Incentive statements: one row each, its lines with what was taken back of them and what a dispute made of them."""

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import scaled, unscaled
from app.domain.recorded import Recorded
from projections.view import Condition, View, stream


class IncentiveStatement(NamedTuple):
    """A statement. Amounts are integers of 10^-6, instants microseconds.

    read_to: the position up to which the ledger was read for it. total: as issued; disputed: by what disputes changed it;
    returned: what was taken back. open_disputes: how many lines are disputed.
    lines: as issued, and `paid` and `returned` as they are now, `dispute`, and `entries` {at, amount, event}: what each event
    added to what is paid. Amounts in there are decimal strings; reasons stay sealed. clawbacks: {loss, lost_on, total, at, event}.
    """

    statement: str
    payee: str
    plan: str
    plan_version: str
    start: str
    end: str
    currency: str
    read_to: int
    clawback_months: int
    retention: dict[str, Any] | None
    external_ref: str | None
    total: int
    disputed: int
    returned: int
    open_disputes: int
    lines: list[Any]
    clawbacks: list[Any]
    issued_at: int
    version: int
    latest_at: int


Line = dict[str, Any]


def _issued(_row: IncentiveStatement | None, recorded: Recorded, _where: ZoneInfo) -> IncentiveStatement:
    data, at = recorded.data, recorded.effective_at
    lines = [
        {
            **line,
            "paid": line["amount"],
            "returned": "0",
            "dispute": None,
            "entries": [_entry(at, line["amount"], recorded)],
        }
        for line in data["lines"]
    ]
    return IncentiveStatement(
        statement=recorded.stream_id,
        payee=data["payee"],
        plan=data["plan"],
        plan_version=data["plan_version"],
        start=data["start"],
        end=data["end"],
        currency=data["currency"],
        read_to=data["position"],
        clawback_months=data.get("clawback_months", 0),
        retention=data.get("retention"),
        external_ref=data.get("external_ref"),
        total=scaled(data["total"]),
        disputed=0,
        returned=0,
        open_disputes=0,
        lines=lines,
        clawbacks=[],
        issued_at=at,
        version=recorded.version,
        latest_at=at,
    )


def _changed(row: IncentiveStatement | None, recorded: Recorded, _where: ZoneInfo) -> IncentiveStatement | None:
    if row is None:
        return None
    data, at = recorded.data, recorded.effective_at
    changes: dict[str, Any] = {}
    match recorded.type:
        case "incentive_statement.clawback_applied":
            amounts = {(line["rule"], line["event"]): line["amount"] for line in data["lines"]}
            clawback = {name: data[name] for name in ("loss", "lost_on", "total")}
            changes = {
                "lines": [_returned(line, amounts, recorded) for line in row.lines],
                "returned": row.returned + scaled(data["total"]),
                "clawbacks": [*row.clawbacks, {**clawback, "at": at, "event": recorded.event_id}],
            }
        case "incentive_statement.disputed":
            dispute = {"state": "open", "reason": data["reason"], "at": at, "event": recorded.event_id}
            changes = {
                "lines": [{**line, "dispute": dispute} if _is_line(line, data) else line for line in row.lines],
                "open_disputes": row.open_disputes + 1,
            }
        case "incentive_statement.dispute_resolved":
            by = scaled(data["amount"]) - scaled(data["previous"])
            changes = {
                "lines": [_resolved(line, by, recorded) if _is_line(line, data) else line for line in row.lines],
                "open_disputes": row.open_disputes - 1,
                "disputed": row.disputed + by,
            }
    return row._replace(**changes, version=recorded.version, latest_at=max(row.latest_at, at))


def _is_line(line: Line, data: Any) -> bool:
    same: bool = (line["rule"], line["event"]) == (data["rule"], data["event"])
    return same


def _returned(line: Line, amounts: dict[tuple[str, str], str], recorded: Recorded) -> Line:
    amount = amounts.get((line["rule"], line["event"]))
    if amount is None:
        return line
    entry = _entry(recorded.effective_at, unscaled(-scaled(amount)), recorded)
    returned = unscaled(scaled(line["returned"]) + scaled(amount))
    return {**line, "returned": returned, "entries": [*line["entries"], entry]}


def _resolved(line: Line, by: int, recorded: Recorded) -> Line:
    data, at = recorded.data, recorded.effective_at
    resolution = {"outcome": data["outcome"], "reason": data["reason"], "at": at, "event": recorded.event_id}
    entries = [*line["entries"], *([_entry(at, unscaled(by), recorded)] if by else [])]
    dispute = {**(line["dispute"] or {}), "state": data["outcome"], "resolution": resolution}
    return {**line, "paid": data["amount"], "dispute": dispute, "entries": entries}


def _entry(at: int, amount: str, recorded: Recorded) -> dict[str, Any]:
    return {"at": at, "amount": amount, "event": recorded.event_id}


VIEW = View(
    name="incentive_statements",
    version=1,
    row=IncentiveStatement,
    keys=("statement",),
    on={
        "incentive_statement.issued": _issued,
        **{
            f"incentive_statement.{name}": _changed for name in ("clawback_applied", "disputed", "dispute_resolved")
        },
    },
    group_of=stream,
    history=True,
    indexes=(("payee", "issued_at"),),
    noun="incentive_statement",
)  # fmt: skip


# --- queries ---


def disputed(*, is_open: bool) -> Condition:
    """Statements with an open dispute, or those without one."""
    open_disputes = VIEW.table.c.open_disputes
    return open_disputes > 0 if is_open else open_disputes == 0
