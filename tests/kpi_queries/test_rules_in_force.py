"""Figures by the policies in force: a tenant's rules and rates, as they were known, and what a draft would give."""

from typing import Any

from app.domain.contract.commands import GiveNotice, SuspendContract, TerminateContract
from app.domain.policy.commands import DraftPolicyVersion
from app.domain.policy.rules import MetricRules
from projections.kpis import KPIS
from tests.kpi_queries.history_factory import (
    YEAR,
    account,
    amounts,
    ask,
    contract,
    explained,
    in_force,
)
from tests.support.application import Steward


def lost(steward: Steward) -> None:
    """One account stays; of another account one of two contracts ends."""
    contract(steward, account(steward, "Stays"), "100.00")
    half = account(steward, "Half")
    contract(steward, half, "40.00")
    ended = contract(steward, half, "60.00")
    steward.do(TerminateContract(effective_end="2025-06-01", reason="too dear", voluntary=True), contract=ended)


def test_a_figure_is_counted_by_the_policy_in_force_on_its_closing_day_and_names_it(steward: Steward) -> None:
    lost(steward)
    in_force(steward, MetricRules(contract_end="churn"), "2025-07-01")
    steward.catch_up()

    before, after = ask(steward, "mrr_waterfall", ("2025-01-01", "2025-07-01")), ask(steward, "mrr_waterfall")
    assert (amounts(before)["contraction"], before["policy_version"]) == ("60.00", "default/1")
    assert (amounts(after)["churn"], after["policy_version"]) == ("60.00", "metric@default/1")
    assert "churn" not in amounts(before)


def test_a_policy_that_is_dated_back_changes_nothing_that_was_known(steward: Steward) -> None:
    lost(steward)
    known = steward.catch_up()
    first = ask(steward, "mrr_waterfall", known_at=known)
    in_force(steward, MetricRules(contract_end="churn"))
    steward.catch_up()

    assert amounts(ask(steward, "mrr_waterfall"))["churn"] == "60.00"
    assert ask(steward, "mrr_waterfall", known_at=known) == first


def test_a_draft_is_counted_by_without_putting_it_in_force(steward: Steward) -> None:
    lost(steward)
    policy = in_force(steward, MetricRules())
    steward.do(DraftPolicyVersion(rules=MetricRules(contract_end="churn")), policy=policy)
    steward.catch_up()

    assert "churn" not in amounts(ask(steward, "mrr_waterfall"))
    answer = ask(steward, "mrr_waterfall", policy="ref:metric@default:2")
    assert (amounts(answer)["churn"], answer["policy_version"]) == ("60.00", "metric@default/2")
    assert "policy=ref%3Ametric%40default%3A2" in answer["explain_url"]
    assert ask(steward, "mrr_waterfall", policy="ref:metric@default:1")["policy_version"] == "metric@default/1"


def test_rules_that_count_as_the_default_ones_give_the_same_figures(steward: Steward) -> None:
    lost(steward)
    steward.catch_up()
    counted = [kpi for kpi in KPIS if kpi.name != "customer_lifetime_value"]  # which a margin is for
    queries = [(kpi.name, YEAR if kpi.kind == "period" else None, method) for kpi in counted for method in kpi.methods]
    counts_by_default = [ask(steward, *query, as_of="2025-12-31") for query in queries]
    in_force(steward, MetricRules(gross_margin="0.8", fx="spot"))
    steward.catch_up()

    for query, before in zip(queries, counts_by_default, strict=True):
        after = ask(steward, *query, as_of="2025-12-31")
        assert after["policy_version"] == "metric@default/1"
        members = ("value", "numerator", "denominator", "warnings", "rows", "currency", "fx_version")
        assert {name: after.get(name) for name in members} == {name: before.get(name) for name in members if name in before} | {
            name: None for name in members if name not in before
        }  # fmt: skip


