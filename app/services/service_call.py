"""A call of a service: what it works with, for which tenant, by whom, and for which request.

A service computes from all that there is, so that its figure is the same whoever asks for it; whether they may ask is required first.
"""

from dataclasses import dataclass

from app.domain.kernel.command import Command
from app.domain.kernel.principal import Principal
from app.read_side.reaching import beyond_reach
from app.read_side.reader import Reader
from app.store.receipts import Receipt, Request
from app.write_side.command_envelope import Approval, CommandEnvelope
from app.write_side.handler import Handler


@dataclass(frozen=True, kw_only=True)
class ServiceCall:
    """What every service that appends takes. if_match: the version that the caller has seen. operation: as the contract calls it.

    approves: the suggestion that is approved with it.
    """

    handler: Handler
    reader: Reader
    tenant_id: str
    principal: Principal
    request: Request
    if_match: int | None = None
    operation: str = ""
    approves: Approval | None = None

    def require_whole(self) -> None:
        """Raises: NotAllowed where it sums over all accounts, and only a part of them is in the actor's reach."""
        if not self.principal.reach.whole:
            raise beyond_reach()

    def require_account(self, account: str | None) -> None:
        """The same for what sums over an account, or over all. Raises: NotFound for one that is out of reach, too."""
        if account is None:
            self.require_whole()
        else:
            self.reader.within(self.principal.reach).require_in_reach(self.tenant_id, account)

    def require_person(self, name: str) -> None:
        """The same for what sums over the accounts of somebody. Takes: a name of theirs."""
        if name not in self.principal.reach.names:
            self.require_whole()

    def replayed(self) -> Receipt | None:
        """The receipt of the same request when it came before, so that nothing need be computed for it again."""
        return self.handler.log.replay(self.tenant_id, self.request)

    def append(self, command: Command, **targets: str) -> Receipt:
        """Handles a command, now that everything in it is computed. Takes: `targets`, ids by noun."""
        envelope = CommandEnvelope(
            self.tenant_id,
            self.principal,
            command,
            self.request,
            targets=targets,
            if_match=self.if_match,
            operation=self.operation,
            approves=self.approves,
            people_known=True,
        )
        return self.handler.handle(envelope)
