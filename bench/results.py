"""Rows: what was measured, beside whom, and whether the goal was met."""

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
    """What must be reached: bounds on our figure, on its ratio to the peer's, or on both; none where a row only tells."""

    ours_from: float | None = None
    ours_to: float | None = None
    ratio_from: float | None = None
    ratio_to: float | None = None

    def text(self, unit: str) -> str:
        """As people read it."""
        told = [
            *([f"≥ {self.ours_from:,g} {unit}"] if self.ours_from is not None else []),
            *([f"≤ {self.ours_to:,g} {unit}"] if self.ours_to is not None else []),
            *([f"≥ {self.ratio_from:g} ×"] if self.ratio_from is not None else []),
            *([f"≤ {self.ratio_to:g} ×"] if self.ratio_to is not None else []),
        ]
        return ", ".join(told)

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
class Row:
    """A line of the result. ours, peer: in `unit`; ratio: ours / peer."""

    id: str
    work: str
    ours: float
    unit: str
    peer: float
    peer_name: str
    ratio: float
    goal: str
    met: bool | None


def row(id_: str, work: str, ours: float, unit: str, peer: float, peer_name: str, goal: Goal) -> Row:
    """A row of two figures of the same run. Raises: RuntimeError where there is nothing to compare."""
    if not (ours >= 0 and 0 < peer < float("inf")):
        raise RuntimeError(f"{id_}: {ours} beside {peer} cannot be compared")
    ratio = ours / peer
    return Row(
        id_, work, _short(ours), unit, _short(peer), peer_name, _short(ratio), goal.text(unit), goal.met(ours, ratio)
    )


def _short(figure: float) -> float:
    """Four digits that mean something."""
    return float(f"{figure:.4g}")


def save(rows: Sequence[Row], path: Path = RESULTS, *, keep: bool = True) -> None:
    """Writes rows. Takes: whether to keep what was measured before under other names."""
    before = json.loads(path.read_text()) if keep and path.exists() else []
    fresh = {one.id for one in rows}
    kept = [one for one in before if one["id"] not in fresh]
    path.write_text(json.dumps([*kept, *map(asdict, rows)], indent=2, ensure_ascii=False) + "\n")


def show(rows: Sequence[Row], console: Console) -> None:
    """Prints the rows of a run as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in (("id", "left"), ("ours", "right"), ("peer", "right"), ("unit", "left"), ("ratio", "right"),
                          ("goal", "left"), ("met", "left"), ("work", "left"), ("beside", "left")):  # fmt: skip
        table.add_column(name, justify=justify, no_wrap=name in ("id", "goal"))
    marks = {True: "[green]yes[/]", False: "[red]NO[/]", None: ""}
    for one in rows:
        table.add_row(one.id, f"{one.ours:,g}", f"{one.peer:,g}", one.unit, f"{one.ratio:,g}", one.goal, marks[one.met],
                      one.work, one.peer_name)  # fmt: skip
    console.print(table)
