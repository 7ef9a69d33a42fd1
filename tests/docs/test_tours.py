"""The tours are run as they stand, against a real server."""

from pathlib import Path

import pytest

from tests.docs.tour import ROOT, differs, run, steps

README, TOUR = ROOT / "README.md", ROOT / "docs" / "tour.md"


@pytest.mark.timeout(1000)
@pytest.mark.parametrize("page", [README, TOUR], ids=lambda page: page.name)
def test_a_reader_who_pastes_the_tour_gets_the_answers_that_it_shows(page: Path, tmp_path: Path) -> None:
    expected = steps(page)

    printed = run([page], tmp_path)

    assert len(printed) == len(expected)
    wrong = [
        (step.lines, step.answer, " ".join(words))
        for step, words in zip(expected, printed, strict=True)
        if differs(step.answer or "", words)
    ]
    assert wrong == []


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len(README.read_bytes()) < 7 * 1024


def test_a_tour_that_shows_something_else_is_noticed() -> None:
    assert not differs('{"id":"evt_01m81t0x2xe00s6ndr10t4h47z", …}', ['{"id":"evt_01m81jq8tme00s9m0k8enbcyz7","n":1}'])
    assert differs('{"value":"0.95"}', ['{"value":"0.93"}'])
    assert differs("", ["curl: (7)"])
