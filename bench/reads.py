"""P5 and P6: KPIs and pages of a big tenant, asked over HTTP one after another."""

from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import urlencode

from bench.client import Load, call, drive
from bench.generate import Tenant, grown
from bench.ground import Ground
from bench.rows import Goal, Row, row
from bench.servers import Served, empty, steward
from bench.stories import OWNERS
from projections.kpis import KPIS

LEAST: Final = 20
"""How many answers a percentile rests on, at the least."""
MONTHS: Final = tuple(f"{year}-{month:02d}-01" for year in (2023, 2024, 2025) for month in range(1, 13))
_PAGES: Final = {"account": 15, "timeline": 15, "portfolio": 30}


def asked(paths: tuple[str, ...], key: str, number: int) -> bytes:
    """The n-th read, of several that come in turns."""
    return call("GET", paths[number % len(paths)], key)


def answers(ground: Ground, served: Served, key: str, paths: Sequence[str], seconds: float) -> Load:
    """Reads one after another, for a while and until there are enough to tell."""
    warm = ground.aside(drive, served.port, partial(asked, tuple(paths), key), 1, 60.0, most=2)
    load = ground.aside(drive, served.port, partial(asked, tuple(paths), key), 1, seconds)
    while not (load.failed or warm.failed) and load.done < LEAST:
        load = load + ground.aside(
            drive, served.port, partial(asked, tuple(paths), key), 1, 600.0, most=LEAST - load.done
        )
    if load.failed or warm.failed:
        raise RuntimeError(f"{paths[0]} failed: {load.first_fault or warm.first_fault}")
    return load


# --- P5 ---


def kpi_paths(name: str, *, as_of: bool = False, known_at: Sequence[int] = ()) -> list[str]:
    """A KPI of many months, about now, about an earlier day, or as it was known at earlier positions."""
    kind = next(kpi.kind for kpi in KPIS if kpi.name == name)
    paths = []
    for at, month in enumerate(MONTHS[12:]):
        asked_: dict[str, str] = {}
        if kind == "period":
            asked_ = {"from": MONTHS[at], "to": month}
        if as_of:
            asked_["as_of"] = month
        if known_at:
            asked_["known_at"] = str(known_at[at % len(known_at)])
        paths.append(f"/v1/kpis/{name}?{urlencode(asked_)}")
    return paths


def kpis(ground: Ground, backend: str) -> list[Row]:
    """P5: every KPI now, as of, and known at; and at a tenth of the events."""
    big = grown(ground, backend, ground.accounts, ground.events)
    small = grown(ground, backend, ground.accounts, max(1000, ground.events // 10))
    seconds = ground.seconds / len(KPIS)
    now: dict[str, float] = {}
    before: dict[str, float] = {}
    then: dict[str, dict[str, float]] = {"as-of": {}, "known-at": {}}
    known = [big.events * share // 24 for share in range(12, 24)]
    with steward(ground.folder, big.url) as much, steward(ground.folder, small.url) as little:
        for kpi in KPIS:
            ground.say(kpi.name)
            now[kpi.name] = answers(ground, much, big.key, kpi_paths(kpi.name), seconds).at(0.95)
            before[kpi.name] = answers(ground, little, small.key, kpi_paths(kpi.name), seconds).at(0.95)
            for name, paths in (
                ("as-of", kpi_paths(kpi.name, as_of=True)),
                ("known-at", kpi_paths(kpi.name, known_at=known)),
            ):
                then[name][kpi.name] = answers(ground, much, big.key, paths, seconds).at(0.95)
    return _kpi_rows(backend, big, small, now, before, then)


def _kpi_rows(
    backend: str,
    big: Tenant,
    small: Tenant,
    now: dict[str, float],
    before: dict[str, float],
    then: dict[str, dict[str, float]],
) -> list[Row]:
    size = f"{big.events:,} events, p95"
    rest = f"the same at {small.events:,} events"
    slowest = max(now, key=lambda name: now[name])
    steepest = max(now, key=lambda name: now[name] / before[name])
    rows = [
        row(f"P5-{backend}", f"slowest KPI ({slowest}), {size}", now[slowest], "ms", before[slowest], rest, Goal(ours_to=25)),
        row(f"P5-{backend}-flat", f"steepest KPI ({steepest}), {size}", now[steepest], "ms", before[steepest], rest,
            Goal(ratio_to=1.5)),
    ]  # fmt: skip
    for name, figures in then.items():
        worst = max(figures, key=lambda kpi: figures[kpi] / now[kpi])
        rows.append(row(f"P5-{backend}-{name}", f"{worst} {name}, the worst of all KPIs, {size}", figures[worst], "ms",
                        now[worst], "the same KPI now", Goal(ratio_to=2)))  # fmt: skip
    return rows + [
        row(f"P5-{backend}-{name}", f"{name}, {size}", figure, "ms", before[name], rest, Goal(ours_to=25))
        for name, figure in now.items()
    ]


# --- P6 ---


def pages(ground: Ground, backend: str) -> list[Row]:
    """P6: the three pages that an account manager opens all day, beside a read that does nothing."""
    big = grown(ground, backend, ground.accounts, ground.events)
    paths = {
        "account": [f"/v1/accounts/{account}" for account in big.accounts],
        "timeline": [f"/v1/accounts/{account}/timeline" for account in big.accounts],
        "portfolio": [f"/v1/accounts?owner=manager-{number}" for number in range(OWNERS)],
    }
    rows = []
    with steward(ground.folder, big.url) as real, empty(ground.folder) as bare:
        for name, most in _PAGES.items():
            ground.say(f"{name} page")
            ours = answers(ground, real, big.key, paths[name], ground.seconds / 4)
            peer = answers(ground, bare, big.key, paths[name], ground.seconds / 12)
            work = f"{name} page, {len(paths[name])} of them in turns, {ground.accounts:,} accounts, {big.events:,} events, p95"
            rows.append(row(f"P6-{backend}-{name}", work, ours.at(0.95), "ms", peer.at(0.95), "empty async FastAPI endpoint",
                            Goal(ours_to=most)))  # fmt: skip
    return rows


def mean_of_kpis(ground: Ground, served: Served, key: str) -> float:
    """Milliseconds of a KPI, over all of them."""
    loads = [answers(ground, served, key, kpi_paths(kpi.name), ground.seconds / len(KPIS) / 3) for kpi in KPIS]
    return sum(sum(load.latencies) / load.done for load in loads) / len(loads) * 1000
