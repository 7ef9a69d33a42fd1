"""Digests: what a KPI was computed from, and what its answer says, in 64 letters each."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from app.kpi_queries.query import KpiResult

UNHASHED: Final = ("warnings", "explain_url", "known_at", "calculation")
"""Members of an answer that its hash leaves out: counts beside the value, how the query was sent, and how it was computed.

Certificates keep the hash: a member that joins the answer stands here, or the hashes of all earlier certificates would break.
"""


def inputs_hash(result: KpiResult) -> str:
    """What every account contributes, in exact integers, and how many of these make one unit.

    Takes: a result that was computed with what each account contributes.
    """
    totals: dict[str, tuple[int, int]] = {}
    if result.contributions is not None:
        totals = {row.account: (row.numerator, row.denominator) for row in result.contributions}
    else:
        for row, (numerator, denominator) in result.measure.shares:
            before = totals.get(row.account, (0, 0))
            totals[row.account] = (before[0] + numerator, before[1] + denominator)
    # As text, for amounts, and the parts that rates make of one, may be beyond what JSON calls an integer.
    inputs = [[account, *map(str, totals[account])] for account in sorted(totals) if any(totals[account])]
    method = result.measure.method
    per = [str(method.numerator.per), str(method.denominator.per) if method.denominator else None]
    return _digest({"per": per, "given": inputs})


def answer_hash(answer: Mapping[str, Any]) -> str:
    """All that an answer says of a KPI, the rows of a waterfall too."""
    return _digest(hashed(answer))


def hashed(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an answer that its hash covers."""
    return {name: value for name, value in answer.items() if name not in UNHASHED}


def _digest(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
