"""Renewal policies: how long a term may still be renewed after its end, by the rules that are in force on its due day."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.values import FOREVER, LAST, add_days, day_start, days_earlier, nearest_day
from app.domain.policy.rules import RenewalRules
from app.read_side.clocks import When
from app.read_side.reader import Reader
from projections.view import Condition, View
from projections.views import policies, policy_rules
from projections.views.renewals import Grace, Passed

DEFAULT: Final = RenewalRules()


class RulesOver(NamedTuple):
    """The rules for due days in [start, end)."""

    start: str
    end: str
    rules: RenewalRules


_FIRST_DAY: Final = "0001-01-01"
_NO_DAY: Final = "9999-99-99"


def renewal_rules(reader: Reader, tenant_id: str, position: int | None) -> tuple[RulesOver, ...]:
    """The rules by due day, as they were known at a position; one after another, without a gap."""
    at = When(LAST, position, now=True)
    return rules_among(lambda view, conditions: reader.select(tenant_id, view, conditions, at)[0])


def rules_among(select: Callable[[View[Any], Sequence[Condition]], Sequence[Any]]) -> tuple[RulesOver, ...]:
    """The same, by what selects rows of a view."""
    table = policies.VIEW.table
    found = select(policies.VIEW, [table.c.kind == "renewal", table.c.name == "default"])
    if not found:
        return (RulesOver(_FIRST_DAY, _NO_DAY, DEFAULT),)
    rules_of = {
        row.number: RenewalRules.model_validate(row.rules)
        for row in select(policy_rules.VIEW, policy_rules.of_policy(found[0].policy))
    }
    spans: list[RulesOver] = []
    reached = _FIRST_DAY
    in_force = [version for version in found[0].versions if version["start"] is not None]
    for version in sorted(in_force, key=lambda version: version["start"]):
        start, end = version["start"], version["end"] or _NO_DAY
        if start > reached:
            spans.append(RulesOver(reached, start, DEFAULT))
        if start < end:
            spans.append(RulesOver(max(start, reached), end, rules_of[version["number"]]))
            reached = end
    if reached < _NO_DAY:
        spans.append(RulesOver(reached, _NO_DAY, DEFAULT))
    return tuple(spans)


def rules_on(spans: tuple[RulesOver, ...], day: str) -> RenewalRules:
    """The rules in force on a day."""
    return next(span.rules for span in spans if span.start <= day < span.end)


def passed(reader: Reader, tenant_id: str, at: int, position: int | None) -> Passed:
    """What time has decided of due days at an instant, microseconds, by the rules that are known at a position."""
    zone = reader.projector.zone(tenant_id)
    return passed_by(renewal_rules(reader, tenant_id, position), at, zone)


def passed_by(spans: tuple[RulesOver, ...], at: int, zone: ZoneInfo) -> Passed:
    """The same by rules that are at hand."""
    today = nearest_day(at, zone)

    def instant(day: str) -> int:
        if day == _NO_DAY:
            return FOREVER
        return -FOREVER if day == _FIRST_DAY else day_start(day, zone)

    grace = [
        Grace(
            instant(span.start),
            instant(span.end),
            day_start(days_earlier(today, span.rules.grace_days), zone),
            span.rules.grace_days,
        )
        for span in spans
    ]
    return Passed(at, grace, lambda due_at, days: day_start(add_days(nearest_day(due_at, zone), days), zone))
