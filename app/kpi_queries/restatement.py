"""Restatement: which events moved a figure between two positions, and by how much each."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from app.domain.catalogue import CATALOGUE
from app.domain.kernel.errors import Invalid, NotFound
from app.domain.kernel.values import MICRO, instant, scaled
from app.domain.recorded import Recorded
from app.kpi_queries.evaluate import evaluate_exactly
from app.kpi_queries.query import KpiQuery, kpi_of
from app.kpi_queries.sources import SOURCES, views_of
from app.read_side.clocks import When
from app.read_side.reader import Reader
from projections.kpis.decimals import step
from projections.kpis.presentation import is_share
from projections.kpis.sharing import HELD, OPTION
from projections.views import portfolios

EVENTS_A_PAGE: Final = 200
"""How many events one page examines, so that a long history takes several requests instead of one that blocks a worker."""
RULES: Final = tuple(topic for topic in CATALOGUE if topic.startswith("policy."))
"""What changes how figures are counted."""
_APART: Final = frozenset(
    ("name", "unit", "period", "scope", "method", "calculation", "as_of", "known_at", "position", "warnings", "explain_url", "coverage",
     "currency", "null_reason", "policy_version", "fx_version", "fx_rates")
)  # fmt: skip
"""Members of an answer that are not the figure: how it was queried, by which rules it was counted, and counts beside it."""
_EXACT: Final = ("value", "numerator", "denominator")


@dataclass(frozen=True)
class Point:
    """A figure as it was known at a position. exact: value, numerator and denominator; answer: the whole answer."""

    position: int
    exact: tuple[Fraction | None, Fraction, Fraction] = (None, Fraction(0), Fraction(0))
    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def currency(self) -> str | None:
        """The currency of its amounts."""
        return self.answer.get("currency")

    @property
    def value(self) -> str | None:
        """The figure as it is written."""
        return self.answer.get("value")

    def changed(self, before: "Point") -> list[str]:
        """What of the figure is not as it was, by member; how it is written does not matter."""
        both_known = bool(self.answer and before.answer)
        # Of an account that is not known yet no value and a value of 0 are the same: nothing has moved.
        exact, exact_before = (
            point.exact if both_known else tuple(amount or Fraction(0) for amount in point.exact)
            for point in (self, before)
        )
        moved = [name for name, now, then in zip(_EXACT, exact, exact_before, strict=True) if now != then]
        if both_known:
            parts = sorted((self.answer.keys() | before.answer.keys()) - _APART - {*_EXACT})
            moved += [name for name in parts if self.answer.get(name) != before.answer.get(name)]
        return moved

    def written(self) -> dict[str, Any]:
        """The figure as it is answered."""
        return {
            "position": self.position,
            **{name: self.answer.get(name) for name in (*_EXACT, "currency", "null_reason")},
        }


class MovedPage(NamedTuple):
    """A page of the events that moved a figure, and where the next one begins."""

    events: list[dict[str, Any]]
    after: int | None


class Restatement:
    """A figure as it was known at two positions. Takes: the query, its business clock, and both positions.

    Raises: Invalid when the first lies behind the second.
    """

    def __init__(self, reader: Reader, tenant_id: str, query: KpiQuery, when: When, first: int, last: int) -> None:
        if first > last:
            raise Invalid("known_at_reversed", "from_known_at must not be behind to_known_at")
        self.reader, self.tenant_id, self.query, self.when = reader, tenant_id, query, when
        self.kpi = kpi_of(query.name)
        self.last = self._point(last, must_exist=True)
        self.first = self._point(first)
        self.currency = self.last.currency or self.first.currency
        self._one_currency(self.first)

    def page(self, limit: int, after: int | None = None) -> MovedPage:
        """A page of the events that moved it. Takes: `after`, where the page before ended.

        Raises: Invalid where amounts are of several currencies on the way.
        """
        position = self.first.position if after is None else max(after, self.first.position)
        before = self.first if position == self.first.position else self._point(position)
        moved: list[dict[str, Any]] = []
        candidates = self._candidates(position, EVENTS_A_PAGE + 1)
        for number, (event, following) in enumerate(zip_longest(candidates, candidates[1:])):
            if number >= EVENTS_A_PAGE and position == candidates[number - 1].position:
                break
            try:
                point = self._point(event.position)
            except Invalid:
                if not _of_one_append(event, following):
                    raise
                continue  # between two events of one append a table may not be in force; the last of them counts
            self._one_currency(point)
            if changed := point.changed(before):
                moved.append(self._event(event, before, point, changed))
            before, position = point, event.position
            if len(moved) == limit:
                break
        left = bool(self._candidates(position, 1)) if candidates else False
        return MovedPage(moved, position if left else None)

    def summary(self) -> dict[str, Any]:
        """The query, the figure at both positions, and the difference."""
        answer = self.last.answer
        shared = {name: answer[name] for name in ("name", "unit", "method", "period", "scope", "as_of")}
        return {
            **shared,
            "currency": self.currency,
            "from": self.first.written(),
            "to": self.last.written(),
            "difference": self._step(self.first, self.last),
        }

    def causes(self) -> tuple[list[str], bool]:
        """The ids of the events that moved it, and whether these are all."""
        page = self.page(EVENTS_A_PAGE)
        return [event["id"] for event in page.events], page.after is None

    def _candidates(self, after: int, limit: int) -> list[Recorded]:
        """The next events that the rows of the figure, or the rules, are made of: no other can move it."""
        tenant_id, until = self.tenant_id, self.last.position
        account = None if SOURCES[self.kpi.reads].of_others else self.query.scope.account
        events = self.reader.log.after(
            tenant_id, after, limit, until=until, types=topics(self.query), account_id=account
        )
        if account is not None and RULES:
            events += self.reader.log.after(tenant_id, after, limit, until=until, types=RULES)
        return sorted(events, key=lambda event: event.position)[:limit]

    def _point(self, position: int, *, must_exist: bool = False) -> Point:
        """The figure as it was known. Takes: `must_exist`, whether its account must be known by then."""
        try:
            result, answer = evaluate_exactly(
                self.reader, self.tenant_id, self.query, replace(self.when, known_at=position)
            )
        except NotFound:
            if must_exist:
                raise
            method = self.kpi.methods[self.query.method or self.kpi.default]
            is_sum = (
                method.denominator is None and method.compute is None
            )  # the sum of nothing is a figure, and it is 0
            return Point(position, (Fraction(0) if is_sum else None, Fraction(0), Fraction(0)))
        measure = result.measure
        # What is worked out of all rows is compared as it is written; else the exact fraction counts.
        value = measure.value if measure.method.compute is None else _written(answer["value"])
        numerator = Fraction(measure.numerator, measure.method.numerator.per)
        scale = measure.method.denominator
        denominator = Fraction(measure.denominator, scale.per if scale else 1)
        return Point(position, (value, numerator, denominator), answer)

    def _one_currency(self, point: Point) -> None:
        if self.currency is not None and point.currency not in (None, self.currency):
            raise Invalid(
                "mixed_currencies", f"name one currency: {', '.join(sorted({self.currency, point.currency}))}"
            )

    def _step(self, before: Point, after: Point) -> str:
        return step(before.value, after.value, self.currency, share=is_share(self.kpi))

    def _event(self, event: Recorded, before: Point, after: Point, changed: Iterable[str]) -> dict[str, Any]:
        return {
            "id": event.event_id,
            "type": event.type,
            "position": event.position,
            "stream": event.stream_id,
            "account": event.account_id,
            "effective_at": instant(event.effective_at),
            "recorded_at": instant(event.recorded_at),
            "contribution": self._step(before, after),
            "value_before": before.value,
            "value_after": after.value,
            "numerator_after": after.answer.get("numerator"),
            "denominator_after": after.answer.get("denominator"),
            "changed": list(changed),
        }


def _of_one_append(event: Recorded, following: Recorded | None) -> bool:
    """Whether the next candidate was appended with an event, as a version is with the end of the one that it replaces."""
    return following is not None and (following.stream_id, following.position, following.recorded_at) == (
        event.stream_id,
        event.position + 1,
        event.recorded_at,
    )


def _written(value: str | None) -> Fraction | None:
    return None if value is None else Fraction(scaled(value), MICRO)


def topics(query: KpiQuery) -> tuple[str, ...]:
    """The events that may move a figure: those that its rows are folded from, and those of rules."""
    views = views_of(query.name)
    if not query.scope.held and dict(query.options).get(OPTION) not in HELD:
        # Whose an account is matters only for somebody's figure, or for one by owner; so does what else accounts have.
        views = tuple(view for view in views if view is not portfolios.VIEW)
    return tuple(dict.fromkeys([*(topic for view in views for topic in view.on), *RULES]))
