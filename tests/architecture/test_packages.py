"""The application rules that no linter knows: room cards, small files, and what may be random or know the time."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for room in ("app", "projections", "migrations") for path in (ROOT / room).rglob("*.py"))
PACKAGES = sorted({path.parent for path in SOURCES if path.parent.name != "versions"})

MAY = {
    "the clock": ("app/bootstrap.py",),
    "the environment": ("app/bootstrap.py", "app/settings.py", "app/cli/"),
    "randomness": ("app/bootstrap.py", "app/store/randomness.py", "app/auth/", "app/webhooks/"),
    "dice": ("app/demo/",),
}
"""Who may use what, besides nobody. Dice are those of a made-up story, from a fixed seed."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("package", PACKAGES, ids=named)
def test_every_room_has_a_card_that_says_what_lives_here_and_how_to_add_to_it(package: Path) -> None:
    card = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""

    assert card.splitlines()[0].endswith("."), "the first line says what it is"
    for says in ("Lives here:", "May import:", "To add "):
        assert says in card, says


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_no_file_is_too_long_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=named)
def test_no_test_is_too_long_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 600


def uses(source: str) -> Iterator[str]:
    """What a file uses of things that are not the same at every run."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(
                value=ast.Name(id="datetime" | "date") | ast.Attribute(attr="datetime"), attr="now" | "utcnow" | "today"
            ):
                yield "the clock"
            case ast.Attribute(value=ast.Name(id="time"), attr="time" | "time_ns"):
                yield "the clock"
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "getenv" | "environb"):
                yield "the environment"
            case ast.Attribute(value=ast.Name(id="os"), attr="urandom"):
                yield "randomness"
            case ast.Import(names=names):
                yield from (kind for name in names if (kind := _SOURCES.get((name.name, ""))))
            case ast.ImportFrom(module=str(module), names=names):
                yield from (
                    kind for name in names if (kind := _SOURCES.get((module, "")) or _SOURCES.get((module, name.name)))
                )


_SOURCES = {
    ("random", ""): "dice", ("secrets", ""): "randomness", ("uuid", "uuid4"): "randomness", ("uuid", "uuid1"): "randomness",
    ("os", "urandom"): "randomness", ("os", "environ"): "the environment", ("os", "getenv"): "the environment",
    ("time", "time"): "the clock", ("time", "time_ns"): "the clock",
}  # fmt: skip


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_the_clock_the_environment_and_randomness_come_in_by_their_own_doors(path: Path) -> None:
    for used in uses(path.read_text()):
        assert named(path).startswith(MAY[used]), used


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import datetime\nx = datetime.datetime.now()", "the clock"),
        ("from datetime import date\nx = date.today()", "the clock"),
        ("import time\nx = time.time()", "the clock"),
        ("from time import time_ns", "the clock"),
        ("import os\nx = os.environ", "the environment"),
        ("from os import getenv", "the environment"),
        ("import random", "dice"),
        ("from random import choice", "dice"),
        ("import secrets", "randomness"),
        ("from uuid import uuid4", "randomness"),
        ("import os\nx = os.urandom(8)", "randomness"),
    ],
)
def test_a_forbidden_source_would_be_found(source: str, found: str) -> None:
    assert list(uses(source)) == [found]


def test_every_room_has_its_step_in_the_import_law() -> None:
    law = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(one for one in law if one.get("containers") == ["app"])["layers"]
    steps = {room for layer in layers for beside in layer.split(" | ") for room in beside.split(" : ")}
    rooms = {
        path.stem if path.is_file() else path.name
        for path in (ROOT / "app").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }

    assert rooms - {"__init__"} == steps
