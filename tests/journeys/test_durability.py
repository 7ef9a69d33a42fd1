"""Nothing is acknowledged before it is on disk: seen from outside, in the system calls of a real server and its database."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests.support.command_line import CommandLine
from tests.support.databases import Databases
from tests.support.tracing import require_strace, strace, trace

MARK = "told-to-the-disk-0123456789"
CREATED = "HTTP/1.1 201"


@dataclass
class Agency:
    """A server of its own process, with a client and an account."""

    url: str
    pid: int
    client: httpx.Client
    account: str

    def log_interaction(self, key: str) -> httpx.Response:
        return self.client.post(
            f"/v1/accounts/{self.account}/interactions",
            json={"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z",
                  "topics": [MARK], "external_ref": MARK},
            headers={"Idempotency-Key": key},
        )  # fmt: skip


@pytest.fixture
def agency(database_url: str, databases: Databases, tmp_path: Path) -> Iterator[Agency]:
    require_strace()
    with databases.durable():
        yield from served(database_url, tmp_path)


def served(database_url: str, tmp_path: Path) -> Iterator[Agency]:
    """An agency on a database, until it is no longer needed."""
    steward = CommandLine(tmp_path, database_url)
    key = steward.json("tenants", "create", "Agency")["api_key"]
    process = steward.start("serve", "--port", "0", "--no-projector")
    try:
        assert process.stdout is not None
        address = process.stdout.readline().rpartition(" ")[2].strip()
        with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            opened = client.post("/v1/accounts", json={"name": "Northwind", "currency": "EUR"}).json()
            yield Agency(database_url, process.pid, client, opened["id"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def servers_of(url: str, databases: Databases) -> list[int]:
    """The processes of the database beside its clients: PostgreSQL's server and all that it has started."""
    if url.startswith("sqlite"):
        return []
    with psycopg.connect(databases.psql("postgres")) as connection:
        mine = connection.info.backend_pid
        server = psutil.Process(mine).parent()
    assert server is not None
    return [server.pid, *(child.pid for child in server.children() if child.pid != mine)]


def test_the_201_is_sent_only_after_the_log_on_disk_holds_the_event(
    agency: Agency, databases: Databases, tmp_path: Path
) -> None:
    trace_file = tmp_path / "trace"

    with strace(trace_file, [agency.pid, *servers_of(agency.url, databases)]):
        answer = agency.log_interaction("once")

    assert answer.status_code == 201
    seen = trace(
        trace_file.read_text(errors="replace").splitlines(),
        "-wal" if agency.url.startswith("sqlite") else "/pg_wal/",
        MARK,
        CREATED,
    )
    assert seen.answered, "the answer is not in the trace"
    assert seen.written, "the event was not written to the log before its answer"
    assert seen.unsafe == set(), "bytes of the log were not durable when the answer was sent"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_disk_that_cannot_keep_what_it_was_given_makes_no_201(agency: Agency, tmp_path: Path) -> None:
    with strace(tmp_path / "trace", [agency.pid], "-e", "inject=fsync,fdatasync:error=EIO"):
        failed = agency.log_interaction("again")
    answers = [agency.log_interaction("again") for _ in range(2)]

    assert failed.status_code == 503
    assert failed.json()["code"] == "store_unavailable"
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json(), "it is stored once"


# --- the eye itself ---

WRITTEN = f'7 pwrite64(9</d/a.db-wal>, "..{MARK}..", 4096, 32) = 4096'
SYNCED = "7 fdatasync(9</d/a.db-wal>) = 0"
ANSWERED = f'7 write(11<socket:[3]>, "{CREATED} Created..", 300) = 300'


@pytest.mark.parametrize(
    ("lines", "safe"),
    [
        ([WRITTEN, SYNCED, ANSWERED], True),
        ([WRITTEN, ANSWERED, SYNCED], False),
        ([WRITTEN, SYNCED, WRITTEN, ANSWERED], False),
        ([WRITTEN, "7 fdatasync(9</d/a.db-wal>) = -1 EIO (Input/output error) (INJECTED)", ANSWERED], False),
        ([WRITTEN, "7 fdatasync(8</d/other.db-wal>) = 0", ANSWERED], False),
        (["7 fdatasync(9</d/a.db-wal> <unfinished ...>", WRITTEN.replace("7", "8", 1), "7 <... fdatasync resumed>) = 0", ANSWERED], False),
        ([WRITTEN, "7 fdatasync(9</d/a.db-wal> <unfinished ...>", "7 <... fdatasync resumed>) = 0", ANSWERED], True),
        ([WRITTEN, "7 fdatasync(9</d/a.db-wal> <unfinished ...>", ANSWERED.replace("7", "8", 1), "7 <... fdatasync resumed>) = 0"], False),
    ],
)  # fmt: skip
def test_an_answer_before_its_time_would_be_seen(lines: list[str], safe: bool) -> None:
    seen = trace(lines, "-wal", MARK, CREATED)

    assert seen.answered
    assert seen.written
    assert (seen.unsafe == set()) is safe
