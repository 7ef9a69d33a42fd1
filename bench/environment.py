"""The environment of a run: sizes, databases, and a separate process for clients and peers."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from app.auth.keys import issue
from app.bootstrap import build
from app.domain.api_key.commands import IssueApiKey
from app.domain.kernel.principal import Principal
from app.domain.tenant.commands import CreateTenant
from app.runtime import Runtime
from app.settings import Settings
from app.store.receipts import Request
from app.write_side.command_envelope import CommandEnvelope
from bench.databases import Databases
from bench.servers import ROOT, VAULT_KEY

P = ParamSpec("P")
T = TypeVar("T")
ACCOUNTS: Final = 10_000
EVENTS: Final = 1_000_000


@dataclass
class Environment:
    """What every benchmark runs in.

    seconds: how long a benchmark is measured, all sides together. scale: the factor for the numbers of accounts and events;
    1 gives the sizes of the goals. say: reports progress.
    """

    seconds: float = 10.0
    scale: float = 1.0
    say: Callable[[str], None] = lambda _activity: None
    folder: Path = ROOT / "var" / "bench"
    databases: Databases = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.databases = Databases(self.folder)
        self._process: ProcessPoolExecutor | None = None

    @property
    def accounts(self) -> int:
        """How many accounts the big tenant has."""
        return max(10, int(ACCOUNTS * self.scale))

    @property
    def events(self) -> int:
        """How many events the big tenant has."""
        return max(1000, int(EVENTS * self.scale))

    def run_in_process(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function in a separate process and waits for its result."""
        return self.start_in_process(work, *args, **kwargs)()

    def start_in_process(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Callable[[], T]:
        """Starts a function in a separate process. Gives: a function that waits for its result."""
        if self._process is None:
            self._process = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        return self._process.submit(work, *args, **kwargs).result

    def close(self) -> None:
        """Ends the separate process and the database server."""
        if self._process is not None:
            self._process.shutdown()
        self.databases.close()


@dataclass(frozen=True)
class WritableTenant:
    """A tenant to write to, with an admin's key and the ids of its accounts."""

    url: str
    tenant_id: str
    key: str
    accounts: tuple[str, ...]


def settings_of(url: str) -> Settings:
    """The settings of a runtime in a process of the benchmark."""
    return Settings(database_url=url, vault_key=VAULT_KEY, log_level="error")


def new_tenant(runtime: Runtime) -> tuple[str, str]:
    """A new tenant's id and an admin's key."""
    tenant_id = runtime.new_id("tnt")
    command = CreateTenant(name="Bench", time_zone="UTC", currency="EUR")
    runtime.handler.handle(
        CommandEnvelope(tenant_id, Principal("bench"), command, Request(f"tenant:{tenant_id}", b""), new_id=tenant_id)
    )
    _, key = issue(
        runtime.handler, tenant_id, Principal("bench", "admin"), IssueApiKey(role="admin"), Request("bench:key", b"")
    )
    if key is None:
        raise RuntimeError("the tenant has a key already")
    return tenant_id, key


def new_writable_tenant(environment: Environment, backend: str, accounts: int = 500) -> WritableTenant:
    """A fresh database with one tenant and its accounts."""
    url = environment.databases.fresh(backend)
    runtime = build(settings_of(url))
    try:
        tenant_id, key = new_tenant(runtime)
        opened = [
            {"specversion": "1.0", "id": f"a{n}", "source": "urn:bench", "type": "account.opened",
             "data": {"name": f"Client {n}", "currency": "EUR", "external_ref": f"client-{n}"}}
            for n in range(accounts)
        ]  # fmt: skip
        items = runtime.ingestion.ingest(tenant_id, Principal("bench"), opened)
        account_ids = tuple(item.receipt.id for item in items if item.receipt)
    finally:
        runtime.close()
    if len(account_ids) != accounts:
        raise RuntimeError("not all accounts were opened")
    return WritableTenant(url, tenant_id, key, account_ids)
