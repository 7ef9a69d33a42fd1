"""The soak: a tenant's views are rebuilt while clients write and read. Nothing may fail, go back or differ.

It runs only when it is named: `make soak`, or `python -m bench soak --scale 0.02` for 20,000 events.
"""

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import Any, Final

import uvloop

from app.bootstrap import build
from bench.client import Acknowledged, Load, call, connect, fault_text, number_of, pace
from bench.commands import requests_on
from bench.environment import Environment, WritableTenant, settings_of
from bench.generate import Tenant, generated_tenant
from bench.reads import KPI_METHODS, page_paths
from bench.rebuilding import Rebuilt, rebuild
from bench.results import Goal, Result, compare
from bench.servers import steward
from bench.side_clients import clients

RATE: Final = 200
"""Commands a second."""
WRITERS: Final = 32
LEAD_SECONDS: Final = 5.0
"""How long clients write and read before the rebuild begins. Their latencies then are the peer of those during it."""
LONGEST_SECONDS: Final = 3600.0
_NONE: Final = Goal(ours_to=0)


@dataclass
class ReaderLog:
    """What readers measured. at, took: when each read was sent, and the seconds until its answer. back: reads with a lower
    position than an earlier answer to the same kind of query."""

    at: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    failed: int = 0
    back: int = 0
    first_fault: str = ""


def read(port: int, key: str, kinds: Mapping[str, Sequence[str]], ended: Callable[[], bool]) -> ReaderLog:
    """Reads on two connections, one for pages and one for KPIs, each as soon as the last one was answered, until `ended`."""
    return uvloop.run(_read(port, key, kinds, ended))


async def _read(port: int, key: str, kinds: Mapping[str, Sequence[str]], ended: Callable[[], bool]) -> ReaderLog:
    seen, shown = ReaderLog(), dict.fromkeys(kinds, 0)
    kpi_paths = {kind: paths for kind, paths in kinds.items() if kind.startswith("kpi")}
    pages = {kind: paths for kind, paths in kinds.items() if kind not in kpi_paths}
    await asyncio.gather(*(_reader(port, key, group, seen, shown, ended) for group in (pages, kpi_paths) if group))
    return seen


async def _reader(
    port: int,
    key: str,
    kinds: Mapping[str, Sequence[str]],
    seen: ReaderLog,
    shown: dict[str, int],
    ended: Callable[[], bool],
) -> None:
    answers: asyncio.Queue[tuple[int, bytes, bytes]] = asyncio.Queue()
    connection = await connect(port, lambda _connection, *answer: answers.put_nowait(answer))
    number = 0
    while not ended():
        for kind, paths in kinds.items():
            floor = shown[kind]
            connection.send(call("GET", paths[number % len(paths)], key))
            status, head, body = await asyncio.wait_for(answers.get(), 60)
            seen.at.append(connection.sent)
            seen.took.append(time.monotonic() - connection.sent)
            if status != 200:
                seen.failed += 1
                seen.first_fault = seen.first_fault or fault_text(status, body)
                continue
            position = number_of(head, b"\r\nprojection-position: ")
            seen.back += position < floor
            shown[kind] = max(shown[kind], position)
        number += 1
    connection.transport.abort()


def soak(environment: Environment, backend: str) -> list[Result]:
    """Rebuilds the big tenant's views during 200 commands a second and constant reads. Raises: RuntimeError where a view differs."""
    tenant = generated_tenant(environment, backend, environment.accounts, environment.events)
    url = environment.databases.copy(tenant.url, "row_soak")
    copied = WritableTenant(url, tenant.tenant_id, tenant.key, tenant.accounts)
    kinds = {**page_paths(tenant), **{f"kpi-{kpi_method.name}": kpi_method.plain for kpi_method in KPI_METHODS}}
    with steward(environment.folder, url) as served:
        writing = partial(pace, served.port, requests_on(copied, "soak"), WRITERS, RATE, LONGEST_SECONDS)
        reading = partial(read, served.port, copied.key, kinds)
        with clients(writing, reading) as end:
            environment.say("clients write and read")
            time.sleep(LEAD_SECONDS)
            environment.say(f"rebuilding {tenant.events:,} events meanwhile")
            began = time.monotonic()
            rebuilt = rebuild(environment, url, tenant.tenant_id)
            finished = time.monotonic()
            environment.say("ending")
            (load, written), seen = (_result_of(result) for result in end())
        environment.say("comparing once more")
        lost = _lost(tenant, url, written)
        rebuild(environment, url, tenant.tenant_id, "--verify")
    environment.databases.drop(url)
    return list(_results(backend, tenant, load, written, seen, rebuilt, (began, finished), lost))


