"""Groups: what accounts of one owner, tier, industry or country, contracts in one currency, or lines of one product give to a figure.

Numerators and denominators of all groups sum to those of the figure, exactly and as they are written.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from projections.kpis.base import MONTHLY, Kpi, Measure, Scale
from projections.kpis.decimals import quantities
from projections.kpis.presentation import waterfall_body, written
from projections.kpis.revenue import waterfall


class Group(NamedTuple):
    """What a group gives, in the units of the whole. name: None of what has none. rows: those of a waterfall."""

    name: str | None
    numerator: int
    denominator: int
    rows: Sequence[Any] = ()


def in_order(groups: Sequence[Group]) -> list[Group]:
    """Groups by name, that of what has none last."""
    return sorted(groups, key=lambda group: (group.name is None, group.name or ""))


def groups_body(kpi: Kpi, whole: Measure, groups: Sequence[Group], currency: str | None) -> list[dict[str, Any]]:
    """Groups as they are answered. Each value is rounded by itself; numerators and denominators sum to the whole's."""
    method = whole.method
    numerators = quantities([group.numerator for group in groups], method.numerator, currency)
    scale: Scale = method.denominator or method.numerator
    denominators = quantities([group.denominator for group in groups], scale, currency)
    body = []
    for at, group in enumerate(groups):
        value = Measure(method, group.numerator, group.denominator).value
        one: dict[str, Any] = {
            "name": group.name,
            "value": None if value is None else written(kpi, value, currency),
            "numerator": numerators[at],
            "denominator": denominators[at] if method.denominator else None,
        }
        if value is None:
            one["null_reason"] = method.null_reason
        if kpi.unit == "rows":
            one["rows"] = waterfall_body(waterfall(group.rows), MONTHLY.times(whole.scale_factor), currency)
        body.append(one)
    return body
