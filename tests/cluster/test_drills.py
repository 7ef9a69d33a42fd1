"""A node that is killed or frozen under load harms its own tenants only, and nobody loses or doubles anything."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep

import httpx
import pytest

from tests.cluster.conftest import SECONDS
from tests.cluster.load import Load, p99
from tests.cluster.service import Service, told
from tests.support.cluster import Cluster, Node

MOST_OF_A_TENANT_AWAY = 10.0
"""How long an answer may take to a tenant whose node is away, in seconds: nothing waits without bound."""


@dataclass(frozen=True)
class Times:
    """When a fault began, when it ended, and when the load did."""

    began: float
    fault: float
    mended: float
    ended: float


@contextmanager
def drill(
    service: Service, name: str, fault: Callable[[], None], mend: Callable[[], None]
) -> Iterator[tuple[Load, Times]]:
    """A load, in the midst of it a fault, and then what each drill looks at: nothing lost, nothing doubled, every view equal."""
    warned, load = len(service.cluster.warnings()), Load(service, name)
    before = {tenant_id: service.events(tenant_id)["opened"] for tenant_id in service.keys}
    began = monotonic()
    with load.running():
        sleep(SECONDS)
        at = monotonic()
        fault()
        sleep(SECONDS)
        mend()
        mended = monotonic()
        sleep(SECONDS)
        ended = monotonic()
    times = Times(began, at, mended, ended)
    lost = doubled = 0
    for tenant_id, tally in load.tallies.items():
        found = service.events(tenant_id)
        assert found["gaps"] == 0
        surplus = found["opened"] - before[tenant_id] - len(tally.ids)
        lost, doubled = lost + max(0, -surplus), doubled + max(0, surplus)
    report(service, name, load, times, lost, doubled)
    assert load.wrong() == []
    assert (lost, doubled) == (0, 0)
    yield load, times
    assert service.differing() == []
    assert told(service.cluster.warnings()[warned:]) == []


def report(service: Service, name: str, load: Load, times: Times, lost: int, doubled: int) -> None:
    """A line of figures, beside the log of the service."""
    line = {
        "drill": name,
        "acknowledged": load.acknowledged(),
        "lost": lost,
        "doubled": doubled,
        "longest_write": round(max(w.seconds for w in load.writes(service.keys, times.began, times.ended)), 3),
        "fault_seconds": round(times.mended - times.fault, 1),
    }
    for node in service.cluster.nodes[1:]:
        if mine := service.tenants_of(node):
            line[f"p99_before_node{node.number}"] = round(p99(load.writes(mine, times.began, times.fault)), 3)
            during = load.writes(mine, times.fault, times.mended)
            line[f"p99_fault_node{node.number}"] = round(p99(during), 3)
            line[f"rate_before_node{node.number}"] = round(
                len(load.writes(mine, times.began, times.fault)) / SECONDS, 1
            )
            line[f"rate_fault_node{node.number}"] = round(len(during) / (times.mended - times.fault), 1)
            line[f"longest_attempt_node{node.number}"] = round(load.longest(mine), 3)
    print(json.dumps(line), flush=True)  # noqa: T201 - what a drill is for


def assert_others_go_on(service: Service, load: Load, times: Times, node: Node) -> None:
    """The tenants of other nodes write at the pace of before, or at least half of it, while a node is away."""
    others = [tenant_id for tenant_id in service.keys if tenant_id not in service.tenants_of(node)]
    calm = load.writes(others, times.began, times.fault)
    during = load.writes(others, times.fault, times.mended)
    assert len(during) / (times.mended - times.fault) >= len(calm) / (times.fault - times.began) / 2
    assert p99(during) <= max(2 * p99(calm), 1.0)
    assert load.longest(service.tenants_of(node)) <= MOST_OF_A_TENANT_AWAY


@pytest.mark.parametrize("number", [1, 2])
def test_a_worker_that_is_killed_under_load_harms_its_own_tenants_only(service: Service, number: int) -> None:
    cluster, node = service.cluster, service.cluster.nodes[number]
    harmed = service.tenants_of(node)[0]
    healthy = next(tenant_id for tenant_id in service.keys if tenant_id not in service.tenants_of(node))
    endpoint = service.endpoint(healthy)

    def mend() -> None:
        # while it is away the others read, receive messages and are listed
        assert service.read(healthy).status_code == 200
        assert (
            httpx.post(endpoint, content=b"{}", timeout=30).status_code == 401
        )  # it knows whose it is: this has no signature
        listed = service.steward("tenants", "list", "--json", code=1)
        assert healthy in listed
        assert harmed not in listed
        assert service.read(healthy, "/metrics").status_code == 200
        assert service.read(harmed).status_code == 503
        assert "node_away" in service.read(harmed).text
        cluster.start(node)

    with drill(service, f"kill-{number}", lambda: cluster.kill(node), mend) as (load, times):
        assert_others_go_on(service, load, times, node)


@pytest.mark.parametrize("number", [1, 2])
def test_a_worker_that_is_frozen_under_load_harms_its_own_tenants_only(service: Service, number: int) -> None:
    cluster, node = service.cluster, service.cluster.nodes[number]

    def fault() -> None:
        cluster.freeze(node)
        sleep(SECONDS)

    def mend() -> None:
        healthy = next(tenant_id for tenant_id in service.keys if tenant_id not in service.tenants_of(node))
        assert service.read(healthy).status_code == 200
        assert service.read(healthy, "/metrics").status_code == 200
        began = monotonic()
        assert service.read(service.tenants_of(node)[0]).status_code == 503
        assert monotonic() - began < MOST_OF_A_TENANT_AWAY
        cluster.thaw(node)

    with drill(service, f"freeze-{number}", fault, mend) as (load, times):
        assert_others_go_on(service, load, times, node)


def test_a_coordinator_that_is_killed_under_load_loses_and_doubles_nothing(service: Service) -> None:
    cluster = service.cluster
    coordinator = cluster.nodes[0]
    with drill(service, "kill-0", lambda: cluster.kill(coordinator), lambda: cluster.start(coordinator)):
        pass


def test_steward_migrates_while_it_serves(service: Service) -> None:
    with drill(service, "migrate", lambda: print(service.steward("migrate")), lambda: None) as (load, times):  # noqa: T201 - what a drill is for
        assert max(write.seconds for write in load.writes(service.keys, times.began, times.ended)) < 10


def test_shards_move_to_a_new_node_while_steward_serves(service: Service, cluster: Cluster) -> None:
    def fault() -> None:
        node = cluster.add([service.name])
        with cluster.connect(cluster.nodes[0], service.name) as connection:
            connection.execute("SELECT rebalance_table_shards(shard_transfer_mode => 'force_logical')")
            moved = connection.execute(
                "SELECT count(*) FROM citus_shards WHERE nodeport = %s AND citus_table_type = 'distributed'",
                (node.port,),
            ).fetchone()
        assert moved is not None
        assert moved[0] > 0

    with drill(service, "rebalance", fault, lambda: None) as (load, times):
        assert max(write.seconds for write in load.writes(service.keys, times.began, times.ended)) < 10


def test_a_standby_takes_over_from_a_node_that_is_lost(service: Service, cluster: Cluster) -> None:
    node = next(node for node in cluster.nodes[1:] if service.tenants_of(node))
    standby = cluster.standby(node)
    with cluster.connect(node, "postgres") as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")

    def mend() -> None:
        cluster.take_over(service.name, standby, node)

    with drill(service, "standby", lambda: cluster.kill(node), mend) as (load, times):
        assert max(write.seconds for write in load.writes(service.keys, times.began, times.ended)) < 60
