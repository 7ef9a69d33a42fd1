"""Who has read what of persons stands in a log of its own before they have it."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from app.domain.kernel.errors import Unavailable
from app.store.read_log import ReadLog
from app.store.tables import reads
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Client, Server


@pytest.fixture(scope="module", params=BACKENDS)
def server(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Server]:
    with Server(databases.fresh(request.param)) as made:
        yield made


class Agency:
    """An agency with an auditor, and somebody whose name can be read."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.admin = server.client()
        self.tenant: str = self.admin.read("/v1/me")["tenant"]["id"]
        self.auditor = server.client(server.key(self.tenant, "auditor"))
        self.maria = self.admin.write("/v1/users", {"name": "Maria Lindqvist"})["id"]
        server.runtime.projector.catch_up(self.tenant)

    def log(self, **asked: Any) -> list[dict[str, Any]]:
        """What an auditor finds in the read log, the oldest first."""
        rows: list[dict[str, Any]] = self.auditor.read("/v1/audit/reads", **asked)["data"]
        return rows[::-1]


@pytest.fixture
def agency(server: Server) -> Agency:
    return Agency(server)


def test_an_answer_that_shows_something_of_a_person_is_recorded_with_who_what_and_why(agency: Agency) -> None:
    path = f"/v1/users/{agency.maria}"
    answer = agency.admin.get(path, headers={"Steward-Reason": "She has called"})
    assert answer.json()["name"] == "Maria Lindqvist"

    (read,) = agency.log(kind="personal")

    assert (read["operation"], read["target"], read["texts"]) == ("users.get", path, 1)
    assert read["reason"] == "She has called"
    assert read["actor"].startswith("key_")
    assert read["client"] == read["actor"]


def test_what_shows_nothing_of_persons_and_what_is_refused_needs_no_record(agency: Agency) -> None:
    agency.admin.write("/v1/accounts", {"name": "Fermata", "currency": "EUR"})
    agency.admin.read("/v1/accounts")
    agency.admin.read("/v1/me")
    agency.admin.get("/v1/users/usr_01jd7z5m3vf8x9v0w1y2z3a4b5")
    httpx.get(agency.server.url + f"/v1/users/{agency.maria}")

    assert agency.log(kind=["personal", "export"]) == []


def test_a_file_of_rows_is_recorded(agency: Agency) -> None:
    agency.admin.get("/v1/accounts", params={"tier": "none", "limit": 5}, headers={"Accept": "text/csv"})

    (read,) = agency.log(kind="export")

    assert (read["operation"], read["query"]) == ("accounts.list", "tier=none&limit=5")


def test_everything_that_an_auditor_reads_is_recorded_the_log_too(agency: Agency) -> None:
    agency.auditor.read("/v1/accounts")
    agency.log()

    assert [read["operation"] for read in agency.log(kind="auditor")] == ["accounts.list", "audit.reads"]


def test_the_log_is_read_page_by_page_and_narrowed(agency: Agency) -> None:
    for number in range(5):
        agency.admin.get(f"/v1/users/{agency.maria}", headers={"Steward-Reason": f"reason {number}"})
    path, params, found = "/v1/audit/reads", {"kind": "personal", "limit": 2}, []
    while True:
        page = agency.auditor.get(path, params=params).json()
        found += [read["reason"] for read in page["data"]]
        if not page["has_more"]:
            break
        params["cursor"] = page["next_cursor"]

    assert found == [f"reason {number}" for number in (4, 3, 2, 1, 0)]
    assert agency.log(actor="usr_nobody") == []
    assert agency.log(**{"read_at.lt": "2020-01-01"}) == []
    assert len(agency.log(**{"read_at.gte": "2020-01-01", "operation": "users.get"})) == 5


def test_only_who_may_read_the_log_reads_it_and_only_their_own_agencys(agency: Agency, server: Server) -> None:
    agency.admin.get(f"/v1/users/{agency.maria}")
    manager = server.client(server.key(agency.tenant, "account_manager"))
    stranger = Agency(server)

    assert manager.get("/v1/audit/reads").json()["code"] == "scope_missing"
    assert stranger.log(kind="personal") == []


@pytest.mark.parametrize("reason", ["", "a" * 201, "tab\there"])
def test_a_reason_is_one_line(agency: Agency, reason: str) -> None:
    answer = agency.admin.get(f"/v1/users/{agency.maria}", headers={"Steward-Reason": reason})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_reason")
    assert "Maria" not in answer.text


def test_where_the_operator_asks_why_nothing_of_persons_is_read_without_it(databases: Databases) -> None:
    with Server(databases.fresh("sqlite"), read_reasons=True) as server:
        agency = Agency(server)
        path = f"/v1/users/{agency.maria}"

        refused = agency.admin.get(path)

        assert (refused.status_code, refused.json()["code"]) == (400, "reason_required")
        assert agency.admin.get(path, headers={"Steward-Reason": "She has called"}).status_code == 200
        assert [read["reason"] for read in agency.log(kind="personal")] == ["She has called"]


def test_what_cannot_be_recorded_is_not_shown(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(databases.fresh("sqlite")) as server:
        agency = Agency(server)

        def broken(*_args: object) -> None:
            raise Unavailable("storage_full", "the disk is full")

        with monkeypatch.context() as full:
            full.setattr(server.runtime.read_log._database, "write", broken)
            answer = agency.admin.get(f"/v1/users/{agency.maria}")

        assert answer.status_code == 503
        assert "Maria" not in answer.text
        assert agency.admin.get(f"/v1/users/{agency.maria}").status_code == 200


def test_reads_that_wait_together_are_each_recorded_once(agency: Agency) -> None:
    def read() -> None:
        with Client(agency.server.url, agency.admin.headers["Authorization"].removeprefix("Bearer ")) as client:
            for _ in range(5):
                assert client.get(f"/v1/users/{agency.maria}").status_code == 200

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(agency.log(kind="personal", limit=200)) == 40


def test_old_records_are_forgotten_and_the_others_stay(agency: Agency) -> None:
    for _ in range(3):
        agency.admin.get(f"/v1/users/{agency.maria}")
    second = agency.log(kind="personal")[1]
    log: ReadLog = agency.server.runtime.read_log
    database = agency.server.runtime.database
    with database.read(agency.tenant) as connection:
        query = select(reads.c.read_at).where(reads.c.tenant_id == agency.tenant, reads.c.read_id == second["id"])
        before = connection.execute(query).scalar_one()

    assert log.forget(agency.tenant, before) == 1
    with database.read(agency.tenant) as connection:
        count = select(func.count()).select_from(reads).where(reads.c.tenant_id == agency.tenant)
        assert connection.execute(count.where(reads.c.kind == "personal")).scalar_one() == 2
