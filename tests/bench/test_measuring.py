"""The instruments themselves: that turns are fair, clients count what came, and what must be seen is seen."""

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.client import Load, call, drive, pace
from bench.environment import Ground
from bench.generate import stretches_of
from bench.interleaving import in_turns, middle
from bench.rebuilding import watched
from bench.soak import read
from tests.support.application import Steward


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    made = Ground(seconds=12.0, folder=tmp_path)
    yield made
    made.close()


@contextmanager
def answering(*answers: str) -> Iterator[int]:
    """A server that gives answers in turns. Gives: its port."""
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


def asking(_number: int) -> bytes:
    return call("GET", "/v1/accounts", "key")


def test_sides_take_turns_and_nobody_always_comes_first(ground: Ground) -> None:
    order: list[tuple[str, int, float]] = []

    def side(name: str, turn: int, seconds: float) -> float:
        order.append((name, turn, seconds))
        return {0: 1.0, 1: 100.0, 2: 3.0}[turn]

    gave = in_turns(
        ground, {name: lambda turn, seconds, name=name: side(name, turn, seconds) for name in ("ours", "peer")}, turns=3
    )

    assert [name for name, _, _ in order] == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert {seconds for _, _, seconds in order} == {2.0}
    assert middle(gave["ours"], float) == 3.0


def test_a_client_counts_every_answer_and_sends_no_more_than_it_may() -> None:
    with answering("200 OK") as port:
        load = drive(port, asking, 3, 30.0, most=10)

    assert (load.done, load.late, load.failed) == (10, 0, 0)


def test_a_figure_with_an_unwanted_answer_in_it_is_none() -> None:
    with answering("200 OK", "503 Busy", "200 OK") as port:
        load = drive(port, asking, 1, 30.0, most=5)

    assert (load.done, load.failed) == (4, 1)
    with pytest.raises(RuntimeError, match="503"):
        load.whole()
    with pytest.raises(RuntimeError, match="silence"):
        Load().whole()


def test_paced_writes_keep_the_position_that_each_was_answered() -> None:
    with answering("201 Created\r\nEvent-Position: 7") as port:
        load, seen = pace(port, asking, 2, 100.0, 0.1)

    assert (load.done, load.failed) == (10, 0)
    assert [one.position for one in seen] == [7] * 10


def test_readers_see_an_answer_that_goes_back_and_one_that_fails() -> None:
    said = iter([False] * 4 + [True] * 10)
    answers = [f"200 OK\r\nProjection-Position: {at}" for at in (5, 6, 4)] + ["503 Busy"]
    with answering(*answers) as port:
        seen = read(port, "key", {"account": ["/v1/accounts/a"]}, lambda: next(said))

    assert (seen.back, seen.failed, seen.first_fault) == (1, 1, "503 {}")
    assert len(seen.at) == len(seen.took) == 4


def test_a_watched_process_tells_its_time_its_memory_and_what_it_said(ground: Ground) -> None:
    work = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(3_000_000))']); print('done')"

    seconds, cpu, peak, said = watched(ground, "sqlite://", [sys.executable, "-c", work])

    assert said == b"done\n"
    assert seconds > 0
    assert cpu > 0
    assert peak > 1
    with pytest.raises(RuntimeError, match="ended with 3"):
        watched(ground, "sqlite://", [sys.executable, "-c", "raise SystemExit(3)"])


def test_the_generator_tells_the_same_story_for_the_same_size(sqlite_steward: Steward) -> None:
    url = str(sqlite_steward.settings.database_url)

    def told() -> list[tuple[str, str, int]]:
        return [
            (append.stream_id, fact.topic, fact.effective_at)
            for _, appends in stretches_of(url, sqlite_steward.tenant, 10, 600)
            for append in appends
            for fact in append.events
        ]

    story = told()
    assert story == told()
    assert len(story) == 600
    assert {"account.opened", "contract.signed", "interaction.logged"} <= {topic for _, topic, _ in story}
