"""Who reads a view names one of its queries: conditions on a view's table stand in the view's own file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAY_USE_TABLES = ("app/read_side/", "app/kpi_queries/", "app/store/")
"""Reading and writing rows, and sums in SQL. The store's tables are no views."""
SOURCES = sorted((ROOT / "app").rglob("*.py"))


def table_uses(tree: ast.AST) -> Iterator[int]:
    """The lines that reach for a view's table, `VIEW.table`, or for a column, `table.c`."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name("VIEW") | ast.Attribute(attr="VIEW"), attr="table" | "columns"):
                yield node.lineno
            case ast.Attribute(value=ast.Name("table") | ast.Attribute(attr="table"), attr="c"):
                yield node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_views_and_who_reads_rows_for_them_know_the_columns_of_a_table(path: Path) -> None:
    name = str(path.relative_to(ROOT))

    if not name.startswith(MAY_USE_TABLES):
        assert list(table_uses(ast.parse(path.read_text()))) == [], f"{name}: make it a query of the view"


@pytest.mark.parametrize(
    "planted",
    [
        "rows = reader.select(tenant, VIEW, [VIEW.table.c.account == account], when)",
        "table = renewals.VIEW.table",
        "conditions.append(view.table.c.due_at > at)",
        "order = [table.c.due_at]",
    ],
)
def test_a_planted_condition_is_found(planted: str) -> None:
    assert list(table_uses(ast.parse(planted)))
