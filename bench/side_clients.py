"""Clients beside a measurement, in processes of their own: until they are asked to end."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def clients(*client_functions: Callable[..., Any]) -> Iterator[Callable[[], list[Any]]]:
    """Runs clients in separate processes. Takes: functions of `ended`. Gives: a function that ends them and returns their results."""
    context = multiprocessing.get_context("spawn")
    ended, results = context.Event(), [context.SimpleQueue() for _ in client_functions]
    processes = [context.Process(target=_client, args=(client, ended, result), daemon=True)
                 for client, result in zip(client_functions, results, strict=True)]  # fmt: skip

    def end() -> list[Any]:
        ended.set()
        return [result.get() for result in results]

    for process in processes:
        process.start()
    try:
        yield end
    finally:
        ended.set()
        for process in processes:
            process.join(timeout=60)


def _client(work: Callable[..., Any], ended: Any, result: Any) -> None:
    try:
        result.put(work(ended=ended.is_set))
    except Exception as fault:  # noqa: BLE001 - the main process must learn of every failure
        result.put(RuntimeError(f"{type(fault).__name__}: {fault}"))
