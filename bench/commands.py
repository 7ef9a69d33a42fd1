"""P1 and P2: one command over HTTP, from the check of its key to a commit that is on disk."""

import json
from collections.abc import Callable
from functools import partial
from typing import Final

from bench.client import Load, Request, call, drive
from bench.environment import Environment, WritableTenant, new_writable_tenant
from bench.interleaving import interleaved, median_of, total_load
from bench.results import Goal, Result, compare
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
_EMPTY: Final = "empty async FastAPI endpoint that takes the same requests"


def interaction_request(accounts: tuple[str, ...], key: str, series: str | None, number: int) -> bytes:
    """The n-th request of a series: an interaction on one of the accounts. No request comes twice.

    Takes: the series, from which its idempotency key is made; None for a client that sends no key.
    """
    path = f"/v1/accounts/{accounts[number % len(accounts)]}/interactions"
    headers = {"Idempotency_Key": f"{series}-{number}"} if series else {}
    return call("POST", path, key, BODY, **headers)


def requests_on(tenant: WritableTenant, series: str | None) -> Request:
    """The requests of a series on a tenant's accounts."""
    return partial(interaction_request, tenant.accounts, tenant.key, series)


def command_load(
    environment: Environment, tenant: WritableTenant, port: int, name: str | None
) -> Callable[[int, float], Load]:
    """A side that sends commands as fast as they are answered. Takes: the prefix of its idempotency keys, None for no keys."""

    def side(turn: int, seconds: float) -> Load:
        requests = requests_on(tenant, f"{name}{turn}" if name else None)
        return environment.run_in_process(drive, port, requests, CONNECTIONS, seconds, 0.5 if turn else 1.5).checked()

    return side


def over_http(environment: Environment, backend: str, *, views: bool) -> list[Result]:
    """P1: with the views left to a worker, as the goal says; or, for information, with the projector inside the server."""
    tenant = new_writable_tenant(environment, backend)
    with steward(environment.folder, tenant.url, projector=views) as real, empty(environment.folder) as bare:
        sides = {
            "ours": command_load(environment, tenant, real.port, "o"),
            "empty": command_load(environment, tenant, bare.port, "e"),
        }
        if not views:
            sides["keyless"] = command_load(environment, tenant, real.port, None)
        by_side = interleaved(environment, sides)
    environment.databases.drop(tenant.url)
    work = _WORK + ("; views updated by the same process" if views else "")

    def compared_with_empty(id_: str, side: str, how: str, goal: Goal) -> Result:
        load = total_load(by_side[side])
        measured = f"{work}; {how}; p50 {load.at(0.5):.0f} ms, p99 {load.at(0.99):.0f} ms"
        ours, peer = (median_of(by_side[name], lambda load: load.rate) for name in (side, "empty"))
        return compare(id_, measured, ours, "requests/s", peer, _EMPTY, goal)

    if views:
        return [compared_with_empty(f"P1-{backend}-views", "ours", "the client sends its own Idempotency-Key", Goal())]
    return [
        compared_with_empty(f"P1-{backend}", "ours", "the client sends its own Idempotency-Key", _GOALS[backend]),
        compared_with_empty(f"P1-{backend}-keyless", "keyless", "no Idempotency-Key: the server makes one", Goal()),
    ]


def beside_library(environment: Environment) -> list[Result]:
    """P2: the same on PostgreSQL, beside the eventsourcing library's own recorder in process and without HTTP."""
    from bench.peers import save_events  # needs the library's PostgreSQL extra; only P2 and P4 do

    tenant = new_writable_tenant(environment, "postgresql")
    library = environment.databases.library("row_p2_peer")
    with steward(environment.folder, tenant.url, projector=False) as real:
        ours = command_load(environment, tenant, real.port, "p2")
        by_side = interleaved(
            environment,
            {
                "ours": lambda turn, seconds: ours(turn, seconds).rate,
                "the library": lambda _turn, seconds: environment.run_in_process(save_events, library, seconds),
            },
        )
    environment.databases.drop(tenant.url)
    work = f"{_WORK}, PostgreSQL; the client sends its own Idempotency-Key"
    name = "eventsourcing's PostgreSQL recorder in process, without HTTP, one aggregate event a save"
    ours_rate, peer_rate = (median_of(by_side[side], float) for side in ("ours", "the library"))
    return [compare("P2", work, ours_rate, "commands/s", peer_rate, name, Goal(ratio_from=4))]
