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

from bench import (
    bulkheads,
    commands,
    fleet,
    freshness,
    generate,
    growth,
    ingestion,
    memory,
    reach,
    reads,
    rebuilding,
    regressions,
    soak,
    upgrading,
)
from bench.databases import BACKENDS
from bench.environment import Environment
from bench.results import RESULTS, Result, save, show

GOALS: Final = {
    "P1": ("command", "one command over HTTP"),
    "P2": ("command-library", "one command over HTTP beside the eventsourcing library's recorder"),
    "P3": ("ingestion", "events of another system, a thousand a request"),
    "P4": ("rebuild", "all views of a tenant rebuilt"),
    "P5": ("kpis", "every KPI of a big tenant over HTTP"),
    "P6": ("pages", "the three pages that an account manager opens most"),
    "P7": ("freshness", "from a command to the moment when a reader can see it"),
    "P8": ("memory", "the memory of an idle server and of a rebuild"),
}
"""The numbers of the performance goals, each with its name and its meaning. Results bear the number."""


@dataclass(frozen=True)
class Benchmark:
    """Results that are measured together.

    name: what the ids of its results begin with, unless they begin with one of `also`. does: what is measured.
    """

    name: str
    run: Callable[[Environment], list[Result]]
    does: str
    also: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The name with the goal's name in place of its number: `command-sqlite` for `P1-sqlite`."""
        return _titled(self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """Everything that selects it, exactly or by its beginning."""
        ids = (self.name, *self.also)
        return (*ids, *map(_titled, ids))

    def matches(self, text: str) -> bool:
        """Whether a text is the beginning of one of its names, or the id of one of its results."""
        return any(name.startswith(text) or text.startswith(f"{name}-") for name in self.names)


def _titled(name: str) -> str:
    number, dash, rest = name.partition("-")
    return f"{GOALS[number][0]}{dash}{rest}" if number in GOALS else name


def _goal(
    name: str, run: Callable[[Environment], list[Result]], suffix: str = "", also: tuple[str, ...] = ()
) -> Benchmark:
    return Benchmark(name, run, GOALS[name[:2]][1] + suffix, also)


def _of_backend(backend: str) -> list[Benchmark]:
    command = partial(commands.over_http, backend=backend)
    return [
        _goal(f"P1-{backend}", partial(command, views=False)),
        _goal(f"P1-{backend}-views", partial(command, views=True), ", views updated by the same process"),
        *([_goal("P2", commands.beside_library)] if backend == "postgresql" else []),
        _goal(f"P3-{backend}", partial(ingestion.beside_inserts, backend=backend)),
        _goal(f"P4-{backend}", partial(rebuilding.beside_runner, backend=backend), also=(f"P8-rebuild-{backend}",)),
        _goal(f"P5-{backend}", partial(reads.kpis, backend=backend)),
        _goal(f"P6-{backend}", partial(reads.pages, backend=backend)),
        _goal(f"P7-{backend}", partial(freshness.append_to_visible, backend=backend)),
    ]


def _by_goal(benchmark: Benchmark) -> str:
    return benchmark.name[:2]


BENCHMARKS: Final[tuple[Benchmark, ...]] = (
    Benchmark("generator", generate.generator, "writing the big tenant's log"),
    *sorted((benchmark for backend in BACKENDS for benchmark in _of_backend(backend)), key=_by_goal),
    Benchmark("P8-idle", memory.idle, "the memory of an idle server"),
    Benchmark("regression-statistics", regressions.without_statistics, "a batch on tables without statistics"),
    *(
        Benchmark(
            f"regression-interpreter-lock-{backend}",
            partial(regressions.beside_busy_loop, backend=backend),
            "a batch beside a busy event loop",
        )
        for backend in BACKENDS
    ),
    Benchmark("regression-def-endpoints", regressions.plain_functions, "`async def` endpoints beside plain functions"),
    *(
        Benchmark(f"bulkhead-{name}", partial(bulkheads.beside_trouble, name=name), f"the others while {what}")
        for name, (_, what) in bulkheads.TROUBLES.items()
    ),
    *(
        Benchmark(
            f"reach-{backend}", partial(reach.reads, backend=backend), "reads of who reaches a part of the tenant"
        )
        for backend in BACKENDS
    ),
    Benchmark("growth", growth.growth, "the cost of commands, rebuilt events and KPIs as the log grows"),
)
PROOFS: Final[tuple[Benchmark, ...]] = (
    *(
        Benchmark(f"soak-{backend}", partial(soak.soak, backend=backend), "a rebuild under load; runs only when named")
        for backend in BACKENDS
    ),
    Benchmark("soak-servers", fleet.soak, "two servers whose processes are killed under load; runs only when named"),
    Benchmark("upgrade", upgrading.rolling, "a rolling upgrade from the version OLD; runs only when named"),
)
"""What runs only when it is named. A goal that one of them misses is a failure."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs all benchmarks or those of a name, prints a table and writes the results."""
    options = _parser().parse_args(arguments)
    chosen = _chosen(options.name)
    console = Console(stderr=True)
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores / 2:
        console.print(
            f"[yellow]the machine is busy (load {load:.1f} on {cores} cores): ratios say more than figures[/]"
        )
    environment = Environment(seconds=options.seconds, scale=options.scale)
    if options.name is None:
        save([], keep=False)
    results, failed = _run(chosen, environment, console)
    if options.json:
        print(json.dumps([asdict(result) for result in results], indent=2, ensure_ascii=False))  # noqa: T201 - it is the output
    else:
        show(results, Console(width=None if sys.stdout.isatty() else 250))
        console.print(f"written to {RESULTS.name}")
    if failed:
        sys.exit(f"error: benchmarks_failed: {', '.join(failed)}")


def _chosen(name: str | None) -> list[Benchmark]:
    if name is None:
        return list(BENCHMARKS)
    every = (*BENCHMARKS, *PROOFS)
    exact = [benchmark for benchmark in every if name in (benchmark.name, benchmark.title)]
    chosen = exact or [benchmark for benchmark in every if benchmark.matches(name)]
    if not chosen:
        sys.exit(f"error: unknown_benchmark: there are {', '.join(benchmark.title for benchmark in every)}")
    return chosen


def _run(chosen: Sequence[Benchmark], environment: Environment, console: Console) -> tuple[list[Result], list[str]]:
    results: list[Result] = []
    failed = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("", total=len(chosen))
        try:
            environment.databases.sweep()
            for benchmark in chosen:
                environment.say = lambda activity, title=benchmark.title: bar.update(  # type: ignore[misc]
                    task, description=f"{title}: {activity}"
                )
                environment.say("beginning")
                try:
                    measured = benchmark.run(environment)
                    results += measured
                    save(measured)  # after each benchmark, because a run is long and may be stopped
                    if benchmark in PROOFS and any(result.met is False for result in measured):
                        failed.append(benchmark.name)
                except Exception as fault:  # noqa: BLE001 - a benchmark that fails must not stop the others
                    failed.append(benchmark.name)
                    console.print(f"[red]{benchmark.name} failed: {type(fault).__name__}: {fault}[/]")
                    console.print(traceback.format_exc(limit=-3), markup=False)
                bar.advance(task)
        finally:
            environment.close()
    return results, failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Steward's figures beside what a user would pick instead.",
        epilog=_listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "name", nargs="?", help="one benchmark, or the beginning of several names; default: all but soak"
    )
    parser.add_argument(
        "--seconds", type=float, default=10.0, help="how long a benchmark is measured, all sides together; default: 10"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of the big tenant: 1 is 10,000 accounts and 1,000,000 events"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    return parser


def _listing() -> str:
    lines = [
        f"  {benchmark.title:40}{benchmark.name if benchmark.title != benchmark.name else '':22}{benchmark.does}"
        for benchmark in (*BENCHMARKS, *PROOFS)
    ]
    small = "run one of them small:\n  python -m bench command-sqlite --scale 0.01 --seconds 2"
    return "\n".join(["benchmarks, with the id that their results begin with:", *lines, "", small])
