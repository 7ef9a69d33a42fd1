"""The fixture F1, figure by figure, to the cent.

Source: docs/kpis.md, the worked example.
"""

import pytest

from tests.kpi_queries.history_factory import ask
from tests.support.application import Steward


@pytest.mark.parametrize(
    ("name", "method", "value", "numerator", "denominator"),
    [
        ("client_retention_rate", "point_to_point", "0.8", "4", "5"),
        ("client_retention_rate", "strict", "0.6", "3", "5"),
        ("client_retention_rate", "classic", "0.8", "4", "5"),
        ("net_revenue_retention", "point_to_point", "0.955556", "4300.00", "4500.00"),
        ("net_revenue_retention", "movement", "0.955556", "4300.00", "4500.00"),
        ("net_revenue_retention", "movement_without_reactivation", "0.888889", "4000.00", "4500.00"),
        ("gross_revenue_retention", "point_to_point", "0.844444", "3800.00", "4500.00"),
        ("gross_revenue_retention", "movement", "0.666667", "3000.00", "4500.00"),
        ("arr_growth", "point_to_point", "0.222222", "12000.00", "54000.00"),
        ("quick_ratio", "movement", "1.571429", "2750.00", "1750.00"),
        ("customer_churn_rate", "point_to_point", "0.2", "1", "5"),
        ("gross_mrr_churn_rate", "movement", "0.333333", "1500.00", "4500.00"),
        ("net_mrr_churn_rate", "movement", "0.044444", "200.00", "4500.00"),
    ],
)
def test_a_ratio_of_fixture_f1(
    settled_f1: Steward, name: str, method: str, value: str, numerator: str, denominator: str
) -> None:
    answer = ask(settled_f1, name, method=method)

    assert (answer["value"], answer["numerator"], answer["denominator"]) == (value, numerator, denominator)
    assert answer["method"] == method


def test_the_waterfall_of_fixture_f1(settled_f1: Steward) -> None:
    answer = ask(settled_f1, "mrr_waterfall")

    assert {row["name"]: row["amount"] for row in answer["rows"]} == {
        "opening": "4500.00",
        "new": "1150.00",
        "expansion": "1300.00",
        "reactivation": "300.00",
        "contraction": "500.00",
        "churn": "1250.00",
        "fx": "0.00",
        "transfer": "0.00",
        "closing": "5500.00",
    }
    assert [row["name"] for row in answer["rows"]][0::8] == ["opening", "closing"]
    assert answer["value"] == "5500.00"
    assert answer["unit"] == "rows"


@pytest.mark.parametrize(
    ("name", "as_of", "value", "denominator"),
    [
        ("mrr", "2024-12-31", "4500.00", None),
        ("mrr", "2025-12-31", "5500.00", None),
        ("mrr", "2025-06-01T00:00:00Z", "4500.00", None),
        ("mrr", "2025-05-31T23:59:59.999999Z", "5150.00", None),
        ("mrr", None, "5500.00", None),
        ("arr", "2024-12-31", "54000.00", None),
        ("arr", "2025-12-31", "66000.00", None),
        ("committed_arr", "2024-12-31", "54000.00", None),
        ("committed_arr", "2025-12-31", "66000.00", None),
        ("arpa", "2025-12-31", "1100.00", "5"),
    ],
)
def test_a_point_of_fixture_f1(
    settled_f1: Steward, name: str, as_of: str | None, value: str, denominator: str | None
) -> None:
    answer = ask(settled_f1, name, None, as_of=as_of)

    assert (answer["value"], answer["denominator"]) == (value, denominator)


def test_what_was_lost_with_accounts_of_fixture_f1(settled_f1: Steward) -> None:
    answer = ask(settled_f1, "churned_mrr", options={"group_by": "reason"})

    assert (answer["value"], answer["denominator"]) == ("1250.00", None)
    assert [(group["name"], group["value"]) for group in answer["groups"]] == [("client left", "1250.00")]
