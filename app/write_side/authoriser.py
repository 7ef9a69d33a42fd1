"""Authoriser: whether a principal may do what is to be decided. It looks up what the table of rights depends on, and only then."""

from functools import partial
from typing import Any, Final

from app.domain.aggregate_type import Decision
from app.domain.kernel.errors import NotFound
from app.domain.kernel.reach import Reach
from app.domain.kernel.rights import Asked, Authorisation, at_once, authorise
from app.domain.recorded import Recorded
from app.store.log import CacheMiss
from app.write_side.aggregate_loader import AggregateLoader
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.pending import PendingWrites

SIGNED: Final = "contract.signed"
LONGEST_CHAIN: Final = 10
"""How many keys, each issued with the one before, are followed to the person behind them."""


class Authoriser:
    """Authorises commands, once the states that they are decided on are loaded. Takes: the loader of aggregates."""

    def __init__(self, loader: AggregateLoader) -> None:
        self._loader = loader

    def authorise(
        self,
        envelope: CommandEnvelope,
        decision: Decision,
        state: Any,
        *,
        account_id: str | None,
        pending: PendingWrites,
        counts: dict[tuple[str, str], int],
        now: int,
    ) -> Authorisation:
        """By what the principal may do it.

        Takes: the state that it is decided on; `counts`, to which is added what the right depends on staying as it is. Raises: NotAllowed;
        CacheMiss where nothing may be read and it depends on what is not cached.
        """
        principal = envelope.principal
        if (known := at_once(principal, decision.capability)) is not None:
            return known
        authored = partial(decision.authored, state, envelope.command) if decision.authored else _nothing
        return authorise(
            Asked(
                principal=principal,
                capability=decision.capability,
                noun=decision.aggregate,
                now=now,
                source=envelope.meta.get("source"),
                authored=authored,
                stored=partial(self._stored, envelope.tenant_id, pending),
                first=partial(self._first, envelope.tenant_id, account_id, pending, counts),
                sees=partial(self._sees, envelope.tenant_id, account_id, pending),
            )
        )

    def person_behind(self, tenant_id: str, pending: PendingWrites, actor: str) -> str:
        """The person who is behind an actor, as far as that is known: whose key it is, or who issued the key of a service."""
        for _ in range(LONGEST_CHAIN):
            if not actor.startswith("key_"):
                break
            try:
                key = self._loader.load(tenant_id, "api_key", actor, pending)[1].state
            except NotFound:
                break
            further = key.user or key.issued_by
            if further is None or not further.startswith(("usr_", "key_")):
                break
            actor = further
        return actor

    def _stored(self, tenant_id: str, pending: PendingWrites, event_id: str) -> Recorded | None:
        """An event of the log; none where the same batch is about to append it."""
        if pending.cache_only:
            raise CacheMiss
        return next(iter(self._loader.log.events(tenant_id, [event_id])), None)

    def _sees(self, tenant_id: str, account_id: str | None, pending: PendingWrites, reach: Reach) -> bool:
        """Whether a reach has the account that it is about; what is about none, or begins one, every reach has."""
        if reach.whole or account_id is None:
            return True
        try:
            return reach.sees(self._loader.load(tenant_id, "account", account_id, pending)[1].state)
        except NotFound:
            return True

    def _first(
        self, tenant_id: str, account_id: str | None, pending: PendingWrites, counts: dict[tuple[str, str], int]
    ) -> bool:
        """Whether an account has no signed contract yet; it is signed only if nobody signs another one meanwhile."""
        if account_id is None:
            return False
        if pending.cache_only:
            raise CacheMiss
        signed = {*self._loader.log.streams_of(tenant_id, account_id, SIGNED)}
        signed |= {*pending.of_account.get((account_id, SIGNED), ())}
        counts[account_id, SIGNED] = len(signed)
        return not signed


def _nothing() -> None:
    return None
