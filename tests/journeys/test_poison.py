"""An event in the log that a view cannot fold: the alarm, who goes on meanwhile, and the day it is mended."""

import re
import time
from typing import Any

import httpx
import pytest
from eventsourcing.persistence import StoredEvent

from app.domain.recorded import Recorded
from projections import VIEWS
from projections.view import View
from tests.support.server import Client, Server

POISON = "contract.amended"
BROKEN = {"contract_lines"}
"""The view that reads what an amendment changes. Views by account, as that of renewals, skip events without one."""


def written(client: Client, name: str) -> dict[str, Any]:
    """An account with a contract. Gives: the contract's receipt."""
    account = client.post("/v1/accounts", json={"name": name, "currency": "EUR"}).json()["id"]
    line = {"line": "main", "product": "retainer", "kind": "recurring", "quantity": "1", "unit_price": "100.00"}
    draft = {"currency": "EUR", "start": "2026-01-01", "lines": [{**line, "interval": "month"}]}
    receipt: dict[str, Any] = client.post(f"/v1/accounts/{account}/contracts", json=draft).json()
    return receipt


def standing(server: Server, tenant: str, head: int) -> dict[str, int]:
    """Where views stand once all that can has come to the head."""
    projector = server.runtime.projector
    for _ in range(3000):
        positions = projector.positions(tenant)
        if all(at == head or name in projector.parked(tenant) for name, at in positions.items()):
            return {name: at for name, at in positions.items() if at < head}
        time.sleep(0.02)
    raise AssertionError(f"the views do not come to the head: {positions}")


def alarms(server: Server, tenant: str) -> set[str]:
    """The views that are parked, by the metrics."""
    metrics = httpx.get(f"{server.url}/metrics").text
    return set(re.findall(rf'steward_view_parked{{tenant="{tenant}",view="(\w+)"}} 1\.0', metrics))


def mended(view: View[Any]) -> Any:
    """The view's fold in code that knows what to make of the event."""
    fold = view.on[POISON]

    def passes(rows: Any, recorded: Recorded, where: Any) -> Any:
        return fold(rows, recorded, where) if recorded.data else rows

    return passes


def test_a_poison_event_raises_an_alarm_holds_up_nobody_else_and_is_folded_once_the_code_is_mended(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server(database_url, metrics_tenants=True, metrics_seconds=0) as server:
        tenant, other = server.tenant(), server.tenant("Other")
        client, neighbour = server.client(server.key(tenant)), server.client(server.key(other))
        contract = written(client, "Northwind")
        server.runtime.log.recorder(tenant).insert_events(
            [StoredEvent(contract["id"], contract["version"] + 1, POISON, b'{"data":{},"meta":{},"salt":""}')]
        )
        poison = server.runtime.log.head(tenant)
        later = written(client, "After")["position"]
        elsewhere = written(neighbour, "Elsewhere")["position"]

        assert standing(server, tenant, later) == dict.fromkeys(BROKEN, poison - 1)
        assert standing(server, other, elsewhere) == {}
        assert (alarms(server, tenant), alarms(server, other)) == (BROKEN, set())
        assert len(client.get("/v1/accounts").json()["data"]) == 2

    for view in VIEWS:
        if view.name in BROKEN:
            monkeypatch.setitem(view.on, POISON, mended(view))  # type: ignore[arg-type]  # it is a dict; nobody else may change it
    with Server(database_url, metrics_tenants=True, metrics_seconds=0) as server:
        for _ in range(3000):  # the alarm stands in the table until the first turn of the new code
            if not server.runtime.projector.parked(tenant):
                break
            time.sleep(0.02)
        assert standing(server, tenant, later) == {}
        assert alarms(server, tenant) == set()
        positions = server.runtime.projector.positions(tenant)
        assert set(positions.values()) == {later}
