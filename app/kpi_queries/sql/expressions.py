"""Twins: what each row gives to a figure, in SQL that both databases understand.

Each is the translation of one `share` in `projections.kpis`. An account's share is told in two parts, what its run rate at
the closing gives and what that at the opening gives, so that nothing need be gathered by account: the difference of two
totals is what moved in between. `tests/kpi_queries/test_sums.py` holds twins and shares against each other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple


class Part(NamedTuple):
    """What a sum is made of. closing: what a row gives, that of the closing where there are two; opening: what the other gives."""

    closing: str = "0"
    opening: str = "0"


_NOTHING: Final = Part()


@dataclass(frozen=True)
class SqlExpression:
    """The share of a row in SQL. notes: warning to the condition of the rows that it counts, by their closing.

    parts: what else is summed. least: whether of opening and closing the lesser one is the numerator, which takes both at once.
    """

    numerator: Part
    denominator: Part = _NOTHING
    notes: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    least: bool = False


def _if(condition: str, value: str) -> str:
    return f"CASE WHEN {condition} THEN {value} ELSE 0 END"


def _between(total: str) -> Part:
    """What moved within the period."""
    return Part(total, f"- ({total})")


def _of_payers(*, amount: bool, moved: str) -> Part:
    """What those that paid at the start paid then, where it counts, and what moved of theirs."""
    opening = f"annual - ({moved})" if amount else f"- ({moved})"
    return Part(_if(PAID_AT_START, moved), _if("annual > 0", opening))


PAID_AT_START: Final = "paid_at_start"
"""Stands for the condition that the account of a closing paid at the opening."""
_PAYS: Final = "annual > 0"
_PAYERS: Final = Part(opening=_if(_PAYS, "1"))
_OPENING: Final = Part(opening="annual")
_CLOSING: Final = Part("annual")
_GAINS: Final = "total_new + total_expansion + total_reactivation"
_LOSSES: Final = "total_contraction + total_churn"
_HELD: Final = {"accounts_on_hold_at_end": f"annual = 0 AND held > 0 AND {PAID_AT_START}"}
_RETURNED: Final = {"returned_accounts_counted": f"{_PAYS} AND paid_since < :start AND NOT {PAID_AT_START}"}
_STEPS: Final = {
    "opening": _OPENING,
    **{name: _between(f"total_{name}") for name in ("new", "expansion", "reactivation", "contraction", "churn")},
    **{name: _between(name) for name in ("contraction_hold", "expansion_hold", "expansion_escalator")},
    "closing": _CLOSING,
}

ROOT: Final = 30
"""An amount is squared in two parts, the low bits and what is above them, so that no product leaves 64 bits."""
_ABOVE: Final = f"(annual >> {ROOT})"
_BELOW: Final = f"(annual & {2**ROOT - 1})"
_SQUARES: Final = {
    "above": Part(f"{_ABOVE} * {_ABOVE}"),
    "between": Part(f"{_ABOVE} * {_BELOW}"),
    "below": Part(f"{_BELOW} * {_BELOW}"),
}

_GOES_ON: Final = "(outcome = 'renewed' OR (outcome = 'open' AND auto_renew AND NOT noticed))"
_RENEWED: Final = _if(_GOES_ON, "COALESCE(renewed, atr)")
_UNDECIDED: Final = {"undecided_renewals": f"outcome = 'open' AND NOT {_GOES_ON}"}
_OPEN: Final = "outcome = 'open' AND NOT noticed"
_AT_RISK: Final = "outcome = 'open' AND (noticed OR risk <> 'on_track' OR category <> 'commit')"

PAID: Final = SqlExpression(Part(f"annual + {_GAINS}", f"annual - ({_GAINS})"))
"""More than nothing where somebody paid at any instant of a period."""
TWINS: Final[Mapping[tuple[str, str], SqlExpression]] = {
    ("client_retention_rate", "point_to_point"): SqlExpression(
        Part(_if(f"{_PAYS} AND {PAID_AT_START}", "1")), _PAYERS, _HELD
    ),
    ("client_retention_rate", "strict"): SqlExpression(Part(_if("paying_since < :start", "1")), _PAYERS, _HELD),
    ("client_retention_rate", "classic"): SqlExpression(
        Part(_if(f"{_PAYS} AND paid_since < :start", "1")), _PAYERS, {**_HELD, **_RETURNED}
    ),
    ("customer_churn_rate", "point_to_point"): SqlExpression(
        Part(_if(f"annual = 0 AND {PAID_AT_START}", "1")), _PAYERS, _HELD
    ),
    ("net_revenue_retention", "point_to_point"): SqlExpression(Part(_if(PAID_AT_START, "annual")), _OPENING, _HELD),
    ("net_revenue_retention", "movement"): SqlExpression(
        _of_payers(amount=True, moved=f"total_expansion + total_reactivation - ({_LOSSES})"), _OPENING, _HELD
    ),
    ("net_revenue_retention", "movement_without_reactivation"): SqlExpression(
        _of_payers(amount=True, moved=f"total_expansion - ({_LOSSES})"), _OPENING, _HELD
    ),
    ("gross_revenue_retention", "point_to_point"): SqlExpression(_NOTHING, _OPENING, _HELD, least=True),
    ("gross_revenue_retention", "movement"): SqlExpression(
        _of_payers(amount=True, moved=f"- ({_LOSSES})"), _OPENING, _HELD
    ),
    ("mrr", "point_in_time"): SqlExpression(_CLOSING),
    ("arr", "point_in_time"): SqlExpression(_CLOSING),
    ("arpa", "point_in_time"): SqlExpression(_CLOSING, Part(_if(_PAYS, "1"))),
    ("arr_growth", "point_to_point"): SqlExpression(Part("annual", "- annual"), _OPENING),
    ("mrr_waterfall", "movement"): SqlExpression(_CLOSING, parts=_STEPS),
    ("quick_ratio", "movement"): SqlExpression(_between(_GAINS), _between(_LOSSES)),
    ("gross_mrr_churn_rate", "movement"): SqlExpression(_of_payers(amount=False, moved=_LOSSES), _OPENING),
    ("net_mrr_churn_rate", "movement"): SqlExpression(
        _of_payers(amount=False, moved=f"{_LOSSES} - total_expansion - total_reactivation"), _OPENING
    ),
    ("concentration", "top_share"): SqlExpression(
        _NOTHING, _CLOSING, parts={"accounts": Part(_if(_PAYS, "1")), **_SQUARES}
    ),
    ("expansion_rate", "movement"): SqlExpression(_of_payers(amount=False, moved="total_expansion"), _OPENING),
    ("renewal_rate", "count"): SqlExpression(Part(_if(_GOES_ON, "1")), Part("1"), _UNDECIDED),
    ("renewal_rate", "value"): SqlExpression(
        Part(f"CASE WHEN {_RENEWED} < atr THEN {_RENEWED} ELSE atr END"), Part("atr"), _UNDECIDED
    ),
    ("renewal_rate", "net_value"): SqlExpression(Part(_RENEWED), Part("atr"), _UNDECIDED),
    ("available_to_renew", "frozen"): SqlExpression(Part("atr")),
    ("available_to_renew", "with_co_termed"): SqlExpression(Part("atr + co_termed")),
    ("revenue_at_risk", "annual"): SqlExpression(
        Part(_if(_AT_RISK, "atr")), notes={"unassessed_renewals": f"{_OPEN} AND risk IS NULL AND category IS NULL"}
    ),
    ("scope_creep_ratio", "hours"): SqlExpression(
        Part("absorbed"), Part("contracted"), {"effort_not_assessed": "NOT estimated"}
    ),
    ("alternative_acceptance", "count"): SqlExpression(
        Part(_if("offered AND accepted", "1")),
        Part(_if("offered", "1")),
        {"undecided_alternatives": "offered AND accepted IS NULL"},
    ),
}
"""By KPI and method."""
