"""Policy rules: those of each version, which never change. They are apart from the versions' days, for a table of rates is large."""

from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.recorded import Recorded
from projections.view import Condition, View


class PolicyRules(NamedTuple):
    """The rules of a version, as they were drafted. effective_at: microseconds."""

    event_id: str
    position: int
    policy: str
    number: int
    rules: dict[str, Any]
    effective_at: int


def _drafted(_row: PolicyRules | None, recorded: Recorded, _where: ZoneInfo) -> PolicyRules:
    data = recorded.data
    return PolicyRules(
        event_id=recorded.event_id,
        position=recorded.position,
        policy=recorded.stream_id,
        number=data["number"],
        rules=data["rules"],
        effective_at=recorded.effective_at,
    )


def _group(recorded: Recorded) -> str:
    return recorded.event_id


VIEW = View(
    name="policy_rules",
    version=2,
    row=PolicyRules,
    keys=("event_id",),
    on={"policy.drafted": _drafted},
    group_of=_group,
    facts=True,
    indexes=(("policy", "number"),),
    noun="policy",
)


# --- queries ---


def of_policy(policy: str, number: int | None = None) -> list[Condition]:
    """The rules of all versions of a policy, or of the one with a number."""
    table = VIEW.table
    return [table.c.policy == policy, *([] if number is None else [table.c.number == number])]
