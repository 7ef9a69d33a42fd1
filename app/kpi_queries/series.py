"""Series: a figure over one interval after another, each answered as it is alone, all at one position."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, Literal

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import add_days, add_months, day_start, plain_day
from app.kpi_queries.evaluate import evaluate
from app.kpi_queries.query import KpiQuery, kpi_of
from app.read_side.clocks import When
from app.read_side.reader import Reader

Interval = Literal["week", "month", "quarter", "year"]
MOST: Final = 120
"""How many points one series has at the most."""
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_SHARED: Final = ("name", "unit", "method", "calculation", "scope")
_APART: Final = ("period", "known_at", "position", "coverage", "explain_url", *_SHARED)


def stretches(from_: str, to: str, interval: Interval) -> Iterator[tuple[str, str]]:
    """Days [from, to) cut into intervals; the last one may be shorter. Raises: ValueError beyond the calendar."""
    at, number = from_, 0
    while at < to:
        number += 1
        months = _MONTHS.get(interval)
        until = add_days(from_, 7 * number) if months is None else add_months(from_, months * number)
        yield at, min(until, to)
        at = until


def series(reader: Reader, tenant_id: str, query: KpiQuery, when: When, interval: Interval) -> dict[str, Any]:
    """A figure over each interval of a period, and of a point at the end of each.

    An interval that ends later than now is answered as a single query of it is, from what is agreed for it.
    Raises: as `evaluate`; Invalid for a period that is none, or that has too many intervals.
    """
    kpi, zone = kpi_of(query.name), reader.projector.zone(tenant_id)
    if query.from_ is None or query.to is None:
        raise Invalid("period_missing", "a series leads from a day to a day; name from and to")
    try:
        from_, to = plain_day(query.from_), plain_day(query.to)
        day_start(from_, zone)
        days = [pair for _, pair in zip(range(MOST + 1), stretches(from_, to, interval), strict=False)]
        ends = [day_start(until, zone) - 1 for _, until in days]
    except (ValueError, OverflowError) as error:
        raise Invalid("invalid_period", "from and to are dates such as 2026-01-31") from error
    if not days:
        raise Invalid("invalid_period", "from must be before to")
    if len(days) > MOST:
        raise Invalid("too_many_points", f"a series has {MOST} points at the most; take a longer interval")
    data: list[dict[str, Any]] = []
    answer: dict[str, Any] = {}
    for (start, until), last in zip(days, ends, strict=True):
        if kpi.kind == "period":
            of_interval, clocks = replace(query, from_=start, to=until), replace(when, now=True)
        else:
            of_interval, clocks = replace(query, from_=None, to=None), replace(when, as_of=last, now=False)
        answer = evaluate(reader, tenant_id, of_interval, clocks)
        when = replace(when, known_at=answer["position"])
        point = {name: value for name, value in answer.items() if name not in _APART}
        data.append({"from": start, "to": until, **point})
    return {
        **{name: answer[name] for name in _SHARED},
        "interval": interval,
        "period": {"from": from_, "to": to},
        "data": data,
        "position": answer["position"],
    }
