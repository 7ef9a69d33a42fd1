"""The command line where it moves history: imports, views, the demo, and the processes that serve."""

import json
import shlex
import signal
import stat
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.ndjson import LONGEST, MOST_BYTES, batches, lines
from app.domain.kernel.errors import Invalid
from projections.views import accounts
from tests.support.application import Steward
from tests.support.command_line import CommandLine
from tests.support.databases import Databases
from tests.support.processes import StewardProcess

F1 = Path(__file__).parents[1] / "data" / "fixture-f1.ndjson"


@pytest.fixture
def steward(tmp_path: Path, databases: Databases) -> CommandLine:
    """The command line on a fresh SQLite file that is at head."""
    return CommandLine(tmp_path, databases.fresh("sqlite"))


@pytest.fixture
def anywhere(tmp_path: Path, database_url: str) -> CommandLine:
    """The command line on a fresh database that is at head, once on SQLite and once on PostgreSQL."""
    return CommandLine(tmp_path, database_url)


@pytest.fixture
def beside(steward: CommandLine) -> Iterator[Steward]:
    """An application in this process, on the command line's database."""
    made = Steward(steward.url)
    yield made
    made.close()


# --- history from elsewhere ---


def test_a_file_is_taken_in_once_and_only_once_and_its_views_can_be_rebuilt(anywhere: CommandLine) -> None:
    tenant = anywhere.json("tenants", "create", "Agency")["tenant_id"]

    first = anywhere.json("import", str(F1), "--tenant", tenant)
    again = anywhere.json("import", str(F1), "--tenant", tenant)
    compared = anywhere.json("rebuild", "--verify")
    (status,) = anywhere.json("status")

    assert (first["accepted"], first["duplicate"], first["refused"]) == (22, 0, 0)
    assert (again["accepted"], again["duplicate"], again["refused"]) == (0, 22, 0)
    assert again["position"] == first["position"] == status["head"]
    assert all(one["equal"] for one in compared)
    assert {one["view"]: one["rows"] for one in compared}["accounts"] == 7
    assert all((view["position"], view["lag"], view["parked"]) == (status["head"], 0, None) for view in status["views"])


def test_what_cannot_be_taken_in_is_refused_with_its_line_and_costs_no_other(
    steward: CommandLine, beside: Steward
) -> None:
    tenant = beside.tenant
    good = F1.read_bytes().splitlines()[:2]
    bad = [
        b'{"specversion":',
        b"\xff\xfe",
        b"[1, 2]",
        b'{"specversion":"1.0","id":"1","source":"s","type":"moon.landed"}',
        b"x" * 300_000,
    ]

    done = steward.run(
        "import", "-", "--tenant", tenant, "--json", stdin=b"\xef\xbb\xbf" + b"\r\n\n".join([good[0], *bad, good[1]])
    )
    answer = json.loads(done.stdout)

    assert done.returncode == 1
    assert (answer["accepted"], answer["refused"]) == (2, 5)
    assert [(one["line"], one["code"]) for one in answer["refusals"]] == [
        (3, "malformed_json"), (5, "malformed_json"), (7, "invalid_event"), (9, "unknown_type"), (11, "line_too_long")]  # fmt: skip
    assert "Traceback" not in done.stderr


def test_refusals_are_shown_to_people_with_what_is_wrong_where(steward: CommandLine, beside: Steward) -> None:
    tenant = beside.tenant
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": "account.opened",
        "data": {"name": "N", "currency": "EUR", "x": 1},
    }

    done = steward.run("import", "-", "--tenant", tenant, stdin=json.dumps(event).encode())

    assert done.returncode == 1
    assert done.stderr.startswith("line 1: invalid_command: ")
    assert "/x" in done.stderr
    assert done.stdout.split() == ["accepted", "0", "duplicate", "0", "refused", "1"]


@given(st.lists(st.integers(0, 400_000), max_size=60))
def test_a_file_is_read_in_batches_that_fit_into_memory_and_no_line_is_lost(lengths: list[int]) -> None:
    file = BytesIO(b"".join(b'"' + b"x" * length + b'"\n' for length in lengths))

    read = list(batches(lines(file), 10))

    assert [line.number for batch in read for line in batch] == list(range(1, len(lengths) + 1))
    assert all(len(batch) <= 10 for batch in read)
    assert all(sum(len(str(line.event)) for line in batch) <= MOST_BYTES + LONGEST for batch in read)
    refused = [isinstance(line.event, Invalid) for batch in read for line in batch]
    assert refused == [length + 3 > LONGEST + 1 for length in lengths]


