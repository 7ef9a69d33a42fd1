"""No amount ever passes through a float, in any room that an amount passes through."""

import ast
from collections import Counter
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from projections import survival
from tests.support.exactness import inexact

ROOT = Path(__file__).parents[2]
FILES = [path for room in ("app", "projections") for path in sorted((ROOT / room).rglob("*.py"))]
MODEL = "projections/survival.py"
"""The one file that computes with floats: a likelihood is not rational. No amount enters it."""
SECONDS: dict[str, dict[str, int]] = {
    "app/api/http/read_context.py": {"float": 2, "literal": 2},
    "app/api/http/bounded_protocol.py": {"literal": 3, "float": 2, "format": 2, "division": 1},
    "app/api/http/quotas.py": {"float": 5, "literal": 1, "division": 2},
    "app/api/http/connections.py": {"literal": 2, "float": 2, "division": 1},
    "app/api/http/view_figures.py": {"float": 2},
    "app/api/http/waiting_reads.py": {"literal": 4},
    "app/read_side/patience.py": {"float": 3, "literal": 1},
    "app/auth/egress.py": {"literal": 3},
    "app/auth/keys.py": {"float": 2},
    "app/auth/provider_keys.py": {"literal": 3, "float": 3},
    "app/auth/tokens.py": {"float": 3},
    "app/kpi_queries/evaluate.py": {"literal": 1},
    "app/observe/metrics.py": {"literal": 8},
    "app/read_side/reader.py": {"literal": 2, "float": 1},
    "app/settings.py": {"float": 6, "literal": 6},
    "app/store/bounded.py": {"literal": 2, "float": 3},
    "app/store/committer.py": {"float": 2},
    "app/store/nodes.py": {"literal": 5, "float": 5},
    "app/store/placement.py": {"literal": 1, "float": 2},
    "app/store/write_health.py": {"float": 1},
    "app/store/engine.py": {"literal": 1, "import json": 1},
    "app/store/subscription.py": {"literal": 1},
    "app/services/deadlines/schedule.py": {"float": 3, "literal": 2},
    "app/webhooks/inbound/inbox.py": {"float": 1, "literal": 2},
    "app/worker.py": {"float": 3, "literal": 3},
    "app/write_side/stream_turns.py": {"float": 1, "literal": 2},
}
"""How long something waits or takes."""
CHANCE: dict[str, dict[str, int]] = {
    "app/demo/account_teams.py": {"import random": 1},
    "app/demo/agents.py": {"import random": 1},
    "app/demo/handovers.py": {"import random": 1},
    "app/demo/scenarios.py": {"import random": 1},
    "app/demo/back_office.py": {"import random": 1},
    "app/demo/organisation.py": {"import random": 1},
    "app/demo/people.py": {"import random": 1},
    "app/demo/opportunities.py": {"literal": 1},
    "app/demo/account_history.py": {"import random": 1},
    "app/demo/generator.py": {"import random": 1, "literal": 1},
    "app/demo/scripted_command.py": {"import random": 1},
    "app/demo/scope_changes.py": {"import random": 1},
    "app/demo/phrases.py": {"import random": 1},
    "app/demo/years.py": {"literal": 2},
}
"""How often something happens in the demo; what it costs is drawn among integers."""
OTHER: dict[str, dict[str, int]] = {
    "app/api/ledger/content_modes.py": {"import json": 1},  # writes
    "app/api/http/openapi.py": {
        "import json": 1,
        "division": 1,
    },  # a path below another; reads answers that were recorded
    "app/api/http/reference.py": {"division": 2},  # a path below another
    "app/api/http/schemas.py": {"division": 1},  # the same
    "app/api/http/paging.py": {"import json": 1},  # reads what it wrote itself, of rows without floats
    "app/auth/jose.py": {"import json": 1},  # reads tokens, whose instants may have parts of a second
    "app/cli/console.py": {"import json": 1},  # writes
    "app/cli/demo.py": {"import json": 1},  # reads what it wrote itself
    "app/domain/kernel/strict_json.py": {"import json": 1, "float": 1},  # refuses them
    "app/read_side/projector.py": {"float": 2, "literal": 1},  # how much of a rebuild is done; a wait
    "app/read_side/rebuilder.py": {"float": 1, "division": 4, "import math": 1},  # the same
    "app/store/inbox.py": {"import json": 1},  # writes, and reads what it wrote itself
    "app/webhooks/inbound/forgiving_json.py": {"import json": 1},  # keeps every number as its text
    "app/store/schema.py": {"division": 3},  # a path below another
}
SPARED = SECONDS | CHANCE | OTHER
"""What is no number of the business, and how often it is said in a file."""


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_room_of_the_house_is_looked_through() -> None:
    rooms = {
        named(path).split("/")[1] for path in FILES if named(path).startswith("app/") and path.parent != ROOT / "app"
    }
    assert rooms == {path.name for path in (ROOT / "app").iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert {"domain", "kpi_queries", "api", "store", "services", "cli", "webhooks"} <= rooms
    assert {
        "app/services/incentive_statements/preview.py",
        "app/write_side/handler.py",
        "app/write_side/ingestion.py",
    } <= {named(path) for path in FILES}


@pytest.mark.parametrize("path", [path for path in FILES if named(path) != MODEL], ids=named)
def test_no_file_on_the_way_of_an_amount_knows_a_float(path: Path) -> None:
    """What is spared is spared so often and no more; what is spared no longer stands here no longer."""
    assert Counter(inexact(path.read_text())) == SPARED.get(named(path), {})


def test_what_is_spared_is_still_there() -> None:
    assert {name for name in SPARED if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = 0.5", "literal"),
        ("x = 1e3", "literal"),
        ("x = sum(y, 0.0)", "literal"),
        ("x = 1 / 2", "division"),
        ("x /= 2", "division"),
        ("x = 10 ** -6", "power"),
        ("x = pow(10, -6)", "power"),
        ("x = float('1')", "float"),
        ("x = list(map(float, y))", "float"),
        ("f = float", "float"),
        ("x: float = y", "float"),
        ("x = round(y, 2)", "round"),
        ("x = getattr(builtins, 'float')", "text float"),
        ("x = __builtins__['round']", "text round"),
        ("x = y.__truediv__(2)", ".__truediv__"),
        ("x = operator.truediv(a, b)", ".truediv"),
        ("from operator import truediv as over", "import truediv"),
        ("from builtins import float as number", "import builtins"),
        ("x = eval('1/2')", "eval"),
        ("x = f'{y:.2f}'", "format"),
        ("x = f'{y:,.2f}'", "format"),
        ("x = f'{y:{width}.1%}'", "format"),
        ("x = '%.2f' % y", "format"),
        ("x = format(y, '.2f')", "format"),
        ("x = span.total_seconds()", ".total_seconds"),
        ("import math", "import math"),
        ("import numpy as np", "import numpy"),
        ("from math import sqrt", "import math"),
        ("from decimal import Decimal", "import decimal"),
        ("import scipy.special", "import scipy.special"),
        ("import json", "import json"),
        ("from json import loads", "import json"),
        ("import importlib", "import importlib"),
        ("x = func.avg(y)", ".avg"),
        ("from sqlalchemy import Numeric", "import Numeric"),
        ("x = 'SELECT AVG(annual) FROM lines'", "sql"),
        ("x = f'CAST({y} AS REAL)'", "sql"),
        ("x = 'annual::numeric'", "sql"),
        ("from math import isqrt", None),
        ("x = 7 // 2 + 3 % 2 + 10 ** 6", None),
        ("x = f'{y:06d} {z:x} {w}'", None),
        ("x = 'SUM(CAST(annual AS bigint))'", None),
    ],
)
def test_a_float_would_be_found(source: str, found: str | None) -> None:
    assert found in {None, *inexact(source)}
    assert (found is None) == (not list(inexact(source)))


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
