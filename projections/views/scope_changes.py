"""Scope changes: one row each, from the request to its delivery, as the inbox, the account page and two KPIs read it."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Text

from app.domain.kernel.values import micros, scaled
from app.domain.recorded import Recorded
from projections.view import Condition, Partial, View, stream

State = Literal[
    "raised", "consulting", "assessed", "responded", "decided", "amended", "absorbed", "delivered", "closed"
]


class ScopeChange(NamedTuple):
    """A scope change. Instants (`_at`) are microseconds; hours and amounts integers of 10^-6.

    request, risk and the texts in `consults` and `response` stay sealed; the key of each envelope is its event's id.
    decided_by is sealed in the event `decision_event`, under the key of the person where that person is known.
    state: raised, consulting, assessed, responded, decided, amended, absorbed, delivered or closed.
    closed_as: withdrawn or declined. waiting_on: teams that have not answered, or client, approver, account_manager; empty at the end.
    currency: of cost and price; absorbed_currency: of absorbed_cost; contract_currency: of one_off and mrr_delta, which
    is per month.
    """

    scope_change: str
    account: str
    contract: str | None
    interaction: str | None
    title: str
    request: dict[str, Any] | None
    external_ref: str | None
    needed_by: str | None
    raised_at: int
    state: str
    waiting_on: list[str]
    version: int
    latest_at: int
    closed_as: str | None = None
    consults: list[Any] | None = None
    assessed_at: int | None = None
    effort_hours: int | None = None
    cost: int | None = None
    price: int | None = None
    currency: str | None = None
    shift_days: int | None = None
    margin_effect: int | None = None
    risk: dict[str, Any] | None = None
    scope_delta: list[Any] | None = None
    approval_needed: bool = False
    approved: bool = False
    responded_at: int | None = None
    response_kind: str | None = None
    with_alternative: bool = False
    response: dict[str, Any] | None = None
    decided_at: int | None = None
    accepted: bool | None = None
    option: str | None = None
    decided_by: dict[str, Any] | None = None
    decision_event: str | None = None
    absorbed_at: int | None = None
    absorbed_hours: int | None = None
    absorbed_cost: int | None = None
    absorbed_currency: str | None = None
    absorbed_cause: str | None = None
    absorption_approved_by: str | None = None
    amended_at: int | None = None
    contract_event: str | None = None
    amendment_no: int | None = None
    mrr_delta: int | None = None
    one_off: int | None = None
    contract_currency: str | None = None
    delivered_at: int | None = None
    delivered_hours: int | None = None


Changes = dict[str, Any]
Change = Callable[[ScopeChange, Mapping[str, Any], int], Changes]
"""(row, the event's members, its effective time) -> changed members"""


def _raised(_row: ScopeChange | None, recorded: Recorded, _where: ZoneInfo) -> ScopeChange:
    data, at = recorded.data, recorded.effective_at
    return ScopeChange(
        scope_change=recorded.stream_id,
        account=data["account"],
        contract=data.get("contract"),
        interaction=data.get("interaction"),
        title=data["title"],
        request=data["request"],
        external_ref=data.get("external_ref"),
        needed_by=data.get("needed_by"),
        raised_at=at,
        state="raised",
        waiting_on=["account_manager"],
        version=recorded.version,
        latest_at=at,
        consults=[],
    )


def _changed(row: ScopeChange | None, recorded: Recorded, _where: ZoneInfo) -> ScopeChange | None:
    if row is None:
        return None
    changes = _CHANGES[recorded.type](row, recorded.data, recorded.effective_at)
    if recorded.type == "scope_change.decided":
        changes["decision_event"] = recorded.event_id
    changed = row._replace(**changes, version=recorded.version, latest_at=max(row.latest_at, recorded.effective_at))
    return changed._replace(waiting_on=_waiting_on(changed))


def _waiting_on(row: ScopeChange) -> list[str]:
    """Whose turn it is."""
    if row.state in ("delivered", "closed"):
        return []
    if row.state == "responded":
        return ["client"]
    teams = [consult["team"] for consult in row.consults or [] if consult["state"] == "asked"]
    if teams and row.state in ("consulting", "assessed"):
        return teams
    if row.state == "assessed" and row.approval_needed and not row.approved:
        return ["approver"]
    return ["account_manager"]


def _consult_requested(row: ScopeChange, data: Mapping[str, Any], at: int) -> Changes:
    consult = {**data, "state": "asked", "asked_at": at}
    others = [other for other in row.consults or [] if other["team"] != data["team"]]
    return {"consults": [*others, consult], "state": "consulting" if row.state == "raised" else row.state}


def _consult_answered(row: ScopeChange, data: Mapping[str, Any], at: int) -> Changes:
    return {"consults": _settled(row, {**data, "state": "answered", "settled_at": at})}


def _consult_waived(row: ScopeChange, data: Mapping[str, Any], at: int) -> Changes:
    return {"consults": _settled(row, {**data, "state": "waived", "settled_at": at})}


def _settled(row: ScopeChange, outcome: Mapping[str, Any]) -> list[Any]:
    """The consults, with the outcome of one team's."""
    return [{**consult, **outcome} if consult["team"] == outcome["team"] else consult for consult in row.consults or []]


def _assessed(_row: ScopeChange, data: Mapping[str, Any], at: int) -> Changes:
    """A new assessment starts the answer again: an earlier approval or response was about another one."""
    return {
        "state": "assessed",
        "assessed_at": at,
        "effort_hours": scaled(data["effort_hours"]),
        "cost": _number(data, "cost"),
        "price": _number(data, "price"),
        "currency": data.get("currency"),
        "shift_days": data["timeline_shift_days"],
        "margin_effect": _number(data, "margin_effect"),
        "risk": data.get("risk"),
        "scope_delta": data["scope_delta"],
        "approval_needed": data["approval_needed"],
        "approved": False,
        "responded_at": None,
        "response_kind": None,
        "with_alternative": False,
        "response": None,
    }


def _approved(_row: ScopeChange, _data: Mapping[str, Any], _at: int) -> Changes:
    return {"approved": True}


def _responded(_row: ScopeChange, data: Mapping[str, Any], at: int) -> Changes:
    with_alternative = data["kind"].startswith("decline") and "alternative" in data
    final = data["kind"] == "decline" and not with_alternative
    return {
        "state": "closed" if final else "responded",
        "closed_as": "declined" if final else None,
        "responded_at": at,
        "response_kind": data["kind"],
        "with_alternative": with_alternative,
        "response": dict(data),
    }


def _decided(_row: ScopeChange, data: Mapping[str, Any], _at: int) -> Changes:
    accepted = data["accepted"]
    return {
        "state": "decided" if accepted else "closed",
        "closed_as": None if accepted else "declined",
        "accepted": accepted,
        "option": data.get("option"),
        "decided_by": data.get("by"),
        "decided_at": micros(data["decided_at"]),
    }


def _absorbed(row: ScopeChange, data: Mapping[str, Any], at: int) -> Changes:
    return {
        "state": _unless_delivered(row, "absorbed"),
        "absorbed_at": at,
        "absorbed_hours": scaled(data["hours"]),
        "absorbed_cost": _number(data, "cost"),
        "absorbed_currency": data.get("currency"),
        "absorbed_cause": data["cause"],
        "absorption_approved_by": data["approved_by"],
    }


def _amended(row: ScopeChange, data: Mapping[str, Any], at: int) -> Changes:
    return {
        "state": _unless_delivered(row, "amended"),
        "amended_at": at,
        "contract": data["contract"],
        "contract_event": data["contract_event"],
        "amendment_no": data["amendment_no"],
        "mrr_delta": scaled(data["mrr_delta"]),
        "one_off": scaled(data["one_off"]),
        "contract_currency": data["currency"],
    }


def _withdrawn(_row: ScopeChange, _data: Mapping[str, Any], _at: int) -> Changes:
    return {"state": "closed", "closed_as": "withdrawn"}


def _delivered(_row: ScopeChange, data: Mapping[str, Any], at: int) -> Changes:
    return {"state": "delivered", "delivered_at": at, "delivered_hours": _number(data, "hours")}


def _unless_delivered(row: ScopeChange, state: str) -> str:
    """The state of what is put on paper only after it was delivered stays `delivered`."""
    return "delivered" if row.state == "delivered" else state


def _number(data: Mapping[str, Any], member: str) -> int | None:
    return scaled(data[member]) if data.get(member) is not None else None


_CHANGES: Final[dict[str, Change]] = {
    "scope_change.consult_requested": _consult_requested,
    "scope_change.consult_answered": _consult_answered,
    "scope_change.consult_waived": _consult_waived,
    "scope_change.assessed": _assessed,
    "scope_change.approved": _approved,
    "scope_change.responded": _responded,
    "scope_change.decided": _decided,
    "scope_change.absorbed": _absorbed,
    "scope_change.amended": _amended,
    "scope_change.withdrawn": _withdrawn,
    "scope_change.delivered": _delivered,
}

_INDEXED: Final = ("account", "pos_to", "pos_from")
_INDEXED_BY_INSTANT: Final = {
    "absorbed_at": ("absorbed_hours",),
    "amended_at": ("effort_hours",),
    "responded_at": ("with_alternative", "accepted", "closed_as"),
}
"""What KPIs over a period read of what happened within it, so that an index answers alone."""

VIEW = View(
    name="scope_changes",
    version=2,
    row=ScopeChange,
    keys=("scope_change",),
    on={"scope_change.raised": _raised, **dict.fromkeys(_CHANGES, _changed)},
    group_of=stream,
    history=True,
    indexes=(
        ("account", "raised_at"),
        ("state", "raised_at"),
        *(
            Partial(at.removesuffix("_at"), (at, *_INDEXED, *members), f"{at} IS NOT NULL")
            for at, members in _INDEXED_BY_INSTANT.items()
        ),
    ),
    noun="scope_change",
)


# --- queries ---


def waits_for(who: str) -> Condition:
    """The condition that it is somebody's turn: a team's label, client, approver or account_manager."""
    return VIEW.table.c.waiting_on.cast(Text).contains(f'"{who}"', autoescape=True)
