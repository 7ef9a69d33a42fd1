"""Policies that figures are counted by: which rules and which rates are in force, as they were known."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar
from weakref import WeakKeyDictionary
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from app.domain.kernel.errors import Invalid, NotFound
from app.domain.kernel.values import LAST, REF, as_compared, day_of, instant, is_typeid
from app.domain.policy.fx import Rates
from app.domain.policy.rules import AnyRules, FxRules, MetricRules, Rules
from app.read_side.clocks import When
from app.read_side.reader import Reader
from projections.kpis.rule_sets import DEFAULT_RULES
from projections.views import policies, policy_rules
from projections.views.policies import Policy, version_on

DEFAULT_VERSION: Final = "default/1"
"""What the answer calls the default rules."""
CACHED: Final = 256
"""How many positions, and how many versions' rules, are cached of a database."""
_NAMED: Final = re.compile(r"(?s)(.+):([1-9]\d{0,8})", re.ASCII)
_RULES: Final[TypeAdapter[Rules]] = TypeAdapter(AnyRules)
_Key = TypeVar("_Key")
_Cached = TypeVar("_Cached")


@dataclass(frozen=True)
class PoliciesInForce:
    """How a figure is counted and converted. version: of the metric policy; rates: the table in force, with its version; None without one.

    table: the rates prepared for look-ups.
    """

    metric: MetricRules = DEFAULT_RULES
    version: str = DEFAULT_VERSION
    rates: FxRules | None = None
    fx_version: str | None = None
    table: Rates | None = None


_DEFAULT: Final = PoliciesInForce()


def closing_day(end: int, zone: ZoneInfo) -> str:
    """The last day of a period that ends before an instant."""
    try:
        return day_of(end - 1, zone)
    except OverflowError:  # the zone's day is beyond the calendar, the world's is not
        return instant(end - 1)[:10]


def policies_in_force(
    reader: Reader, tenant_id: str, day: str, position: int, policy: str | None = None
) -> PoliciesInForce:
    """The policies in force on a day, as they were known at a position.

    Takes: `policy`, a metric policy's version by name, `<policy>:<number>`, a draft too, to count by instead.
    Raises: NotFound for a policy or a version that there is none of; Invalid for what names no version of a metric policy.
    """
    cache = _cache(reader)
    known = cache.policies(reader, tenant_id, position)
    if policy is None and not known:
        return _DEFAULT
    versions = {row.kind: (row, number) for row in known if (number := version_on(row, day)) is not None}
    if policy is not None:
        versions["metric"] = _named(reader, tenant_id, position, policy)
    in_force = _DEFAULT
    for row, number in versions.values():
        rules, table = cache.rules(reader, tenant_id, row.policy, number, position)
        version = f"{row.kind}@{row.name}/{number}"
        if isinstance(rules, MetricRules):
            in_force = replace(in_force, metric=rules, version=version)
        elif isinstance(rules, FxRules):
            in_force = replace(in_force, rates=rules, fx_version=version, table=table)
    return in_force


def _named(reader: Reader, tenant_id: str, position: int, policy: str) -> tuple[Policy, int]:
    """A version by name: whatever its status, but as far as it was known."""
    match = _NAMED.fullmatch(policy)
    if match is None:
        raise Invalid("invalid_policy", "policy is an id or ref: and a reference, a colon, and a version's number")
    policy_id, number = match[1], int(match[2])
    if policy_id.startswith(REF):
        policy_id = reader.log.resolve(tenant_id, "policy", as_compared(policy_id[len(REF) :])) or ""
    known = is_typeid(policy_id, "pol")
    rows = reader.group(tenant_id, policies.VIEW, policy_id, _at(position))[0] if known else []
    if not rows:
        raise NotFound("policy_not_found", "there is no such policy")
    row: Policy = rows[0]
    if row.kind != "metric":
        raise Invalid("not_a_metric_policy", "figures are counted by the rules of a metric policy")
    if number > len(row.versions):
        raise NotFound("unknown_version", f"{row.kind}@{row.name} has {len(row.versions)} versions")
    return row, number


def _at(position: int) -> When:
    """Everything known at a position, whatever days it is about."""
    return When(LAST, position, now=True)


class _PolicyCache:
    """What cannot change: the policies known at a position, and the rules of a version."""

    def __init__(self) -> None:
        self._policies: OrderedDict[tuple[str, int], list[Policy]] = OrderedDict()
        self._rules: OrderedDict[tuple[str, str, int], tuple[Rules, Rates | None]] = OrderedDict()
        self._lock = threading.Lock()

    def policies(self, reader: Reader, tenant_id: str, position: int) -> list[Policy]:
        """The policies that count wherever no other is named."""

        def read() -> list[Policy]:
            table = policies.VIEW.table
            clauses = [table.c.kind.in_(("metric", "fx")), table.c.name == "default"]
            return reader.select(tenant_id, policies.VIEW, clauses, _at(position))[0]

        return self._cached(self._policies, (tenant_id, position), read)

    def rules(
        self, reader: Reader, tenant_id: str, policy: str, number: int, position: int
    ) -> tuple[Rules, Rates | None]:
        """The rules of a version, and a table's rates prepared for look-ups. Takes: a position at which it was known."""

        def read() -> tuple[Rules, Rates | None]:
            table = policy_rules.VIEW.table
            clauses = [table.c.policy == policy, table.c.number == number]
            stored = reader.select(tenant_id, policy_rules.VIEW, clauses, _at(position))[0]
            rules = _RULES.validate_python(stored[0].rules)
            return rules, Rates(rules) if isinstance(rules, FxRules) else None

        return self._cached(self._rules, (tenant_id, policy, number), read)

    def _cached(self, cached: OrderedDict[_Key, _Cached], key: _Key, read: Callable[[], _Cached]) -> _Cached:
        with self._lock:
            if key in cached:
                cached.move_to_end(key)
                return cached[key]
        value = read()  # outside the lock: two at once read the same
        with self._lock:
            cached[key] = value
            if len(cached) > CACHED:
                cached.popitem(last=False)
        return value


_CACHES: Final[WeakKeyDictionary[Reader, _PolicyCache]] = WeakKeyDictionary()
_CACHES_LOCK: Final = threading.Lock()


def _cache(reader: Reader) -> _PolicyCache:
    """The cache of the database that a reader reads, for as long as there is that reader."""
    with _CACHES_LOCK:
        return _CACHES.setdefault(reader, _PolicyCache())
