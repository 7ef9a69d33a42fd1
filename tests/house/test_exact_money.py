"""No amount ever passes through a float, in any room that an amount passes through."""

import ast
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from projections import survival
from tests.support.exactness import inexact

ROOT = Path(__file__).parents[2]
ROOMS = ("app/domain", "projections", "app/figures", "app/api", "app/store")
DOORS = (
    "app/handler.py",
    "app/batch.py",
    "app/planning.py",
    "app/memory.py",
    "app/ingestion.py",
    "app/grower.py",
    "app/states.py",
)
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))] + [ROOT / door for door in DOORS]
MODEL = "projections/survival.py"
"""The one file that computes with floats: a likelihood is not rational. No amount enters it."""
SPARED: dict[str, set[str]] = {
    "app/domain/strict_json.py": {"float"},  # refuses them
    "app/figures/answers.py": {"literal"},  # seconds to wait
    "app/api/deps.py": {"float", "literal"},  # seconds to wait
    "app/store/engine.py": {"literal"},  # seconds to wait
    "app/store/subscription.py": {"literal"},  # seconds to wait
    "app/store/schema.py": {"division"},  # a path below another
}
"""What is no number of the business."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [path for path in FILES if named(path) != MODEL], ids=named)
def test_no_file_on_the_way_of_an_amount_knows_a_float(path: Path) -> None:
    assert set(inexact(path.read_text())) <= SPARED.get(named(path), set())


def test_what_is_spared_is_still_there() -> None:
    for name, kinds in SPARED.items():
        assert set(inexact((ROOT / name).read_text())) == kinds, name


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 0.5", "literal"),
        ("x = 1 / 2", "division"),
        ("x /= 2", "division"),
        ("x = float('1')", "float"),
        ("x = list(map(float, y))", "float"),
        ("x = round(y, 2)", "round"),
        ("import math", "import math"),
        ("from math import sqrt", "import math"),
        ("from decimal import Decimal", "import decimal"),
        ("import scipy.special", "import scipy.special"),
        ("from math import isqrt", None),
        ("x = 7 // 2 + 3 % 2", None),
    ],
)
def test_a_float_would_be_found(source: str, found: str | None) -> None:
    assert next(inexact(source), None) == found


def test_only_the_file_of_the_model_imports_scipy() -> None:
    users = {
        named(path)
        for path in (*(ROOT / "app").rglob("*.py"), *(ROOT / "projections").rglob("*.py"))
        for used in inexact(path.read_text())
        if used.startswith(("import scipy", "import numpy"))
    }
    assert users == {MODEL}


def test_the_model_takes_counts_and_rates_and_gives_exact_numbers() -> None:
    takes = {int, int | None, survival.Fraction, survival.Fit, tuple[survival.Point, ...]}
    for function in (survival.fit.__wrapped__, survival.curve, survival.discounted):
        hints = get_type_hints(function)
        gives = hints.pop("return")
        assert set(hints.values()) <= takes
        assert float not in (gives, *get_args(gives))
    assert set(get_type_hints(survival.Point).values()) == {int}


def test_the_model_imports_nothing_of_the_house() -> None:
    tree = ast.parse((ROOT / MODEL).read_text())
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {module for module in modules if module.split(".")[0] in ("app", "projections")}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
