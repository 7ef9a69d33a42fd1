"""P8: the memory of an idle server."""

import time
from functools import partial

from bench.client import call, drive
from bench.environment import Environment, new_writable_tenant
from bench.results import Goal, Result, compare
from bench.servers import empty, steward


def _get(path: str, key: str, _number: int) -> bytes:
    return call("GET", path, key)


def idle(environment: Environment) -> list[Result]:
    """P8: a server with its projector after its first requests, beside the empty server."""
    tenant = new_writable_tenant(environment, "sqlite", accounts=100)
    idle_seconds = min(3.0, environment.seconds)
    with steward(environment.folder, tenant.url) as real, empty(environment.folder) as bare:
        for served in (real, bare):
            environment.run_in_process(
                drive, served.port, partial(_get, "/v1/accounts?limit=50", tenant.key), 1, 5.0, most=20
            )
        environment.say("idle")
        time.sleep(idle_seconds)
        ours, peer = real.memory(), bare.memory()
    environment.databases.drop(tenant.url)
    return [compare("P8-idle", "memory of an idle server", ours, "MB", peer, "empty FastAPI server", Goal(ours_to=150))]
