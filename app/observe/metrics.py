"""Metrics for Prometheus."""

from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

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
LAG = Gauge(
    "steward_view_lag_events", "How many events a view has not read yet.", ["tenant", "view"], registry=REGISTRY
)
PARKED = Gauge(
    "steward_view_parked", "1 while a view stands still at a poison event.", ["tenant", "view"], registry=REGISTRY
)


@lru_cache(maxsize=4096)
def answered(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The counter and the histogram of a kind of answer, cached: looking up labels costs more than counting."""
    return REQUESTS.labels(method, route, str(status)), SECONDS.labels(method, route)


@lru_cache(maxsize=256)
def appended(topic: str) -> Counter:
    """The counter of a type of events."""
    return APPENDED.labels(topic)


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)
