"""A call of a service: what it works with, for which tenant, by whom, and for which request."""

from dataclasses import dataclass

from app.domain.kernel.command import Command
from app.domain.kernel.principal import Principal
from app.read_side.reader import Reader
from app.store.receipts import Receipt, Request
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.handler import Handler


@dataclass(frozen=True, kw_only=True)
class ServiceCall:
    """What every service that appends takes. if_match: the version that the caller has seen."""

    handler: Handler
    reader: Reader
    tenant_id: str
    principal: Principal
    request: Request
    if_match: int | None = None

    def replayed(self) -> Receipt | None:
        """The receipt of the same request when it came before, so that nothing need be computed for it again."""
        return self.handler.log.replay(self.tenant_id, self.request)

    def append(self, command: Command, **targets: str) -> Receipt:
        """Handles a command, now that everything in it is computed. Takes: `targets`, ids by noun."""
        envelope = CommandEnvelope(self.tenant_id, self.principal, command, self.request, targets, self.if_match)
        return self.handler.handle(envelope)
