"""What is known of the renewal cycle of a due day: who works on it, how likely it is, what was forecast. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.domain.kernel.values import scaled
from projections.views.renewals.fact import OF_TERMS, Fact


def moved_cycles(facts: Sequence[Fact]) -> Mapping[str, str]:
    """The due days to which corrections of terms moved cycles, by the cycle's id. Takes: all facts, in order."""
    added = sorted(facts, key=lambda fact: fact.position)
    return {
        fact.data["renewal"]: fact.data["terms"][-1]["end"]
        for fact in added
        if fact.type == OF_TERMS and fact.data.get("renewal")
    }


def cycles_of(facts: Sequence[Fact], moved: Mapping[str, str]) -> Mapping[str, Mapping[str, Any]]:
    """The members that cycles give to rows, by due day. Takes: facts in order; the cycles that corrections moved."""
    members: dict[str, dict[str, Any]] = {}
    for fact in facts:
        if fact.is_of_cycle:
            cycle = members.setdefault(fact.stream, {"due": fact.data["due"], "version": 0})
            cycle |= said(fact, cycle)
            cycle["version"] = max(cycle["version"], fact.version)
    of_due: dict[str, Mapping[str, Any]] = {}
    for stream, cycle in members.items():
        due = cycle.pop("due")
        of_due[moved.get(stream, due)] = cycle
    return of_due


def said(fact: Fact, cycle: Mapping[str, Any]) -> dict[str, Any]:
    """What a fact says of its cycle."""
    data = fact.data
    match fact.type:
        case "renewal.opened":
            return {"renewal": fact.stream, "opened_at": fact.effective_at}
        case "renewal.risk_set":
            return {"risk": data["risk"], "probability": data.get("probability"), "drivers": list(data["drivers"])}
        case "renewal.deferred":
            return {"deferred_to": data["new_due"]}
        case "renewal.milestone_reached":
            return {"milestone": min(cycle.get("milestone") or data["days"], data["days"])}
        case "renewal.won" | "renewal.lost":
            return {"closed": True}
        case "renewal.forecast_submitted":
            return {
                "category": data["category"],
                "chance": data.get("probability"),
                "expected": scaled(data["expected_value"]),
                "forecast_by": data["by"],
                "forecast_at": fact.effective_at,
            }
        case _:
            return {}
