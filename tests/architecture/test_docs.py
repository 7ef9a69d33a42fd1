"""The pages say what the code does: settings, events and figures are all told of, and nothing else is."""

import re
from pathlib import Path

from typer.testing import CliRunner

from app.cli import app
from app.domain.catalogue import CATALOGUE
from app.settings import PREFIX, Settings
from projections.kpis import KPIS

ROOT = Path(__file__).parents[2]


def told(page: str, pattern: str) -> set[str]:
    """What a page names."""
    return set(re.findall(pattern, (ROOT / page).read_text(), flags=re.MULTILINE))


def test_the_page_of_operations_names_every_setting_and_no_other() -> None:
    assert told("docs/operations.md", rf"{PREFIX}[A-Z_]+") == {PREFIX + name.upper() for name in Settings.model_fields}


def test_the_page_of_events_is_what_the_catalogue_says_today() -> None:
    """If this fails: `steward events --markdown > docs/events.md`."""
    assert told("docs/events.md", r"^## `([a-z_]+\.[a-z_]+)` \(version \d+\)$") == set(CATALOGUE)
    assert CliRunner().invoke(app, ["events", "--markdown"]).output == (ROOT / "docs" / "events.md").read_text()


def test_the_page_of_figures_defines_every_figure() -> None:
    assert {kpi.name for kpi in KPIS} <= told("docs/kpis.md", r"^### ([a-z_]+)$")


def test_no_page_names_a_place_on_the_machine_where_it_was_written() -> None:
    pages = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*"),
        *(ROOT / "app").rglob("*.py"),
        *(ROOT / "projections").rglob("*.py"),
    ]
    homes = re.compile(r"/(?:home|root|work|Users)/")
    assert [page.name for page in pages if page.is_file() and homes.search(page.read_text())] == []
