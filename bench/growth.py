"""Growth: what a command, a rebuilt event and a KPI cost as the log grows, drawn by hand."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.client import drive
from bench.commands import requests_on
from bench.databases import copied
from bench.generate import grown
from bench.ground import Furnished, Ground
from bench.reads import mean_of_kpis
from bench.rebuilding import begin_and_end, rebuild
from bench.rows import Goal, Row, row
from bench.servers import steward

HERE: Final = Path(__file__).resolve().parent
ACCOUNTS: Final = 1000
SIZES: Final = (10_000, 100_000, 1_000_000)
COSTS: Final = {"command": "µs", "rebuilt event": "µs", "KPI": "ms"}


def growth(ground: Ground) -> list[Row]:
    """What each costs at 10^4, 10^5 and 10^6 events of the same 1,000 accounts, on SQLite; figures and a drawing beside them.

    A command's cost is a second divided by how many were done in it; a rebuilt event's is without the process's start.
    """
    accounts, sizes = max(10, int(ACCOUNTS * ground.scale)), [max(1000, int(size * ground.scale)) for size in SIZES]
    sizes = sorted(set(sizes))
    costs: dict[str, list[float]] = {name: [] for name in COSTS}
    for size in sizes:
        for name, cost in zip(COSTS, _costs(ground, accounts, size), strict=True):
            costs[name].append(cost)
    (HERE / "growth.json").write_text(
        json.dumps({"events": sizes, "accounts": accounts, "costs": costs}, indent=2) + "\n"
    )
    (HERE / "growth.svg").write_text(drawn(sizes, costs))
    work = f"cost of a {{}} at {sizes[-1]:,} events of {accounts:,} accounts, SQLite"
    return [
        row(f"growth-{name.replace(' ', '-')}", work.format(name), found[-1], COSTS[name], found[0], f"the same at {sizes[0]:,} events",
            Goal())
        for name, found in costs.items()
    ]  # fmt: skip


def _costs(ground: Ground, accounts: int, size: int) -> tuple[float, float, float]:
    tenant = grown(ground, "sqlite", accounts, size)
    ground.say(f"rebuilding {size:,} events")
    rebuilt = rebuild(ground, tenant).seconds - begin_and_end(ground, tenant)
    ground.say(f"KPIs at {size:,} events")
    with steward(ground.folder, tenant.url) as served:
        kpi = mean_of_kpis(ground, served, tenant.key)
    ground.say(f"commands at {size:,} events")
    target = ground.folder / "row_growth.db"
    house = Furnished(copied(tenant.url, target), tenant.tenant_id, tenant.key, tenant.accounts)
    with steward(ground.folder, house.url, projector=False) as served:
        load = ground.aside(drive, served.port, requests_on(house, "growth"), 16, ground.seconds / 3, 1.0)
    ground.databases.drop(house.url)
    if load.failed:
        raise RuntimeError(f"{load.failed} answers failed, the first with {load.first_fault}")
    return 1e6 / load.rate, rebuilt / size * 1e6, kpi


# --- drawing ---


def drawn(sizes: Sequence[int], costs: Mapping[str, Sequence[float]]) -> str:
    """An SVG with a panel for each cost, both axes from nothing, the events on a logarithmic one."""
    width, height, gap = 280, 200, 70
    parts = []
    for at, (name, found) in enumerate(costs.items()):
        left, top, high = gap + at * (width + gap), 40, max(found) * 1.15
        points = [
            (left + width * index / max(1, len(sizes) - 1), top + height * (1 - cost / high))
            for index, cost in enumerate(found)
        ]
        parts.append(f'<text x="{left}" y="{top - 14}" class="title">cost of a {name}, {COSTS[name]}</text>')
        parts.append(f'<path d="M{left} {top}V{top + height}H{left + width}" class="axis"/>')
        parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>')
        for (x, y), size, cost in zip(points, sizes, found, strict=True):
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
            parts.append(f'<text x="{x:.1f}" y="{y - 10:.1f}" class="label">{cost:.3g}</text>')
            parts.append(f'<text x="{x:.1f}" y="{top + height + 18}" class="label">10^{math.log10(size):.3g}</text>')
    total = (width + gap) * len(costs) + gap
    style = (
        "text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.label{text-anchor:middle}"
        ".axis{stroke:#999;fill:none}polyline{stroke:#1f5fa8;stroke-width:2;fill:none}circle{fill:#1f5fa8}"
    )
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} 290"><style>{style}</style>\n'
        f'<rect width="{total}" height="290" fill="#fff"/>\n{body}\n</svg>\n'
    )
