"""The soak: a tenant's views are grown anew while its clients write and read. Nothing may fail, go back or differ.

Runs only when it is named: `make soak`, or `python -m bench soak --scale 0.02` for 20,000 events.
"""

import asyncio
import multiprocessing
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any, Final

import uvloop

from app.bootstrap import build
from bench.client import Load, Seen, call, connected, number_of, pace, told
from bench.commands import requests_on
from bench.environment import Furnished, Ground, settings_of
from bench.generate import Tenant, grown
from bench.reads import FIGURES, page_paths
from bench.rebuilding import Rebuilt, rebuild
from bench.results import Goal, Row, row

RATE: Final = 200
"""Commands a second."""
WRITERS: Final = 32
LEAD_SECONDS: Final = 5.0
"""How long clients write and read before the rebuild begins: what it costs them is told beside it."""
LONGEST_SECONDS: Final = 3600.0
_NONE: Final = Goal(ours_to=0)


@dataclass
class Read:
    """What readers saw. at, took: when each read was sent, and seconds until its answer; back: reads that showed less than
    an earlier answer to the same kind of question had shown."""

    at: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    failed: int = 0
    back: int = 0
    first_fault: str = ""


def read(port: int, key: str, kinds: Mapping[str, Sequence[str]], ended: Callable[[], bool]) -> Read:
    """Reads on two connections, one for pages and one for KPIs, each as soon as it was answered, until told to end."""
    return uvloop.run(_read(port, key, kinds, ended))


async def _read(port: int, key: str, kinds: Mapping[str, Sequence[str]], ended: Callable[[], bool]) -> Read:
    seen, shown = Read(), dict.fromkeys(kinds, 0)
    figures = {kind: paths for kind, paths in kinds.items() if kind.startswith("kpi")}
    pages = {kind: paths for kind, paths in kinds.items() if kind not in figures}
    await asyncio.gather(*(_reader(port, key, some, seen, shown, ended) for some in (pages, figures) if some))
    return seen


async def _reader(
    port: int,
    key: str,
    kinds: Mapping[str, Sequence[str]],
    seen: Read,
    shown: dict[str, int],
    ended: Callable[[], bool],
) -> None:
    answers: asyncio.Queue[tuple[int, bytes, bytes]] = asyncio.Queue()
    line = await connected(port, lambda _line, *answer: answers.put_nowait(answer))
    number = 0
    while not ended():
        for kind, paths in kinds.items():
            floor = shown[kind]
            line.send(call("GET", paths[number % len(paths)], key))
            status, head, body = await asyncio.wait_for(answers.get(), 60)
            seen.at.append(line.sent)
            seen.took.append(time.monotonic() - line.sent)
            if status != 200:
                seen.failed += 1
                seen.first_fault = seen.first_fault or told(status, body)
                continue
            position = number_of(head, b"\r\nprojection-position: ")
            seen.back += position < floor
            shown[kind] = max(shown[kind], position)
        number += 1
    line.transport.abort()


# --- clients beside a rebuild ---


@contextmanager
def _clients(*works: Callable[..., Any]) -> Iterator[Callable[[], list[Any]]]:
    """Clients in processes of their own. Gives: what ends them and has their results. Takes: functions of `ended`."""
    context = multiprocessing.get_context("spawn")
    ended, results = context.Event(), [context.SimpleQueue() for _ in works]
    processes = [context.Process(target=_client, args=(work, ended, result), daemon=True)
                 for work, result in zip(works, results, strict=True)]  # fmt: skip

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
    except Exception as fault:  # noqa: BLE001 - whoever waits must hear of it
        result.put(RuntimeError(f"{type(fault).__name__}: {fault}"))


def soak(ground: Ground, backend: str) -> list[Row]:
    """A rebuild of the big tenant amid 200 commands a second and readers that never rest. Raises: RuntimeError if unequal."""
    tenant = grown(ground, backend, ground.accounts, ground.events)
    url = ground.databases.twin(tenant.url, "row_soak")
    steward = Furnished(url, tenant.tenant_id, tenant.key, tenant.accounts)
    kinds = {**page_paths(tenant), **{f"kpi-{one.name}": one.plain for one in FIGURES}}
    with steward(ground.folder, url) as served:
        writing = partial(pace, served.port, requests_on(steward, "soak"), WRITERS, RATE, LONGEST_SECONDS)
        reading = partial(read, served.port, steward.key, kinds)
        with _clients(writing, reading) as end:
            ground.say("clients write and read")
            time.sleep(LEAD_SECONDS)
            ground.say(f"rebuilding {tenant.events:,} events amid them")
            began = time.monotonic()
            rebuilt = rebuild(ground, url, tenant.tenant_id)
            finished = time.monotonic()
            ground.say("ending")
            (load, written), seen = (_sound(result) for result in end())
        ground.say("comparing once more")
        lost = _lost(tenant, url, written)
        rebuild(ground, url, tenant.tenant_id, "--verify")
    ground.databases.drop(url)
    return list(_rows(backend, tenant, load, written, seen, rebuilt, (began, finished), lost))


