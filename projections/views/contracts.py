"""Contracts: one row each, with the terms from which its status at any instant follows; what is paid is in its lines."""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.facts import as_corrected
from app.domain.contract.terms import ContractTerms, apply_to_terms
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
        contract=recorded.stream_id,
        account=data["account"],
        external_ref=data.get("external_ref"),
        currency=data["currency"],
        start=data["start"],
        end=data.get("end"),
        auto_renew=data.get("auto_renew", False),
        notice_days=data.get("notice_days", 0),
        renewal_term_months=data.get("renewal_term_months"),
        signed_at=None,
        document_sha256=None,
        notice=None,
        termination=None,
        terms=[{"start": data["start"], "end": data.get("end"), "event": recorded.event_id}],
        frame=apply_to_terms(ContractTerms(), recorded, where).dump(),
        replaces=data.get("replaces"),
        version=recorded.version,
    )


def _amended(row: Contract | None, recorded: Recorded, _where: ZoneInfo) -> Contract | None:
    return None if row is None else row._replace(version=recorded.version)


def _changed(row: Contract | None, recorded: Recorded, where: ZoneInfo) -> Contract | None:
    """What an event changes of the frame, and of the members that show it."""
    if row is None:
        return None
    before = ContractTerms.load(row.frame)
    after = apply_to_terms(before, recorded, where)
    frame = row.frame if after is before else after.dump()
    changes_of = _CHANGES.get(recorded.type)
    changes = changes_of(row, recorded) if changes_of else {}
    if after.noticed_at is None:
        changes["notice"] = None
    elif recorded.type == "contract.notice_given" and after.noticed_at != recorded.effective_at:
        changes = {}  # one that was recorded after a later one, which is in effect
    return row._replace(frame=frame, version=recorded.version, **changes)


def _signed(_row: Contract, recorded: Recorded) -> dict[str, Any]:
    return {"signed_at": recorded.data["signed_at"], "document_sha256": recorded.data.get("document_sha256")}


def _noticed(_row: Contract, recorded: Recorded) -> dict[str, Any]:
    members = {name: recorded.data[name] for name in ("by", "effective_end", "late")}
    return {"notice": {**members, "given_at": recorded.effective_at}}


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
    terms = sorted([*row.terms, term], key=lambda one: one["start"])
    return {"end": terms[-1]["end"], "terms": terms}


def _terminated(_row: Contract, recorded: Recorded) -> dict[str, Any]:
    members = ("effective_end", "reason", "voluntary", "competitor")
    return {"termination": {name: recorded.data.get(name) for name in members}}


def _corrected(row: Contract, recorded: Recorded) -> dict[str, Any]:
    """What a correction makes of a term, the notice or the termination, by the event that it corrects."""
    data = recorded.data
    if (end := data.get("effective_end")) is not None:
        member = "notice" if data["corrected"] == "contract.notice_given" else "termination"
        stored = getattr(row, member)
        return {member: {**stored, "effective_end": end}} if stored else {}
    days = {name: data[name] for name in ("start", "end") if data.get(name) is not None}
    terms = [{**term, **days} if term["event"] == data["corrects"] else term for term in row.terms]
    renewal = {name: data[name] for name in ("auto_renew", "notice_days") if data.get(name) is not None}
    return {"terms": terms, "start": terms[0]["start"], "end": terms[-1]["end"], **renewal}


_CHANGES: Final[dict[str, Callable[[Contract, Recorded], dict[str, Any]]]] = {
    "contract.signed": _signed,
    "contract.notice_given": _noticed,
    "contract.renewed": _renewed,
    "contract.terminated": _terminated,
    "contract.terms_corrected": _corrected,
}
"""What an event changes besides the frame."""


def status(row: Contract, at: int, where: ZoneInfo) -> str:
    """A contract's state at an instant: draft, signed (not begun), active, suspended, expired, ended by notice, terminated."""
    if row.signed_at is None:
        return "draft"
    terms = ContractTerms.load(row.frame)
    if at < day_start(row.start, where):
        return "signed"
    if row.termination and at >= day_start(row.termination["effective_end"], where):
        return "terminated"
    if any(start <= at < end for start, end in terms.windows()):
        return "suspended" if any(start <= at < end for start, end in terms.suspensions) else "active"
    if any(at < start for start, _ in terms.windows()):
        return "signed"
    return "ended" if row.notice else "expired"


def as_agreed(
    row: Contract, history: Iterable[Recorded], as_of: int, position: int, where: ZoneInfo
) -> tuple[Contract, list[Recorded]]:
    """A contract with the terms, the notice and the termination of what was decided by an instant, and the events that were.

    An event is decided when it is effective or when it is recorded, whichever is earlier. A correction holds whatever the instant. A
    contract that was signed later is shown as it was signed.
    """
    known = [event for event in history if event.position <= position]
    until = max(as_of, *(_decided(event) for event in known if event.type in ("contract.drafted", "contract.signed")))
    if all(_decided(event) <= until for event in known):
        return row, known
    events = [event for event in as_corrected(known) if _decided(event) <= until]
    agreed: Any = None
    for event in events:
        agreed = VIEW.on[event.type](agreed, event, where)
    members = ("start", "end", "auto_renew", "notice_days", "notice", "termination", "terms")
    return row._replace(**{name: getattr(agreed, name) for name in members}), events


def _decided(event: Recorded) -> int:
    return min(event.effective_at, event.recorded_at)


def amendments(history: Iterable[Recorded], position: int) -> list[dict[str, Any]]:
    """A contract's amendments and corrections of lines up to a position.

    They are read from the contract's own events: a row that held them all would be written again, longer, with each.
    """
    return [
        {
            "no": event.data.get("amendment_no"),
            "corrects": event.data.get("corrects"),
            "changes": event.data["changes"],
            "scope_change": event.data.get("scope_change"),
            "effective_at": event.effective_at,
            "event": event.event_id,
        }
        for event in history
        if event.position <= position and event.type in ("contract.amended", "contract.corrected")
    ]


def corrections(history: Iterable[Recorded], position: int) -> list[dict[str, Any]]:
    """A contract's corrections up to a position: changed lines or days of terms, each with the event that was wrong."""
    terms = ("start", "end", "auto_renew", "notice_days", "effective_end")
    return [
        {
            "corrects": event.data["corrects"],
            "changes": event.data.get("changes"),
            "terms": {name: event.data[name] for name in terms if name in event.data} or None,
            "recorded_at": event.recorded_at,
            "event": event.event_id,
        }
        for event in history
        if event.position <= position and event.type in ("contract.corrected", "contract.terms_corrected")
    ]


VIEW = View(
    name="contracts",
    version=4,
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
    indexes=(("account", "contract"),),
    noun="contract",
)


# --- queries ---


def of_account(account: str) -> Condition:
    """An account's contracts."""
    return VIEW.table.c.account == account
