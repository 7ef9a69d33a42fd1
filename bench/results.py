"""Results: what was measured, what it is compared with, and whether the goal was met."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

RESULTS: Final = Path(__file__).resolve().parent / "results.json"


@dataclass(frozen=True)
class Goal:
    """The bounds of a figure, of its ratio to the peer's, or of both. A result without bounds is information only."""

    ours_from: float | None = None
    ours_to: float | None = None
    ratio_from: float | None = None
    ratio_to: float | None = None

    def text(self, unit: str) -> str:
        """The bounds as text."""
        bounds = [
            *([f"≥ {self.ours_from:,g} {unit}"] if self.ours_from is not None else []),
            *([f"≤ {self.ours_to:,g} {unit}"] if self.ours_to is not None else []),
            *([f"≥ {self.ratio_from:g} ×"] if self.ratio_from is not None else []),
            *([f"≤ {self.ratio_to:g} ×"] if self.ratio_to is not None else []),
        ]
        return ", ".join(bounds)

    def met(self, ours: float, ratio: float) -> bool | None:
        """Whether every bound holds; None where there is none."""
        if not self.text(""):
            return None
        return (
            (self.ours_from is None or ours >= self.ours_from)
            and (self.ours_to is None or ours <= self.ours_to)
            and (self.ratio_from is None or ratio >= self.ratio_from)
            and (self.ratio_to is None or ratio <= self.ratio_to)
        )


@dataclass(frozen=True)
class Result:
    """One line of the results. ours, peer: figures in `unit`; ratio: ours / peer."""

    id: str
    work: str
    ours: float
    unit: str
    peer: float
    peer_name: str
    ratio: float
    goal: str
    met: bool | None


def compare(id_: str, work: str, ours: float, unit: str, peer: float, peer_name: str, goal: Goal) -> Result:
    """The result of two figures of the same run. Raises: RuntimeError where they cannot be compared."""
    if not (ours >= 0 and 0 < peer < float("inf")):
        raise RuntimeError(f"{id_}: {ours} beside {peer} cannot be compared")
    ratio = ours / peer
    return Result(
        id=id_,
        work=work,
        ours=_short(ours),
        unit=unit,
        peer=_short(peer),
        peer_name=peer_name,
        ratio=_short(ratio),
        goal=goal.text(unit),
        met=goal.met(ours, ratio),
    )


def _short(figure: float) -> float:
    """A figure rounded to four significant digits."""
    return float(f"{figure:.4g}")


def save(results: Sequence[Result], path: Path = RESULTS, *, keep: bool = True) -> None:
    """Writes results to a file. Takes: whether to keep earlier results with other ids."""
    before = json.loads(path.read_text()) if keep and path.exists() else []
    measured = {result.id for result in results}
    kept = [result for result in before if result["id"] not in measured]
    path.write_text(json.dumps([*kept, *map(asdict, results)], indent=2, ensure_ascii=False) + "\n")


def show(results: Sequence[Result], console: Console) -> None:
    """Prints the results of a run as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "ours", "peer", "unit", "ratio", "goal", "met", "work", "beside"):
        is_number = name in ("ours", "peer", "ratio")
        table.add_column(name, justify="right" if is_number else "left", no_wrap=name in ("id", "goal"))
    marks = {True: "[green]yes[/]", False: "[red]NO[/]", None: ""}
    for result in results:
        table.add_row(result.id, f"{result.ours:,g}", f"{result.peer:,g}", result.unit, f"{result.ratio:,g}", result.goal,
                      marks[result.met], result.work, result.peer_name)  # fmt: skip
    console.print(table)
