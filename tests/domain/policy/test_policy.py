"""The policy: numbered versions, put in force from a day, never two on one day."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.policy.commands import ActivatePolicy, DraftPolicy, DraftPolicyVersion, RetirePolicy
from app.domain.policy.rules import ApprovalLimit, ApprovalRules, FxRules, MetricRules, RenewalRules
from app.domain.policy.state import PolicyState
from tests.domain.scenario import Scenario, TakesCommands, refusal
from tests.support.application import Steward

LAX = ApprovalRules(limits=(ApprovalLimit(role="account_manager"),))
STRICT = ApprovalRules(limits=(ApprovalLimit(role="account_manager", amount="10"),))


def drafted(scenario: TakesCommands, *more: ApprovalRules) -> str:
    """An approval policy, lax in its first version, with further ones."""
    policy = scenario.do(DraftPolicy(rules=LAX)).id
    for rules in more:
        scenario.do(DraftPolicyVersion(rules=rules), policy=policy)
    return policy


def active(scenario: TakesCommands, number: int = 1, start: str = "2026-01-01", end: str | None = None) -> str:
    """An approval policy of three versions, one of which is in force."""
    policy = drafted(scenario, STRICT, LAX)
    scenario.do(ActivatePolicy(number=number, start=start, end=end), policy=policy)
    return policy


def state(scenario: TakesCommands, policy: str = "ref:approval@default") -> PolicyState:
    """What the handler knows of a policy."""
    found: PolicyState = scenario.state("policy", policy)
    return found


def spans(scenario: TakesCommands) -> list[tuple[int, str | None, str | None]]:
    """The days of every version."""
    return [(one.number, one.start, one.end) for one in state(scenario).versions]


def last(scenario: TakesCommands) -> list[tuple[str, dict[str, Any]]]:
    """Topic and members of the last two events."""
    return [(one.type, one.data) for one in scenario.events()[-2:]]


# --- drafting ---


def test_a_policy_begins_with_the_draft_of_its_first_version(scenario: Scenario) -> None:
    policy = scenario.do(DraftPolicy(rules=LAX, external_ref="our-limits")).id

    assert policy.startswith("pol_")
    assert last(scenario)[-1] == (
        "policy.drafted",
        {
            "kind": "approval",
            "name": "default",
            "number": 1,
            "rules": {"kind": "approval", "limits": [{"role": "account_manager"}], "margin_floor": "0.2"},
            "external_ref": "our-limits",
        },
    )
    assert state(scenario, "ref:our-limits") == state(scenario) == state(scenario, policy)
    assert state(scenario).in_force("2026-01-15") is None


def test_what_was_left_to_the_defaults_is_told_with_the_rest(scenario: Scenario) -> None:
    scenario.do(DraftPolicy(rules=RenewalRules()))

    assert last(scenario)[-1][1]["rules"] == {
        "kind": "renewal",
        "lead_days": [180, 120, 90],
        "grace_days": 30,
    }


def test_there_is_one_policy_of_a_kind_and_name(sqlite_steward: Steward) -> None:
    drafted(sqlite_steward)

    assert refusal(sqlite_steward, DraftPolicy(rules=STRICT)) == "Refused external_ref_taken"
    assert sqlite_steward.do(DraftPolicy(rules=STRICT, name="second")).id
    assert sqlite_steward.do(DraftPolicy(rules=MetricRules())).id


def test_no_policy_takes_the_reference_under_which_another_is_looked_for(scenario: Scenario) -> None:
    other = DraftPolicy(rules=MetricRules(), name="mine", external_ref="approval@default")

    assert refusal(scenario, other) == "Invalid reserved_ref"
    assert scenario.do(DraftPolicy(rules=MetricRules(), name="mine", external_ref="me@default")).id


@pytest.mark.parametrize("name", ["", "Default", "a b", "a@b", "a/b", "-a", "ä", "x" * 101, "a\n"])
def test_a_name_is_a_word_that_fits_into_a_reference(name: str) -> None:
    with pytest.raises(ValidationError):
        DraftPolicy(rules=LAX, name=name)


def test_versions_are_numbered_and_of_one_kind(scenario: Scenario) -> None:
    policy = drafted(scenario, STRICT)

    assert [one.number for one in state(scenario).versions] == [1, 2]
    assert refusal(scenario, DraftPolicyVersion(rules=MetricRules()), policy=policy) == "Refused other_kind"


# --- in force ---


def test_a_version_is_in_force_from_its_first_day_until_before_its_end(scenario: Scenario) -> None:
    policy = drafted(scenario, STRICT)
    scenario.do(ActivatePolicy(number=2, start="2026-02-01", end="2026-03-01"), policy=policy)

    told = state(scenario)
    assert [told.in_force(day) for day in ("2026-01-31", "2026-02-01", "2026-02-28", "2026-03-01")] == [
        None,
        STRICT,
        STRICT,
        None,
    ]
    assert told.version_name(2) == "approval@default/2"


def test_a_version_begins_today_where_nothing_else_is_said_and_today_is_the_tenants(databases: Any) -> None:
    steward = Steward(databases.fresh("sqlite"), time_zone="Pacific/Auckland", now="2026-01-15T12:00:00Z")
    policy = drafted(steward)

    steward.do(ActivatePolicy(number=1), policy=policy)

    assert spans(steward) == [(1, "2026-01-16", None)]
    steward.close()


def test_a_version_may_have_been_in_force_for_long_before_it_is_told(scenario: Scenario) -> None:
    active(scenario, start="2019-01-01")

    assert state(scenario).in_force("2019-01-01") == LAX


def test_an_active_version_is_not_activated_again(scenario: Scenario) -> None:
    policy = active(scenario, end="2026-02-01")

    assert refusal(scenario, ActivatePolicy(number=1, start="2027-01-01"), policy=policy) == "Refused policy_active"
    scenario.do(RetirePolicy(number=1, end="2026-01-20"), policy=policy)
    assert refusal(scenario, ActivatePolicy(number=1, start="2027-01-01"), policy=policy) == "Refused policy_active"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-06-01", None),
        ("2026-05-31", "2026-06-02"),
        ("2026-01-01", None),
        ("2026-01-01", "2026-06-02"),
        ("2026-11-30", "2027-06-01"),
        ("2026-07-01", "2026-08-01"),
    ],
)
def test_two_versions_are_never_in_force_on_one_day(scenario: Scenario, start: str, end: str | None) -> None:
    policy = active(scenario, start="2026-06-01", end="2026-12-01")

    assert (
        refusal(scenario, ActivatePolicy(number=2, start=start, end=end), policy=policy) == "Refused policies_overlap"
    )


def test_the_refusal_of_an_overlap_names_the_other_version(scenario: Scenario) -> None:
    policy = active(scenario, number=2, start="2026-06-01", end="2026-12-01")

    with pytest.raises(Exception, match="approval@default/2 is in force from 2026-06-01 to 2026-12-01"):
        scenario.do(ActivatePolicy(number=1, start="2026-06-01"), policy=policy)


def test_versions_may_meet_where_one_ends_and_the_other_begins(scenario: Scenario) -> None:
    policy = active(scenario, start="2026-06-01", end="2026-12-01")

    scenario.do(ActivatePolicy(number=2, start="2026-12-01"), policy=policy)
    scenario.do(ActivatePolicy(number=3, start="2026-01-01", end="2026-06-01"), policy=policy)

    assert spans(scenario) == [
        (1, "2026-06-01", "2026-12-01"),
        (2, "2026-12-01", None),
        (3, "2026-01-01", "2026-06-01"),
    ]


@pytest.mark.parametrize("end", ["2026-06-01", "2026-05-31"])
def test_a_version_ends_after_it_begins(scenario: Scenario, end: str) -> None:
    policy = drafted(scenario)

    command = ActivatePolicy(number=1, start="2026-06-01", end=end)

    assert refusal(scenario, command, policy=policy) == "Invalid end_before_start"


def test_what_there_is_no_version_of_is_neither_activated_nor_retired_nor_replaced(
    sqlite_steward: Steward,
) -> None:
    policy = drafted(sqlite_steward, STRICT)

    assert refusal(sqlite_steward, ActivatePolicy(number=3), policy=policy) == "NotFound unknown_version"
    assert refusal(sqlite_steward, ActivatePolicy(number=1, replaces=3), policy=policy) == "NotFound unknown_version"
    assert (
        refusal(sqlite_steward, RetirePolicy(number=2**53, end="2026-01-01"), policy=policy)
        == "NotFound unknown_version"
    )


# --- replacing ---


def test_a_version_takes_over_from_another_in_one_append(scenario: Scenario) -> None:
    policy = active(scenario)

    receipt = scenario.do(ActivatePolicy(number=2, start="2026-06-01", replaces=1), policy=policy)

    assert len(receipt.events) == 2
    assert last(scenario) == [
        ("policy.retired", {"number": 1, "end": "2026-06-01"}),
        ("policy.activated", {"number": 2, "start": "2026-06-01"}),
    ]
    assert [state(scenario).in_force(day) for day in ("2026-05-31", "2026-06-01")] == [LAX, STRICT]


def test_what_was_to_begin_later_is_replaced_whole(scenario: Scenario) -> None:
    policy = active(scenario, start="2026-06-01")

    scenario.do(ActivatePolicy(number=2, start="2026-03-01", replaces=1), policy=policy)

    assert spans(scenario)[:2] == [(1, "2026-06-01", "2026-06-01"), (2, "2026-03-01", None)]
    assert state(scenario).in_force("2026-06-01") == STRICT


def test_what_was_in_force_long_ago_is_put_right_by_a_version_for_those_days(scenario: Scenario) -> None:
    policy = active(scenario, start="2024-01-01")
    scenario.do(ActivatePolicy(number=2, start="2025-01-01", replaces=1), policy=policy)

    scenario.do(ActivatePolicy(number=3, start="2024-07-01", end="2025-01-01", replaces=1), policy=policy)

    assert spans(scenario) == [
        (1, "2024-01-01", "2024-07-01"),
        (2, "2025-01-01", None),
        (3, "2024-07-01", "2025-01-01"),
    ]


def test_only_what_is_in_force_by_then_is_replaced(scenario: Scenario) -> None:
    policy = active(scenario, start="2026-01-01", end="2026-06-01")

    late = ActivatePolicy(number=2, start="2026-06-01", replaces=1)
    draft = ActivatePolicy(number=2, start="2026-06-01", replaces=3)
    itself = ActivatePolicy(number=2, start="2026-06-01", replaces=2)

    assert {refusal(scenario, one, policy=policy) for one in (late, draft, itself)} == {"Refused policy_not_active"}


def test_replacing_one_version_does_not_excuse_an_overlap_with_another(scenario: Scenario) -> None:
    policy = active(scenario, start="2026-01-01", end="2026-06-01")
    scenario.do(ActivatePolicy(number=2, start="2026-06-01"), policy=policy)

    command = ActivatePolicy(number=3, start="2026-03-01", replaces=1)

    assert refusal(scenario, command, policy=policy) == "Refused policies_overlap"
    assert spans(scenario)[0] == (1, "2026-01-01", "2026-06-01")


# --- retiring ---


def test_a_version_is_retired_and_the_houses_own_rules_count_again(scenario: Scenario) -> None:
    policy = active(scenario)

    scenario.do(RetirePolicy(number=1, end="2026-02-01"), policy=policy)

    assert [state(scenario).in_force(day) for day in ("2026-01-31", "2026-02-01")] == [LAX, None]


@pytest.mark.parametrize(
    ("number", "end", "code"),
    [
        (1, "2026-12-01", "Refused retirement_lengthens"),
        (1, "2027-01-01", "Refused retirement_lengthens"),
        (1, "2026-05-31", "Invalid end_before_start"),
        (2, "2026-12-01", "Refused policy_not_active"),
    ],
)
def test_retiring_only_brings_the_end_forward(scenario: Scenario, number: int, end: str, code: str) -> None:
    policy = active(scenario, start="2026-06-01", end="2026-12-01")

    assert refusal(scenario, RetirePolicy(number=number, end=end), policy=policy) == code


def test_what_is_retired_is_not_retired_again(scenario: Scenario) -> None:
    policy = active(scenario)
    scenario.do(RetirePolicy(number=1, end="2026-03-01"), policy=policy)

    assert refusal(scenario, RetirePolicy(number=1, end="2026-02-01"), policy=policy) == "Refused policy_not_active"


def test_a_version_that_never_came_to_count_may_be_called_off(scenario: Scenario) -> None:
    policy = active(scenario, start="2026-06-01")

    scenario.do(RetirePolicy(number=1, end="2026-06-01"), policy=policy)

    assert state(scenario).in_force("2026-06-01") is None
    assert scenario.do(ActivatePolicy(number=2, start="2026-05-01"), policy=policy)


# --- rules that do not hold together ---


def rates(*told: tuple[str, str, str]) -> list[dict[str, str]]:
    """Rates by day and currency."""
    return [{"date": day, "currency": currency, "rate": worth} for day, currency, worth in told]


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        (
            rates(("2026-01-01", "USD", "0.9"), ("2026-01-01", "CHF", "1.1"), ("2026-02-01", "USD", "0.8")),
            "fx_rate_missing",
            "no rate for CHF on 2026-02-01",
        ),
        (
            rates(("2026-01-01", "USD", "0.9"), ("2026-01-01", "USD", "0.8")),
            "fx_rate_twice",
            "two rates for USD on 2026-01-01",
        ),
        (rates(("2026-01-01", "EUR", "1")), "fx_rate_unsound", "the base has no rate of its own"),
        (rates(("2026-01-01", "USD", "0.0")), "fx_rate_unsound", "no rate is 0"),
    ],
)
def test_a_table_of_rates_is_whole_or_refused_by_name(told: list[dict[str, str]], code: str, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        FxRules.model_validate({"base": "EUR", "rates": told})

    (fault,) = refused.value.errors()
    assert fault["type"] == code
    assert words in fault["msg"]
