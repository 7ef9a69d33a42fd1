"""A real process of Steward on a distributed database, with tenants on each node, and what the drills ask of it in the end."""

import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from app.store.engine import Database
from app.store.placement import Placement
from tests.support.application import KEY
from tests.support.cluster import Cluster, Node, free_port
from tests.support.processes import StewardProcess


class Service:
    """`steward serve`, and as many tenants on each node as asked for. Takes: the cluster, its database, a folder to run in."""

    def __init__(self, cluster: Cluster, name: str, folder: Path, *, tenants: int = 2) -> None:
        self.cluster, self.name, self.folder = cluster, name, folder
        self.port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "STEWARD_DATABASE_URL": cluster.url(name),
            "STEWARD_VAULT_KEY": KEY,
            "STEWARD_WATCHERS": "false",
        }
        self.keys: dict[str, str] = {}
        self._database = Database(cluster.url(name))
        self.placement = Placement(self._database.directory)
        self._process = self._serve()
        if tenants:
            self._found(tenants)

    def _serve(self) -> StewardProcess:
        process = StewardProcess(["serve", "--port", str(self.port)], self.folder, self.environment)
        for _ in range(1200):
            assert process.poll() is None, process.stderr.read()
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200:
                    self._readers = [threading.Thread(target=file.read) for file in (process.stdout, process.stderr)]
                    for reader in self._readers:  # so that they are never full
                        reader.start()
                    return process
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise TimeoutError("the service is not ready")

    def add_tenant(self, name: str) -> str:
        """A new tenant, with a key of its own."""
        made = json.loads(self.steward("tenants", "create", name, "--json"))
        self.keys[made["tenant_id"]] = made["api_key"]
        return str(made["tenant_id"])

    def _found(self, tenants: int) -> None:
        """Makes tenants until each node has as many; those that are too many write nothing."""
        by_node: dict[str, list[str]] = {node: [] for node in self.placement.nodes()}
        while min((len(of_node) for of_node in by_node.values()), default=tenants) < tenants:
            tenant_id = self.add_tenant("Agency")
            of_node = by_node[self.placement.node_of(tenant_id) or ""]
            of_node.append(tenant_id)
            if len(of_node) > tenants:
                del self.keys[tenant_id]

    def steward(self, *words: str, code: int = 0) -> str:
        """A command's stdout. It must end with this code."""
        process = StewardProcess(words, self.folder, self.environment)
        stdout, stderr = process.communicate(300)
        assert process.returncode == code, (words, process.returncode, stdout[-2000:], stderr[-2000:])
        return stdout

    def tenants_of(self, node: Node) -> list[str]:
        """The tenants whose rows a node has."""
        self.placement = Placement(self._database.directory)
        name = f"127.0.0.1:{node.port}"
        return [tenant_id for tenant_id in self.keys if self.placement.node_of(tenant_id) == name]

    def events(self, tenant_id: str) -> dict[str, int]:
        """How many accounts were opened, and how many positions of the log are missing."""
        query = (
            "SELECT count(*) FILTER (WHERE type = 'account.opened'), count(*), max(position) "
            f"FROM events WHERE tenant_id = '{tenant_id}'"
        )
        opened, count, head = self.cluster.fetch(self.cluster.nodes[0], self.name, query)[0]
        return {"opened": opened, "gaps": head - count}

    def differing(self) -> list[dict[str, Any]]:
        """The views of any tenant that are not what the log gives."""
        compared = json.loads(self.steward("rebuild", "--verify", "--json", "--workers", "1"))
        assert {row["tenant_id"] for row in compared} >= set(self.keys)
        return [row for row in compared if not row["equal"]]

    def read(self, tenant_id: str, path: str = "/v1/accounts", seconds: float = 30) -> httpx.Response:
        """A tenant's read."""
        headers = {"Authorization": f"Bearer {self.keys[tenant_id]}"}
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=seconds)

    def endpoint(self, tenant_id: str) -> str:
        """A new webhook endpoint of a tenant, by its address."""
        headers = {"Authorization": f"Bearer {self.keys[tenant_id]}"}
        address = f"http://127.0.0.1:{self.port}/v1/webhook-endpoints"
        made = httpx.post(address, json={"provider": "standard-webhooks"}, headers=headers, timeout=30)
        assert made.status_code == 201, made.text
        return f"http://127.0.0.1:{self.port}/v1/inbound/standard-webhooks/{made.json()['id']}"

    def close(self) -> None:
        """Ends the process."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        for reader, file in zip(self._readers, (self._process.stdout, self._process.stderr), strict=True):
            reader.join()
            file.close()
        self._database.close()


def told(warnings: Sequence[str]) -> list[str]:
    """The warnings that say more than that a node was away."""
    away = (
        "terminating connection", "server closed the connection", "connect", "Connection refused", "starting up",
        "shutting down", "recovery mode",
        "failed to commit transaction", "could not receive data", "in recovery", "there is no client connection",
        "unexpected EOF", "administrator command", "could not open directory", "some useless files",
    )  # fmt: skip
    return [warning for warning in warnings if not any(known in warning for known in away)]
