"""P7: the time from a command to the moment when a reader can see it, at 500 commands a second."""

import math
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Final

from app.bootstrap import build
from bench.client import Acknowledged, Load, pace
from bench.commands import requests_on
from bench.environment import Environment, WritableTenant, new_writable_tenant, settings_of
from bench.interleaving import interleaved, median_of
from bench.results import Goal, Result, compare
from bench.servers import Served, steward

RATE: Final = 500
TURNS: Final = 3
CONNECTIONS: Final = 64
POLL_SECONDS: Final = 0.005
VIEWS: Final = ("interactions", "accounts", "timeline")
"""The views that show an interaction. The slowest of them counts."""


def append_to_visible(environment: Environment, backend: str) -> list[Result]:
    """P7: from when a command was due to be sent until all its views show it, beside the command's own acknowledgement."""
    tenant = new_writable_tenant(environment, backend)
    with steward(environment.folder, tenant.url) as real:
        turns = interleaved(environment, {"ours": partial(_turn, environment, tenant, real)}, TURNS)["ours"]
    environment.databases.drop(tenant.url)
    ours, peer, median = (median_of(turns, itemgetter(at)) for at in range(3))
    work = f"append to visible at {RATE} commands/s, the server's own projector, p99; p50 {median:.0f} ms"
    return [compare(f"P7-{backend}", work, ours, "ms", peer, "the command's own 201, p99", Goal(ours_to=250))]


def _turn(
    environment: Environment, tenant: WritableTenant, served: Served, turn: int, seconds: float
) -> tuple[float, float, float]:
    """Milliseconds: visible p99, answered p99, visible p50."""
    ended = environment.start_in_process(
        pace, served.port, requests_on(tenant, f"p7-{turn}"), CONNECTIONS, RATE, seconds
    )
    load, acknowledged, observed = watch(tenant, ended)
    load.checked()
    visible = sorted(_visible_at(observed, write.position) - write.due for write in acknowledged)
    return visible[math.ceil(len(visible) * 0.99) - 1] * 1000, load.at(0.99), visible[len(visible) // 2] * 1000


def watch(
    tenant: WritableTenant, ended: Callable[[], tuple[Load, list[Acknowledged]]]
) -> tuple[Load, list[Acknowledged], list[tuple[int, float]]]:
    """Polls the views' positions until every write is visible. Gives: also pairs of a position and when it was reached."""
    result: list[tuple[Load, list[Acknowledged]]] = []
    waiter = threading.Thread(target=lambda: result.append(ended()))
    waiter.start()
    observed: list[tuple[int, float]] = []
    runtime = build(settings_of(tenant.url))
    try:
        while True:
            positions = runtime.projector.positions(tenant.tenant_id)
            reached = min(positions[name] for name in VIEWS)
            if not observed or reached > observed[-1][0]:
                observed.append((reached, time.monotonic()))
            if result and reached >= max((write.position for write in result[0][1]), default=0):
                return *result[0], observed
            if not waiter.is_alive() and not result:
                raise RuntimeError("the client failed")
            time.sleep(POLL_SECONDS)
    finally:
        waiter.join()
        runtime.close()


def _visible_at(observed: list[tuple[int, float]], position: int) -> float:
    return observed[bisect_left(observed, position, key=lambda pair: pair[0])][1]
