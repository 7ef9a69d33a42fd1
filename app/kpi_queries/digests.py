"""Digests: what a figure was made from, and by which code, in 64 letters each."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

import app.domain
import app.kpi_queries
import projections
from app.kpi_queries.query import KpiResult

COUNTING: Final = (
    "contract/schedule",
    "contract/line_steps",
    "contract/terms",
    "policy/rules",
    "policy/fx",
    "kernel/values",
)
"""The files of the domain that figures are counted by."""
_APART: Final = ("warnings", "explain_url", "known_at")
"""What an answer says that is no part of the figure: counts beside it, and how it was asked."""


def inputs_hash(found: KpiResult) -> str:
    """What every account gives to a figure, in exact integers, and how many of these make one.

    Takes: a figure that was found with what accounts give.
    """
    given: dict[str, tuple[int, int]] = {}
    if found.given is not None:
        given = {one.account: (one.numerator, one.denominator) for one in found.given}
    else:
        for row, (numerator, denominator) in found.measure.shares:
            before = given.get(row.account, (0, 0))
            given[row.account] = (before[0] + numerator, before[1] + denominator)
    # As text, for amounts, and the parts that rates make of one, may be beyond what JSON calls an integer.
    told = [[account, *map(str, given[account])] for account in sorted(given) if any(given[account])]
    method = found.measure.method
    return _digest({"per": [str(method.of.per), str(method.over.per) if method.over else None], "given": told})


def answer_hash(answer: Mapping[str, Any]) -> str:
    """All that an answer says of a figure, the rows of a waterfall too."""
    return _digest({name: value for name, value in answer.items() if name not in _APART})


def _digest(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


@cache
def code_digest() -> str:
    """The source that counts: the views, the KPIs, how they are asked, and the arithmetic of the domain."""
    domain = Path(app.domain.__file__).parent
    files = [(f"domain/{name}.py", domain.joinpath(f"{name}.py")) for name in COUNTING]
    for name, room in (("projections", projections), ("figures", app.kpi_queries)):
        root = Path(room.__file__ or "").parent
        files += [(f"{name}/{path.relative_to(root).as_posix()}", path) for path in root.rglob("*.py")]
    told = hashlib.sha256()
    for name, path in sorted(files):
        told.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n".encode())
    return told.hexdigest()
