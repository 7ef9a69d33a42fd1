"""Golden answers: the same query over the same events is answered as it always was by the same calculation."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from projections.kpis import KPIS
from projections.kpis.base import Kpi
from tests.golden.answers import (
    FOLDER,
    NOW,
    ZONE,
    add_answers,
    answers,
    changed,
    file_of,
    load,
    missing,
    stored,
    unlike,
)
from tests.support.application import Steward
from tests.support.databases import BACKENDS, Databases

MRR = next(kpi for kpi in KPIS if kpi.name == "mrr")


@pytest.fixture(scope="module", params=BACKENDS)
def golden_ledger(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Steward]:
    """A Steward that holds the fixed ledger."""
    steward = Steward(databases.fresh(request.param), time_zone=ZONE, now=NOW)
    load(steward)
    yield steward
    steward.close()


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_no_answer_changes_without_a_new_calculation(golden_ledger: Steward, kpi: Kpi) -> None:
    """If this fails: raise `calculation` of the KPI, for certificates cite it; `python -m tests.golden` writes the new answers."""
    if "sqlite" in golden_ledger.settings.database_url:
        lines = answers(golden_ledger, kpi)
        assert (changed(kpi, lines), missing(kpi, lines)) == ([], [])
    else:
        assert unlike(golden_ledger, kpi) == []


def test_every_calculation_that_there_ever_was_has_its_file_and_no_other_is_there() -> None:
    versions = [replace(kpi, calculation=number) for kpi in KPIS for number in range(1, kpi.calculation + 1)]

    assert {path.name for path in FOLDER.glob("*.v*.ndjson")} == {file_of(kpi).name for kpi in versions}


# --- the command that adds golden answers ---


def test_adding_writes_what_is_missing_and_nothing_else(tmp_path: Path) -> None:
    lines = stored(MRR)
    first = dict(list(lines.items())[:1])

    assert add_answers(lambda _kpi: first, [MRR], tmp_path) == [file_of(MRR).name]
    assert add_answers(lambda _kpi: lines, [MRR], tmp_path) == [file_of(MRR).name]
    assert add_answers(lambda _kpi: lines, [MRR], tmp_path) == []
    assert stored(MRR, tmp_path) == lines


def test_adding_refuses_a_changed_answer_and_takes_it_under_a_new_calculation(tmp_path: Path) -> None:
    lines = stored(MRR)
    add_answers(lambda _kpi: lines, [MRR], tmp_path)
    other = {key: line.replace("value", "worth") for key, line in lines.items()}

    with pytest.raises(ValueError, match="needs a new calculation: mrr"):
        add_answers(lambda _kpi: other, [MRR], tmp_path)

    newer = replace(MRR, calculation=MRR.calculation + 1)
    assert add_answers(lambda _kpi: other, [newer], tmp_path) == [file_of(newer).name]
    assert (stored(MRR, tmp_path), stored(newer, tmp_path)) == (lines, other)


def test_a_query_that_nobody_can_ask_any_more_is_a_change(tmp_path: Path) -> None:
    lines = stored(MRR)
    add_answers(lambda _kpi: lines, [MRR], tmp_path)

    with pytest.raises(ValueError, match="needs a new calculation"):
        add_answers(lambda _kpi: dict(list(lines.items())[1:]), [MRR], tmp_path)
