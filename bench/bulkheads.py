"""Bulkheads: what other tenants feel while one of them holds its ledger, imports, has a broken view, or waits for it in crowds."""

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from operator import itemgetter
from typing import Any, Final

import psycopg
import uvloop
from eventsourcing.persistence import StoredEvent

from app.bootstrap import build
from app.domain.kernel.principal import Principal
from bench.client import Acknowledged, call, connect, pace
from bench.commands import BODY
from bench.environment import Environment, WritableTenant, new_tenant, settings_of
from bench.ingestion import EACH, lines
from bench.interleaving import interleaved, median_of
from bench.results import Goal, Result, compare
from bench.servers import steward
from bench.side_clients import clients

OTHERS: Final = 4
"""How many other tenants there are."""
ACCOUNTS: Final = 50
RATE: Final = 40
"""Requests a second of all other tenants together, every second one a read: far from what the machine can do."""
CONNECTIONS: Final = 16
TURNS: Final = 3
WAITING: Final = 500
TROUBLED: Final = 16
"""How many connections the tenant with the held ledger has."""
_GOAL: Final = Goal(ratio_to=2)

Trouble = Callable[[int, WritableTenant], Any]
"""What goes on beside the others. Takes: the server's port and the tenant that makes the trouble. Gives: a context."""


