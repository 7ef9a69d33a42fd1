"""Metrics for Prometheus: of one process, or of all the processes of a server together."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from shutil import rmtree
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "steward_requests_total", "Requests by route and status.", ["method", "route", "status"], registry=REGISTRY
)
SECONDS = Histogram(
    "steward_request_seconds",
    "How long requests took.",
    ["method", "route"],
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
APPENDED = Counter("steward_events_appended_total", "Events appended by type.", ["type"], registry=REGISTRY)
REFUSALS = Counter("steward_refusals_total", "Refusals by code.", ["code"], registry=REGISTRY)


@lru_cache(maxsize=4096)
def answered(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The counter and the histogram of a kind of answer, cached: looking up labels costs more than counting."""
    return REQUESTS.labels(method, route, str(status)), SECONDS.labels(method, route)


@lru_cache(maxsize=256)
def appended(topic: str) -> Counter:
    """The counter of a type of events."""
    return APPENDED.labels(topic)


def exposition() -> bytes:
    """All metrics in Prometheus' text format: those of this process, or of all that count together with it."""
    return generate_latest(_Together() if values.ValueClass._multiprocess else REGISTRY)


def forget() -> None:
    """Removes what processes counted together, where nobody else will."""
    if values.ValueClass._multiprocess:
        with suppress(ValueError):  # another process has removed the folder already
            rmtree(_Together().folder, ignore_errors=True)


class _Together(MultiProcessCollector):
    """The counts of all processes that keep them in one folder, as the library lets them where its variable names one."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[no-untyped-call]  # the library has no types
        self.folder = Path(self._path)

    def collect(self) -> Any:
        """The metrics. A file that has no content yet belongs to a process that begins just now."""
        files = [str(file) for file in sorted(self.folder.glob("*.db")) if file.stat().st_size and _counts(file)]
        return self.merge(files)  # type: ignore[no-untyped-call]  # the library has no types


def _counts(file: Path) -> bool:
    """Whether a file of counts is still about something: what stands in a process ends with it, what it has counted does not."""
    if not file.name.startswith("gauge_live"):
        return True
    try:
        os.kill(int(file.stem.rpartition("_")[2]), 0)
    except ProcessLookupError:
        return False
    return True


def views_exposition(figures: Mapping[tuple[str, ...], tuple[int, int]], *, of_tenants: bool) -> bytes:
    """How far views have read. Takes: by view, or with `of_tenants` by tenant and view, the lag and in how many cases it is parked."""
    return generate_latest(_Views(figures, ["tenant", "view"] if of_tenants else ["view"]))


class _Views(Collector):
    def __init__(self, figures: Mapping[tuple[str, ...], tuple[int, int]], labels: Iterable[str]) -> None:
        self._figures = figures
        self._labels = list(labels)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        lag = GaugeMetricFamily(
            "steward_view_lag_events", "How many events a view has not read yet, at the worst.", labels=self._labels
        )
        parked = GaugeMetricFamily(
            "steward_view_parked", "For how many tenants a view stands still at a poison event.", labels=self._labels
        )
        for names, (behind, still) in self._figures.items():
            lag.add_metric(names, behind)
            parked.add_metric(names, still)
        yield from (lag, parked)
