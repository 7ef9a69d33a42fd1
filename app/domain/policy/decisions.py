"""The policy: rules as data, in numbered versions of which at most one is in force on any day.

A version never changes: other rules are another version. An activation may be dated back, so that what was in force on a day
is recorded later; `known_at` still shows what was known before.
"""

from typing import TypeVar

from app.domain.kernel.context import Context
from app.domain.kernel.errors import Invalid, NotFound, Refused
from app.domain.kernel.event import Event
from app.domain.policy.commands import ActivatePolicy, DraftPolicy, DraftPolicyVersion, RetirePolicy
from app.domain.policy.events import PolicyActivated, PolicyDrafted, PolicyRetired
from app.domain.policy.rules import KINDS, Rules
from app.domain.policy.state import PolicyState, Version, with_version

_AnyRules = TypeVar("_AnyRules", bound=Rules)


def reference(command: DraftPolicy, _context: Context) -> str:
    """Under which reference a new policy is found."""
    return policy_reference(command)


def policy_reference(command: DraftPolicy) -> str:
    """The reference of a policy, such as `metric@default`."""
    return f"{command.rules.kind}@{command.name}"


def rules_in_force(context: Context, default: _AnyRules, day: str | None = None) -> _AnyRules:
    """The rules that a decision is bound by: those of the policy that it reads, else the default rules.

    Takes: `default`, of the kind that is needed; `day`, by default today: what somebody may do depends on the day on which they do
    it, not on the day to which it is dated.
    """
    policy: PolicyState | None = context.states.get("policy")
    rules = None if policy is None else policy.in_force(day or context.today)
    return rules if isinstance(rules, type(default)) else default


def version_in_force(context: Context, day: str | None = None) -> str | None:
    """The name of the version that a decision is bound by, such as `approval@default/2`; None where the default rules bind it."""
    policy: PolicyState | None = context.states.get("policy")
    version = None if policy is None else policy.version_on(day or context.today)
    return None if policy is None or version is None else policy.version_name(version.number)


def draft(_state: PolicyState, command: DraftPolicy, _context: Context) -> tuple[Event, ...]:
    """A new policy. Raises: Invalid for a reference that belongs to another policy."""
    if command.external_ref and command.external_ref.partition("@")[0] in KINDS and "@" in command.external_ref:
        raise Invalid("reserved_ref", "a reference such as metric@default belongs to the policy of that kind and name")
    return (
        PolicyDrafted(
            kind=command.rules.kind,
            name=command.name,
            number=1,
            rules=command.rules,
            external_ref=command.external_ref,
        ),
    )


def draft_version(state: PolicyState, command: DraftPolicyVersion, _context: Context) -> tuple[Event, ...]:
    """One more version. Raises: Refused for rules of another kind."""
    if command.rules.kind != state.kind:
        raise Refused("other_kind", f"the policy holds {state.kind} rules; rules of another kind need another policy")
    number = len(state.versions) + 1
    return (PolicyDrafted(kind=command.rules.kind, name=state.name, number=number, rules=command.rules),)


def activate(state: PolicyState, command: ActivatePolicy, context: Context) -> tuple[Event, ...]:
    """A version put in force, and the one that it replaces retired as of then.

    Raises: NotFound for an unknown version; Invalid for an end that is not after the start; Refused for a version
    that was activated before, and where two would be in force on one day.
    """
    version = _version_of(state, command.number)
    if version.start is not None:
        raise Refused("policy_active", f"{state.version_name(version.number)} was activated already; draft another")
    start, end = command.start or context.day, command.end
    if end is not None and end <= start:
        raise Invalid("end_before_start", "a version's last day must not lie before its first: end is the day after it")
    retired = _replaced(state, command.replaces, start) if command.replaces is not None else ()
    after = state
    for event in retired:
        after = with_version(after, event.number, end=event.end)
    for other in after.versions:
        if other.in_force_within(start, end):
            period = f"from {other.start}" + (f" to {other.end}" if other.end else "")
            raise Refused("policies_overlap", f"{state.version_name(other.number)} is in force {period}")
    return (*retired, PolicyActivated(number=version.number, start=start, end=end))


def retire(state: PolicyState, command: RetirePolicy, _context: Context) -> tuple[Event, ...]:
    """A version taken out of force. Raises: NotFound, Invalid, Refused for one that is not in force so long."""
    version = _version_of(state, command.number)
    name = state.version_name(version.number)
    if version.start is None or version.retired:
        raise Refused("policy_not_active", f"{name} is {'retired already' if version.retired else 'a draft'}")
    if command.end < version.start:
        raise Invalid("end_before_start", f"{name} begins on {version.start}")
    if version.end is not None and command.end >= version.end:
        raise Refused(
            "retirement_lengthens", f"{name} ends on {version.end} already; retiring only brings that forward"
        )
    return (PolicyRetired(number=version.number, end=command.end),)


def _replaced(state: PolicyState, number: int, start: str) -> tuple[PolicyRetired, ...]:
    """The end of a version that another takes over from on a day: a retired one may end still sooner, so that what was in
    force long ago can be put right.
    """
    version = _version_of(state, number)
    if version.start is None:
        raise Refused("policy_not_active", f"{state.version_name(number)} is a draft and counts for nothing")
    end = max(start, version.start)
    if version.end is not None and version.end <= end:
        raise Refused("policy_not_active", f"{state.version_name(number)} ends on {version.end} already")
    return (PolicyRetired(number=number, end=end),)


def _version_of(state: PolicyState, number: int) -> Version:
    if not 1 <= number <= len(state.versions):
        raise NotFound("unknown_version", f"{state.kind}@{state.name} has {len(state.versions)} versions")
    return state.versions[number - 1]
