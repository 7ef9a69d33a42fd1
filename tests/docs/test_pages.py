"""What pages name exists: links, files, functions, topics; a word of the glossary stands there once."""

import ast
import re
from pathlib import Path

import pytest

from app.domain.catalogue import CATALOGUE
from app.webhooks.inbound.providers import PROVIDERS

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:app|projections|tests|docs|migrations|bench)/[\w./-]*)(?:::(\w+(?:\.\w+)*))?`")


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def defined(path: Path) -> set[str]:
    """The functions and classes of a module, methods as `Class.method`, and its constants."""
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}.{one.name}"
                for one in node.body
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
            }
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(page.read_text()):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_function_that_a_page_names_exists(page: Path) -> None:
    missing = [
        (path, name)
        for path, name in _PATH.findall(page.read_text())
        if Path(path).suffix in {".py", ".md", ".toml", ""}
        and (not (ROOT / path).exists() or (name and name not in defined(ROOT / path)))
    ]
    assert missing == []


def test_the_journey_of_a_kpi_question_has_at_most_20_stops_in_8_files() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    journey = page.partition("## The journey of a KPI question\n")[2].partition("\n## ")[0]
    stops = re.findall(r"^\| (\d+)\. [^|]+ \| ([^|]+) \|$", journey, re.MULTILINE)
    places = [_PATH.findall(where) for _, where in stops]
    files = {path for named in places for path, _ in named}

    assert [int(number) for number, _ in stops] == list(range(1, len(stops) + 1))
    assert len(stops) == journey.count("\n| ") - 2
    assert len(stops) <= 20
    assert len(files) <= 8
    assert f"{len(stops)} stops in {len(files)} files" in journey
    assert all(named and all(function in defined(ROOT / path) for path, function in named) for named in places)


def test_no_page_stands_alone() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve() for page in PAGES for link in _LINK.findall(page.read_text())
    }
    assert [page.name for page in PAGES if page not in linked and page.name not in {"README.md", "index.md"}] == []


def test_the_glossary_has_each_word_once() -> None:
    words = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    words = [word.strip() for word in words if word.strip() not in {"Word", "---"}]
    assert len(words) > 50
    assert sorted(set(words)) == sorted(words)


def test_the_glossary_names_only_topics_that_there_are() -> None:
    named = re.findall(r"`([a-z_]+\.[a-z_]+)`", (ROOT / "docs" / "glossary.md").read_text())
    of_meta = ("meta.client", "meta.run")
    assert {name for name in named if not name.endswith(".py") and name not in of_meta} <= set(CATALOGUE)


def test_decisions_are_numbered_without_a_gap_and_all_stand_in_the_index() -> None:
    pages = sorted(page.name for page in (ROOT / "docs" / "decisions").glob("0*.md"))
    index = (ROOT / "docs" / "decisions" / "index.md").read_text()

    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
    for name in pages:
        text = (ROOT / "docs" / "decisions" / name).read_text()
        assert text.startswith(f"# {name[:4]}. ")
        assert re.search(r"^- Date: \d{4}-\d\d-\d\d\n- Status: \w", text, re.MULTILINE)
        assert [line for line in text.splitlines() if line.startswith("## ")] == [
            "## Context", "## Choice", "## Alternatives and consequences"
        ]  # fmt: skip
        assert f"({name})" in index


def test_the_page_of_webhooks_has_a_row_for_each_provider() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", (ROOT / "docs" / "webhooks.md").read_text(), re.MULTILINE)
    assert {provider.name for provider in PROVIDERS} <= set(rows)
