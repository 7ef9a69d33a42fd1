"""P7: how long after a command is sent a reader can see it, at 500 commands a second."""

import math
import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Final

from app.bootstrap import build
from bench.client import Load, Seen, pace
from bench.commands import requests_on
from bench.environment import Furnished, Ground, furnished, settings_of
from bench.interleaving import in_turns, middle
from bench.results import Goal, Row, row
from bench.servers import Served

RATE: Final = 500
TURNS: Final = 3
CONNECTIONS: Final = 64
LOOK_SECONDS: Final = 0.005
VIEWS: Final = ("interactions", "accounts", "timeline")
"""Where an interaction shows. The slowest of them counts."""


def append_to_visible(ground: Ground, backend: str) -> list[Row]:
    """P7: from when a command was due to be sent until every view that shows it has it, beside its own acknowledgement."""
    steward = furnished(ground, backend)
    with steward(ground.folder, steward.url) as real:
        turns = in_turns(ground, {"ours": partial(_turn, ground, steward, real)}, TURNS)["ours"]
    ground.databases.drop(steward.url)
    ours, peer, median = (middle(turns, itemgetter(at)) for at in range(3))
    work = f"append to visible at {RATE} commands/s, the server's own projector, p99; p50 {median:.0f} ms"
    return [row(f"P7-{backend}", work, ours, "ms", peer, "the command's own 201, p99", Goal(ours_to=250))]


def _turn(ground: Ground, steward: Furnished, served: Served, turn: int, seconds: float) -> tuple[float, float, float]:
    """Milliseconds: visible p99, answered p99, visible p50."""
    ended = ground.begin(pace, served.port, requests_on(steward, f"p7-{turn}"), CONNECTIONS, RATE, seconds)
    load, seen, looks = watch(steward, ended)
    load.whole()
    visible = sorted(_seen_at(looks, one.position) - one.due for one in seen)
    return visible[math.ceil(len(visible) * 0.99) - 1] * 1000, load.at(0.99), visible[len(visible) // 2] * 1000


def watch(
    steward: Furnished, ended: Callable[[], tuple[Load, list[Seen]]]
) -> tuple[Load, list[Seen], list[tuple[int, float]]]:
    """Looks at the views' positions until all that was written is visible. Gives: also (position, when it was reached)."""
    result: list[tuple[Load, list[Seen]]] = []
    waiter = threading.Thread(target=lambda: result.append(ended()))
    waiter.start()
    looks: list[tuple[int, float]] = []
    runtime = build(settings_of(steward.url))
    try:
        while True:
            positions = runtime.projector.positions(steward.tenant_id)
            reached = min(positions[name] for name in VIEWS)
            if not looks or reached > looks[-1][0]:
                looks.append((reached, time.monotonic()))
            if result and reached >= max((one.position for one in result[0][1]), default=0):
                return *result[0], looks
            if not waiter.is_alive() and not result:
                raise RuntimeError("the client failed")
            time.sleep(LOOK_SECONDS)
    finally:
        waiter.join()
        runtime.close()


def _seen_at(looks: list[tuple[int, float]], position: int) -> float:
    return looks[bisect_left(looks, position, key=lambda look: look[0])][1]
