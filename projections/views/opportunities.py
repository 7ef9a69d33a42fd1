"""Opportunities: one row each, from the first hint to an outcome, as the pipeline, the account page and two KPIs read it."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER, scaled
from app.domain.recorded import Recorded
from projections.view import Condition, View, stream

PARKED: Final = "parked"
Outcome = Literal["open", "parked", "won", "lost"]
OPEN: Final = ("identified", "qualified", "proposed", "negotiation")
"""The stages of what is open, in order."""
DECIDED: Final = ("won", "lost")
_NOT_AFTER_DECISION: Final = ("outcome", "parked_until", "parked_because")
"""Members that nothing changes any more once the opportunity is decided."""


class StageAt(NamedTuple):
    """An opportunity at an instant. stage: also of one that is parked. annual_value: in 10^-6; probability: in 10^-6.

    outcome: open, parked, won or lost.
    """

    stage: str = OPEN[0]
    outcome: str = "open"
    annual_value: int | None = None
    probability: int | None = None
    currency: str | None = None
    close_by: str | None = None
    parked_until: str | None = None
    parked_because: str | None = None


class Opportunity(NamedTuple):
    """An opportunity. Instants (`_at`) are microseconds; amounts integers of 10^-6, annual.

    stage, outcome, annual_value, probability, currency, close_by, parked_until, parked_because: as `StageAt`, at the end of its
    course. need stays sealed under the event `qualified_event`. won: what the contract's event added, in won_currency.
    course: its changes, each as [instant, position, changes], by business time; of two at one instant the later recorded
    counts. So the newest row that was known answers how the opportunity stood at any instant.
    """

    opportunity: str
    account: str
    title: str
    kind: str
    source: str
    product: str | None
    interaction: str | None
    scope_change: str | None
    contract: str | None
    renewal: str | None
    external_ref: str | None
    identified_at: int
    version: int
    latest_at: int
    stage: str = OPEN[0]
    outcome: str = "open"
    annual_value: int | None = None
    probability: int | None = None
    currency: str | None = None
    close_by: str | None = None
    parked_until: str | None = None
    parked_because: str | None = None
    need: dict[str, Any] | None = None
    qualified_event: str | None = None
    qualified_at: int | None = None
    budget_known: bool | None = None
    decider_known: bool | None = None
    needed_by: str | None = None
    decided_at: int | None = None
    won: int | None = None
    won_before: int | None = None
    won_after: int | None = None
    won_currency: str | None = None
    contract_event: str | None = None
    lost_because: str | None = None
    competitor: str | None = None
    course: list[Any] | None = None


def stage_at(row: Opportunity, at: int = FOREVER) -> StageAt:
    """How an opportunity stood at an instant, by its course."""
    stage = StageAt()
    for instant, _, changes in row.course or ():
        if instant > at:
            break
        stage = _changed_by(stage, changes)
    return stage


def _changed_by(stage: StageAt, changes: Mapping[str, Any]) -> StageAt:
    """The stage after one more change. To qualify what was only identified moves it on; won or lost stays so."""
    changes = dict(changes)
    if changes.pop("qualified", False) and stage.stage == OPEN[0]:
        changes["stage"] = OPEN[1]
    if stage.outcome in DECIDED:
        changes = {name: value for name, value in changes.items() if name not in _NOT_AFTER_DECISION}
    return stage._replace(**changes)


def _identified(_row: Opportunity | None, recorded: Recorded, _where: ZoneInfo) -> Opportunity:
    data, at = recorded.data, recorded.effective_at
    return Opportunity(
        opportunity=recorded.stream_id,
        account=data["account"],
        title=data["title"],
        kind=data["kind"],
        source=data["source"],
        product=data.get("product"),
        interaction=data.get("interaction"),
        scope_change=data.get("scope_change"),
        contract=data.get("contract"),
        renewal=data.get("renewal"),
        external_ref=data.get("external_ref"),
        identified_at=at,
        version=recorded.version,
        latest_at=at,
        course=[],
    )


def _changed(row: Opportunity | None, recorded: Recorded, _where: ZoneInfo) -> Opportunity | None:
    if row is None:
        return None
    at = recorded.effective_at
    change = [at, recorded.position, _stage_changes(recorded.type, recorded.data)]
    row = row._replace(
        course=sorted([*(row.course or []), change], key=lambda other: (other[0], other[1])),
        version=recorded.version,
        latest_at=max(row.latest_at, at),
        **_other_changes(recorded, recorded.data, at),
    )
    return row._replace(**stage_at(row)._asdict())


def _stage_changes(topic: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What an event changes of where the opportunity stands."""
    match topic:
        case "opportunity.qualified":
            return {"qualified": True}
        case "opportunity.estimated":
            return {
                "annual_value": scaled(data["annual_value"]),
                "probability": scaled(data["probability"]),
                "currency": data["currency"],
                "close_by": data["close_by"],
            }
        case "opportunity.advanced":
            return {"stage": data["stage"], "outcome": "open", "parked_until": None, "parked_because": None}
        case "opportunity.parked":
            return {"outcome": PARKED, "parked_until": data["until"], "parked_because": data["reason"]}
        case "opportunity.won":
            return {"outcome": "won", "parked_until": None, "parked_because": None}
        case "opportunity.lost":
            return {"outcome": "lost", "parked_until": None, "parked_because": None}
        case _:
            return {}


def _other_changes(recorded: Recorded, data: Mapping[str, Any], at: int) -> dict[str, Any]:
    """What an event changes besides, at once and for good."""
    match recorded.type:
        case "opportunity.qualified":
            known = {name: data.get(name) for name in ("budget_known", "decider_known", "needed_by")}
            return {"need": data["need"], "qualified_event": recorded.event_id, "qualified_at": at, **known}
        case "opportunity.won":
            return {
                "decided_at": at,
                "won": scaled(data["value"]),
                "won_before": scaled(data["before"]),
                "won_after": scaled(data["after"]),
                "won_currency": data["currency"],
                "contract": data["contract"],
                "contract_event": data["contract_event"],
            }
        case "opportunity.lost":
            return {"decided_at": at, "lost_because": data["reason"], "competitor": data.get("competitor")}
        case _:
            return {}


_CHANGES: Final = ("qualified", "estimated", "advanced", "parked", "won", "lost")

VIEW = View(
    name="opportunities",
    version=1,
    row=Opportunity,
    keys=("opportunity",),
    on={"opportunity.identified": _identified, **dict.fromkeys((f"opportunity.{name}" for name in _CHANGES), _changed)},
    group_of=stream,
    history=True,
    indexes=(("account", "identified_at"), ("outcome", "identified_at"), ("decided_at",)),
    noun="opportunity",
)


# --- queries ---


def undecided_at(
    at: int, *, account: str | None = None, source: str | None = None, kind: str | None = None
) -> list[Condition]:
    """Opportunities that had been identified by an instant, microseconds, and were decided only later, if at all.

    Takes: members that are None narrow nothing.
    """
    table, members = VIEW.table, {"account": account, "source": source, "kind": kind}
    return [
        *(table.c[name] == value for name, value in members.items() if value is not None),
        table.c.identified_at <= at,
        table.c.decided_at.is_(None) | (table.c.decided_at > at),
    ]