def _sound(result: Any) -> Any:
    if isinstance(result, Exception):
        raise result
    return result


def _lost(tenant: Tenant, url: str, written: Sequence[Seen]) -> int:
    """How many acknowledged commands are not in the log once, or not in the views. Waits until the views have read all."""
    runtime = build(settings_of(url))
    try:
        acknowledged = sorted(one.position for one in written)
        head = runtime.log.head(tenant.tenant_id)
        deadline = time.monotonic() + 120
        while min(runtime.projector.positions(tenant.tenant_id).values()) < head:
            if time.monotonic() > deadline:
                raise RuntimeError("a view does not reach the head")
            time.sleep(0.05)
        # One event a command, from the tenant's last on: what was written is exactly what was acknowledged.
        expected = range(tenant.events + 1, head + 1)
        return len(set(expected) ^ set(acknowledged)) + len(acknowledged) - len(set(acknowledged))
    finally:
        runtime.close()


def _rows(
    backend: str,
    tenant: Tenant,
    load: Load,
    written: Sequence[Seen],
    seen: Read,
    rebuilt: Rebuilt,
    during: tuple[float, float],
    lost: int,
) -> Iterator[Row]:
    id_, reads = f"soak-{backend}", len(seen.at)
    took = f"rebuild of {rebuilt.views} views, {tenant.events:,} events, in {rebuilt.seconds:.1f} s amid {RATE} commands/s and readers"
    first = f", the first with {seen.first_fault}" if seen.failed else ""
    yield row(f"{id_}-reads", f"{took}: reads that failed{first}", seen.failed, "reads", reads, "all reads", _NONE)
    yield row(f"{id_}-back", f"{took}: reads that went back", seen.back, "reads", reads, "all reads", _NONE)
    first = f", the first with {load.first_fault}" if load.failed else ""
    yield row(
        f"{id_}-writes", f"{took}: writes that failed{first}", load.failed, "writes", len(written), "all writes", _NONE
    )
    yield row(
        f"{id_}-lost",
        f"{took}: writes acknowledged and not in the log once",
        lost,
        "writes",
        len(written),
        "all writes",
        _NONE,
    )
    yield row(
        f"{id_}-unequal",
        f"{took}: views that differ, then and when all was quiet",
        0,
        "views",
        rebuilt.views,
        "all views",
        _NONE,
    )
    yield row(
        f"{id_}-memory",
        f"{took}: peak memory of the rebuild's processes",
        rebuilt.peak,
        "MB",
        300,
        "what it may be",
        Goal(ours_to=300),
    )
    writes = ([one.due for one in written], [one.answered - one.due for one in written])
    for name, (at, latencies), share in (("write", writes, 0.5), ("write", writes, 0.99), ("write", writes, 1),
                                         ("read", (seen.at, seen.took), 0.5), ("read", (seen.at, seen.took), 0.95)):  # fmt: skip
        amid, before = _within(at, latencies, *during, share), _within(at, latencies, 0.0, during[0], share)
        what = "slowest" if share == 1 else f"p{share * 100:g}"
        yield row(
            f"{id_}-{name}-{what}", f"{took}: a {name}'s time, {what}", amid, "ms", before, "before it began", Goal()
        )


def _within(at: Sequence[float], took: Sequence[float], begins: float, ends: float, share: float) -> float:
    """Milliseconds that a share of those that were sent in a stretch stayed within."""
    order = sorted(zip(at, took, strict=True))
    some = order[bisect_left(order, (begins, 0.0)) : bisect_left(order, (ends, 0.0))]
    ordered = sorted(latency for _, latency in some)
    return ordered[ceil(len(ordered) * share) - 1] * 1000 if ordered else float("nan")
