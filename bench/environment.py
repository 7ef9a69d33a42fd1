"""The ground that a run stands on: sizes, databases, servers, and processes of their own for clients and peers."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from app.auth.keys import issue
from app.bootstrap import build
from app.domain.api_key.commands import IssueApiKey
from app.domain.tenant.commands import CreateTenant
from app.runtime import Runtime
from app.settings import Settings
from app.store.receipts import Request
from app.write_side.handler import CommandEnvelope
from bench.databases import Databases
from bench.servers import ROOT, VAULT_KEY

P = ParamSpec("P")
T = TypeVar("T")
ACCOUNTS: Final = 10_000
EVENTS: Final = 1_000_000


@dataclass
class Ground:
    """What every row may ask for.

    seconds: how long a row is measured, both sides together. scale: of accounts and events, 1 for the sizes of the goals.
    say: tells whoever watches what is being done.
    """

    seconds: float = 10.0
    scale: float = 1.0
    say: Callable[[str], None] = lambda _doing: None
    folder: Path = ROOT / "var" / "bench"
    databases: Databases = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.databases = Databases(self.folder)
        self._aside: ProcessPoolExecutor | None = None

    @property
    def accounts(self) -> int:
        """How many accounts the big tenant has."""
        return max(10, int(ACCOUNTS * self.scale))

    @property
    def events(self) -> int:
        """How many events the big tenant has."""
        return max(1000, int(EVENTS * self.scale))

    def aside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Does something in another process that has nothing else to do, and waits for it."""
        return self.begin(work, *args, **kwargs)()

    def begin(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Callable[[], T]:
        """The same without waiting. Gives: what waits."""
        if self._aside is None:
            self._aside = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        return self._aside.submit(work, *args, **kwargs).result

    def close(self) -> None:
        """Ends what was started."""
        if self._aside is not None:
            self._aside.shutdown()
        self.databases.close()


@dataclass(frozen=True)
class Furnished:
    """A tenant to write to: an admin's key, and accounts."""

    url: str
    tenant_id: str
    key: str
    accounts: tuple[str, ...]


def settings_of(url: str) -> Settings:
    """The settings of a runtime beside the server's."""
    return Settings(database_url=url, vault_key=VAULT_KEY, log_level="error")


def new_tenant(runtime: Runtime) -> tuple[str, str]:
    """A new tenant's id and an admin's key."""
    tenant_id = runtime.new_id("tnt")
    command = CreateTenant(name="Bench", time_zone="UTC", currency="EUR")
    runtime.handler.handle(
        CommandEnvelope(tenant_id, "bench", command, Request(f"tenant:{tenant_id}", b""), new_id=tenant_id)
    )
    _, key = issue(runtime.handler, tenant_id, "bench", IssueApiKey(role="admin"), Request("bench:key", b""))
    if key is None:
        raise RuntimeError("the tenant has a key already")
    return tenant_id, key


def furnished(ground: Ground, backend: str, accounts: int = 500) -> Furnished:
    """A fresh database with one tenant and its accounts."""
    url = ground.databases.fresh(backend)
    runtime = build(settings_of(url))
    try:
        tenant_id, key = new_tenant(runtime)
        told = [
            {"specversion": "1.0", "id": f"a{n}", "source": "urn:bench", "type": "account.opened",
             "data": {"name": f"Client {n}", "currency": "EUR", "external_ref": f"client-{n}"}}
            for n in range(accounts)
        ]  # fmt: skip
        items = runtime.ingestion.ingest(tenant_id, "bench", told)
        opened = tuple(item.receipt.id for item in items if item.receipt)
    finally:
        runtime.close()
    if len(opened) != accounts:
        raise RuntimeError("not all accounts were opened")
    return Furnished(url, tenant_id, key, opened)
