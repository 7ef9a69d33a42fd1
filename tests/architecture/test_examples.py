"""Every published example has a row on its page, and every test that the page names is one that runs."""

import re
import subprocess
import sys
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


def test_every_example_names_a_test_and_every_test_that_is_named_is_collected() -> None:
    wanted = {row[0]: named(row) for row in rows()}
    assert all(wanted.values()), wanted
    files = sorted({name.partition("::")[0] for names in wanted.values() for name in names})

    told = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    collected = {line.partition("[")[0] for line in told.stdout.splitlines() if "::" in line}
    assert told.returncode == 0, told.stdout + told.stderr
    assert {name for names in wanted.values() for name in names} <= collected


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
