"""P1 and P2: one command over HTTP, from a checked key to a commit that is on disk."""

import json
from collections.abc import Callable
from functools import partial
from typing import Final

from bench.client import Load, Request, call, drive
from bench.environment import Furnished, Ground, furnished
from bench.interleaving import in_turns, middle, together
from bench.results import Goal, Row, row
from bench.servers import empty

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
_EMPTY: Final = "empty async FastAPI endpoint that takes the same requests"


def logged(accounts: tuple[str, ...], key: str, series: str | None, number: int) -> bytes:
    """The n-th request of a series: an interaction on one of the accounts, never the same twice.

    Takes: the series that its idempotency key is made of; None for a client that sends no key.
    """
    path = f"/v1/accounts/{accounts[number % len(accounts)]}/interactions"
    said = {"Idempotency_Key": f"{series}-{number}"} if series else {}
    return call("POST", path, key, BODY, **said)


def requests_on(steward: Furnished, series: str | None) -> Request:
    """The requests of a series on a tenant's accounts."""
    return partial(logged, steward.accounts, steward.key, series)


def driven(ground: Ground, steward: Furnished, port: int, name: str | None) -> Callable[[int, float], Load]:
    """A side that sends commands as fast as they are answered. Takes: the beginning of its idempotency keys, if any."""

    def side(turn: int, seconds: float) -> Load:
        requests = requests_on(steward, f"{name}{turn}" if name else None)
        return ground.aside(drive, port, requests, CONNECTIONS, seconds, 0.5 if turn else 1.5).whole()

    return side


def over_http(ground: Ground, backend: str, *, views: bool) -> list[Row]:
    """P1: with the views left to a worker, as the goal says; or, to tell, with the projector inside the server."""
    steward = furnished(ground, backend)
    with steward(ground.folder, steward.url, projector=views) as real, empty(ground.folder) as bare:
        sides = {
            "ours": driven(ground, steward, real.port, "o"),
            "empty": driven(ground, steward, bare.port, "e"),
        }
        if not views:
            sides["keyless"] = driven(ground, steward, real.port, None)
        gave = in_turns(ground, sides)
    ground.databases.drop(steward.url)
    work = _WORK + ("; views kept by the same process" if views else "")

    def compared(id_: str, side: str, how: str, goal: Goal) -> Row:
        whole = together(gave[side])
        told = f"{work}; {how}; p50 {whole.at(0.5):.0f} ms, p99 {whole.at(0.99):.0f} ms"
        ours, peer = (middle(gave[name], lambda load: load.rate) for name in (side, "empty"))
        return row(id_, told, ours, "requests/s", peer, _EMPTY, goal)

    if views:
        return [compared(f"P1-{backend}-views", "ours", "the client sends its own Idempotency-Key", Goal())]
    return [
        compared(f"P1-{backend}", "ours", "the client sends its own Idempotency-Key", _GOALS[backend]),
        compared(f"P1-{backend}-keyless", "keyless", "no Idempotency-Key: the server makes one", Goal()),
    ]


def beside_library(ground: Ground) -> list[Row]:
    """P2: the same on PostgreSQL beside the library's own recorder, in process and without HTTP."""
    from bench.peers import save_events  # needs the library's PostgreSQL extra, which no other row does

    steward = furnished(ground, "postgresql")
    library = ground.databases.library("row_p2_peer")
    with steward(ground.folder, steward.url, projector=False) as real:
        ours = driven(ground, steward, real.port, "p2")
        gave = in_turns(
            ground,
            {
                "ours": lambda turn, seconds: ours(turn, seconds).rate,
                "the library": lambda _turn, seconds: ground.aside(save_events, library, seconds),
            },
        )
    ground.databases.drop(steward.url)
    work = f"{_WORK}, PostgreSQL; the client sends its own Idempotency-Key"
    name = "eventsourcing's PostgreSQL recorder in process, without HTTP, one aggregate event a save"
    ours_rate, peer_rate = (middle(gave[side], float) for side in ("ours", "the library"))
    return [row("P2", work, ours_rate, "commands/s", peer_rate, name, Goal(ratio_from=4))]
