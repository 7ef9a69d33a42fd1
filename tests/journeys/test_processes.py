"""Several processes on one database: what one of them does, the others know of; what they count, they count together."""

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.api.test_kpi_certificates import CORRECTION, YEAR, fixture_client
from tests.api.test_policies import STRICT
from tests.api.test_proposals import GIVE, account, drafted
from tests.support.command_line import CommandLine
from tests.support.databases import Databases
from tests.support.processes import StewardProcess
from tests.support.server import Client, Server

PATIENCE_SECONDS = 90
BELIEVED = 0.3


@pytest.fixture(scope="module")
def both(databases: Databases) -> Iterator[tuple[Server, Server]]:
    """Two servers on one SQLite file, each with its own caches."""
    url = databases.fresh("sqlite")
    with Server(url, key_cache_seconds=BELIEVED) as one, Server(url, key_cache_seconds=BELIEVED) as other:
        yield one, other


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- two servers ---


def test_a_key_that_one_server_revokes_is_dead_in_the_other(both: tuple[Server, Server]) -> None:
    client = both[0].client()
    made = client.write("/v1/api-keys", {"role": "auditor"})
    there = both[1].client(made["api_key"])
    assert there.get("/v1/accounts").status_code == 200

    client.write(f"/v1/api-keys/{made['id']}/revocation", {"reason": "leaked"})

    eventually(lambda: there.get("/v1/accounts").status_code == 401)


def test_a_rule_that_one_server_puts_in_force_binds_the_next_command_of_the_other(both: tuple[Server, Server]) -> None:
    tenant = both[0].tenant()
    here, there = both[0].client(both[0].key(tenant)), both[1].client(both[0].key(tenant, "account_manager"))
    proposal = drafted(there, account(there))
    there.write(f"{proposal}/submission")
    given = {**GIVE, "value": "150.00"}
    binding = there.write(f"{proposal}/concessions", given)["events"]
    policy = f"/v1/policies/{here.write('/v1/policies', {'rules': STRICT})['id']}"

    here.write(f"{policy}/versions/1/activation", {"start": "2026-01-01"})
    waiting = there.write(f"{proposal}/concessions", given)["events"]
    here.write(f"{policy}/versions/1/retirement", {"end": "2026-01-02"})
    again = there.write(f"{proposal}/concessions", given)["events"]

    assert [len(events) for events in (binding, waiting, again)] == [1, 2, 1]


def test_a_version_that_the_other_server_wrote_can_be_matched(both: tuple[Server, Server]) -> None:
    client = fixture_client(both[0])
    there = both[1].client(client.headers["Authorization"].removeprefix("Bearer "))
    close = client.write("/v1/period-closes", {**YEAR, "kpis": ["mrr"]})["id"]
    client.write("/v1/contracts/ref:B-1/amendments", CORRECTION)
    there.position = client.position
    there.write(f"/v1/period-closes/{close}/restatements", {"reason": "It was recorded wrongly"})
    client.position = there.position

    again = client.post(f"/v1/period-closes/{close}/restatements", json={"reason": "Again"})
    matched = client.post(
        f"/v1/period-closes/{close}/restatements", json={"reason": "Again"}, headers={"If-Match": '"2"'}
    )

    assert [(answer.status_code, answer.json()["code"]) for answer in (again, matched)] == [
        (409, "nothing_restated")
    ] * 2


def test_two_servers_write_to_one_file_at_once_and_nothing_is_lost_or_doubled(both: tuple[Server, Server]) -> None:
    key = both[0].key(both[0].tenant())
    here, there = both[0].client(key), both[1].client(key)
    begun = 2  # the tenant, and the key

    def write(number: int) -> int:
        headers = {"Idempotency-Key": f"k{number // 2}"}  # each key comes to both servers
        body = {"name": f"Client {number // 2}", "currency": "EUR"}
        while (answer := (here, there)[number % 2].post("/v1/accounts", json=body, headers=headers)).status_code == 409:
            time.sleep(0.01)  # the other one is at it
        assert answer.status_code == 201, answer.text
        return int(answer.headers["Event-Position"])

    with ThreadPoolExecutor(8) as pool:
        positions = list(pool.map(write, range(60)))

    assert positions[::2] == positions[1::2]
    assert sorted(positions[::2]) == list(range(begun + 1, begun + 31))
    here.position = there.position = max(positions)
    assert len(there.read("/v1/accounts", limit=100)["data"]) == len(here.read("/v1/accounts", limit=100)["data"]) == 30


