"""Clients beside a measurement, in processes of their own: until they are asked to end."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any


@contextmanager
def clients(*client_functions: Callable[..., Any]) -> Iterator[Callable[[], list[Any]]]:
    """Runs clients in separate processes, and goes on once all have begun: what they import is no part of a measurement.

    Takes: functions of `ended`. Gives: a function that ends them and returns their results. Raises: RuntimeError where one does not begin.
    """
    context = multiprocessing.get_context("spawn")
    ended, results = context.Event(), [context.SimpleQueue() for _ in client_functions]
    begun = [context.Event() for _ in client_functions]
    processes = [context.Process(target=_client, args=each, daemon=True)
                 for each in zip(client_functions, begun, repeat(ended), results)]  # fmt: skip

    def end() -> list[Any]:
        ended.set()
        return [result.get() for result in results]

    for process in processes:
        process.start()
    try:
        for process, event in zip(processes, begun, strict=True):
            while not event.wait(0.1):
                if not process.is_alive():
                    raise RuntimeError("a client did not begin")
        yield end
    finally:
        ended.set()
        for process in processes:
            process.join(timeout=60)


def _client(work: Callable[..., Any], begun: Any, ended: Any, result: Any) -> None:
    begun.set()
    try:
        result.put(work(ended=ended.is_set))
    except Exception as fault:  # noqa: BLE001 - the main process must learn of every failure
        result.put(RuntimeError(f"{type(fault).__name__}: {fault}"))
