"""Every published example has a row on its page, and every test that the page names is one that runs."""

import ast
import re
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[2]
IDS = [f"D{number}" for number in range(1, 26)] + ["F1"]


def rows() -> list[list[str]]:
    """The cells of the page's table."""
    lines = (ROOT / "docs" / "examples.md").read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if re.match(r"\| [DF]\d", line)]


def named(row: list[str]) -> list[str]:
    """The tests that a row names."""
    return re.findall(r"`([^`]+)`", row[-1])


def test_the_page_has_a_row_of_source_inputs_and_result_for_every_example() -> None:
    told = rows()

    assert [row[0] for row in told] == IDS
    assert all(len(row) == 5 and all(row) for row in told)


def test_every_example_names_a_test_and_every_test_that_is_named_is_one_that_runs() -> None:
    wanted = {row[0]: named(row) for row in rows()}

    assert all(wanted.values()), wanted
    for name in {name for names in wanted.values() for name in names}:
        path, _, function = name.partition("::")
        assert re.fullmatch(r"tests/.*/test_\w+\.py", path), name
        assert function in collected_from(ROOT / path), name


def collected_from(file: Path) -> set[str]:
    """The names of the functions of a file that pytest collects."""
    return {
        node.name
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_no_example_is_proven_by_a_test_that_says_nothing() -> None:
    for row in rows():
        for name in named(row):
            path, _, function = name.partition("::")
            lines = (ROOT / path).read_text().splitlines()
            begins = [at for at, line in enumerate(lines) if line.startswith(("def ", "@", "class "))] + [len(lines)]
            body = next(
                lines[start:end] for start, end in pairwise(begins) if lines[start].startswith(f"def {function}(")
            )
            assert any("assert " in line for line in body), name
