"""P8: what a server that rests weighs."""

import time
from functools import partial

from bench.client import call, drive
from bench.environment import Ground, furnished
from bench.results import Goal, Row, row
from bench.servers import empty


def _get(path: str, key: str, _number: int) -> bytes:
    return call("GET", path, key)


def idle(ground: Ground) -> list[Row]:
    """P8: our server with its projector after its first requests, beside the one that does nothing."""
    steward = furnished(ground, "sqlite", accounts=100)
    rests = min(3.0, ground.seconds)
    with steward(ground.folder, steward.url) as real, empty(ground.folder) as bare:
        for served in (real, bare):
            ground.aside(drive, served.port, partial(_get, "/v1/accounts?limit=50", steward.key), 1, 5.0, most=20)
        ground.say("resting")
        time.sleep(rests)
        ours, peer = real.weight(), bare.weight()
    ground.databases.drop(steward.url)
    return [
        row("P8-idle", "memory of a server that rests", ours, "MB", peer, "empty FastAPI server", Goal(ours_to=150))
    ]
