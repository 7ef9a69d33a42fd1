"""NotedPeople: users of names that nobody goes by, made beside the commands that name them.

A command that states a fact may name anybody. Whom it names becomes a user of whom only the name is known, in the same batch and before
it. The request of such a user is named for the name, so that of several makers at once one makes it, and the others get its receipt.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from app.domain.kernel.command import Command
from app.domain.kernel.errors import DomainError
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import REF, is_typeid
from app.domain.user.commands import NoteUser
from app.store.canonical import canonical
from app.store.receipts import Request, fingerprint
from app.write_side.aggregate_loader import AggregateLoader
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.pending import PendingWrites

MEMBERS: Final = ("owner", "backup", "member")
"""The members of commands about accounts that name people."""
NOTER: Final = Principal("system:people")
MOST: Final = 100_000
"""Of how many names it is remembered that somebody goes by them."""


class NotedPeople:
    """Finds the names that nobody goes by yet. Takes: the loader of aggregates."""

    def __init__(self, loader: AggregateLoader) -> None:
        self._loader = loader
        self._known: set[tuple[str, str]] = set()

    def beside(self, envelopes: Iterable[CommandEnvelope]) -> Iterator[CommandEnvelope]:
        """The commands that make users of the names which some commands give and nobody goes by."""
        asked: dict[tuple[str, str], None] = {}
        for envelope in envelopes:
            if type(envelope.command).__module__ == "app.domain.account.commands":
                asked |= dict.fromkeys((envelope.tenant_id, name) for name in named_in(envelope.command))
        for tenant_id, name in asked:
            if not self.knows(tenant_id, name):
                yield noting(tenant_id, name)

    def knows(self, tenant_id: str, name: str) -> bool:
        """Whether somebody goes by a reference, or none may: it has the form of an id."""
        if (tenant_id, name) in self._known or is_typeid(name, "usr"):
            return True
        try:
            self._loader.load(tenant_id, "user", REF + name, PendingWrites())
        except DomainError:
            return False
        if len(self._known) >= MOST:
            self._known.clear()
        self._known.add((tenant_id, name))
        return True


def named_in(command: Command) -> Iterator[str]:
    """The names of people that a command gives, without `ref:`."""
    for member in MEMBERS:
        if name := vars(command).get(member):
            yield name.removeprefix(REF)


def noting(tenant_id: str, name: str) -> CommandEnvelope:
    """The command that makes a user of a name, always the same request."""
    request = Request(f"people:noted:{name}", fingerprint(canonical(["user.noted", name])))
    return CommandEnvelope(tenant_id, NOTER, NoteUser(external_ref=name), request)
