"""Shortcuts: what the most frequent events change of a contract's states, where its facts came in order.

Each gives the same as deriving all states anew, which tests hold it to, or nothing where it does not apply.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.kernel.values import day_start
from projections.views.renewals.amounts import by_product, running, yearly
from projections.views.renewals.contract_facts import Added, ContractFacts
from projections.views.renewals.cycles import said
from projections.views.renewals.fact import OF_TERMS, Fact
from projections.views.renewals.row import Renewal
from projections.views.renewals.states import deferred, merged
from projections.views.renewals.term_sequence import TermSequence

States = Mapping[tuple[str, int], Renewal]
"""The states of a contract by due day and beginning."""
AMENDED: Final = "contract.amended"


def after(states: States, added: Added, where: ZoneInfo) -> States | None:
    """The states after a fact, in the simplest way that is right; None where they have to be derived anew."""
    facts, fact, since, in_order = added
    if not in_order or since is None:
        return None
    sequence = facts.sequence(where)
    if any(sequence is None or mark.valid_from != sequence.horizon for mark in states.values() if not mark.due):
        return None  # more terms have begun
    if fact.is_of_cycle:
        moved = any(other.type == OF_TERMS and other.data.get("renewal") for other in facts.facts)
        return None if moved else _after_cycle_fact(states, fact, since, where)
    if fact.type == AMENDED and not facts.followers and "replaces" not in facts.facts[0].data:
        return _after_amendment(states, facts, sequence, since, where)
    return None


def _after_cycle_fact(states: States, fact: Fact, since: int, where: ZoneInfo) -> States:
    """A cycle changes the states of its due day and no amounts; a deferral moves when it falls due."""
    due = fact.data["due"]
    if fact.type == "renewal.deferred":
        day_at = day_start(due, where)

        def change(row: Renewal) -> Renewal:
            passes_at = day_at if row.passes_at is not None and not row.noticed else row.passes_at
            row = row._replace(due_at=day_at, passes_at=passes_at, version=_version(row, fact), **said(fact, {}))
            return deferred(row, where)

    else:

        def change(row: Renewal) -> Renewal:
            return row._replace(version=_version(row, fact), **said(fact, {"milestone": row.milestone}))

    return _changed(states, {due}, since, change)


def _version(row: Renewal, fact: Fact) -> int:
    return max(row.version or 0, fact.version)


def _after_amendment(
    states: States, facts: ContractFacts, sequence: TermSequence | None, since: int, where: ZoneInfo
) -> States | None:
    """An amendment changes what expires or goes on from its first day on; what was read before that stays."""
    if sequence is None:
        return states  # nothing is signed yet
    fact, schedule = facts.facts[-1], facts.schedule(where)
    starts = (day_start(change["start"], where) for change in fact.data["changes"] if change.get("start"))
    first = min([fact.effective_at, *starts])
    affected = {due.day: due for due in sequence.dues if due.closes > first or due.follows >= first}
    there = {row.due for row in states.values() if row.due and row.valid_to > since}
    expiring = {day: running(schedule, due.closes - 1) for day, due in affected.items()}
    if any(bool(steps) != (day in there) for day, steps in expiring.items()):
        return None  # something begins to fall due, or does no longer

    def change(row: Renewal) -> Renewal:
        due = affected[row.due]
        changed = row._replace(atr=yearly(expiring[row.due]), products=by_product(expiring[row.due]))
        if row.renewed is not None:
            return changed._replace(renewed=yearly(running(schedule, due.follows)))
        return changed if row.continues is None else changed._replace(continues=yearly(running(schedule, due.follows)))

    return _changed(states, affected, since, change)


def _changed(states: States, dues: Iterable[str], since: int, change: Callable[[Renewal], Renewal]) -> States:
    """The states with those of some due days changed from an instant on."""
    dues = set(dues)
    made = {key: row for key, row in states.items() if key[0] not in dues}
    kept: list[Renewal] = []
    fresh: list[Renewal] = []
    of_dues: Sequence[Renewal] = sorted(
        (row for key, row in states.items() if key[0] in dues), key=lambda row: row.valid_from
    )
    for row in of_dues:
        if row.valid_to <= since:
            kept.append(row)
            continue
        if row.valid_from < since:
            kept.append(row._replace(valid_to=since))
        fresh.append(change(row)._replace(valid_from=max(row.valid_from, since)))
    return made | dict(merged(kept, fresh))