def _result_of(result: Any) -> Any:
    if isinstance(result, Exception):
        raise result
    return result


def _lost(tenant: Tenant, url: str, written: Sequence[Acknowledged]) -> int:
    """The number of acknowledged commands that are not in the log exactly once. Waits until the views have read everything."""
    runtime = build(settings_of(url))
    try:
        acknowledged = sorted(write.position for write in written)
        head = runtime.log.head(tenant.tenant_id)
        deadline = time.monotonic() + 120
        while min(runtime.projector.positions(tenant.tenant_id).values()) < head:
            if time.monotonic() > deadline:
                raise RuntimeError("a view does not reach the head")
            time.sleep(0.05)
        # Each command writes one event: the positions after the tenant's last are exactly those that were acknowledged.
        expected = range(tenant.events + 1, head + 1)
        return len(set(expected) ^ set(acknowledged)) + len(acknowledged) - len(set(acknowledged))
    finally:
        runtime.close()


def _results(
    backend: str,
    tenant: Tenant,
    load: Load,
    written: Sequence[Acknowledged],
    seen: ReaderLog,
    rebuilt: Rebuilt,
    during: tuple[float, float],
    lost: int,
) -> Iterator[Result]:
    id_, reads = f"soak-{backend}", len(seen.at)
    took = f"rebuild of {rebuilt.views} views, {tenant.events:,} events, in {rebuilt.seconds:.1f} s during {RATE} commands/s and readers"
    first = f", the first with {seen.first_fault}" if seen.failed else ""
    yield compare(f"{id_}-reads", f"{took}: reads that failed{first}", seen.failed, "reads", reads, "all reads", _NONE)
    yield compare(f"{id_}-back", f"{took}: reads that went back", seen.back, "reads", reads, "all reads", _NONE)
    first = f", the first with {load.first_fault}" if load.failed else ""
    yield compare(
        f"{id_}-writes", f"{took}: writes that failed{first}", load.failed, "writes", len(written), "all writes", _NONE
    )
    yield compare(
        f"{id_}-lost",
        f"{took}: writes acknowledged and not in the log once",
        lost,
        "writes",
        len(written),
        "all writes",
        _NONE,
    )
    yield compare(
        f"{id_}-unequal",
        f"{took}: views that differ, then and after the load",
        0,
        "views",
        rebuilt.views,
        "all views",
        _NONE,
    )
    yield compare(
        f"{id_}-memory",
        f"{took}: peak memory of the rebuild's processes",
        rebuilt.peak,
        "MB",
        300,
        "the allowed memory",
        Goal(ours_to=300),
    )
    writes = ([write.due for write in written], [write.answered - write.due for write in written])
    for name, (at, latencies), share in (("write", writes, 0.5), ("write", writes, 0.99), ("write", writes, 1),
                                         ("read", (seen.at, seen.took), 0.5), ("read", (seen.at, seen.took), 0.95)):  # fmt: skip
        during_rebuild, before = _within(at, latencies, *during, share), _within(at, latencies, 0.0, during[0], share)
        what = "slowest" if share == 1 else f"p{share * 100:g}"
        yield compare(
            f"{id_}-{name}-{what}",
            f"{took}: latency of a {name}, {what}",
            during_rebuild,
            "ms",
            before,
            "before it began",
            Goal(),
        )


def _within(at: Sequence[float], took: Sequence[float], begins: float, ends: float, share: float) -> float:
    """The latency in milliseconds at a share of the requests that were sent in a period."""
    order = sorted(zip(at, took, strict=True))
    chosen = order[bisect_left(order, (begins, 0.0)) : bisect_left(order, (ends, 0.0))]
    ordered = sorted(latency for _, latency in chosen)
    return ordered[ceil(len(ordered) * share) - 1] * 1000 if ordered else float("nan")