# --- views ---


def test_a_view_that_differs_from_the_log_is_reported_and_repaired(steward: CommandLine, beside: Steward) -> None:
    beside.ingest_file(F1)
    beside.catch_up()
    with beside.runtime.database.write_views(beside.tenant) as connection:
        connection.exec_driver_sql(
            f"UPDATE {accounts.VIEW.table.name} SET name = 'Somebody else' WHERE external_ref = 'A'"
        )

    compared = steward.run("rebuild", "accounts", "--verify", "--tenant", beside.tenant, "--json")
    repaired = steward.run("rebuild", "accounts", "--tenant", beside.tenant, "--json")
    now = steward.json("rebuild", "accounts", "--verify")

    assert (compared.returncode, json.loads(compared.stdout)[0]["swapped"]) == (1, False)
    assert (json.loads(compared.stdout)[0]["missing"], json.loads(compared.stdout)[0]["surplus"]) == (1, 1)
    assert (repaired.returncode, json.loads(repaired.stdout)[0]["swapped"]) == (1, True)
    assert now[0]["equal"] is True


def test_distribute_is_refused_by_name_where_there_is_no_citus(anywhere: CommandLine) -> None:
    status, line = anywhere.refusal("distribute")

    assert status == 1
    assert line.startswith("error: not_citus: ")


# --- processes that go on ---


def test_the_demo_is_loaded_once_and_its_key_is_shown_again_and_served(steward: CommandLine) -> None:
    small = ("demo", "--if-empty", "--accounts", "3", "--years", "1")

    first, again = steward.json(*small), steward.json(*small)
    kept = steward.folder / "var" / "demo.json"
    server = steward.start("serve", "--port", "0")
    output = _until(server, lambda text: text.count("curl") == 3)
    answers = [_called(line) for line in output.splitlines() if "curl" in line]
    server.send_signal(signal.SIGTERM)
    rest = server.communicate(timeout=60)

    assert first["new"] > 100
    assert (again["new"], again["known"], again["api_key"]) == (0, first["new"], first["api_key"])
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len(answers[0].json()["data"]) == 3
    assert (server.returncode, rest) == (0, ("", ""))


def test_the_demo_leaves_a_database_alone_that_holds_other_ledgers(steward: CommandLine, beside: Steward) -> None:

    result = steward.json("demo", "--if-empty")

    assert (result["new"], result["tenant_id"], result["api_key"]) == (0, None, None)
    assert beside.runtime.log.tenants() == {beside.tenant: 1}


def test_a_worker_reads_to_the_head_and_ends_when_it_is_stopped(steward: CommandLine, beside: Steward) -> None:
    beside.ingest_file(F1)
    head = beside.runtime.log.head(beside.tenant)

    worker = steward.start("worker")
    while set(beside.runtime.projector.positions(beside.tenant).values()) != {head} and worker.poll() is None:
        time.sleep(0.05)
    worker.send_signal(signal.SIGTERM)
    output = worker.communicate(timeout=60)

    assert worker.returncode == 0
    assert [json.loads(line)["event"] for line in output[1].splitlines()] == ["worker_started", "worker_stopped"]


def test_an_address_that_is_taken_is_refused_by_name(steward: CommandLine) -> None:
    server = steward.start("serve", "--port", "0", "--no-projector")
    port = _until(server, lambda text: "\n" in text).strip().rpartition(":")[2]

    status, line = steward.refusal("serve", "--port", port)
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=60)

    assert status == 1
    assert line.startswith("error: address_unavailable: ")
    assert server.returncode == 0


def _until(process: StewardProcess, enough: Callable[[str], bool]) -> str:
    """The output of a process, until there is enough of it."""
    assert process.stdout is not None
    output = ""
    while not enough(output):
        line = process.stdout.readline()
        assert line, f"it ended: {process.communicate()}"
        output += line
    return output


def _called(line: str) -> httpx.Response:
    """The answer to a curl command."""
    words = shlex.split(line)
    name, _, value = words[words.index("-H") + 1].partition(": ")
    return httpx.get(words[-1], headers={name: value}, timeout=30)
