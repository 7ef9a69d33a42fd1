"""Policies that figures are counted by: which rules and which rates are in force, as they were known."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter

from app.domain.kernel.errors import Invalid, NotFound
from app.domain.kernel.values import LAST, is_typeid
from app.domain.policy.fx import Rates
from app.domain.policy.rules import AnyRules, FxRules, MetricRules, Rules
from app.read_side.reader import Reader, When
from projections.kpis.base import DEFAULTS
from projections.views import policies, policy_rules
from projections.views.policies import Policy, version_on

DEFAULT_VERSION: Final = "default/1"
"""What the answer calls the house's own rules."""
KEPT: Final = 256
"""How many positions, and how many versions' rules, are remembered of a database."""
_NAMED: Final = re.compile(r"(?s)(.+):([1-9]\d{0,8})", re.ASCII)
_RULES: Final[TypeAdapter[Rules]] = TypeAdapter(AnyRules)
_Key = TypeVar("_Key")
_Kept = TypeVar("_Kept")


@dataclass(frozen=True)
class Counting:
    """How a figure is counted. version: of the metric policy; rates: the table in force, with its version; None without one.

    table: the rates prepared for look-ups.
    """

    metric: MetricRules = DEFAULTS
    version: str = DEFAULT_VERSION
    rates: FxRules | None = None
    fx_version: str | None = None
    table: Rates | None = None


_HOUSE: Final = Counting()


def counting(reader: Reader, tenant_id: str, day: str, position: int, policy: str | None = None) -> Counting:
    """The policies in force on a day, as they were known at a position.

    Takes: `policy`, a metric policy's version by name, `<policy>:<number>`, a draft too, to count by instead.
    Raises: NotFound for a policy or a version that there is none of; Invalid for what names no version of a metric policy.
    """
    memory = _memory(reader)
    standing = memory.standing(reader, tenant_id, position)
    if policy is None and not standing:
        return _HOUSE
    told = {row.kind: (row, number) for row in standing if (number := version_on(row, day)) is not None}
    if policy is not None:
        told["metric"] = _named(reader, tenant_id, position, policy)
    counted = _HOUSE
    for row, number in told.values():
        rules, table = memory.rules(reader, tenant_id, row.policy, number, position)
        version = f"{row.kind}@{row.name}/{number}"
        if isinstance(rules, MetricRules):
            counted = replace(counted, metric=rules, version=version)
        elif isinstance(rules, FxRules):
            counted = replace(counted, rates=rules, fx_version=version, table=table)
    return counted


def _named(reader: Reader, tenant_id: str, position: int, policy: str) -> tuple[Policy, int]:
    """A version by name: whatever its status, but as far as it was known."""
    found = _NAMED.fullmatch(policy)
    if found is None:
        raise Invalid("invalid_policy", "policy is an id or ref: and a reference, a colon, and a version's number")
    named, number = found[1], int(found[2])
    if named.startswith("ref:"):
        named = reader.log.resolve(tenant_id, "policy", named.removeprefix("ref:")) or ""
    rows = reader.group(tenant_id, policies.VIEW, named, _at(position))[0] if is_typeid(named, "pol") else []
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


class _Memory:
    """What cannot change, remembered: the policies known at a position, and what a version says."""

    def __init__(self) -> None:
        self._standing: OrderedDict[tuple[str, int], list[Policy]] = OrderedDict()
        self._rules: OrderedDict[tuple[str, str, int], tuple[Rules, Rates | None]] = OrderedDict()
        self._lock = threading.Lock()

    def standing(self, reader: Reader, tenant_id: str, position: int) -> list[Policy]:
        """The policies that count wherever no other is named."""

        def read() -> list[Policy]:
            table = policies.VIEW.table
            wanted = [table.c.kind.in_(("metric", "fx")), table.c.name == "default"]
            return reader.select(tenant_id, policies.VIEW, wanted, _at(position))[0]

        return self._kept(self._standing, (tenant_id, position), read)

    def rules(
        self, reader: Reader, tenant_id: str, policy: str, number: int, position: int
    ) -> tuple[Rules, Rates | None]:
        """What a version says, and a table's rates prepared for look-ups. Takes: a position at which it was known."""

        def read() -> tuple[Rules, Rates | None]:
            table = policy_rules.VIEW.table
            wanted = [table.c.policy == policy, table.c.number == number]
            stored = reader.select(tenant_id, policy_rules.VIEW, wanted, _at(position))[0]
            rules = _RULES.validate_python(stored[0].rules)
            return rules, Rates(rules) if isinstance(rules, FxRules) else None

        return self._kept(self._rules, (tenant_id, policy, number), read)

    def _kept(self, kept: OrderedDict[_Key, _Kept], key: _Key, read: Callable[[], _Kept]) -> _Kept:
        with self._lock:
            if key in kept:
                kept.move_to_end(key)
                return kept[key]
        found = read()  # outside the lock: two that ask at once read the same
        with self._lock:
            kept[key] = found
            if len(kept) > KEPT:
                kept.popitem(last=False)
        return found


_MEMORIES: Final[WeakKeyDictionary[Reader, _Memory]] = WeakKeyDictionary()
_MEMORIES_LOCK: Final = threading.Lock()


def _memory(reader: Reader) -> _Memory:
    """What is remembered of the database that a reader reads, as long as there is that reader."""
    with _MEMORIES_LOCK:
        return _MEMORIES.setdefault(reader, _Memory())
