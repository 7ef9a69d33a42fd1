"""Contracts: one row each, with the frame from which its state at any instant is told; what is paid stands in its lines."""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.terms import ContractTerms, framed
from app.domain.kernel.values import day_start
from app.domain.recorded import Recorded
from projections.contract_schedule import TOPICS
from projections.view import Condition, View, stream


class Contract(NamedTuple):
    """A contract. Days are text, instants microseconds; `terms`: the terms agreed so far as {start, end, event}.

    replaces: the contract that this one follows.
    """

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
    frame: dict[str, Any]
    replaces: str | None
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
        framed(ContractTerms(), recorded, where).dump(),
        data.get("replaces"),
        recorded.version,
    )


def _amended(row: Contract | None, recorded: Recorded, _where: ZoneInfo) -> Contract | None:
    return None if row is None else row._replace(version=recorded.version)


def _changed(row: Contract | None, recorded: Recorded, where: ZoneInfo) -> Contract | None:
    """What changes the frame, and what is told about it."""
    if row is None:
        return None
    before = ContractTerms.load(row.frame)
    after = framed(before, recorded, where)
    frame = row.frame if after is before else after.dump()
    told = _TOLD.get(recorded.type)
    return row._replace(frame=frame, version=recorded.version, **(told(row, recorded) if told else {}))


def _signed(_row: Contract, recorded: Recorded) -> dict[str, Any]:
    return {"signed_at": recorded.data["signed_at"], "document_sha256": recorded.data.get("document_sha256")}


def _noticed(_row: Contract, recorded: Recorded) -> dict[str, Any]:
    told = {name: recorded.data[name] for name in ("by", "effective_end", "late")}
    return {"notice": {**told, "given_at": recorded.effective_at}}


def _renewed(row: Contract, recorded: Recorded) -> dict[str, Any]:
    data = recorded.data
    term = {
        "start": data["start"],
        "end": data.get("end"),
        "event": recorded.event_id,
        "timing": data["timing"],
        "retroactive": data["retroactive"],
        **({"automatic": True} if data.get("automatic") else {}),
    }
    return {"end": data.get("end"), "terms": [*row.terms, term], "notice": None}


def _terminated(_row: Contract, recorded: Recorded) -> dict[str, Any]:
    members = ("effective_end", "reason", "voluntary", "competitor")
    return {"termination": {name: recorded.data.get(name) for name in members}}


def _corrected(row: Contract, recorded: Recorded) -> dict[str, Any]:
    """What is told of the event that was corrected: a term, the notice or the termination."""
    data = recorded.data
    if (end := data.get("effective_end")) is not None:
        member = "notice" if data["corrected"] == "contract.notice_given" else "termination"
        told = getattr(row, member)
        return {member: {**told, "effective_end": end}} if told else {}
    days = {name: data[name] for name in ("start", "end") if data.get(name) is not None}
    terms = [{**term, **days} if term["event"] == data["corrects"] else term for term in row.terms]
    said = {name: data[name] for name in ("auto_renew", "notice_days") if data.get(name) is not None}
    return {"terms": terms, "start": terms[0]["start"], "end": terms[-1]["end"], **said}


_TOLD: Final[dict[str, Callable[[Contract, Recorded], dict[str, Any]]]] = {
    "contract.signed": _signed,
    "contract.notice_given": _noticed,
    "contract.notice_withdrawn": lambda _row, _recorded: {"notice": None},
    "contract.renewed": _renewed,
    "contract.terminated": _terminated,
    "contract.terms_corrected": _corrected,
}
"""What else an event says of a contract."""


def status(row: Contract, at: int, where: ZoneInfo) -> str:
    """A contract's state at an instant: draft, signed (not begun), active, suspended, expired, ended by notice, terminated."""
    if row.signed_at is None:
        return "draft"
    frame = ContractTerms.load(row.frame)
    if at < day_start(row.start, where):
        return "signed"
    if row.termination and at >= day_start(row.termination["effective_end"], where):
        return "terminated"
    if any(start <= at < end for start, end in frame.windows()):
        return "suspended" if any(start <= at < end for start, end in frame.holds) else "active"
    if any(at < start for start, _ in frame.windows()):
        return "signed"
    return "ended" if row.notice else "expired"


def amendments(history: Iterable[Recorded], position: int) -> list[dict[str, Any]]:
    """What amendments and corrections have said up to a position.

    They are read from the contract's own events: a row that held them all would be written again, longer, with each.
    """
    return [
        {
            "no": one.data.get("amendment_no"),
            "corrects": one.data.get("corrects"),
            "changes": one.data["changes"],
            "scope_change": one.data.get("scope_change"),
            "effective_at": one.effective_at,
            "event": one.event_id,
        }
        for one in history
        if one.position <= position and one.type in ("contract.amended", "contract.corrected")
    ]


def corrections(history: Iterable[Recorded], position: int) -> list[dict[str, Any]]:
    """What was said again up to a position as it should have been: lines changed, or days of terms, by the event that was wrong."""
    terms = ("start", "end", "auto_renew", "notice_days", "effective_end")
    return [
        {
            "corrects": one.data["corrects"],
            "changes": one.data.get("changes"),
            "terms": {name: one.data[name] for name in terms if name in one.data} or None,
            "recorded_at": one.recorded_at,
            "event": one.event_id,
        }
        for one in history
        if one.position <= position and one.type in ("contract.corrected", "contract.terms_corrected")
    ]


VIEW = View(
    name="contracts",
    version=3,
    row=Contract,
    keys=("contract",),
    on={
        **dict.fromkeys(TOPICS, _changed),
        "contract.drafted": _drafted,
        "contract.amended": _amended,
        "contract.corrected": _amended,
    },
    group_of=stream,
    history=True,
    schedule=True,
    filters=("account", "currency", "external_ref", "auto_renew"),
    order=("contract", "start", "end"),
    indexes=(("account", "contract"),),
    noun="contract",
)


# --- queries ---


def of_account(account: str) -> Condition:
    """An account's contracts."""
    return VIEW.table.c.account == account
