"""P5 and P6: KPIs and pages of a big tenant, asked over HTTP one after another.

No question comes twice, but for a KPI of a point in time now, about which there is only one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlencode

from app.domain.kernel.values import add_days, add_months
from bench.client import Load, call, drive
from bench.environment import Ground
from bench.generate import Tenant, grown
from bench.histories import OWNERS
from bench.interleaving import in_turns, middle
from bench.results import Goal, Row, row
from bench.servers import Served, empty, steward
from projections.kpis import KPIS
from projections.kpis.base import Kpi

Also = Callable[[int, str], Mapping[str, str]]
"""What a question asks besides, by its number and its day."""
LEAST: Final = 40
"""How many answers a percentile rests on at a turn, at the least."""
TURNS: Final = 3
FIRST_DAY: Final = "2024-01-01"
DAYS: Final = 365
SPANS: Final = (1, 3, 12)
"""Months of a period: a month, a quarter, a year."""
ROOM: Final = 100
"""How many questions of a kind a turn may ask before they would meet those of the next."""
_PAGES: Final = {"account": 15, "timeline": 15, "portfolio": 30}
_EMPTY: Final = "empty async FastAPI endpoint"


def asked(paths: tuple[str, ...], key: str, first: int, number: int) -> bytes:
    """The n-th read behind a first one, of several that come in turns."""
    return call("GET", paths[(first + number) % len(paths)], key)


def answers(ground: Ground, served: Served, key: str, paths: Sequence[str], seconds: float, first: int = 0) -> Load:
    """Reads one after another, for a while and until there are enough to tell. Takes: which path comes first."""
    request = partial(asked, tuple(paths), key, first)
    load = ground.aside(drive, served.port, request, 1, seconds, 0.0, ROOM).whole()
    if load.done < LEAST:
        more = partial(asked, tuple(paths), key, first + load.done + load.late)
        load = load + ground.aside(drive, served.port, more, 1, 600.0, 0.0, LEAST - load.done).whole()
    return load


# --- P5 ---


@dataclass(frozen=True)
class Figure:
    """A KPI by one of its methods."""

    kpi: Kpi
    method: str

    @property
    def name(self) -> str:
        """As rows call it: the method is told where there are several."""
        return f"{self.kpi.name}-{self.method}" if len(self.kpi.methods) > 1 else self.kpi.name

    @property
    def plain(self) -> tuple[str, ...]:
        """Questions about all accounts, as things are now known."""
        return self.paths(_nothing)

    def paths(self, also: Also) -> tuple[str, ...]:
        """Questions about it, each about other days. Takes: what else is asked, by number and day."""
        return tuple(f"/v1/kpis/{self.kpi.name}?{urlencode(self._question(n, also))}" for n in range(DAYS))

    def _question(self, number: int, also: Also) -> dict[str, str]:
        day = add_days(FIRST_DAY, number * 97 % DAYS)  # every day once, in no order that an index would like
        to = add_months(day, SPANS[number % len(SPANS)])
        period = {"from": day, "to": to} if self.kpi.kind == "period" else {}
        return {"method": self.method, **period, **also(number, to if period else day)}


FIGURES: Final = tuple(Figure(kpi, method) for kpi in KPIS for method in kpi.methods)


def _nothing(_number: int, _day: str) -> dict[str, str]:
    return {}


def _as_of(_number: int, day: str) -> dict[str, str]:
    return {"as_of": day}


def _owner(number: int, _day: str) -> dict[str, str]:
    return {"owner": f"manager-{number % OWNERS}"}


def _known_at(events: int, number: int, _day: str) -> dict[str, str]:
    return {"known_at": str(events * (number + DAYS) // (2 * DAYS + 1))}


def kpis(ground: Ground, backend: str) -> list[Row]:
    """P5: every KPI by every method: now, as of, known at, of one owner, and at a tenth of the events."""
    big = grown(ground, backend, ground.accounts, ground.events)
    small = grown(ground, backend, ground.accounts, max(1000, ground.events // 10))
    p95: dict[str, dict[str, float]] = {}
    with steward(ground.folder, big.url) as much, steward(ground.folder, small.url) as little:
        ways: dict[str, tuple[Served, Tenant, Also]] = {
            "now": (much, big, _nothing),
            "as-of": (much, big, _as_of),
            "known-at": (much, big, partial(_known_at, big.events)),
            "owner": (much, big, _owner),
            "small": (little, small, _nothing),
        }
        for served, tenant, _ in ways.values():
            answers(ground, served, tenant.key, FIGURES[0].plain, 0.0, DAYS - LEAST)  # connections, caches
        for figure in FIGURES:
            sides = {name: partial(_asked, ground, served, tenant.key, figure.paths(also))
                     for name, (served, tenant, also) in ways.items()}  # fmt: skip
            gave = in_turns(ground, sides, TURNS, seconds=ground.seconds / len(FIGURES))
            p95[figure.name] = {name: middle(loads, lambda load: load.at(0.95)) for name, loads in gave.items()}
    return list(_kpi_rows(backend, big, small, p95))


def _asked(ground: Ground, served: Served, key: str, paths: tuple[str, ...], turn: int, seconds: float) -> Load:
    return answers(ground, served, key, paths, seconds, turn * ROOM)


def _kpi_rows(backend: str, big: Tenant, small: Tenant, p95: Mapping[str, Mapping[str, float]]) -> Iterator[Row]:
    """The worst of all first, then the worst of each comparison, then each by itself."""
    size, rest = f"{big.events:,} events, p95", f"the same at {small.events:,} events"
    slowest = max(p95, key=lambda name: p95[name]["now"])
    yield row(f"P5-{backend}", f"slowest of {len(p95)} KPIs by method ({slowest}), {size}", p95[slowest]["now"], "ms",
              p95[slowest]["small"], rest, Goal(ours_to=25))  # fmt: skip
    for way, beside, name, of in (
        ("flat", "small", rest, "now"),
        ("as-of", "now", "the same KPI now", "as-of"),
        ("known-at", "now", "the same KPI now", "known-at"),
    ):
        worst = max(p95, key=lambda one: p95[one][of] / p95[one][beside])
        yield row(f"P5-{backend}-{way}", f"{worst}, {of}, the worst ratio of all, {size}", p95[worst][of], "ms",
                  p95[worst][beside], name, Goal(ratio_to=1.5 if way == "flat" else 2))  # fmt: skip
    narrow = max(p95, key=lambda one: p95[one]["owner"])
    yield row(f"P5-{backend}-owner", f"{narrow} of one owner's accounts, the slowest of all, {size}", p95[narrow]["owner"], "ms",
              p95[narrow]["now"], "the same KPI of all accounts", Goal(ours_to=25))  # fmt: skip
    for one, figures in p95.items():
        yield row(
            f"P5-{backend}-{one}", f"{one}, {size}", figures["now"], "ms", figures["small"], rest, Goal(ours_to=25)
        )


# --- P6 ---


def page_paths(tenant: Tenant) -> dict[str, tuple[str, ...]]:
    """Where the pages are, by kind."""
    return {
        "account": tuple(f"/v1/accounts/{account}" for account in tenant.accounts),
        "timeline": tuple(f"/v1/accounts/{account}/timeline" for account in tenant.accounts),
        "portfolio": tuple(f"/v1/accounts?owner=manager-{number}" for number in range(OWNERS)),
    }


def pages(ground: Ground, backend: str) -> list[Row]:
    """P6: the three pages that an account manager opens all day, beside a read that does nothing."""
    big = grown(ground, backend, ground.accounts, ground.events)
    paths, rows = page_paths(big), []
    with steward(ground.folder, big.url) as real, empty(ground.folder) as bare:
        for name, most in _PAGES.items():
            for served in (real, bare):
                answers(ground, served, big.key, paths[name][-2:], 0.0)
            sides = {
                "ours": partial(_asked, ground, real, big.key, paths[name]),
                "empty": partial(_asked, ground, bare, big.key, paths[name]),
            }
            gave = in_turns(ground, sides, seconds=ground.seconds / len(_PAGES))
            ours, peer = (middle(gave[side], lambda load: load.at(0.95)) for side in ("ours", "empty"))
            work = f"{name} page, {len(paths[name])} of them in turns, {ground.accounts:,} accounts, {big.events:,} events, p95"
            rows.append(row(f"P6-{backend}-{name}", work, ours, "ms", peer, _EMPTY, Goal(ours_to=most)))
    return rows


def mean_of_kpis(ground: Ground, served: Served, key: str) -> float:
    """Milliseconds of a KPI, over all of them."""
    loads = [answers(ground, served, key, figure.plain, 0.0, LEAST) for figure in FIGURES]
    return sum(sum(load.latencies) / load.done for load in loads) / len(loads) * 1000
