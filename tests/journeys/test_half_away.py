"""A database half of which is away holds up nobody but those whose rows are in it; when it is back they go on where they were."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import worker as worker_module
from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Unavailable
from app.read_side.projector import Projector
from app.worker import Worker
from tests.domain.contract.contracts import signed
from tests.services.deadlines.renewals_factory import events
from tests.support.application import Steward
from tests.support.command_line import CommandLine
from tests.support.databases import Databases
from tests.support.half_away import without
from tests.support.server import Server
from tests.webhooks.senders import sender

FAULT = "node_away"


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.fresh("postgresql")


@pytest.fixture
def steward(url: str) -> Iterator[Steward]:
    """An application on PostgreSQL."""
    made = Steward(url)
    yield made
    made.close()


def opened(steward: Steward, tenant: str, name: str) -> str:
    """A new account of a tenant."""
    return steward.do(OpenAccount(name=name, currency="EUR"), tenant=tenant).id


def at_head(projector: Projector, tenant: str) -> bool:
    """Whether every view of a tenant has read all there is."""
    return set(projector.positions(tenant).values()) == {projector.log.head(tenant)}


def test_commands_views_and_watchers_of_the_others_go_on(
    steward: Steward, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "REST_SECONDS", 0)
    lost, other = steward.tenant, steward.new_tenant("Other")
    before = opened(steward, lost, "Before")
    worker, projector = Worker(steward.runtime), steward.runtime.projector

    with without(url, lost):
        with pytest.raises(Unavailable, match=FAULT):
            opened(steward, lost, "Meanwhile")
        with pytest.raises(Unavailable, match=FAULT):
            steward.runtime.log.after(lost, 0, 10)
        steward.tenant = other
        signed(steward)
        steward.clock.set("2026-10-10T12:00:00Z")
        for _ in range(2):  # the second round has what the watchers appended
            while worker.update_views():
                pass
            worker.append_what_is_due()
        lags = {(tenant, view): lag for (tenant, view), (lag, _) in projector.everybody().items()}

    assert events(steward, "renewal.opened")
    assert at_head(projector, other)
    assert (lags[other, "accounts"], lags[lost, "accounts"]) == (0, 2)

    after = opened(steward, lost, "After")
    while worker.update_views() or not at_head(projector, lost):
        pass
    assert {row.account for row in steward.rows("accounts", tenant=lost)} == {before, after}


def test_messages_of_the_others_are_taken_in_and_those_of_the_lost_wait(steward: Steward, url: str) -> None:
    lost, other = steward.tenant, steward.new_tenant("Other")
    for tenant in (lost, other):
        steward.tenant = tenant
        sender(steward, key=tenant).deliver({"type": "account.opened", "data": {"name": "B", "currency": "EUR"}})

    def accounts(tenant: str) -> int:
        return sum(event.type == "account.opened" for event in steward.runtime.log.after(tenant, 0, 100))

    with without(url, lost):
        steward.runtime.inbox.work()
        assert accounts(other) == 1
    assert accounts(lost) == 0
    steward.runtime.inbox._swept_at = None  # as after a second
    steward.runtime.inbox.work()
    assert accounts(lost) == 1
    assert accounts(other) == 1


def test_the_command_line_lists_the_others_and_names_whom_it_left_out(
    steward: Steward, url: str, tmp_path: Path
) -> None:
    lost, other = steward.tenant, steward.new_tenant("Other")
    steward.catch_up()
    command = CommandLine(tmp_path, url)

    with without(url, lost):
        states = {each["tenant_id"]: each["away"] for each in command.json("status")}
        listed = command.run("tenants", "list", "--json")
        watched = command.run("watch", "--json")

    assert states == {lost: FAULT, other: None}
    for done in (listed, watched):
        assert done.returncode != 0
        assert [row["tenant_id"] for row in json.loads(done.stdout)] == [other]
        assert f"not done for {lost} ({FAULT})" in done.stderr


def test_a_server_answers_the_others_and_refuses_the_lost_by_name(url: str) -> None:
    with Server(url, watchers=True, metrics_seconds=0) as server:
        tenant_id = server.tenant()
        lost, other = server.client(server.key(tenant_id)), server.client()
        lost.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})

        with without(url, tenant_id):
            written = lost.post("/v1/accounts", json={"name": "Meanwhile", "currency": "EUR"})
            read = lost.get("/v1/accounts")
            seen = other.write("/v1/accounts", {"name": "Harbour", "currency": "EUR"})["id"]
            found = other.read("/v1/accounts")["data"]
            ready, figures = other.get("/readyz"), other.get("/metrics")

        assert {(answer.status_code, answer.json()["code"]) for answer in (written, read)} == {(503, FAULT)}
        assert [row["id"] for row in found] == [seen]
        assert (ready.status_code, figures.status_code) == (200, 200)
        lost.write("/v1/accounts", {"name": "After", "currency": "EUR"})
        assert len(lost.read("/v1/accounts")["data"]) == 2
