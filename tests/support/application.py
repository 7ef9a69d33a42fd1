"""An application for tests: a real database, the real handler, and a clock that the test sets."""

import itertools
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from app.bootstrap import build
from app.domain.kernel.command import Command
from app.domain.kernel.principal import Principal
from app.domain.recorded import Recorded
from app.domain.tenant.commands import CreateTenant
from app.runtime import Runtime
from app.settings import Settings
from app.store.receipts import Receipt, Request
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.ingestion import Item
from projections import VIEWS
from tests.support.clock import Clock
from tests.support.databases import owned

KEY = "11" * 32


class Steward:
    """A runtime on a fresh database, with one tenant."""

    def __init__(self, url: str, *, time_zone: str = "UTC", now: str = "2026-01-15T09:00:00Z", **settings: Any) -> None:
        self.clock = Clock(now)
        self.settings = Settings(**{"database_url": url, "owner_url": owned(url), "vault_key": KEY, **settings})
        self.runtime: Runtime = build(self.settings, clock=self.clock)
        self._numbers = itertools.count()
        self.tenant = self.new_tenant("Agency", time_zone)

    def new_tenant(self, name: str, time_zone: str = "UTC") -> str:
        """A further tenant."""
        tenant_id = self.runtime.new_id("tnt")
        self.runtime.handler.handle(
            CommandEnvelope(
                tenant_id,
                Principal("test"),
                CreateTenant(name=name, time_zone=time_zone),
                Request(f"tenant-{next(self._numbers)}", b""),
                new_id=tenant_id,
            )
        )
        return tenant_id

    def do(
        self,
        command: Command,
        *,
        tenant: str | None = None,
        if_match: int | None = None,
        key: str | None = None,
        actor: str = "test",
        role: str = "",
        **targets: str,
    ) -> Receipt:
        """Handles a command; targets by noun."""
        request = Request(key or f"test-{next(self._numbers)}", repr(command).encode())
        return self.runtime.handler.handle(
            CommandEnvelope(
                tenant or self.tenant, Principal(actor, role, trust="system"), command, request, targets, if_match
            )
        )

    def ingest(self, events: list[Any], *, tenant: str | None = None) -> list[Item]:
        """Ingests CloudEvents."""
        return self.runtime.ingestion.ingest(tenant or self.tenant, Principal("test"), events)

    def ingest_file(self, path: Path, *, tenant: str | None = None) -> list[Item]:
        """Ingests a file of CloudEvents, one a line."""
        return self.ingest([json.loads(line) for line in path.read_text().splitlines()], tenant=tenant)

    def catch_up(self, tenant: str | None = None) -> int:
        """Lets every view read to the head."""
        self.runtime.projector.catch_up(tenant or self.tenant)
        return self.runtime.log.head(tenant or self.tenant)

    def rows(
        self, view_name: str, *, as_of: str | None = None, known_at: str | None = None, tenant: str | None = None
    ) -> list[Any]:
        """All rows of a view under both clocks, in key order."""
        self.catch_up(tenant)
        view = next(view for view in VIEWS if view.name == view_name)
        when = self.runtime.reader.when(tenant or self.tenant, as_of, known_at)
        return self.runtime.reader.select(tenant or self.tenant, view, [], when, order=view.keys)[0]

    def state(self, aggregate: str, named: str) -> Any:
        """The state of an aggregate, by id or reference."""
        return self.runtime.handler.load(self.tenant, aggregate, named)[1].state

    def stream(self, stream_id: str) -> list[Recorded]:
        """The events of one aggregate."""
        return list(self.runtime.log.stream(self.tenant, stream_id))

    def events(self) -> list[Recorded]:
        """All events of the tenant, in order."""
        return self.runtime.log.after(self.tenant, 0, 10_000)

    def topics(self) -> list[str]:
        """The types of all events, in order."""
        return [event.type for event in self.events()]

    @property
    def zone(self) -> ZoneInfo:
        """The tenant's time zone."""
        return self.runtime.handler.zone(self.tenant)

    def close(self) -> None:
        """Closes the runtime."""
        self.runtime.close()
