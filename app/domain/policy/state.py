"""What decisions need to know of a policy, folded from its events."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import orjson
from pydantic import TypeAdapter

from app.domain.policy.events import PolicyActivated, PolicyDrafted, PolicyRetired
from app.domain.policy.rules import AnyRules, Rules
from app.domain.recorded import Recorded

_RULES: Final[TypeAdapter[Rules]] = TypeAdapter(AnyRules)


@dataclass(frozen=True)
class Version:
    """A version. rules: as JSON, because a table of rates is large. start: none for a draft; retired: whether its end was moved."""

    number: int
    rules: bytes
    start: str | None = None
    end: str | None = None
    retired: bool = False

    def in_force_on(self, day: str) -> bool:
        """Whether it is in force on a day."""
        return self.start is not None and self.start <= day and (self.end is None or day < self.end)

    def in_force_within(self, start: str, end: str | None) -> bool:
        """Whether it is in force on some day of [start, end)."""
        return (
            self.start is not None
            and (end is None or self.start < end)
            and (self.end is None or max(self.start, start) < self.end)
        )


@dataclass(frozen=True)
class PolicyState:
    """What decisions need of a policy."""

    kind: str = ""
    name: str = ""
    versions: tuple[Version, ...] = ()

    def version_on(self, day: str) -> Version | None:
        """The version that is in force on a day."""
        return next((version for version in self.versions if version.in_force_on(day)), None)

    def in_force(self, day: str) -> Rules | None:
        """The rules that are in force on a day."""
        version = self.version_on(day)
        return None if version is None else _rules(version.rules)

    def version_name(self, number: int) -> str:
        """What answers and events call a version, such as `approval@default/2`."""
        return f"{self.kind}@{self.name}/{number}"


@lru_cache(maxsize=256)
def _rules(rules: bytes) -> Rules:
    return _RULES.validate_json(rules)


def evolve(state: PolicyState, recorded: Recorded) -> PolicyState:
    """The state after one more event."""
    data = recorded.data  # plain: the rules of a version are parsed when they are needed
    match recorded.type:
        case PolicyDrafted.TOPIC:
            rules = orjson.dumps(data["rules"], option=orjson.OPT_SORT_KEYS)
            versions = (*state.versions, Version(number=data["number"], rules=rules))
            return PolicyState(kind=data["kind"], name=data["name"], versions=versions)
        case PolicyActivated.TOPIC:
            return with_version(state, data["number"], start=data["start"], end=data.get("end"))
        case PolicyRetired.TOPIC:
            return with_version(state, data["number"], end=data["end"], retired=True)
        case _:
            return state


def with_version(state: PolicyState, number: int, **changes: Any) -> PolicyState:
    """The state with some members of one of its versions changed."""
    versions = tuple(replace(each, **changes) if each.number == number else each for each in state.versions)
    return replace(state, versions=versions)
