"""The catalogue of benchmarks, and the command that runs them."""

import argparse
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import commands, freshness, generate, growth, ingestion, memory, reads, rebuilding, soak
from bench import regressions as pitfalls
from bench.databases import BACKENDS
from bench.environment import Ground
from bench.results import RESULTS, Row, save, show


@dataclass(frozen=True)
class Benchmark:
    """Rows that are measured together. name: theirs begin with it, or with one of `also`."""

    name: str
    run: Callable[[Ground], list[Row]]
    also: tuple[str, ...] = ()

    def gives(self, wanted: str) -> bool:
        """Whether rows of a name, or whose names begin so, are among its own."""
        return any(name.startswith(wanted) or wanted.startswith(f"{name}-") for name in (self.name, *self.also))


def _each(backend: str) -> list[Benchmark]:
    return [
        Benchmark(f"P1-{backend}", partial(commands.over_http, backend=backend, views=False)),
        Benchmark(f"P1-{backend}-views", partial(commands.over_http, backend=backend, views=True)),
        *([Benchmark("P2", commands.beside_library)] if backend == "postgresql" else []),
        Benchmark(f"P3-{backend}", partial(ingestion.beside_inserts, backend=backend)),
        Benchmark(f"P4-{backend}", partial(rebuilding.beside_runner, backend=backend), (f"P8-rebuild-{backend}",)),
        Benchmark(f"P5-{backend}", partial(reads.kpis, backend=backend)),
        Benchmark(f"P6-{backend}", partial(reads.pages, backend=backend)),
        Benchmark(f"P7-{backend}", partial(freshness.append_to_visible, backend=backend)),
    ]


BENCHMARKS: Final[tuple[Benchmark, ...]] = (
    Benchmark("generator", generate.generator),
    *sorted((one for backend in BACKENDS for one in _each(backend)), key=lambda one: one.name[:2]),
    Benchmark("P8-idle", memory.idle),
    Benchmark("pitfall-statistics", pitfalls.without_statistics),
    *(
        Benchmark(f"pitfall-interpreter-lock-{one}", partial(pitfalls.beside_busy_loop, backend=one))
        for one in BACKENDS
    ),
    Benchmark("pitfall-def-endpoints", pitfalls.plain_functions),
    Benchmark("growth", growth.growth),
)
PROOFS: Final[tuple[Benchmark, ...]] = tuple(
    Benchmark(f"soak-{backend}", partial(soak.soak, backend=backend)) for backend in BACKENDS
)
"""What runs only when it is named; a goal that one of them misses is a failure."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs all benchmarks or those of a name, prints a table and writes the results."""
    told = _parser().parse_args(arguments)
    chosen = _chosen(told.name)
    console = Console(stderr=True)
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        console.print(
            f"[yellow]the machine is busy (load {load:.1f} on {cores} cores): ratios say more than figures[/]"
        )
    ground = Ground(seconds=told.seconds, scale=told.scale)
    if told.name is None:
        save([], keep=False)
    rows, failed = _run(chosen, ground, console)
    if told.json:
        print(json.dumps([asdict(one) for one in rows], indent=2, ensure_ascii=False))  # noqa: T201 - it is the answer
    else:
        show(rows, Console(width=None if sys.stdout.isatty() else 250))
        console.print(f"written to {RESULTS.name}")
    if failed:
        sys.exit(f"error: benchmarks_failed: {', '.join(failed)}")


def _chosen(name: str | None) -> list[Benchmark]:
    every = (*BENCHMARKS, *PROOFS)
    found = list(BENCHMARKS) if name is None else [one for one in every if one.name == name]
    found = found or [one for one in every if name is not None and one.gives(name)]
    if not found:
        sys.exit(f"error: unknown_benchmark: there are {', '.join(one.name for one in every)}")
    return found


def _run(chosen: Sequence[Benchmark], ground: Ground, console: Console) -> tuple[list[Row], list[str]]:
    rows: list[Row] = []
    failed = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=len(chosen))
        try:
            ground.databases.sweep()
            for one in chosen:
                ground.say = lambda doing, name=one.name: bar.update(task, description=f"{name}: {doing}")
                ground.say("beginning")
                try:
                    gave = one.run(ground)
                    rows += gave
                    save(gave)  # each time, for a run takes long and may be ended
                    if one in PROOFS and any(row.met is False for row in gave):
                        failed.append(one.name)
                except Exception as fault:  # noqa: BLE001 - one that fails costs no other
                    failed.append(one.name)
                    console.print(f"[red]{one.name} failed: {type(fault).__name__}: {fault}[/]")
                    console.print(traceback.format_exc(limit=-3), markup=False)
                bar.advance(task)
        finally:
            ground.close()
    return rows, failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Our figures beside what a user would pick instead."
    )
    parser.add_argument("name", nargs="?", help="one benchmark, or the beginning of several names; default: all")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long a row is measured, both sides together")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of the big tenant: 1 is 10,000 accounts and 1,000,000 events"
    )
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    return parser
