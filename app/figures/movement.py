"""Movement: how the renewal forecast of a period changed between two positions, by which renewals and by which events."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final, NamedTuple

from app.domain.recorded import Recorded
from app.domain.values import MICRO, instant, unscaled
from app.figures.answers import answer
from app.figures.questions import FigureQuestion, period_of
from app.figures.rows import Load, rows_of
from app.reader import Reader, When
from projections.kpis.decimals import money, quantity, steps
from projections.kpis.forecast import EXPECTED, RENEWAL_FORECAST, Expected, Outlook, expected, high, low

COLUMNS: Final = ("low", "base", "high")
STILL: Final = frozenset({"renewal.milestone_reached"})
"""What happens to a cycle without changing what is expected of it."""


class Seen(NamedTuple):
    """A renewal at a position: what is expected of it, and what that is in each column, in 10^-12."""

    row: Outlook
    told: Expected

    def amounts(self) -> tuple[int, int, int]:
        """Low, base and high."""
        return low(self.told) * MICRO, self.told.base, high(self.told) * MICRO


Key = tuple[str, str]


def movement(
    reader: Reader, tenant_id: str, question: FigureQuestion, before: When, after: When, limit: int
) -> dict[str, Any]:
    """The forecast at two positions, and what changed it.

    Takes: a question about the forecast; both clocks of the positions, the earlier one first; how many renewals to list, those
    that changed it most. Their differences sum to the difference of the figures, as they are written.
    """
    then, now = (_figure(reader, tenant_id, question, when) for when in (before, after))
    old, new = (_seen(reader, tenant_id, question, one["position"]) for one in (then, now))
    currency = now["currency"] or then["currency"]
    changed = [
        key for key in sorted(old.keys() | new.keys()) if _said(old.get(key)) != _said(new.get(key))
    ]  # whatever was said differently, also where it comes to the same
    written = {
        column: steps(_sum(old, at), [_at(new, key, at) - _at(old, key, at) for key in changed], _sum(new, at), EXPECTED, currency)
        for at, column in enumerate(COLUMNS)
    }  # fmt: skip
    ranked = sorted(range(len(changed)), key=lambda at: (-abs(_at(new, changed[at], 1) - _at(old, changed[at], 1)), at))
    listed = [changed[at] for at in ranked[:limit]]
    streams = _streams(reader, tenant_id, [new.get(key) or old[key] for key in listed])
    span = (then["position"], now["position"])
    return {
        "currency": currency,
        "period": now["period"],
        "from": _told(then),
        "to": _told(now),
        "difference": {column: money(Fraction(now[column]) - Fraction(then[column]), currency) for column in COLUMNS},
        "changed": len(changed),
        "has_more": len(changed) > len(listed),
        "movements": [
            {
                **_named(new.get(key) or old[key]),
                "change": _change(old.get(key), new.get(key)),
                "before": _body(old.get(key), currency),
                "after": _body(new.get(key), currency),
                "difference": {column: written[column][at] for column in COLUMNS},
                "events": _events(streams, new.get(key) or old[key], *span),
            }
            for at, key in ((at, changed[at]) for at in ranked[:limit])
        ],
    }


def _figure(reader: Reader, tenant_id: str, question: FigureQuestion, when: When) -> dict[str, Any]:
    return answer(reader, tenant_id, replace(question, options=()), when)


def _seen(reader: Reader, tenant_id: str, question: FigureQuestion, position: int) -> dict[Key, Seen]:
    where = reader.projector.zone(tenant_id)
    start, end, _ = period_of(RENEWAL_FORECAST, question, When(0, position, now=True), where)
    rows, _, _ = rows_of(Load(reader, tenant_id, question.scope, position, start, end), RENEWAL_FORECAST)
    return {(row.term.contract, row.term.due): Seen(row, expected(row.term)) for row in rows}


def _said(seen: Seen | None) -> Any:
    return None if seen is None else (seen.told, seen.row.term.outcome)


def _at(seen: Mapping[Key, Seen], key: Key, column: int) -> int:
    return seen[key].amounts()[column] if key in seen else 0


def _sum(seen: Mapping[Key, Seen], column: int) -> int:
    return sum(one.amounts()[column] for one in seen.values())


def _change(before: Seen | None, after: Seen | None) -> str:
    if before is None:
        return "appeared"
    if after is None:
        return "gone"
    if before.row.term.outcome != after.row.term.outcome:
        return {"renewed": "won", "lost": "lost"}.get(after.row.term.outcome, "reopened")
    return "recategorised" if before.told.category != after.told.category else "revalued"


def _told(figure: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: figure[name] for name in ("position", *COLUMNS, "uplift", "available_to_renew", "renewed", "renewals")
    }


def _named(seen: Seen) -> dict[str, Any]:
    term = seen.row.term
    return {"renewal": term.renewal, "contract": term.contract, "account": term.account, "due": term.due}


def _body(seen: Seen | None, currency: str | None) -> dict[str, Any] | None:
    if seen is None:
        return None
    amounts = zip(COLUMNS, seen.amounts(), strict=True)
    return {
        "outcome": seen.row.term.outcome,
        "category": seen.told.category,
        "probability": unscaled(seen.told.chance),
        **{column: quantity(amount, EXPECTED, currency) for column, amount in amounts},
    }


def _streams(reader: Reader, tenant_id: str, seen: Iterable[Seen]) -> Mapping[str, list[Recorded]]:
    named = {name for one in seen for name in (one.row.term.contract, one.row.term.renewal) if name}
    return reader.log.look_up(tenant_id, (), named).streams


def _events(streams: Mapping[str, list[Recorded]], seen: Seen, after: int, until: int) -> list[dict[str, Any]]:
    term = seen.row.term
    told = [event for name in (term.contract, term.renewal) if name for event in streams.get(name, ())]
    return [
        {"id": one.event_id, "type": one.type, "position": one.position, "effective_at": instant(one.effective_at)}
        for one in sorted(told, key=lambda event: event.position)
        if after < one.position <= until and one.type not in STILL
    ]
