"""P1 and P2: one command over HTTP, from a checked key to a commit that is on disk."""

import json
from functools import partial
from typing import Final

from bench.client import Load, Request, call, drive
from bench.ground import Furnished, Ground, furnished
from bench.rows import Goal, Row, row
from bench.servers import empty, steward

CONNECTIONS: Final = 64
BODY: Final = json.dumps(
    {
        "channel": "call",
        "direction": "inbound",
        "occurred_at": "2026-01-15T09:00:00Z",
        "subject": "Asked for a second campaign",
        "participants": [{"name": "Maria Sommer", "role": "client"}],
        "topics": ["campaign", "budget"],
        "duration_seconds": 900,
    }
).encode()
_GOALS: Final = {"sqlite": Goal(ratio_from=0.45), "postgresql": Goal(ratio_from=0.33)}
_WORK: Final = "one command over HTTP: key checked, decided, receipt, fsync, leaf; 64 connections, one worker"


def logged(accounts: tuple[str, ...], key: str, series: str, number: int) -> bytes:
    """The n-th request of a series: an interaction on one of the accounts, never the same twice."""
    path = f"/v1/accounts/{accounts[number % len(accounts)]}/interactions"
    return call("POST", path, key, BODY, Idempotency_Key=f"{series}-{number}")


def requests_on(house: Furnished, series: str) -> Request:
    """The requests of a series on a tenant's accounts."""
    return partial(logged, house.accounts, house.key, series)


def beside_empty(ground: Ground, house: Furnished, *, projector: bool) -> tuple[Load, Load]:
    """Our server and the empty one under the same load, in turns, so that both meet the same weather."""
    ours, peer, turns = Load(), Load(), 2
    with steward(ground.folder, house.url, projector=projector) as real, empty(ground.folder) as bare:
        for turn in range(turns):
            for name, port in (("ours", real.port), ("empty endpoint", bare.port)):
                ground.say(f"{name}, turn {turn + 1} of {turns}")
                requests = requests_on(house, f"{name[0]}{turn}")
                load = ground.aside(
                    drive, port, requests, CONNECTIONS, ground.seconds / 2 / turns, 0.5 if turn else 1.5
                )
                if load.failed:
                    raise RuntimeError(f"{name}: {load.failed} answers failed, the first with {load.first_fault}")
                ours, peer = (ours + load, peer) if port == real.port else (ours, peer + load)
    return ours, peer


def over_http(ground: Ground, backend: str, *, views: bool) -> list[Row]:
    """P1: with the views left to a worker, as the goal says; or, to tell, with the projector inside the server."""
    house = furnished(ground, backend)
    ours, peer = beside_empty(ground, house, projector=views)
    ground.databases.drop(house.url)
    work = _WORK + ("; views kept by the same process" if views else "")
    told = f"{work}; p50 {ours.at(0.5):.0f} ms, p99 {ours.at(0.99):.0f} ms"
    id_, goal = (f"P1-{backend}-views", Goal()) if views else (f"P1-{backend}", _GOALS[backend])
    return [row(id_, told, ours.rate, "requests/s", peer.rate, "empty async FastAPI endpoint", goal)]


def beside_library(ground: Ground) -> list[Row]:
    """P2: the same on PostgreSQL beside the library's own recorder, in process and without HTTP."""
    from bench.peers import save_events  # needs the library's PostgreSQL extra, which no other row does

    house = furnished(ground, "postgresql")
    library = ground.databases.library("row_p2_peer")
    ground.say("eventsourcing's recorder")
    peer = ground.aside(save_events, library, ground.seconds / 2)
    ground.say("ours")
    with steward(ground.folder, house.url, projector=False) as real:
        load = ground.aside(drive, real.port, requests_on(house, "p2"), CONNECTIONS, ground.seconds / 2, 1.5)
    if load.failed:
        raise RuntimeError(f"{load.failed} answers failed, the first with {load.first_fault}")
    name = "eventsourcing PostgreSQL recorder, one aggregate event a save, in process"
    return [row("P2", f"{_WORK}, PostgreSQL", load.rate, "commands/s", peer, name, Goal(ratio_from=4))]
