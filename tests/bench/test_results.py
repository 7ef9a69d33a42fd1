"""What a run of the benchmarks writes, how goals are met, and how benchmarks are chosen."""

import json
from pathlib import Path

import pytest

from bench.catalogue import BENCHMARKS, PROOFS, main
from bench.growth import plot
from bench.results import Goal, compare, save

MEMBERS = ["id", "work", "ours", "unit", "peer", "peer_name", "ratio", "goal", "met"]


@pytest.mark.parametrize(
    ("goal", "ours", "ratio", "met"),
    [
        (Goal(), 1.0, 1.0, None),
        (Goal(ratio_from=0.45), 1.0, 0.45, True),
        (Goal(ratio_from=0.45), 1.0, 0.44, False),
        (Goal(ours_to=25), 25.0, 9.0, True),
        (Goal(ours_to=25), 25.1, 0.1, False),
        (Goal(ours_from=50_000, ratio_from=40), 60_000.0, 39.0, False),
        (Goal(ours_from=50_000, ratio_from=40), 49_000.0, 41.0, False),
        (Goal(ours_from=50_000, ratio_from=40), 60_000.0, 41.0, True),
        (Goal(ours_to=0), 0.0, 0.0, True),
    ],
)
def test_a_goal_is_met_when_all_its_bounds_hold(goal: Goal, ours: float, ratio: float, met: bool | None) -> None:
    assert goal.met(ours, ratio) is met


def test_a_result_has_both_figures_their_ratio_and_the_goal() -> None:
    result = compare(
        "P4-sqlite", "rebuild", 62_000.0, "events/s a core", 1_550.0, "the runner", Goal(50_000, ratio_from=40)
    )

    assert (result.ratio, result.goal, result.met) == (40.0, "≥ 50,000 events/s a core, ≥ 40 ×", True)


@pytest.mark.parametrize(("ours", "peer"), [(1.0, 0.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_figures_that_cannot_be_compared_give_no_result(ours: float, peer: float) -> None:
    with pytest.raises(RuntimeError, match="cannot be compared"):
        compare("P1-sqlite", "commands", ours, "requests/s", peer, "nobody", Goal())


def test_a_result_that_is_measured_again_replaces_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    save([compare("P1", "w", 1, "u", 2, "p", Goal()), compare("P2", "w", 1, "u", 2, "p", Goal())], path)
    save([compare("P1", "w", 3, "u", 2, "p", Goal())], path)

    written = json.loads(path.read_text())
    assert [(result["id"], result["ours"]) for result in written] == [("P2", 1), ("P1", 3)]
    assert list(written[0]) == MEMBERS


def test_every_goal_of_the_design_has_its_benchmarks_on_both_databases() -> None:
    names = {benchmark.name for benchmark in BENCHMARKS}

    assert {
        f"{goal}-{backend}" for goal in ("P1", "P3", "P4", "P5", "P6", "P7") for backend in ("sqlite", "postgresql")
    } <= names
    assert {"P2", "P8-idle", "growth", "generator", "regression-statistics", "regression-def-endpoints"} <= names
    assert not names & {benchmark.name for benchmark in PROOFS}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("command-sqlite", {"P1-sqlite", "P1-sqlite-views"}),
        ("P1-sqlite-keyless", {"P1-sqlite"}),
        ("command-library", {"P2"}),
        ("kpis", {"P5-sqlite", "P5-postgresql"}),
        ("memory", {"P8-idle", "P4-sqlite", "P4-postgresql"}),
        ("P8-rebuild-sqlite", {"P4-sqlite"}),
    ],
)
def test_a_benchmark_is_found_by_its_name_its_number_or_the_id_of_a_result(text: str, names: set[str]) -> None:
    assert {benchmark.name for benchmark in BENCHMARKS if benchmark.matches(text)} == names


def test_help_lists_every_benchmark_with_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    printed = capsys.readouterr().out
    for benchmark in (*BENCHMARKS, *PROOFS):
        assert f"  {benchmark.title} " in printed
        assert benchmark.name in printed


def test_an_unknown_name_is_refused_before_anything_runs() -> None:
    with pytest.raises(SystemExit, match="unknown_benchmark"):
        main(["P99"])


def test_the_plot_of_growth_is_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "growth.png"

    plot(path, 1000, [10_000, 100_000, 1_000_000], {"command": [300.0, 310.0, 320.0], "KPI": [4.0, 5.0, 5.0]})

    assert path.read_bytes().startswith(b"\x89PNG")
