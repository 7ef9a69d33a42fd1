"""Growth: the cost of a command, of a rebuilt event and of a KPI as the log grows, as results and as a plot."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.client import drive
from bench.commands import requests_on
from bench.generate import generated_tenant
from bench.environment import WritableTenant, Environment
from bench.reads import mean_kpi_latency
from bench.rebuilding import start_cost, rebuild
from bench.results import Goal, Result, compare
from bench.servers import steward

PLOT: Final = Path(__file__).resolve().parent / "growth.png"
ACCOUNTS: Final = 1000
SIZES: Final = (10_000, 100_000, 1_000_000)
_TICK_SECONDS: Final = 0.01
"""The smallest step in which the system counts processor time."""
COSTS: Final = {"command": "µs", "rebuilt event": "µs", "KPI": "ms"}


def growth(environment: Environment) -> list[Result]:
    """The cost of each at 10^4, 10^5 and 10^6 events of the same 1,000 accounts, on SQLite.

    A command's cost is one second divided by the number of commands done in it. A rebuilt event's cost is
    processor time, without the start of the process.
    """
    accounts = max(10, int(ACCOUNTS * environment.scale))
    sizes = sorted({max(1000, int(size * environment.scale)) for size in SIZES})
    costs: dict[str, list[float]] = {name: [] for name in COSTS}
    for size in sizes:
        for name, cost in zip(COSTS, _costs(environment, accounts, size), strict=True):
            costs[name].append(cost)
    plot(PLOT, accounts, sizes, costs)
    return [
        compare(f"growth-{name.lower().replace(' ', '-')}-{size}", f"cost of a {name} at {size:,} events of {accounts:,} accounts, SQLite",
            cost, COSTS[name], series[0], f"the same at {sizes[0]:,} events", Goal())
        for name, series in costs.items() for size, cost in zip(sizes, series, strict=True)
    ]  # fmt: skip


def _costs(environment: Environment, accounts: int, size: int) -> tuple[float, float, float]:
    tenant = generated_tenant(environment, "sqlite", accounts, size)
    environment.say(f"rebuilding {size:,} events")
    rebuilt = max(rebuild(environment, tenant.url, tenant.tenant_id).cpu - start_cost(environment, tenant), _TICK_SECONDS)
    environment.say(f"KPIs at {size:,} events")
    with steward(environment.folder, tenant.url) as served:
        kpi = mean_kpi_latency(environment, served, tenant.key)
    environment.say(f"commands at {size:,} events")
    copied = WritableTenant(environment.databases.copy(tenant.url, "row_growth"), tenant.tenant_id, tenant.key, tenant.accounts)
    with steward(environment.folder, copied.url, projector=False) as served:
        load = environment.run_in_process(drive, served.port, requests_on(copied, "growth"), 16, environment.seconds / len(SIZES), 1.0).checked()
    environment.databases.drop(copied.url)
    return 1e6 / load.rate, rebuilt / size * 1e6, kpi


def plot(path: Path, accounts: int, sizes: Sequence[int], costs: Mapping[str, Sequence[float]]) -> None:
    """Draws one panel for each cost. Both axes are logarithmic: a flat line is a cost that does not grow."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # works without a screen
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"What each costs as the log of {accounts:,} accounts grows (SQLite)")
    for axes, (name, series) in zip(figure.subplots(1, len(costs)), costs.items(), strict=True):
        axes.loglog(sizes, series, marker="o", color="tab:blue")
        axes.set_title(f"a {name}")
        axes.set_xlabel("events in the log")
        axes.set_ylabel(f"cost, {COSTS[name]}")
        axes.set_xlim(min(sizes) / 2, max(sizes) * 2)
        axes.set_ylim(min(series) / 10, max(series) * 10)  # a narrower range would make noise look like growth
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.grid(visible=True, alpha=0.4)
        for size, cost in zip(sizes, series, strict=True):
            axes.annotate(f"{float(f'{cost:.3g}'):,g} {COSTS[name]}", (size, cost), textcoords="offset points", xytext=(0, 10), ha="center")
    figure.savefig(path, dpi=150)
