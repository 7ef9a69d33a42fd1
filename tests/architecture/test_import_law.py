"""The import law catches a wrong import in every package, and new aggregates, views and providers need no new contract."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEW_MODULES = {
    "app/domain/gadget/__init__.py": '"""Gadgets."""\n',
    "app/domain/gadget/events.py": "from app.domain.kernel.event import Event\n",
    "app/domain/gadget/state.py": "from app.domain.gadget.events import Event\n",
    "app/domain/gadget/decisions.py": "from app.domain.gadget.state import Event\n",
    "projections/views/gadgets.py": "from projections.view import View\n",
    "app/webhooks/inbound/providers/gadget.py": "from app.domain.kernel.errors import Invalid\n",
}
"""An aggregate, a view and a provider that no contract names."""
PLANTS = {
    "app/api/http/csv.py": "sqlalchemy",
    "app/auth/caller.py": "app.webhooks.inbound.inbox",
    "app/domain/kernel/values/ids.py": "app.domain.account.events",
    "app/domain/account/events.py": "app.domain.account.state",
    "app/domain/contract/state.py": "app.domain.contract.decisions",
    "app/domain/recorded.py": "app.store.log",
    "app/kpi_queries/series.py": "app.services.period_closes",
    "app/observe/logs.py": "app.domain.recorded",
    "app/read_side/reader.py": "app.write_side.handler",
    "app/services/period_closes.py": "app.api.nouns.period_closes",
    "app/settings.py": "app.read_side.reader",
    "app/store/log.py": "projections.view",
    "app/webhooks/inbound/inbox.py": "fastapi",
    "app/webhooks/inbound/providers/gadget.py": "app.webhooks.inbound.providers.standard_webhooks",
    "app/write_side/handler.py": "app.read_side.reader",
    "app/domain/gadget/events.py": "app.domain.gadget.decisions",
    "projections/kpis/base.py": "sqlalchemy",
    "projections/interval_index.py": "projections.views.accounts",
    "projections/views/accounts.py": "projections.kpis.base",
    "projections/views/gadgets.py": "projections.views.accounts",
    "projections/views/budgets.py": "app.domain.budget.decisions",
}
"""A wrong import in a file of each package."""


def module_of(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")


def lint(tree: Path) -> tuple[int, str]:
    """Runs the import law on a tree. Gives: its exit code and its report."""
    run = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=tree, env={**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return run.returncode, run.stdout + run.stderr


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A copy of the sources with a new aggregate, a new view and a new provider."""
    for package in ("app", "projections"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for file, text in NEW_MODULES.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    yield tmp_path
    shutil.rmtree(tmp_path)


def test_every_planted_import_is_caught_and_a_new_aggregate_view_and_provider_edit_no_contract(tree: Path) -> None:
    for file, target in PLANTS.items():
        with (tree / file).open("a") as source:
            source.write(f"\nimport {target}\n")

    code, report = lint(tree)

    assert code != 0
    caught = [f"{module_of(file)} -> {target} " for file, target in PLANTS.items()]
    assert [plant for plant in caught if plant not in report] == []
    right = [
        f"{module_of(file)} -> {text.split()[1]} " for file, text in NEW_MODULES.items() if text.startswith("from")
    ]
    assert [line for line in right if line in report] == [], "a right import of a new module is no fault"


def test_the_plants_stand_in_every_package() -> None:
    packages = {file.split("/")[1] for file in PLANTS if file.startswith("app/")}
    there = {path.name for path in (ROOT / "app").iterdir() if path.is_dir() and any(path.glob("*.py"))}

    assert there - packages == {"cli", "demo"}, "nothing lies above these that they could import"
