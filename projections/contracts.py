"""Contracts: one row each, with the schedule from which its state at any instant is told."""

from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from app.domain.schedule import Interval, Schedule, apply
from app.domain.values import day_start
from projections.base import View, stream


@dataclass(frozen=True)
class Contract:
    """A contract. Days are text, instants microseconds; `terms`: the terms agreed so far as {start, end, event}."""

    contract: str
    account: str
    external_ref: str | None
    currency: str
    start: str
    end: str | None
    auto_renew: bool
    notice_days: int
    renewal_term_months: int | None
    signed_at: str | None
    document_sha256: str | None
    notice: dict[str, Any] | None
    termination: dict[str, Any] | None
    terms: list[dict[str, Any]]
    amendments: list[dict[str, Any]]
    schedule: dict[str, Any]
    version: int


def _drafted(_row: Contract | None, recorded: Recorded, where: ZoneInfo) -> Contract:
    data = recorded.data
    return Contract(
        recorded.stream_id,
        data["account"],
        data.get("external_ref"),
        data["currency"],
        data["start"],
        data.get("end"),
        data.get("auto_renew", False),
        data.get("notice_days", 0),
        data.get("renewal_term_months"),
        None,
        None,
        None,
        None,
        [{"start": data["start"], "end": data.get("end"), "event": recorded.event_id}],
        [],
        apply(Schedule(), recorded, where).dump(),
        recorded.version,
    )


def _changed(row: Contract | None, recorded: Recorded, where: ZoneInfo) -> Contract | None:
    if row is None:
        return None
    schedule = apply(Schedule.load(row.schedule), recorded, where)
    return replace(_told(row, recorded), schedule=schedule.dump(), version=recorded.version)


def _told(row: Contract, recorded: Recorded) -> Contract:
    data = recorded.data
    match recorded.type:
        case "contract.signed":
            return replace(row, signed_at=data["signed_at"], document_sha256=data.get("document_sha256"))
        case "contract.amended" | "contract.corrected":
            amendment = {
                "no": data.get("amendment_no"),
                "corrects": data.get("corrects"),
                "changes": data["changes"],
                "scope_change": data.get("scope_change"),
                "effective_at": recorded.effective_at,
                "event": recorded.event_id,
            }
            return replace(row, amendments=[*row.amendments, amendment])
        case "contract.notice_given":
            return replace(
                row,
                notice={
                    "by": data["by"],
                    "effective_end": data["effective_end"],
                    "late": data["late"],
                    "given_at": recorded.effective_at,
                },
            )
        case "contract.notice_withdrawn":
            return replace(row, notice=None)
        case "contract.renewed":
            term = {
                "start": data["start"],
                "end": data.get("end"),
                "event": recorded.event_id,
                "timing": data["timing"],
                "retroactive": data["retroactive"],
            }
            return replace(row, end=data.get("end"), terms=[*row.terms, term], notice=None)
        case "contract.terminated":
            return replace(
                row,
                termination={name: data.get(name) for name in ("effective_end", "reason", "voluntary", "competitor")},
            )
        case _:
            return row


def status(row: Contract, at: int, where: ZoneInfo) -> str:
    """A contract's state at an instant: draft, signed (not begun), active, suspended, expired, ended by notice, terminated."""
    if row.signed_at is None:
        return "draft"
    schedule = Schedule.load(row.schedule)
    if at < day_start(row.start, where):
        return "signed"
    if row.termination and at >= day_start(row.termination["effective_end"], where):
        return "terminated"
    if any(start <= at < end for start, end in schedule.windows()):
        return "suspended" if any(start <= at < end for start, end in schedule.holds) else "active"
    if any(at < start for start, _ in schedule.windows()):
        return "signed"
    return "ended" if row.notice else "expired"


def lines(row: Contract, at: int) -> list[Interval]:
    """The lines in force at an instant."""
    return [line for line in Schedule.load(row.schedule).intervals() if line.start <= at < line.end]


VIEW = View(
    name="contracts",
    version=1,
    row=Contract,
    keys=("contract",),
    on={
        "contract.drafted": _drafted,
        **{
            f"contract.{what}": _changed
            for what in (
                "signed",
                "amended",
                "corrected",
                "notice_given",
                "notice_withdrawn",
                "suspended",
                "resumed",
                "renewed",
                "terminated",
            )
        },
    },
    group_of=stream,
    history=True,
    schedule=True,
    filters=("account", "currency", "external_ref", "auto_renew"),
    order=("contract", "start", "end"),
    indexes=(("account", "contract"),),
    noun="contract",
)
