"""Any history of commands to a policy: what must hold after every append, seen from the events alone."""

from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.aggregates import DECISIONS
from app.domain.kernel.command import Command
from app.domain.kernel.context import Context
from app.domain.kernel.errors import DomainError
from app.domain.kernel.event import Event
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import add_days, day_start
from app.domain.policy import events as facts
from app.domain.policy.aggregate import POLICY
from app.domain.policy.commands import ActivatePolicy, DraftPolicy, DraftPolicyVersion, RetirePolicy
from app.domain.policy.decisions import rules_in_force
from app.domain.policy.rules import RenewalRules
from app.domain.policy.state import PolicyState
from projections.views.policies import VIEW, Policy, version_on
from tests.domain.scenario import recorded
from tests.support.campaigns import examples

UTC = ZoneInfo("UTC")
FIRST, DAYS = "2026-01-01", 24
CALENDAR = [add_days(FIRST, at) for at in range(DAYS)]
NOW = day_start(CALENDAR[DAYS // 2], UTC)
days, numbers = st.sampled_from(CALENDAR), st.integers(1, 5)
commands = st.one_of(
    st.builds(lambda grace: DraftPolicyVersion(rules=RenewalRules(grace_days=grace)), st.integers(0, 365)),
    st.builds(ActivatePolicy, number=numbers, start=days, end=st.none() | days, replaces=st.none() | numbers),
    st.builds(RetirePolicy, number=numbers, end=days),
)


class Walk:
    """A policy in memory: each command is decided, its events are folded to the state and to the row of the view."""

    def __init__(self) -> None:
        self.state, self.row = PolicyState(), None
        self.events: list[Event] = []
        self.do(DraftPolicy(rules=RenewalRules(grace_days=1)))

    def context(self) -> Context:
        """What a decision may know."""
        return Context(
            tenant_id="tnt",
            principal=Principal("maria"),
            now=NOW,
            effective_at=NOW,
            zone=UTC,
            stream_id="pol",
            new_id=lambda prefix: prefix,
            states={"policy": self.state},
        )

    def do(self, command: Command) -> bool:
        """Handles a command. Gives: whether it was not refused."""
        try:
            decided = DECISIONS[type(command)].decide(self.state, command, self.context())
        except DomainError:
            return False
        for event in decided:
            assert isinstance(event, Event)
            self.events.append(event)
            latest = recorded(event, stream_id="pol", version=len(self.events), recorded_at=NOW, actor="maria")
            self.state = POLICY.fold([latest], self.state)
            rows = {} if self.row is None else {("pol",): self.row}
            self.row = VIEW.fold(rows, latest, UTC)[("pol",)]
            self.check()
        return True

    def spans(self) -> dict[int, tuple[str, str]]:
        """The days of every version, from the events alone."""
        spans: dict[int, tuple[str, str]] = {}
        for event in self.events:
            match event:
                case facts.PolicyActivated(number=number, start=start, end=end):
                    assert number not in spans, "a version is activated once"
                    spans[number] = (start, end or "9999-12-31")
                case facts.PolicyRetired(number=number, end=end):
                    start, before = spans[number]
                    assert start <= end < before, "a retirement only brings the end forward"
                    spans[number] = (start, end)
        return spans

    def check(self) -> None:
        """What holds after every single event."""
        spans, row = self.spans(), self.row
        assert isinstance(row, Policy)
        for day in CALENDAR:
            in_force = [number for number, (start, end) in spans.items() if start <= day < end]
            assert len(in_force) <= 1, f"two versions are in force on {day}"
            version = self.state.version_on(day)
            assert [version.number] == in_force if version else not in_force
            assert version_on(row, day) == (in_force[0] if in_force else None), "the view agrees"


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(commands, max_size=25))
def test_no_history_of_commands_leads_to_two_versions_in_force_on_one_day(walk: list[Command]) -> None:
    policy = Walk()
    for command in walk:
        policy.do(command)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(commands, max_size=25))
def test_the_rules_of_a_version_never_change(walk: list[Command]) -> None:
    policy = Walk()
    rules: dict[int, object] = {1: RenewalRules(grace_days=1)}
    for command in walk:
        before = len(policy.state.versions)
        if policy.do(command) and isinstance(command, DraftPolicyVersion):
            rules[before + 1] = command.rules
        for day in CALENDAR:
            version = policy.state.version_on(day)
            assert policy.state.in_force(day) == (rules[version.number] if version else None)


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(commands, max_size=15))
def test_a_decision_is_bound_by_the_rules_of_today_or_else_by_the_defaults(walk: list[Command]) -> None:
    policy, default = Walk(), RenewalRules(grace_days=99)
    for command in walk:
        policy.do(command)

    today = CALENDAR[DAYS // 2]
    assert rules_in_force(policy.context(), default) == (policy.state.in_force(today) or default)
    assert rules_in_force(policy.context(), default, CALENDAR[0]) == (policy.state.in_force(CALENDAR[0]) or default)