def test_a_notice_ends_a_contract_and_a_suspension_pays_on_where_the_rules_say_so(steward: Steward) -> None:
    noticed = contract(steward, account(steward, "Noticed"), "100.00", end="2026-01-01")
    steward.do(GiveNotice(effective_at="2025-03-10"), contract=noticed)
    resting = contract(steward, account(steward, "Resting"), "50.00")
    steward.do(SuspendContract(effective_at="2025-02-01"), contract=resting)
    in_force(steward, MetricRules(churn_at="notice", hold="unchanged"))
    steward.catch_up()

    answer = ask(steward, "mrr_waterfall", ("2025-01-01", "2025-04-01"))
    assert amounts(answer) == {"opening": "150.00", "churn": "100.00", "closing": "50.00"}
    assert ask(steward, "client_retention_rate", ("2025-01-01", "2025-04-01"))["value"] == "0.5"


def test_a_return_is_judged_by_when_the_account_left_however_long_before_the_period(steward: Steward) -> None:
    back = account(steward, "Back")
    contract(steward, back, "100.00", start="2024-01-01", end="2024-06-01")
    contract(steward, back, "80.00", start="2025-03-01")
    in_force(steward, MetricRules(reactivation_days=365))
    steward.catch_up()
    assert amounts(ask(steward, "mrr_waterfall")) == {"reactivation": "80.00", "closing": "80.00"}
    assert amounts(ask(steward, "mrr_waterfall", policy="ref:metric@default:1")) == amounts(
        ask(steward, "mrr_waterfall")
    )

    steward.do(DraftPolicyVersion(rules=MetricRules(reactivation_days=90)), policy="ref:metric@default")
    steward.catch_up()
    answer = ask(steward, "mrr_waterfall", policy="ref:metric@default:2")
    assert amounts(answer) == {"new": "80.00", "closing": "80.00"}


def test_a_short_gap_is_bridged_by_a_return_that_lies_behind_the_period(steward: Steward) -> None:
    gap = account(steward, "Gap")
    contract(steward, gap, "100.00", end="2025-06-20")
    contract(steward, gap, "120.00", start="2025-07-05")
    in_force(steward, MetricRules(shortest_gap_days=30))
    steward.catch_up()

    assert amounts(ask(steward, "mrr_waterfall", ("2025-01-01", "2025-07-01"))) == {
        "opening": "100.00",
        "closing": "100.00",
    }
    answer = ask(steward, "mrr_waterfall", ("2025-07-01", "2026-01-01"))
    assert amounts(answer) == {"opening": "100.00", "expansion": "20.00", "closing": "120.00"}


def test_behind_a_bridged_gap_stand_what_was_paid_before_it_and_the_return(steward: Steward) -> None:
    gap = account(steward, "Gap")
    before = contract(steward, gap, "100.00", end="2025-03-01")
    after = contract(steward, gap, "120.00", start="2025-09-01", signed_at="2025-08-20")
    in_force(steward, MetricRules(shortest_gap_days=365))
    steward.catch_up()

    for name, period, as_of in (
        ("mrr", None, "2025-06-01"),
        ("concentration", None, "2025-06-01"),
        ("net_revenue_retention", ("2025-05-01", "2025-07-01"), None),
        ("customer_lifetime_value", None, "2025-06-01"),
    ):
        _, (row,), _ = explained(steward, name, period, as_of=as_of)
        assert signed(steward, row) == {before, after}, name


def test_behind_a_loss_by_notice_stands_the_notice(steward: Steward) -> None:
    leaving = account(steward, "Leaving")
    agreed = contract(steward, leaving, "100.00")
    steward.do(GiveNotice(effective_at="2025-03-10", effective_end="2026-03-10"), contract=agreed)
    in_force(steward, MetricRules(churn_at="notice"))
    steward.catch_up()

    for name, period, as_of in (
        ("mrr_waterfall", ("2025-03-01", "2025-04-01"), None),
        ("customer_lifetime_value", None, "2025-04-01"),
    ):
        _, (row,), _ = explained(steward, name, period, as_of=as_of)
        assert "contract.notice_given" in [event["type"] for event in row["events"]], name


def signed(steward: Steward, row: dict[str, Any]) -> set[str]:
    """The contracts whose signatures are listed behind an account's row."""
    ids = {event["id"] for event in row["events"] if event["type"] == "contract.signed"}
    events = steward.runtime.log.after(steward.tenant, 0, 1000)
    return {event.stream_id for event in events if event.event_id in ids}
