"""Rules: what was once drafted is read for ever, whatever rules may say later."""

import json
from pathlib import Path
from typing import get_args

import pytest

from app.domain.policy.events import PolicyDrafted
from app.domain.policy.rules import KINDS, SENIORITY, ApprovalRules, Role

FOLDER = Path(__file__).parents[2] / "golden" / "rules"


@pytest.mark.parametrize("kind", KINDS)
def test_rules_of_every_kind_are_read_and_written_as_they_were_stored(kind: str) -> None:
    """If this fails: what stands in ledgers would be read otherwise; `policy.drafted` needs a new version and an upcaster."""
    rules = json.loads((FOLDER / f"{kind}.json").read_text())

    event = PolicyDrafted.read({"kind": kind, "name": "default", "number": 1, "rules": rules}, PolicyDrafted.VERSION)

    assert event.model_dump(mode="json", exclude_none=True)["rules"] == rules
    assert set(rules) == set(type(event.rules).model_fields), "the sample must be full"


def test_there_is_a_sample_of_every_kind_and_of_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(KINDS)


def test_rules_drafted_before_they_could_say_it_count_from_the_first_paid_day() -> None:
    rules = json.loads((FOLDER / "metric.json").read_text())
    del rules["customer_from"]

    event = PolicyDrafted.read({"kind": "metric", "name": "default", "number": 1, "rules": rules}, 1)

    assert event.model_dump(mode="json")["rules"]["customer_from"] == "first_paid_day"


def test_who_approves_has_a_limit_without_bound_or_none_at_all() -> None:
    rules = ApprovalRules()

    assert set(SENIORITY) == set(get_args(Role))
    assert [rules.limit(role) for role in (*SENIORITY, "auditor")] == [
        1_000_000_000,
        10_000_000_000,
        None,
        None,
        None,
        0,
    ]


@pytest.mark.parametrize("version", [1, 2])
def test_limits_of_older_rules_are_of_the_roles_as_they_are_called_today_and_bind_a_vice_president_as_a_director(
    version: int,
) -> None:
    limits = [
        {"role": "manager", "amount": "100"},
        {"role": "senior_manager", "amount": "900"},
        {"role": "director", "amount": "5000"},
    ]
    stored = {
        "kind": "approval",
        "name": "default",
        "number": 1,
        "rules": {"kind": "approval", "limits": limits, "margin_floor": "0.2"},
    }

    rules = PolicyDrafted.read(stored, version).rules

    assert isinstance(rules, ApprovalRules)
    assert {limit.role: limit.amount for limit in rules.limits} == {
        "account_manager": "100", "senior_account_manager": "900", "director": "5000", "vp": "5000",
    }  # fmt: skip
