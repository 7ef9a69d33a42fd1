"""Rules that make no difference: which of a tenant's rules a figure over accounts does not depend on.

Such rules may be in force and the database's sums, which know the house's own only, are the figure all the same.
`tests/kpi_queries/test_sums.py` holds this against the pure functions.
"""

from collections.abc import Mapping
from typing import Final

POINTS: Final = frozenset({"mrr", "arr", "arpa", "concentration", "customer_lifetime_value", "cohort_retention"})
_MOVEMENTS: Final = frozenset({"contract_end", "new_and_churned", "netting", "churn_denominator", "reactivation"})
"""What a movement is called, what it is netted with, and who counts among those that move."""
_MATTER: Final[Mapping[tuple[str, str], frozenset[str]]] = {
    ("customer_churn_rate", "point_to_point"): frozenset({"churn_denominator", "new_and_churned"}),
    ("net_revenue_retention", "movement"): frozenset({"netting"}),
    ("net_revenue_retention", "movement_without_reactivation"): frozenset({"netting", "reactivation"}),
    ("gross_revenue_retention", "movement"): frozenset({"netting"}),
    ("quick_ratio", "movement"): frozenset({"netting", "new_and_churned"}),
    ("gross_mrr_churn_rate", "movement"): frozenset({"netting", "new_and_churned"}),
    ("net_mrr_churn_rate", "movement"): frozenset({"netting", "new_and_churned"}),
    ("expansion_rate", "movement"): frozenset({"netting", "reactivation"}),
    ("mrr_waterfall", "movement"): _MOVEMENTS,
}
"""By KPI and method: which of these a figure of a period depends on; of no account's where nothing is said."""


def indifferent(kpi: str, method: str) -> frozenset[str]:
    """The rules that make no difference to a figure over accounts."""
    if kpi in POINTS:  # nothing moves in an instant
        return _MOVEMENTS | {"reactivation_days", "escalators"}
    return _MOVEMENTS - _MATTER.get((kpi, method), frozenset())
