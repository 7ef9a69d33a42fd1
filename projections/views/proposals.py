"""Proposals: one row each with its versions, their concessions and its outcome, as the account page and a KPI read it."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import scaled
from app.domain.policy.rules import DIRECTING
from app.domain.recorded import Recorded
from projections.view import View, stream

State = Literal["drafted", "submitted", "accepted", "declined", "expired"]


class Proposal(NamedTuple):
    """A proposal. Instants (`_at`) are microseconds; amounts integers of 10^-6, annual but for one_off.

    state: drafted, submitted, accepted, declined or expired. number, value, one_off, cost, valid_until: of the live version.
    conceded: the value of its binding concessions, price_conceded: of those on the price; awaiting: whether something waits
    for approval, of which nothing is left once the proposal is decided. agreed: what the accepted version pays a year. versions,
    positions, concessions: oldest first, amounts as decimal strings; sealed texts stay sealed, each with its event's id.
    accepted_by is sealed in the event `accepted_event`.
    """

    proposal: str
    account: str
    contract: str | None
    renewal: str | None
    opportunity: str | None
    title: str | None
    external_ref: str | None
    currency: str
    drafted_at: int
    state: str
    number: int
    value: int
    one_off: int
    cost: int | None
    valid_until: str
    version: int
    latest_at: int
    conceded: int = 0
    price_conceded: int = 0
    awaiting: bool = False
    versions: list[Any] | None = None
    positions: list[Any] | None = None
    concessions: list[Any] | None = None
    submitted_at: int | None = None
    decided_at: int | None = None
    agreed: int | None = None
    accepted_by: dict[str, Any] | None = None
    accepted_event: str | None = None
    declined_because: str | None = None
    contracted_at: int | None = None
    contract_event: str | None = None
    basis: str | None = None


Changes = dict[str, Any]


def _new(recorded: Recorded, data: Mapping[str, Any], at: int) -> Proposal:
    return Proposal(
        proposal=recorded.stream_id,
        account=data["account"],
        contract=data.get("contract"),
        renewal=data.get("renewal"),
        opportunity=data.get("opportunity"),
        title=data.get("title"),
        external_ref=data.get("external_ref"),
        currency=data["currency"],
        drafted_at=at,
        state="drafted",
        number=0,
        value=0,
        one_off=0,
        cost=None,
        valid_until="",
        version=0,
        latest_at=at,
        versions=[],
        positions=[],
        concessions=[],
    )


def _versioned(row: Proposal | None, recorded: Recorded, _where: ZoneInfo) -> Proposal:
    data, at = recorded.data, recorded.effective_at
    if row is None:
        row = _new(recorded, data, at)
    members = ("items", "value", "one_off", "cost", "terms", "value_evidence", "valid_until")
    version = {
        "number": data["version"],
        "event": recorded.event_id,
        "at": at,
        "by": recorded.actor,
        "submitted_at": None,
        "margin_awaits": False,
        **{name: data.get(name) for name in members},
    }
    cost = data.get("cost")
    return row._replace(
        state="drafted",
        number=data["version"],
        value=scaled(data["value"]),
        one_off=scaled(data["one_off"]),
        cost=None if cost is None else scaled(cost),
        valid_until=data["valid_until"],
        versions=[*(row.versions or []), version],
        version=recorded.version,
        latest_at=max(row.latest_at, at),
        submitted_at=None,
        conceded=0,
        price_conceded=0,
        awaiting=False,
    )


def _changed(row: Proposal | None, recorded: Recorded, _where: ZoneInfo) -> Proposal | None:
    if row is None:
        return None
    changed = row._replace(
        **_changes(row, recorded, recorded.data, recorded.effective_at),
        version=recorded.version,
        latest_at=max(row.latest_at, recorded.effective_at),
    )
    if _directed(recorded):
        changed = changed._replace(versions=_live(changed, margin_awaits=False))
    live = [concession for concession in changed.concessions or [] if concession["version"] == changed.number]
    binding = [concession for concession in live if concession["state"] == "binding"]
    margin = changed.versions is not None and changed.versions[-1]["margin_awaits"]
    return changed._replace(
        conceded=sum(scaled(concession["value"]) for concession in binding),
        price_conceded=sum(scaled(concession["value"]) for concession in binding if concession["kind"] == "price"),
        awaiting=changed.decided_at is None
        and (margin or any(concession["state"] == "awaiting" for concession in live)),
    )


def _changes(row: Proposal, recorded: Recorded, data: Mapping[str, Any], at: int) -> Changes:
    match recorded.type:
        case "proposal.submitted":
            return {"state": "submitted", "submitted_at": at, "versions": _live(row, submitted_at=at)}
        case "proposal.client_position_recorded":
            return {"positions": [*(row.positions or []), {**data, "event": recorded.event_id, "at": at}]}
        case "proposal.concession_offered":
            offered = {
                **data,
                "state": "awaiting" if data["awaiting_approval"] else "binding",
                "offered_by": recorded.actor,
                "offered_at": at,
                "settled_by": None,
                "settled_at": None,
                "rejection": None,
            }
            return {"concessions": [*(row.concessions or []), offered]}
        case "proposal.approval_requested":
            return {} if data.get("concession") else {"versions": _live(row, margin_awaits=True)}
        case "proposal.approval_granted":
            if data.get("concession") is None:
                return {}
            return {"concessions": _settled(row, recorded, data, "binding", limit_rule=data["limit_rule"])}
        case "proposal.approval_rejected":
            refused = {"reason": data["reason"], "event": recorded.event_id}
            return {"concessions": _settled(row, recorded, data, "rejected", rejection=refused)}
        case "proposal.contracted":
            return {
                "contracted_at": at,
                "contract": data["contract"],
                "contract_event": data["contract_event"],
                "basis": data["basis"],
            }
        case _:
            return _ended(recorded, data, at)


def _ended(recorded: Recorded, data: Mapping[str, Any], at: int) -> Changes:
    changes: Changes = {"state": recorded.type.rpartition(".")[2], "decided_at": at}
    if recorded.type == "proposal.declined":
        changes["declined_because"] = data["reason"]
    if recorded.type == "proposal.accepted":
        changes["agreed"] = scaled(data["annual_value"])
        changes |= {"accepted_by": data.get("by"), "accepted_event": recorded.event_id}
    return changes


def _directed(recorded: Recorded) -> bool:
    """Whether a director approved what is left of the margin: by an approval, or by a concession that binds at once."""
    binds = recorded.type == "proposal.approval_granted" or (
        recorded.type == "proposal.concession_offered" and not recorded.data["awaiting_approval"]
    )
    return binds and recorded.data["role"] in DIRECTING


def _live(row: Proposal, **changes: Any) -> list[Any]:
    """The versions, with changes of the live one."""
    *before, live = row.versions or [{}]
    return [*before, {**live, **changes}]


def _settled(row: Proposal, recorded: Recorded, data: Mapping[str, Any], state: str, **members: Any) -> list[Any]:
    """The concessions, with the outcome of one of them."""
    outcome = {"state": state, "settled_by": recorded.actor, "settled_at": recorded.effective_at, **members}
    return [
        {**concession, **outcome} if concession["concession"] == data["concession"] else concession
        for concession in row.concessions or []
    ]


_CHANGES: Final = (
    "submitted",
    "client_position_recorded",
    "concession_offered",
    "approval_requested",
    "approval_granted",
    "approval_rejected",
    "accepted",
    "declined",
    "expired",
    "contracted",
)

VIEW = View(
    name="proposals",
    version=4,
    row=Proposal,
    keys=("proposal",),
    on={"proposal.versioned": _versioned, **dict.fromkeys((f"proposal.{name}" for name in _CHANGES), _changed)},
    group_of=stream,
    history=True,
    indexes=(("account", "drafted_at"), ("state", "drafted_at"), ("decided_at",)),
    noun="proposal",
)


# --- queries ---
