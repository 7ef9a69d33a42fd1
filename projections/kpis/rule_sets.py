"""Rule sets: which rules of a metric policy a method's rows depend on, by name.

A method names them in `depends_on`. Its SQL expression knows the default rules only, so the database's sums serve only while
every rule that the method depends on is the default. A rule that nobody listed belongs to `ALL_RULES` by itself.
"""

from typing import Final

from app.domain.policy.rules import MetricRules

DEFAULT_RULES: Final = MetricRules()
"""How figures are counted where a tenant has set nothing else."""
ALL_RULES: Final = frozenset(MetricRules.model_fields) - {"kind"}
"""Every rule there is. What a method depends on that says nothing."""
NO_RULES: Final[frozenset[str]] = frozenset()
"""Of rows that no rule of a metric policy touches, such as renewals and opportunities."""
LINE_RULES: Final = frozenset({"customer_from", "churn_at", "shortest_gap_days", "discounts", "hold", "usage_commit"})
"""Which contract lines count, for how long and at what amount."""
ACCOUNT_RULES: Final = LINE_RULES | {"reactivation_days", "escalators"}
"""Those, and what an account's opening and closing of a period are."""
MOVEMENT_RULES: Final = frozenset({"contract_end", "new_and_churned", "netting", "churn_denominator", "reactivation"})
"""The rules of how a movement is named and netted, and of which accounts count among those that move."""
ROW_RULES: Final = ALL_RULES - {"reporting_currency", "fx", "gross_margin", "discount_rate"}
"""What changes rows. The others enter later, on every path alike: in the step of the currency, or in a method's `compute`."""


def differing(rules: MetricRules) -> frozenset[str]:
    """The rules that are not the default ones."""
    return frozenset(name for name in ALL_RULES if getattr(rules, name) != getattr(DEFAULT_RULES, name))
