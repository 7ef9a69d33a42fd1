"""The catalogue of KPIs, and the page that says what each means."""

import re
from pathlib import Path

import pytest

from projections.kpis import KPIS
from projections.kpis.base import Kpi
from projections.kpis.presentation import catalogue

PAGE = (Path(__file__).parents[3] / "docs" / "kpis.md").read_text()
SECTIONS = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", PAGE, flags=re.S | re.M))


def test_the_first_issue_has_these_figures() -> None:
    assert {kpi.name: list(kpi.methods) for kpi in KPIS} == {
        "client_retention_rate": ["point_to_point", "strict", "classic"],
        "net_revenue_retention": ["point_to_point", "movement", "movement_without_reactivation"],
        "gross_revenue_retention": ["point_to_point", "movement"],
        "mrr": ["point_in_time"],
        "arr": ["point_in_time"],
        "committed_arr": ["point_in_time"],
        "arr_growth": ["point_to_point"],
        "mrr_waterfall": ["movement"],
        "churned_mrr": ["movement"],
        "customer_churn_rate": ["point_to_point"],
        "gross_mrr_churn_rate": ["movement"],
        "net_mrr_churn_rate": ["movement"],
        "quick_ratio": ["movement"],
        "arpa": ["point_in_time"],
        "renewal_rate": ["count", "value", "net_value"],
        "scope_creep_ratio": ["hours"],
        "alternative_acceptance": ["count"],
        "available_to_renew": ["in_force", "frozen"],
        "revenue_at_risk": ["annual"],
        "renewal_forecast": ["weighted"],
        "forecast_accuracy": ["standing"],
        "expansion_rate": ["movement"],
        "cohort_retention": ["logos", "revenue"],
        "customer_lifetime_value": ["simple", "kaplan_meier", "sbg"],
        "concentration": ["top_share"],
        "pipeline_value": ["weighted", "total"],
        "win_rate": ["count", "value"],
        "concession_rate": ["all", "price"],
        "budget_variance": ["forecast"],
        "incentive_total": ["net"],
    }
    assert [entry["name"] for entry in catalogue(KPIS)] == [kpi.name for kpi in KPIS]


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_every_figure_is_defined_with_its_methods_its_example_and_why_it_may_be_null(kpi: Kpi) -> None:
    section = SECTIONS[kpi.source.removeprefix("docs/kpis.md#")]

    assert kpi.source.endswith(f"#{kpi.name}")
    assert "xample" in section
    assert all(f"`{name}`" in section for name in kpi.methods)
    assert all(method.null_reason is None or f"`{method.null_reason}`" in section for method in kpi.methods.values())
