"""The measuring itself: turns are fair, clients count every answer, readers notice every failure."""

import asyncio
import pickle
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.caller import Caller
from bench.client import Load, call, drive, pace
from bench.environment import Environment
from bench.generate import history_batches
from bench.interleaving import interleaved, median_of
from bench.rebuilding import measured_process
from bench.soak import read
from tests.support.application import Steward


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    environment = Environment(seconds=12.0, folder=tmp_path)
    yield environment
    environment.close()


@contextmanager
def server_answering(*answers: str) -> Iterator[int]:
    """A server that gives a list of answers in order, then repeats the last. Gives: its port."""
    loop, ready, ports = asyncio.new_event_loop(), threading.Event(), []
    turns = [0]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                answer = answers[min(turns[0], len(answers) - 1)]
                turns[0] += 1
                writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()

    def main() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(run())
        loop.run_forever()

    thread = threading.Thread(target=main)
    thread.start()
    ready.wait()
    try:
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def list_accounts(_number: int) -> bytes:
    return call("GET", "/v1/accounts", "key")


def test_sides_take_turns_and_no_side_always_runs_first(environment: Environment) -> None:
    order: list[tuple[str, int, float]] = []

    def side(name: str, turn: int, seconds: float) -> float:
        order.append((name, turn, seconds))
        return {0: 1.0, 1: 100.0, 2: 3.0}[turn]

    by_side = interleaved(
        environment,
        {name: lambda turn, seconds, name=name: side(name, turn, seconds) for name in ("ours", "peer")},
        turns=3,
    )

    assert [name for name, _, _ in order] == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert {seconds for _, _, seconds in order} == {2.0}
    assert median_of(by_side["ours"], float) == 3.0


def test_a_client_counts_every_answer_and_sends_at_most_the_given_number() -> None:
    with server_answering("200 OK") as port:
        load = drive(port, list_accounts, 3, 30.0, most=10)

    assert (load.done, load.late, load.failed) == (10, 0, 0)


def test_a_load_with_a_failed_answer_gives_no_figure() -> None:
    with server_answering("200 OK", "503 Busy", "200 OK") as port:
        load = drive(port, list_accounts, 1, 30.0, most=5)

    assert (load.done, load.failed) == (4, 1)
    with pytest.raises(RuntimeError, match="503"):
        load.checked()
    with pytest.raises(RuntimeError, match="no answer"):
        Load().checked()


def test_paced_writes_keep_the_position_of_each_answer() -> None:
    with server_answering("201 Created\r\nEvent-Position: 7") as port:
        load, acknowledged = pace(port, list_accounts, 2, 100.0, 0.1)

    assert (load.done, load.failed) == (10, 0)
    assert [write.position for write in acknowledged] == [7] * 10


def test_readers_count_an_answer_that_goes_back_and_one_that_fails() -> None:
    ended = iter([False] * 4 + [True] * 10)
    answers = [f"200 OK\r\nProjection-Position: {at}" for at in (5, 6, 4)] + ["503 Busy"]
    with server_answering(*answers) as port:
        reads = read(port, "key", {"account": ["/v1/accounts/a"]}, lambda: next(ended))

    assert (reads.back, reads.failed, reads.first_fault) == (1, 1, "503 {}")
    assert len(reads.at) == len(reads.took) == 4


def test_a_measured_process_gives_its_time_its_memory_and_its_output(environment: Environment) -> None:
    work = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(3_000_000))']); print('done')"

    seconds, cpu, peak, output = measured_process(environment, "sqlite://", [sys.executable, "-c", work])

    assert output == b"done\n"
    assert seconds > 0
    assert cpu > 0
    assert peak > 1
    with pytest.raises(RuntimeError, match="ended with 3"):
        measured_process(environment, "sqlite://", [sys.executable, "-c", "raise SystemExit(3)"])


def test_the_generator_makes_the_same_history_for_the_same_size(sqlite_steward: Steward) -> None:
    url = str(sqlite_steward.settings.database_url)

    def generated() -> list[tuple[str, str, int]]:
        return [
            (append.stream_id, event.topic, event.effective_at)
            for batch in history_batches(url, sqlite_steward.tenant, 10, 600)
            for append in pickle.loads(pickle.dumps(batch))[1]  # noqa: S301 - as another process gives them
            for event in append.events
        ]

    history = generated()
    assert history == generated()
    assert len(history) == 600
    assert {"account.opened", "contract.signed", "interaction.logged"} <= {topic for _, topic, _ in history}


def test_an_answer_that_comes_too_late_is_not_taken_for_that_of_the_next_request() -> None:
    pauses = iter((0.3, 0.0))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pause = next(pauses)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(pause)
        writer.write(
            b"HTTP/1.1 503 Late\r\nContent-Length: 0\r\n\r\n"
            if pause
            else b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        )
        writer.close()

    async def ask_twice() -> list[int]:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port, caller = server.sockets[0].getsockname()[1], Caller(0.1)
            statuses = []
            for _ in range(2):
                statuses.append((await caller.ask(port, call("GET", "/", ""))).status)
                await asyncio.sleep(0.3)
            return statuses

    assert asyncio.run(ask_twice()) == [0, 200]
