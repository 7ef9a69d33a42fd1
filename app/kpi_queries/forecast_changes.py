"""Movement: how the renewal forecast of a period changed between two positions, by which renewals and by which events."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final, NamedTuple

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import instant, unscaled
from app.domain.recorded import Recorded
from app.kpi_queries.counting_policies import closing_day, policies_in_force
from app.kpi_queries.currency import currency_of, exchange_of
from app.kpi_queries.evaluate import connected_at
from app.kpi_queries.query import KpiQuery, period_of
from app.kpi_queries.sources import SOURCES, views_of
from app.kpi_queries.sources.base import LoadedRows, RowRequest, account_of
from app.read_side.clocks import When
from app.read_side.reader import Reader
from projections.kpis.amounts import in_one
from projections.kpis.base import KpiContext, Scale, measure
from projections.kpis.decimals import money, quantity, steps
from projections.kpis.forecast import COLUMNS, EXPECTED, RENEWAL_FORECAST, Expected, Outlook, expected
from projections.kpis.presentation import figure

METHOD: Final = RENEWAL_FORECAST.methods[RENEWAL_FORECAST.default]
STILL: Final = frozenset({"renewal.milestone_reached"})
"""What happens to a cycle without changing what is expected of it."""


class RenewalAt(NamedTuple):
    """A renewal at a position: what is expected of it, and what that is in each column, in 10^-12."""

    row: Outlook
    expected: Expected

    def amounts(self) -> tuple[int, int, int]:
        """Low, base and high."""
        return self.expected.bounds


Key = tuple[str, str]


class Compared(NamedTuple):
    """The terms at both positions, in one currency. scale_factor: in how many parts of the usual ones their amounts are.

    versions: by which table and which rates they were converted, where they were.
    """

    positions: tuple[int, int]
    rows: tuple[list[Outlook], list[Outlook]]
    context: KpiContext
    scale_factor: int
    versions: Mapping[str, Any]


def forecast_changes(
    reader: Reader, tenant_id: str, query: KpiQuery, before: When, after: When, limit: int
) -> dict[str, Any]:
    """The forecast at two positions, and what changed it.

    Takes: a query about the forecast; both clocks of the positions, the earlier one first; how many renewals to list, those
    that changed it most. Their differences sum to the difference of the figures, as they are written. In several currencies both
    are at the same rates, those of the period's opening as they are known at the later position: no rate moves a forecast.
    Raises: NotFound for an account that is not known at the later position; Invalid as an answer does.
    """
    compared = _compared(reader, tenant_id, query, before, after)
    then, now = (_forecast(compared, at) for at in (0, 1))
    old, new = (_by_term(rows) for rows in compared.rows)
    currency, scale = compared.context.currency, EXPECTED.times(compared.scale_factor)
    changed = [
        key for key in sorted(old.keys() | new.keys()) if _expectation(old.get(key)) != _expectation(new.get(key))
    ]  # whatever is expected differently, also where it comes to the same
    written = {
        column: steps(_sum(old, at), [_at(new, key, at) - _at(old, key, at) for key in changed], _sum(new, at), scale, currency)
        for at, column in enumerate(COLUMNS)
    }  # fmt: skip
    ranked = sorted(range(len(changed)), key=lambda at: (-abs(_at(new, changed[at], 1) - _at(old, changed[at], 1)), at))
    listed = [changed[at] for at in ranked[:limit]]
    streams = _streams(reader, tenant_id, [new.get(key) or old[key] for key in listed])
    return {
        "currency": currency,
        **compared.versions,
        "period": {"from": query.from_, "to": query.to},
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
                "events": _events(streams, new.get(key) or old[key], *compared.positions),
            }
            for at, key in ((at, changed[at]) for at in ranked[:limit])
        ],
    }


def _compared(reader: Reader, tenant_id: str, query: KpiQuery, before: When, after: When) -> Compared:
    """The terms at both positions, by the rules and the rates that are known at the later one."""
    scope, zone = query.scope, reader.projector.zone(tenant_id)
    if scope.currency is not None and query.reporting_currency is not None:
        raise Invalid(
            "currency_twice", "name currency to narrow the board or reporting_currency to convert it, not both"
        )
    start, end, *_ = period_of(RENEWAL_FORECAST, query, When(0, None, now=True), zone)
    context = KpiContext(start=start, end=end, zone=zone, as_of=after.as_of)
    positions = (_position(reader, tenant_id, before), _position(reader, tenant_id, after))
    if scope.account is not None:
        reader.require_in_reach(tenant_id, scope.account)
        account_of(reader.log.stream(tenant_id, scope.account), positions[1], zone)
    (then, _, earlier), (now, _, later) = (_load(reader, tenant_id, query, context, at) for at in positions)
    policies = policies_in_force(reader, tenant_id, closing_day(end, zone), positions[1])
    exchange = exchange_of(METHOD, query, policies, context)
    if exchange is None:
        currency = currency_of(METHOD, scope, earlier | later)
        return Compared(positions, (then, now), replace(context, currency=currency), 1, {})
    rows, scale_factor = in_one([*then, *now], start - 1, exchange)
    used = exchange.used()
    return Compared(
        positions,
        (rows[: len(then)], rows[len(then) :]),
        replace(context, currency=exchange.currency),
        scale_factor,
        {"fx_version": policies.fx_version, "fx_rates": used} if used else {},
    )


def _position(reader: Reader, tenant_id: str, when: When) -> int:
    """The position that is meant, once the views have read it."""
    with connected_at(reader, tenant_id, views_of(RENEWAL_FORECAST.name), when.known_at) as (_, position, _):
        return position


def _load(reader: Reader, tenant_id: str, query: KpiQuery, context: KpiContext, position: int) -> LoadedRows:
    """The terms as they were known at a position."""
    return SOURCES[RENEWAL_FORECAST.reads].load(
        RowRequest(
            reader=reader,
            tenant_id=tenant_id,
            kpi=RENEWAL_FORECAST,
            method=METHOD,
            scope=query.scope,
            position=position,
            context=context,
        )
    )


def _by_term(rows: Iterable[Outlook]) -> dict[Key, RenewalAt]:
    return {(row.term.contract, row.term.due): RenewalAt(row, expected(row.term)) for row in rows}


def _expectation(renewal: RenewalAt | None) -> Any:
    return None if renewal is None else (renewal.expected, renewal.row.term.outcome)


def _at(renewals: Mapping[Key, RenewalAt], key: Key, column: int) -> int:
    return renewals[key].amounts()[column] if key in renewals else 0


def _sum(renewals: Mapping[Key, RenewalAt], column: int) -> int:
    return sum(renewal.amounts()[column] for renewal in renewals.values())


def _change(before: RenewalAt | None, after: RenewalAt | None) -> str:
    if before is None:
        return "appeared"
    if after is None:
        return "gone"
    if before.row.term.outcome != after.row.term.outcome:
        return {"renewed": "won", "lost": "lost"}.get(after.row.term.outcome, "reopened")
    return "recategorised" if before.expected.category != after.expected.category else "revalued"


def _forecast(compared: Compared, at: int) -> dict[str, Any]:
    """The forecast at one of the positions."""
    body = figure(RENEWAL_FORECAST, measure(METHOD, compared.rows[at], compared.scale_factor), compared.context)
    members = (*COLUMNS, "uplift", "available_to_renew", "renewed", "renewals")
    return {"position": compared.positions[at], **{name: body[name] for name in members}}


def _named(renewal: RenewalAt) -> dict[str, Any]:
    term = renewal.row.term
    return {"renewal": term.renewal, "contract": term.contract, "account": term.account, "due": term.due}


def _body(renewal: RenewalAt | None, scale: Scale, currency: str | None) -> dict[str, Any] | None:
    if renewal is None:
        return None
    amounts = zip(COLUMNS, renewal.amounts(), strict=True)
    return {
        "outcome": renewal.row.term.outcome,
        "category": renewal.expected.category,
        "probability": unscaled(renewal.expected.chance),
        **{column: quantity(amount, scale, currency) for column, amount in amounts},
    }


def _streams(reader: Reader, tenant_id: str, renewals: Iterable[RenewalAt]) -> Mapping[str, list[Recorded]]:
    named = {name for renewal in renewals for name in (renewal.row.term.contract, renewal.row.term.renewal) if name}
    return reader.log.look_up(tenant_id, (), named).streams


def _events(streams: Mapping[str, list[Recorded]], renewal: RenewalAt, after: int, until: int) -> list[dict[str, Any]]:
    term = renewal.row.term
    events = [event for name in (term.contract, term.renewal) if name for event in streams.get(name, ())]
    return [
        {
            "id": event.event_id,
            "type": event.type,
            "position": event.position,
            "effective_at": instant(event.effective_at),
        }
        for event in sorted(events, key=lambda event: event.position)
        if after < event.position <= until and event.type not in STILL
    ]
