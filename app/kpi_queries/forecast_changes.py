"""Movement: how the renewal forecast of a period changed between two positions, by which renewals and by which events."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final, NamedTuple

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import MICRO, instant, unscaled
from app.domain.recorded import Recorded
from app.kpi_queries.counting_policies import counting
from app.kpi_queries.query import KpiQuery, closing_day, currency_of, exchange_of, period_of
from app.kpi_queries.row_source import Load, account_of, rows_of
from app.kpi_queries.sql_source import gathered
from app.read_side.reader import Reader, When
from projections.kpis.amounts import in_one
from projections.kpis.base import Scale, Terms, measure
from projections.kpis.decimals import money, quantity, steps
from projections.kpis.forecast import EXPECTED, RENEWAL_FORECAST, Expected, Outlook, expected, high, low
from projections.kpis.presentation import figure

METHOD: Final = RENEWAL_FORECAST.default
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


class Compared(NamedTuple):
    """The terms at both positions, in one currency. per: in how many parts of the usual ones their amounts are.

    versions: by which table and which rates they were converted, where they were.
    """

    positions: tuple[int, int]
    rows: tuple[list[Outlook], list[Outlook]]
    terms: Terms
    per: int
    versions: Mapping[str, Any]


def movement(
    reader: Reader, tenant_id: str, question: KpiQuery, before: When, after: When, limit: int
) -> dict[str, Any]:
    """The forecast at two positions, and what changed it.

    Takes: a question about the forecast; both clocks of the positions, the earlier one first; how many renewals to list, those
    that changed it most. Their differences sum to the difference of the figures, as they are written. In several currencies both
    are at the same rates, those of the period's opening as they are known at the later position: no rate moves a forecast.
    Raises: NotFound for an account that is not known at the later position; Invalid as an answer does.
    """
    found = _compared(reader, tenant_id, question, before, after)
    then, now = (_told(found, at) for at in (0, 1))
    old, new = (_seen(rows) for rows in found.rows)
    currency, scale = found.terms.currency, EXPECTED.times(found.per)
    changed = [
        key for key in sorted(old.keys() | new.keys()) if _said(old.get(key)) != _said(new.get(key))
    ]  # whatever was said differently, also where it comes to the same
    written = {
        column: steps(_sum(old, at), [_at(new, key, at) - _at(old, key, at) for key in changed], _sum(new, at), scale, currency)
        for at, column in enumerate(COLUMNS)
    }  # fmt: skip
    ranked = sorted(range(len(changed)), key=lambda at: (-abs(_at(new, changed[at], 1) - _at(old, changed[at], 1)), at))
    listed = [changed[at] for at in ranked[:limit]]
    streams = _streams(reader, tenant_id, [new.get(key) or old[key] for key in listed])
    return {
        "currency": currency,
        **found.versions,
        "period": {"from": question.from_, "to": question.to},
        "from": then,
        "to": now,
        "difference": {column: money(Fraction(now[column]) - Fraction(then[column]), currency) for column in COLUMNS},
        "changed": len(changed),
        "has_more": len(changed) > len(listed),
        "movements": [
            {
                **_named(new.get(key) or old[key]),
                "change": _change(old.get(key), new.get(key)),
                "before": _body(old.get(key), scale, currency),
                "after": _body(new.get(key), scale, currency),
                "difference": {column: written[column][at] for column in COLUMNS},
                "events": _events(streams, new.get(key) or old[key], *found.positions),
            }
            for at, key in ((at, changed[at]) for at in ranked[:limit])
        ],
    }


def _compared(reader: Reader, tenant_id: str, question: KpiQuery, before: When, after: When) -> Compared:
    """The terms at both positions, by the rules and the rates that are known at the later one."""
    scope, where = question.scope, reader.projector.zone(tenant_id)
    if scope.currency is not None and question.reporting_currency is not None:
        raise Invalid(
            "currency_twice", "name currency to narrow the board or reporting_currency to convert it, not both"
        )
    start, end, _ = period_of(RENEWAL_FORECAST, question, When(0, None, now=True), where)
    terms = Terms(start, end, where)
    positions = tuple(_position(reader, tenant_id, question, when, terms) for when in (before, after))
    if scope.account is not None:
        account_of(reader.log.stream(tenant_id, scope.account), positions[1], where)
    found = [rows_of(Load(reader, tenant_id, scope, at, start, end), RENEWAL_FORECAST) for at in positions]
    (then, _, earlier), (now, _, later) = found
    rules = counting(reader, tenant_id, closing_day(end, where), positions[1])
    exchange = exchange_of(RENEWAL_FORECAST, METHOD, question, rules, terms)
    if exchange is None:
        currency = currency_of(RENEWAL_FORECAST.methods[METHOD], scope, earlier | later)
        return Compared((positions[0], positions[1]), (then, now), replace(terms, currency=currency), 1, {})
    rows, per = in_one([*then, *now], start - 1, exchange)
    used = exchange.used()
    return Compared(
        (positions[0], positions[1]),
        (rows[: len(then)], rows[len(then) :]),
        replace(terms, currency=exchange.currency),
        per,
        {"fx_version": rules.fx_version, "fx_rates": used} if used else {},
    )


def _position(reader: Reader, tenant_id: str, question: KpiQuery, when: When, terms: Terms) -> int:
    """The position that is meant, once the views have read it."""
    known_at = when.known_at
    return gathered(
        reader, tenant_id, RENEWAL_FORECAST, METHOD, question.scope, known_at, terms, explained=False
    ).position


def _seen(rows: Iterable[Outlook]) -> dict[Key, Seen]:
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


def _told(found: Compared, at: int) -> dict[str, Any]:
    """The forecast at one of the positions."""
    told = figure(RENEWAL_FORECAST, measure(RENEWAL_FORECAST.methods[METHOD], found.rows[at], found.per), found.terms)
    members = (*COLUMNS, "uplift", "available_to_renew", "renewed", "renewals")
    return {"position": found.positions[at], **{name: told[name] for name in members}}


def _named(seen: Seen) -> dict[str, Any]:
    term = seen.row.term
    return {"renewal": term.renewal, "contract": term.contract, "account": term.account, "due": term.due}


def _body(seen: Seen | None, scale: Scale, currency: str | None) -> dict[str, Any] | None:
    if seen is None:
        return None
    amounts = zip(COLUMNS, seen.amounts(), strict=True)
    return {
        "outcome": seen.row.term.outcome,
        "category": seen.told.category,
        "probability": unscaled(seen.told.chance),
        **{column: quantity(amount, scale, currency) for column, amount in amounts},
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
