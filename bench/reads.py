"""P5 and P6: KPIs and pages of a big tenant, read over HTTP one after another.

No query comes twice, except for a KPI of a point in time as of now: there is only one such query.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlencode

from app.domain.kernel.values import add_days, add_months
from bench.client import Load, call, drive
from bench.environment import Environment
from bench.generate import Tenant, generated_tenant
from bench.histories import OWNERS
from bench.interleaving import interleaved, median_of
from bench.results import Goal, Result, compare
from bench.servers import Served, empty, steward
from projections.kpis import KPIS
from projections.kpis.base import Kpi

MoreParameters = Callable[[int, str], Mapping[str, str]]
"""Further parameters of a query, by its number and its day."""
LEAST_ANSWERS: Final = 40
"""The least number of answers in a turn from which a percentile is computed."""
TURNS: Final = 3
FIRST_DAY: Final = "2024-01-01"
DAYS: Final = 365
SPANS: Final = (1, 3, 12)
"""Months of a period: a month, a quarter, a year."""
READS_PER_TURN: Final = 100
"""The most queries of a kind in one turn; a turn's queries begin where the last turn's would have ended."""
_PAGES: Final = {"account": 15, "timeline": 15, "portfolio": 30}
_EMPTY: Final = "empty async FastAPI endpoint"


def nth_read(paths: tuple[str, ...], key: str, first: int, number: int) -> bytes:
    """The n-th read after a first one, of several paths that repeat in a circle."""
    return call("GET", paths[(first + number) % len(paths)], key)


def timed_reads(
    environment: Environment, served: Served, key: str, paths: Sequence[str], seconds: float, first: int = 0
) -> Load:
    """Reads one after another until the time is over and there are enough answers. Takes: the number of the first path."""
    request = partial(nth_read, tuple(paths), key, first)
    load = environment.run_in_process(drive, served.port, request, 1, seconds, 0.0, READS_PER_TURN).checked()
    if load.done < LEAST_ANSWERS:
        more = partial(nth_read, tuple(paths), key, first + load.done + load.late)
        load = (
            load
            + environment.run_in_process(drive, served.port, more, 1, 600.0, 0.0, LEAST_ANSWERS - load.done).checked()
        )
    return load


# --- P5 ---


@dataclass(frozen=True)
class KpiMethod:
    """A KPI by one of its methods."""

    kpi: Kpi
    method: str

    @property
    def name(self) -> str:
        """The name in results. It contains the method where the KPI has several."""
        return f"{self.kpi.name}-{self.method}" if len(self.kpi.methods) > 1 else self.kpi.name

    @property
    def plain(self) -> tuple[str, ...]:
        """Queries about all accounts, by what is known now."""
        return self.paths(_no_more)

    def paths(self, more_parameters: MoreParameters) -> tuple[str, ...]:
        """The paths of queries, each about other days. Takes: further parameters."""
        return tuple(f"/v1/kpis/{self.kpi.name}?{urlencode(self._parameters(n, more_parameters))}" for n in range(DAYS))

    def _parameters(self, number: int, more_parameters: MoreParameters) -> dict[str, str]:
        day = add_days(FIRST_DAY, number * 97 % DAYS)  # every day once, in an order that does not favour an index
        to = add_months(day, SPANS[number % len(SPANS)])
        period = {"from": day, "to": to} if self.kpi.kind == "period" else {}
        return {"method": self.method, **period, **more_parameters(number, to if period else day)}


KPI_METHODS: Final = tuple(KpiMethod(kpi, method) for kpi in KPIS for method in kpi.methods)


def _no_more(_number: int, _day: str) -> dict[str, str]:
    return {}


def _as_of(_number: int, day: str) -> dict[str, str]:
    return {"as_of": day}


def _owner(number: int, _day: str) -> dict[str, str]:
    return {"owner": f"manager-{number % OWNERS}"}


def _known_at(events: int, number: int, _day: str) -> dict[str, str]:
    return {"known_at": str(events * (number + DAYS) // (2 * DAYS + 1))}


def kpis(environment: Environment, backend: str) -> list[Result]:
    """P5: every KPI by every method: now, as of a day, known at a position, for one owner, and at a tenth of the events."""
    big = generated_tenant(environment, backend, environment.accounts, environment.events)
    small = generated_tenant(environment, backend, environment.accounts, max(1000, environment.events // 10))
    p95: dict[str, dict[str, float]] = {}
    with steward(environment.folder, big.url) as big_server, steward(environment.folder, small.url) as small_server:
        variants: dict[str, tuple[Served, Tenant, MoreParameters]] = {
            "now": (big_server, big, _no_more),
            "as-of": (big_server, big, _as_of),
            "known-at": (big_server, big, partial(_known_at, big.events)),
            "owner": (big_server, big, _owner),
            "small": (small_server, small, _no_more),
        }
        for served, tenant, _ in variants.values():
            timed_reads(
                environment, served, tenant.key, KPI_METHODS[0].plain, 0.0, DAYS - LEAST_ANSWERS
            )  # fills caches
        for kpi_method in KPI_METHODS:
            sides = {name: partial(_turn, environment, served, tenant.key, kpi_method.paths(more_parameters))
                     for name, (served, tenant, more_parameters) in variants.items()}  # fmt: skip
            by_side = interleaved(environment, sides, TURNS, seconds=environment.seconds / len(KPI_METHODS))
            p95[kpi_method.name] = {
                name: median_of(loads, lambda load: load.at(0.95)) for name, loads in by_side.items()
            }
    return list(_kpi_results(backend, big, small, p95))


def _turn(
    environment: Environment, served: Served, key: str, paths: tuple[str, ...], turn: int, seconds: float
) -> Load:
    return timed_reads(environment, served, key, paths, seconds, turn * READS_PER_TURN)


def _kpi_results(backend: str, big: Tenant, small: Tenant, p95: Mapping[str, Mapping[str, float]]) -> Iterator[Result]:
    """The slowest of all first, then the worst of each comparison, then each KPI."""
    size, at_tenth = f"{big.events:,} events, p95", f"the same at {small.events:,} events"
    slowest = max(p95, key=lambda name: p95[name]["now"])
    yield compare(f"P5-{backend}", f"slowest of {len(p95)} KPIs by method ({slowest}), {size}", p95[slowest]["now"], "ms",
              p95[slowest]["small"], at_tenth, Goal(ours_to=25))  # fmt: skip
    for variant, beside, name, of in (
        ("flat", "small", at_tenth, "now"),
        ("as-of", "now", "the same KPI now", "as-of"),
        ("known-at", "now", "the same KPI now", "known-at"),
    ):
        worst = max(p95, key=lambda kpi: p95[kpi][of] / p95[kpi][beside])
        yield compare(f"P5-{backend}-{variant}", f"{worst}, {of}, the worst ratio of all, {size}", p95[worst][of], "ms",
                  p95[worst][beside], name, Goal(ratio_to=1.5 if variant == "flat" else 2))  # fmt: skip
    narrow = max(p95, key=lambda kpi: p95[kpi]["owner"])
    yield compare(f"P5-{backend}-owner", f"{narrow} of one owner's accounts, the slowest of all, {size}", p95[narrow]["owner"], "ms",
              p95[narrow]["now"], "the same KPI of all accounts", Goal(ours_to=25))  # fmt: skip
    for kpi, figures in p95.items():
        yield compare(
            f"P5-{backend}-{kpi}", f"{kpi}, {size}", figures["now"], "ms", figures["small"], at_tenth, Goal(ours_to=25)
        )


# --- P6 ---


def page_paths(tenant: Tenant) -> dict[str, tuple[str, ...]]:
    """The paths of the pages, by kind."""
    return {
        "account": tuple(f"/v1/accounts/{account}" for account in tenant.accounts),
        "timeline": tuple(f"/v1/accounts/{account}/timeline" for account in tenant.accounts),
        "portfolio": tuple(f"/v1/accounts?owner=manager-{number}" for number in range(OWNERS)),
    }


def pages(environment: Environment, backend: str) -> list[Result]:
    """P6: the three pages that an account manager opens most, beside a read that does nothing."""
    big = generated_tenant(environment, backend, environment.accounts, environment.events)
    paths, results = page_paths(big), []
    with steward(environment.folder, big.url) as real, empty(environment.folder) as bare:
        for name, most in _PAGES.items():
            for served in (real, bare):
                timed_reads(environment, served, big.key, paths[name][-2:], 0.0)
            sides = {
                "ours": partial(_turn, environment, real, big.key, paths[name]),
                "empty": partial(_turn, environment, bare, big.key, paths[name]),
            }
            by_side = interleaved(environment, sides, seconds=environment.seconds / len(_PAGES))
            ours, peer = (median_of(by_side[side], lambda load: load.at(0.95)) for side in ("ours", "empty"))
            work = f"{name} page, {len(paths[name])} of them in turns, {environment.accounts:,} accounts, {big.events:,} events, p95"
            results.append(compare(f"P6-{backend}-{name}", work, ours, "ms", peer, _EMPTY, Goal(ours_to=most)))
    return results


def mean_kpi_latency(environment: Environment, served: Served, key: str) -> float:
    """The mean latency in milliseconds over all KPIs."""
    loads = [timed_reads(environment, served, key, kpi_method.plain, 0.0, LEAST_ANSWERS) for kpi_method in KPI_METHODS]
    return sum(sum(load.latencies) / load.done for load in loads) / len(loads) * 1000
