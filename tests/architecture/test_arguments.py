"""No positional tuples of many members: a call with many arguments names them, so that no amount shifts by one place."""

import ast
from collections import Counter
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
MOST: Final = 6
"""How many positional arguments a call has at the most."""
EXCEPTIONS: Final[dict[str, int]] = {
    "app/domain/contract/line_steps.py": 4,
    "app/domain/contract/schedule.py": 3,
    "projections/views/accounts.py": 1,
    "projections/views/interactions.py": 1,
    "projections/views/run_rates.py": 1,
    "projections/views/timeline.py": 1,
}
"""How many calls of a file have more: measured constructors of hot types, and what is not mended yet. A number only ever falls."""


def long_calls() -> Counter[str]:
    """How many calls with more positional arguments each file has. A starred argument counts as one."""
    found: Counter[str] = Counter()
    for root in ("app", "projections"):
        for path in (ROOT / root).rglob("*.py"):
            calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
            found[str(path.relative_to(ROOT))] += sum(len(call.args) > MOST and not _names(call) for call in calls)
    return +found


def _names(call: ast.Call) -> bool:
    """Whether a call takes any number of like things, as an index takes columns and an operation its statuses."""
    return isinstance(call.func, ast.Name) and call.func.id in (
        "answered",
        "Table",
        "Index",
        "select",
        "or_",
        "and_",
        "chain",
        "max",
        "min",
    )


def test_calls_with_many_arguments_name_them() -> None:
    more = {file: count for file, count in long_calls().items() if count > EXCEPTIONS.get(file, 0)}

    assert more == {}