def others_request(tenants: Sequence[WritableTenant], series: str, number: int) -> bytes:
    """The n-th request of the other tenants: a write or a read, of each in turn."""
    tenant = tenants[number // 2 % len(tenants)]
    account = tenant.accounts[number % len(tenant.accounts)]
    if number % 2:
        return call("GET", f"/v1/accounts/{account}", tenant.key)
    return call("POST", f"/v1/accounts/{account}/interactions", tenant.key, BODY, Idempotency_Key=f"{series}-{number}")


# --- the troubles ---


@contextmanager
def _held(port: int, tenant: WritableTenant) -> Iterator[None]:
    """Another session holds the row of the ledger's head; the tenant goes on writing, reading and sending events."""
    with psycopg.connect(tenant.url.replace("+psycopg", "")) as session:
        session.execute("SELECT head FROM ledgers WHERE tenant_id = %s FOR UPDATE", (tenant.tenant_id,))
        with _crowded(port, tenant, TROUBLED, "held"):
            yield


@contextmanager
def _imports(port: int, tenant: WritableTenant) -> Iterator[None]:
    with _crowded(port, tenant, 2, "import"):
        yield


@contextmanager
def _writes(port: int, tenant: WritableTenant) -> Iterator[None]:
    """The tenant writes and nothing is wrong with it: what `_poisoned` costs without the poison."""
    with _crowded(port, tenant, 2, "written"):
        yield


@contextmanager
def _poisoned(port: int, tenant: WritableTenant) -> Iterator[None]:
    """Views of the tenant stand still at an event, while the tenant goes on writing."""
    _poison(tenant)
    with _crowded(port, tenant, 2, "written"):
        yield


@contextmanager
def _waiting(port: int, tenant: WritableTenant) -> Iterator[None]:
    """Reads of the tenant that wait for a view that stands still."""
    _poison(tenant)
    with _crowded(port, tenant, WAITING, "waiting"):
        yield


TROUBLES: Final[dict[str, tuple[Trouble, str]]] = {
    "held": (_held, f"another session holds a tenant's head row, {TROUBLED} connections go on sending"),
    "import": (_imports, f"a tenant imports, {EACH:,} events a request on two connections"),
    "writing": (_writes, "a tenant that is well writes on two connections, each as soon as it was answered"),
    "poisoned": (_poisoned, "a view of a tenant stands still at an event, and the tenant goes on writing"),
    "waiting": (_waiting, f"{WAITING} reads of a tenant wait for a view that stands still"),
}


def _poison(tenant: WritableTenant) -> None:
    """An event of the first account that no view can make anything of: those that read it stand still there."""
    runtime = build(settings_of(tenant.url))
    try:
        (*_, last) = runtime.log.stream(tenant.tenant_id, tenant.accounts[0])
        event = StoredEvent(tenant.accounts[0], last.version + 1, "account.renamed", b'{"data":{},"meta":{},"salt":""}')
        runtime.log.recorder(tenant.tenant_id).insert_events([event])
    finally:
        runtime.close()


@contextmanager
def _crowded(port: int, tenant: WritableTenant, many: int, kind: str) -> Iterator[None]:
    """A crowd of the tenant beside a measurement. Raises: what ended the crowd before the measurement did."""
    with clients(partial(crowd, port, tenant, many, kind)) as end:
        yield
        (answered,) = end()
    if isinstance(answered, Exception):
        raise answered


def crowd(port: int, tenant: WritableTenant, many: int, kind: str, ended: Callable[[], bool]) -> int:
    """Connections of the tenant in trouble, each with the next request once the last one was answered. Gives: how many were."""
    return uvloop.run(_crowd(port, tenant, many, kind, ended))


async def _crowd(port: int, tenant: WritableTenant, many: int, kind: str, ended: Callable[[], bool]) -> int:
    answered = [0]

    async def one(at: int) -> None:
        answers: asyncio.Queue[Any] = asyncio.Queue()
        connection = await connect(port, lambda *answer: answers.put_nowait(answer))
        number = 0
        while not ended():
            connection.send(_troubled_request(tenant, kind, at, number))
            while answers.empty() and not ended():
                await asyncio.sleep(0.01)
            answered[0] += not answers.empty()
            while not answers.empty():
                answers.get_nowait()
            number += 1
        connection.transport.abort()

    await asyncio.gather(*(one(at) for at in range(many)))
    return answered[0]


def _troubled_request(tenant: WritableTenant, kind: str, at: int, number: int) -> bytes:
    account = tenant.accounts[1 + number % (len(tenant.accounts) - 1)]
    if kind == "waiting":
        return call("GET", "/v1/accounts", tenant.key, Min_Event_Position=str(ACCOUNTS + 3), Prefer="wait=30")
    if kind == "import" or (kind == "held" and at % 3 == 0):
        return lines(tenant.accounts, tenant.key, f"{kind}-{at}", number)
    if kind == "held" and at % 3 == 1:
        return call("GET", f"/v1/accounts/{account}", tenant.key)
    return call("POST", f"/v1/accounts/{account}/interactions", tenant.key, BODY)


# --- the rows ---


def beside_trouble(environment: Environment, name: str) -> list[Result]:
    """The others' p99 of writes and of reads beside a tenant in trouble, compared with that of the same tenants alone."""
    trouble, what = TROUBLES[name]
    goal = Goal() if trouble is _writes else _GOAL  # a tenant that is well makes no trouble: information only
    url = environment.databases.fresh("postgresql")
    tenants = tenants_on(url, OTHERS + 1)
    troubled, others = tenants[0], tenants[1:]
    with steward(environment.folder, url) as served:

        def side(beside: bool, turn: int, seconds: float) -> tuple[float, float]:
            series = f"{name}-{turn}-{beside}"
            with trouble(served.port, troubled) if beside else nullcontext():
                load, answers = environment.run_in_process(
                    pace, served.port, partial(others_request, others, series), CONNECTIONS, RATE, seconds
                )
            load.checked()
            return _p99(answers, writes=True), _p99(answers, writes=False)

        sides = {"alone": partial(side, False), "beside": partial(side, True)}
        by_side = interleaved(environment, sides, TURNS, seconds=max(environment.seconds * 3, 6.0))
    environment.databases.drop(url)
    work = f"{OTHERS} other tenants at {RATE} requests/s, p99 of a"
    return [
        compare(f"bulkhead-{name}-{kind}", f"{work} {kind}; {what}", median_of(by_side["beside"], itemgetter(at)),
                "ms", median_of(by_side["alone"], itemgetter(at)), "the same tenants alone", goal)
        for at, kind in enumerate(("write", "read"))
    ]  # fmt: skip


def _p99(answers: Sequence[Acknowledged], *, writes: bool) -> float:
    took = sorted(each.answered - each.due for each in answers if bool(each.position) == writes)
    return took[math.ceil(len(took) * 0.99) - 1] * 1000


def tenants_on(url: str, many: int) -> list[WritableTenant]:
    """Tenants with accounts on one database, all views at the head."""
    runtime = build(settings_of(url))
    try:
        tenants = []
        for _ in range(many):
            tenant_id, key = new_tenant(runtime)
            opened = [{"specversion": "1.0", "id": f"a{n}", "source": "urn:bench", "type": "account.opened",
                       "data": {"name": f"Client {n}", "currency": "EUR"}} for n in range(ACCOUNTS)]  # fmt: skip
            items = runtime.ingestion.ingest(tenant_id, Principal("bench"), opened)
            tenants.append(
                WritableTenant(url, tenant_id, key, tuple(item.receipt.id for item in items if item.receipt))
            )
            runtime.projector.catch_up(tenant_id)
        return tenants
    finally:
        runtime.close()
