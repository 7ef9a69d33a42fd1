"""Rules of metric policies, drawn from what `MetricRules` declares: a new rule is varied as soon as it exists."""

from typing import Any, Literal, get_args, get_origin

from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.policy.rules import MetricRules
from projections.kpis.rule_sets import ALL_RULES

_CANDIDATES = (None, 0, 1, 30, 400, "0", "0.25", "1", "USD", "EUR", True, False)
"""Values of the usual types; a rule takes those that it accepts, and every word that its annotation names."""


def words(annotation: Any) -> list[str]:
    """Every word that an annotation names, however deep."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for inner in get_args(annotation) for word in words(inner)]


def values(name: str) -> list[Any]:
    """The values that a rule is tried with."""
    distinct: list[Any] = []
    for candidate in (*words(MetricRules.model_fields[name].annotation), *_CANDIDATES):
        try:
            value = getattr(MetricRules(**{name: candidate}), name)
        except ValidationError:
            continue
        if value not in distinct:
            distinct.append(value)
    return distinct


ANY_RULES: st.SearchStrategy[MetricRules] = st.fixed_dictionaries(
    {name: st.sampled_from(values(name)) for name in sorted(ALL_RULES)}
).map(lambda rules: MetricRules(**rules))
"""Rules in which each one is drawn."""
EACH_DIFFERENT: list[MetricRules] = [
    MetricRules(**{name: value})
    for name in sorted(ALL_RULES)
    for value in values(name)
    if value != getattr(MetricRules(), name)
]
"""The default rules but for one, for each value of each rule."""
