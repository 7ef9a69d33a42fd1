"""Randomness: no byte is given twice, to whomever."""

import os
from concurrent.futures import ThreadPoolExecutor

from app.store.randomness import BLOCK, Randomness


def test_no_bytes_are_given_twice_to_threads_that_ask_at_once() -> None:
    randomness = Randomness()
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: randomness(16), range(20_000)))

    assert {len(part) for part in given} == {16}
    assert len(set(given)) == len(given)


def test_what_is_left_of_a_block_never_shortens_an_answer() -> None:
    randomness = Randomness()
    assert [len(randomness(count)) for count in (BLOCK - 1, 2, BLOCK, 1)] == [BLOCK - 1, 2, BLOCK, 1]


def test_a_forked_child_gives_other_bytes_than_its_parent() -> None:
    randomness = Randomness()
    randomness(1)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, randomness(32))
        os._exit(0)
    os.waitpid(child, 0)

    assert os.read(reads, 32) != randomness(32)
    os.close(reads)
    os.close(writes)
