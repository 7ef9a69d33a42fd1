"""The accounts that sum to a figure, and the events behind each."""

from decimal import Decimal

import pytest

from app.domain.account.commands import RenameAccount
from projections.kpis import KPIS
from tests.kpi_queries.history_factory import YEAR, account, contract, explained
from tests.support.application import Steward


@pytest.mark.parametrize("name", [kpi.name for kpi in KPIS])
def test_the_account_rows_sum_to_the_figure(settled_f1: Steward, name: str) -> None:
    kpi = next(kpi for kpi in KPIS if kpi.name == name)
    for method in kpi.methods:
        answer, rows, _ = explained(settled_f1, name, YEAR if kpi.kind == "period" else None, method=method)

        for part in ("numerator", "denominator"):
            if answer[part] is not None:
                assert sum(Decimal(row["contribution"][part]) for row in rows) == Decimal(answer[part])
                assert all(row[f"in_{part}"] == bool(Decimal(row["contribution"][part])) for row in rows)


def test_rows_of_amounts_that_do_not_divide_sum_to_the_cent_all_the_same(sqlite_steward: Steward) -> None:
    for at in range(7):
        contract(sqlite_steward, account(sqlite_steward, f"Account {at}"), "1000.00", interval="year")
    sqlite_steward.catch_up()

    answer, rows, _ = explained(sqlite_steward, "net_revenue_retention")
    assert answer["numerator"] == "583.33"
    assert {row["closing"] for row in rows} == {"83.33"}
    assert sorted(row["contribution"]["numerator"] for row in rows) == ["83.33"] * 5 + ["83.34"] * 2


def test_an_explanation_tells_each_accounts_story_and_the_events_behind_it(settled_f1: Steward) -> None:
    _, rows, _ = explained(settled_f1, "net_revenue_retention")
    story = {row["name"]: row for row in rows}

    assert sorted(story) == [f"Account {letter}" for letter in "ABCDEFG"]
    assert story["Account D"] | {"account": "", "events": [], "movements": []} == {
        "account": "", "name": "Account D", "opening": "400.00", "closing": "300.00", "new": "0.00", "expansion": "0.00",
        "reactivation": "300.00", "contraction": "0.00", "churn": "400.00", "fx": "0.00", "movements": [], "in_numerator": True,
        "in_denominator": True, "contribution": {"numerator": "300.00", "denominator": "400.00"}, "events": [],
    }  # fmt: skip
    assert [(one["at"], one["kind"], one["amount"]) for one in story["Account D"]["movements"]] == [
        ("2025-06-01T00:00:00.000000Z", "churn", "400.00"),
        ("2025-10-01T00:00:00.000000Z", "reactivation", "300.00"),
    ]
    types = {name: [event["type"] for event in row["events"]] for name, row in story.items()}
    assert types["Account A"] == ["contract.drafted", "contract.signed"]
    assert types["Account B"] == ["contract.drafted", "contract.signed", "contract.amended"]
    assert types["Account D"] == [
        "contract.drafted",
        "contract.signed",
        "contract.terminated",
        "contract.drafted",
        "contract.signed",
    ]
    assert (story["Account G"]["in_numerator"], story["Account G"]["in_denominator"]) == (False, False)
    [_, _, amended] = story["Account B"]["events"]
    stored = settled_f1.runtime.log.after(settled_f1.tenant, amended["position"] - 1, 1)[0]
    assert amended == {
        "id": stored.event_id,
        "type": stored.type,
        "position": stored.position,
        "effective_at": "2025-09-01T00:00:00.000000Z",
    }


def test_an_explanation_is_read_page_by_page(settled_f1: Steward) -> None:
    whole = explained(settled_f1, "mrr_waterfall")[1]
    pages, after = [], None
    while True:
        _, page, after = explained(settled_f1, "mrr_waterfall", limit=3, after=after)
        pages.append(page)
        if after is None:
            break

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row for page in pages for row in page] == whole


def test_an_explanation_calls_accounts_by_the_name_they_were_known_by(fixture_f1: Steward) -> None:
    steward = fixture_f1
    before = steward.runtime.log.head(steward.tenant)
    steward.do(RenameAccount(name="Account Z"), account="ref:A")
    steward.catch_up()

    assert explained(steward, "mrr_waterfall", known_at=before)[1][0]["name"] == "Account A"
    assert explained(steward, "mrr_waterfall")[1][0]["name"] == "Account Z"
