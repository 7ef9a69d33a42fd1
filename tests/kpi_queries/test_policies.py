"""What figures are counted by: the rules and rates in force on a day, as they were known, or a version by name."""

import pytest

from app.domain.kernel.errors import Invalid, NotFound
from app.domain.policy.commands import ActivatePolicy, DraftPolicy, DraftPolicyVersion
from app.domain.policy.fx import Rates
from app.domain.policy.rules import ApprovalRules, FxRate, FxRules, MetricRules
from app.kpi_queries.counting_policies import PoliciesInForce, policies_in_force
from projections.kpis.rule_sets import DEFAULT_RULES
from tests.support.application import Steward

NOTICE, GROSS = MetricRules(churn_at="notice"), MetricRules(discounts="none")
EURO = FxRules(base="EUR", rates=(FxRate(date="2026-01-01", currency="USD", rate="0.9"),))


def ruled(steward: Steward) -> str:
    """A metric policy of two versions, the first in force from 2026 on, and a table of rates from February on."""
    policy = steward.do(DraftPolicy(rules=NOTICE)).id
    steward.do(DraftPolicyVersion(rules=GROSS), policy=policy)
    steward.do(ActivatePolicy(number=1, start="2026-01-01"), policy=policy)
    steward.do(DraftPolicy(rules=EURO))
    steward.do(ActivatePolicy(number=1, start="2026-02-01"), policy="ref:fx@default")
    steward.catch_up()
    return policy


def in_force_on(steward: Steward, day: str, policy: str | None = None, position: int | None = None) -> PoliciesInForce:
    """The policies that figures of a day are counted by."""
    at = steward.runtime.log.head(steward.tenant) if position is None else position
    return policies_in_force(steward.runtime.reader, steward.tenant, day, at, policy)


def test_figures_are_counted_by_the_default_rules_where_no_policy_is_in_force(steward: Steward) -> None:
    steward.catch_up()

    assert in_force_on(steward, "2026-01-01") == PoliciesInForce(DEFAULT_RULES, "default/1", None, None, None)


def test_figures_are_counted_by_what_is_in_force_on_the_day(steward: Steward) -> None:
    ruled(steward)

    before, early, late = (in_force_on(steward, day) for day in ("2025-12-31", "2026-01-01", "2026-02-01"))

    assert before == PoliciesInForce()
    assert (early.metric, early.version, early.rates, early.fx_version) == (NOTICE, "metric@default/1", None, None)
    assert (late.metric, late.rates, late.fx_version) == (NOTICE, EURO, "fx@default/1")
    assert isinstance(late.table, Rates)
    assert late.table.at("USD", "2026-03-01") == 9_000_000_000


def test_what_was_known_at_a_position_counts_however_far_back_a_later_version_is_dated(
    steward: Steward,
) -> None:
    policy = ruled(steward)
    before = steward.runtime.log.head(steward.tenant)
    known_before = in_force_on(steward, "2026-03-01", position=before)
    steward.do(ActivatePolicy(number=2, start="2026-01-01", replaces=1), policy=policy)
    steward.catch_up()

    assert in_force_on(steward, "2026-03-01").version == "metric@default/2"
    assert in_force_on(steward, "2026-03-01").metric == GROSS
    assert in_force_on(steward, "2026-03-01", position=before) == known_before
    assert known_before.version == "metric@default/1"
    assert in_force_on(steward, "2026-03-01", position=2).version == "default/1"


def test_a_draft_counts_where_it_is_named_and_the_rates_stay_those_in_force(steward: Steward) -> None:
    policy = ruled(steward)

    by_id, by_ref = (
        in_force_on(steward, "2026-02-01", f"{policy}:2"),
        in_force_on(steward, "2026-02-01", "ref:metric@default:2"),
    )

    assert by_id == by_ref
    assert (by_id.metric, by_id.version, by_id.fx_version) == (GROSS, "metric@default/2", "fx@default/1")
    assert in_force_on(steward, "2020-01-01", f"{policy}:1").version == "metric@default/1"


def test_a_policy_of_another_name_counts_only_where_it_is_named(steward: Steward) -> None:
    steward.do(DraftPolicy(rules=GROSS, name="what-if", external_ref="idea"))
    steward.do(ActivatePolicy(number=1, start="2020-01-01"), policy="ref:idea")
    steward.catch_up()

    assert in_force_on(steward, "2026-01-01").version == "default/1"
    assert in_force_on(steward, "2026-01-01", "ref:idea:1").version == "metric@what-if/1"


@pytest.mark.parametrize(
    ("policy", "kind", "code"),
    [
        ("ref:metric@default", Invalid, "invalid_policy"),
        ("ref:metric@default:0", Invalid, "invalid_policy"),
        ("ref:metric@default:-1", Invalid, "invalid_policy"),
        ("ref:metric@default:1.5", Invalid, "invalid_policy"),
        ("ref:metric@default:99999999999999", Invalid, "invalid_policy"),
        ("", Invalid, "invalid_policy"),
        (":1", Invalid, "invalid_policy"),
        ("ref:metric@default:3", NotFound, "unknown_version"),
        ("ref:metric@none:1", NotFound, "policy_not_found"),
        ("ref::1", NotFound, "policy_not_found"),
        ("pol_01jd7z5m3qf8x9v0w1y2z3a4b5:1", NotFound, "policy_not_found"),
        ("acct_01jd7z5m3qf8x9v0w1y2z3a4b5:1", NotFound, "policy_not_found"),
        ("nonsense\n:1", NotFound, "policy_not_found"),
        ("ref:fx@default:1", Invalid, "not_a_metric_policy"),
        ("ref:approval@default:1", Invalid, "not_a_metric_policy"),
    ],
)
def test_what_names_no_version_of_a_metric_policy_is_refused(
    sqlite_steward: Steward, policy: str, kind: type[Exception], code: str
) -> None:
    ruled(sqlite_steward)
    sqlite_steward.do(DraftPolicy(rules=ApprovalRules()))
    sqlite_steward.catch_up()

    with pytest.raises(kind, match=code):
        in_force_on(sqlite_steward, "2026-02-01", policy)


def test_a_version_that_was_drafted_later_is_not_known_before(sqlite_steward: Steward) -> None:
    policy = ruled(sqlite_steward)

    with pytest.raises(NotFound, match="unknown_version"):
        in_force_on(sqlite_steward, "2026-02-01", f"{policy}:2", position=2)
    with pytest.raises(NotFound, match="policy_not_found"):
        in_force_on(sqlite_steward, "2026-02-01", f"{policy}:1", position=1)


def test_another_tenants_policy_is_as_missing_as_one_that_never_was(sqlite_steward: Steward) -> None:
    policy = ruled(sqlite_steward)
    other = sqlite_steward.new_tenant("Other")
    sqlite_steward.catch_up(other)

    for named in (f"{policy}:1", "ref:metric@default:1"):
        with pytest.raises(NotFound, match="policy_not_found"):
            policies_in_force(sqlite_steward.runtime.reader, other, "2026-02-01", 1, named)
    assert policies_in_force(sqlite_steward.runtime.reader, other, "2026-02-01", 1) == PoliciesInForce()
