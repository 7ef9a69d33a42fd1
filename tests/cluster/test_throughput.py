"""What being distributed costs: commands a second on a cluster, beside the same PostgreSQL alone, in turns of one run."""

import json
import threading
from collections.abc import Sequence
from time import monotonic

import pytest

from app.domain.account.commands import OpenAccount
from tests.cluster.conftest import SECONDS, prepared
from tests.support.application import Steward
from tests.support.cluster import Cluster

WRITERS = 16
TURNS = 3
LEAST = 0.4
"""As how much of one PostgreSQL's pace a cluster must keep up, on the same machine, all nodes of which share its cores."""


@pytest.mark.parametrize("tenants", [1, 8])
def test_a_cluster_keeps_up_with_one_postgresql(cluster: Cluster, tenants: int) -> None:
    # given the same PostgreSQL, with and without being distributed
    alone = Steward(cluster.url(prepared(cluster, f"alone{tenants}", distributed=False)))
    spread = Steward(cluster.url(prepared(cluster, f"spread{tenants}")))
    worlds = {"alone": alone, "spread": spread}
    owners = {name: [world.new_tenant("Agency") for _ in range(tenants)] for name, world in worlds.items()}
    # when both take writes in turns
    rates: dict[str, list[float]] = {name: [] for name in worlds}
    for turn in range(TURNS):
        for name, world in worlds.items():
            rates[name].append(pace(world, owners[name], f"{turn}"))
    # then
    best = {name: max(seen) for name, seen in rates.items()}
    ratio = best["spread"] / best["alone"]
    figures = {name: [round(rate) for rate in seen] for name, seen in rates.items()}
    print(json.dumps({"throughput": tenants, **figures, "ratio": round(ratio, 2)}), flush=True)  # noqa: T201 - what it is for
    for world in worlds.values():
        world.close()
    assert ratio >= LEAST


def pace(steward: Steward, tenants: Sequence[str], turn: str) -> float:
    """How many commands a second some writers have acknowledged."""
    counts, end = [0] * WRITERS, monotonic() + SECONDS / 2

    def write(number: int) -> None:
        while monotonic() < end:
            command = OpenAccount(name="one", currency="EUR")
            steward.do(command, tenant=tenants[number % len(tenants)], key=f"{turn}-{number}-{counts[number]}")
            counts[number] += 1

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    began = monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (monotonic() - began)
