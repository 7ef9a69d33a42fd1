"""No figure passes through a float."""

import ast
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import app.kpi_queries
import projections.kpis
from app.domain.kernel.values import zone
from projections.kpis import KPIS
from projections.kpis.account_movements import account_movements
from projections.kpis.base import KpiContext, RowKind, measure
from projections.kpis.presentation import breakdown, figure
from tests.projections.kpis.contract_lines_factory import at, line
from tests.support.exactness import inexact

ROOM = Path(projections.kpis.__file__).parent
FILES = [*sorted(ROOM.glob("*.py")), Path(app.kpi_queries.__file__)]
CLOCKS = {"time", "datetime"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_code_of_figures_has_no_float_no_true_division_and_no_clock(path: Path) -> None:
    source = path.read_text()

    assert list(inexact(source)) == []
    for node in ast.walk(ast.parse(source)):
        assert not (isinstance(node, ast.Name) and node.id in CLOCKS)
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert not {name.name.split(".")[0] for name in node.names} & CLOCKS
            assert not (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in CLOCKS)


def leaves(value: Any) -> list[Any]:
    """Everything inside JSON."""
    if isinstance(value, dict):
        return [leaf for member in value.values() for leaf in leaves(member)]
    if isinstance(value, list | tuple):
        return [leaf for member in value for leaf in leaves(member)]
    return [value]


@pytest.mark.parametrize(
    "kpi", [kpi for kpi in KPIS if kpi.reads is RowKind.ACCOUNT_MOVEMENTS], ids=lambda kpi: kpi.name
)
def test_no_float_and_no_number_but_truth_stands_in_an_answer(kpi: Any) -> None:
    book = [
        line("a", "33.333333", "2024-01-01", "2025-03-01"),
        line("a", "10.01", "2025-03-01"),
        line("b", "700", "2024-01-01", interval="week"),
        line("c", "100.10", "2025-02-01", interval="year"),
    ]
    for method in kpi.methods.values():
        measured = measure(method, account_movements(book, at("2025-01-01"), at("2026-01-01")))

        assert isinstance(measured.value, Fraction)
        body = leaves(
            [
                figure(kpi, measured, KpiContext(at("2025-01-01"), at("2026-01-01"), zone("UTC"), "USD")),
                breakdown(measured, "USD")[0],
            ]
        )
        assert {type(leaf) for leaf in body} <= {str, bool, type(None)}