def test_an_account_and_a_role_that_one_server_takes_away_are_gone_in_the_other(both: tuple[Server, Server]) -> None:
    admin = both[0].client(both[0].key(both[0].tenant()))
    keys = {}
    for name in ("maria", "jonas"):
        user = admin.write("/v1/users", {"name": name, "external_ref": name})["id"]
        admin.write(f"/v1/users/{user}/roles", {"role": "account_manager", "start": "2020-01-01"})
        keys[name] = admin.write("/v1/api-keys", {"user": user})["api_key"]
    account = admin.write("/v1/accounts", {"name": "A", "currency": "EUR", "owner": "maria"})["id"]
    maria, jonas = both[1].client(keys["maria"]), both[1].client(keys["jonas"])
    named = {"name": "B"}
    eventually(lambda: maria.get(f"/v1/accounts/{account}").status_code == 200)
    assert jonas.post(f"/v1/accounts/{account}/name", json=named).status_code == 404

    admin.write(f"/v1/accounts/{account}/owner", {"owner": "jonas"})

    assert maria.post(f"/v1/accounts/{account}/name", json=named).status_code == 404
    assert jonas.post(f"/v1/accounts/{account}/name", json=named).status_code == 201
    eventually(lambda: maria.get(f"/v1/accounts/{account}").status_code == 404)
    admin.write("/v1/users/ref:jonas/roles/1/revocation")
    eventually(lambda: jonas.post(f"/v1/accounts/{account}/name", json={"name": "C"}).status_code == 403)


# --- the processes of one server ---


@pytest.fixture
def serving(tmp_path: Path, databases: Databases) -> Iterator[tuple[StewardProcess, str, str]]:
    """`steward serve` with two processes. Gives: also its address and a key."""
    shell = CommandLine(tmp_path, databases.fresh("sqlite"))
    key = shell.json("tenants", "create", "Agency")["api_key"]
    process = shell.start("serve", "--port", "0", "--workers", "2")
    address = process.stdout.readline().split()[-1]
    eventually(lambda: answers(address) and answers(address))
    children = psutil.Process(process.pid).children(recursive=True)
    yield process, address, key
    process.send_signal(signal.SIGTERM)
    for child in psutil.wait_procs(children, timeout=PATIENCE_SECONDS)[1]:
        child.kill()  # it holds what is read below
    process.communicate()


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/livez").status_code == 200
    except httpx.TransportError:
        return False


def reads(address: str, key: str, many: int) -> None:
    """As many reads, each on a connection of its own, so that both processes have some."""

    def read(_number: int) -> int:
        return httpx.get(f"{address}/v1/accounts", headers={"Authorization": f"Bearer {key}"}, timeout=30).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(many))) == {200}


def counted(address: str) -> int:
    """How many reads of accounts the figures tell of."""
    text = httpx.get(f"{address}/metrics").text
    (figure,) = re.findall(r'steward_requests_total{method="GET",route="/v1/accounts",status="200"} (\d+)', text)
    return int(figure)


def test_the_processes_of_a_server_count_together_and_end_when_nobody_could_stop_them_any_more(
    serving: tuple[StewardProcess, str, str],
) -> None:
    supervisor, address, key = serving
    reads(address, key, 40)
    assert {counted(address) for _ in range(8)} == {40}

    processes = psutil.Process(supervisor.pid).children(recursive=True)
    os.kill(supervisor.pid, signal.SIGKILL)
    _, left = psutil.wait_procs(processes, timeout=PATIENCE_SECONDS)
    assert left == []


def test_the_ceiling_of_an_agent_counts_what_all_processes_let_through(
    serving: tuple[StewardProcess, str, str],
) -> None:
    _, address, key = serving
    admin = Client(address, key)
    user = admin.write("/v1/users", {"name": "Maria", "external_ref": "maria"})["id"]
    admin.write(f"/v1/users/{user}/roles", {"role": "account_manager", "start": "2020-01-01"})
    account = admin.write("/v1/accounts", {"name": "A", "currency": "EUR", "owner": "maria"})["id"]
    bounds = {"may_execute": ["interactions.log"], "ceilings": {"commands_per_day": 7}}
    agent = admin.write("/v1/agents", {"name": "Assistant", "user": user, "purpose": "Helps", **bounds})["id"]
    keys = [admin.write("/v1/api-keys", {"agent": agent})["api_key"] for _ in range(2)]
    call = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-02T08:00:00Z"}

    def write(number: int) -> int:  # each on a connection of its own, which either process may take
        headers = {"Authorization": f"Bearer {keys[number % 2]}"}
        return httpx.post(
            f"{address}/v1/accounts/{account}/interactions", json=call, headers=headers, timeout=PATIENCE_SECONDS
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(write, range(24)))

    assert statuses == [201] * 7 + [403] * 17
