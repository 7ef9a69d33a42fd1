"""Growth: what a command, a rebuilt event and a KPI cost as the log grows; rows, and a plot of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.client import drive
from bench.commands import requests_on
from bench.generate import grown
from bench.environment import Furnished, Ground
from bench.reads import mean_of_kpis
from bench.rebuilding import begin_and_end, rebuild
from bench.results import Goal, Row, row
from bench.servers import steward

PLOT: Final = Path(__file__).resolve().parent / "growth.png"
ACCOUNTS: Final = 1000
SIZES: Final = (10_000, 100_000, 1_000_000)
_TICK_SECONDS: Final = 0.01
"""The least that processor time can tell."""
COSTS: Final = {"command": "µs", "rebuilt event": "µs", "KPI": "ms"}


def growth(ground: Ground) -> list[Row]:
    """What each costs at 10^4, 10^5 and 10^6 events of the same 1,000 accounts, on SQLite.

    A command's cost is a second divided by how many were done in it; a rebuilt event's is
    processor time, without the process's start.
    """
    accounts = max(10, int(ACCOUNTS * ground.scale))
    sizes = sorted({max(1000, int(size * ground.scale)) for size in SIZES})
    costs: dict[str, list[float]] = {name: [] for name in COSTS}
    for size in sizes:
        for name, cost in zip(COSTS, _costs(ground, accounts, size), strict=True):
            costs[name].append(cost)
    plot(PLOT, accounts, sizes, costs)
    return [
        row(f"growth-{name.lower().replace(' ', '-')}-{size}", f"cost of a {name} at {size:,} events of {accounts:,} accounts, SQLite",
            cost, COSTS[name], found[0], f"the same at {sizes[0]:,} events", Goal())
        for name, found in costs.items() for size, cost in zip(sizes, found, strict=True)
    ]  # fmt: skip


def _costs(ground: Ground, accounts: int, size: int) -> tuple[float, float, float]:
    tenant = grown(ground, "sqlite", accounts, size)
    ground.say(f"rebuilding {size:,} events")
    rebuilt = max(rebuild(ground, tenant.url, tenant.tenant_id).cpu - begin_and_end(ground, tenant), _TICK_SECONDS)
    ground.say(f"KPIs at {size:,} events")
    with steward(ground.folder, tenant.url) as served:
        kpi = mean_of_kpis(ground, served, tenant.key)
    ground.say(f"commands at {size:,} events")
    steward = Furnished(ground.databases.twin(tenant.url, "row_growth"), tenant.tenant_id, tenant.key, tenant.accounts)
    with steward(ground.folder, steward.url, projector=False) as served:
        load = ground.aside(drive, served.port, requests_on(steward, "growth"), 16, ground.seconds / len(SIZES), 1.0).whole()
    ground.databases.drop(steward.url)
    return 1e6 / load.rate, rebuilt / size * 1e6, kpi


def plot(path: Path, accounts: int, sizes: Sequence[int], costs: Mapping[str, Sequence[float]]) -> None:
    """Draws a panel for each cost, both axes logarithmic, so that a flat line is a cost that does not grow."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # needs no screen
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"What each costs as the log of {accounts:,} accounts grows (SQLite)")
    for axes, (name, found) in zip(figure.subplots(1, len(costs)), costs.items(), strict=True):
        axes.loglog(sizes, found, marker="o", color="tab:blue")
        axes.set_title(f"a {name}")
        axes.set_xlabel("events in the log")
        axes.set_ylabel(f"cost, {COSTS[name]}")
        axes.set_xlim(min(sizes) / 2, max(sizes) * 2)
        axes.set_ylim(min(found) / 10, max(found) * 10)  # else noise would fill the panel and look like growth
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.grid(visible=True, alpha=0.4)
        for size, cost in zip(sizes, found, strict=True):
            axes.annotate(f"{float(f'{cost:.3g}'):,g} {COSTS[name]}", (size, cost), textcoords="offset points", xytext=(0, 10), ha="center")
    figure.savefig(path, dpi=150)
