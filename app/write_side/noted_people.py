"""NotedPeople: users of names that nobody goes by, made beside the commands that name them.

A command that states a fact may name anybody. Whom it names becomes a user of whom only the name is known, in the same batch and before
it. The request of such a user is named for the name, so that of several makers at once one makes it, and the others get its receipt.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from app.domain.account import commands
from app.domain.kernel.command import Command
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import REF, is_typeid
from app.domain.user.commands import NoteUser
from app.store.canonical import canonical
from app.store.log import Log
from app.store.people import People
from app.store.receipts import Request, fingerprint
from app.write_side.command_envelope import CommandEnvelope

NAMING: Final[Mapping[type[Command], str]] = {
    commands.OpenAccount: "owner",
    commands.SetAccountOwner: "owner",
    commands.SetAccountBackup: "backup",
    commands.AssignAccountMember: "member",
}
"""The commands that may name anybody as a fact, and the member that does."""
NOTER: Final = Principal("system:people")
MOST: Final = 100_000
"""Of how many names it is remembered that somebody goes by them."""


class NotedPeople:
    """Finds the names that nobody goes by yet. Takes: the log."""

    def __init__(self, log: Log) -> None:
        self._people = People(log)
        self._known: set[tuple[str, str]] = set()

    def beside(self, tenant_id: str, envelopes: Iterable[CommandEnvelope]) -> list[CommandEnvelope]:
        """The commands that make users of the names which a tenant's commands give and nobody goes by: one look-up for all of them."""
        named = dict.fromkeys(name for envelope in envelopes if (name := _name_in(envelope.command)))
        asked = [name for name in named if (tenant_id, name) not in self._known]
        found = self._people.named(tenant_id, asked) if asked else {}
        if len(self._known) >= MOST:
            self._known.clear()
        self._known.update((tenant_id, name) for name in found)
        return [noting(tenant_id, name) for name in asked if name not in found]


def _name_in(command: Command) -> str | None:
    """The reference of a user that a command gives, without `ref:`; none where it gives an id, which nobody can be made of."""
    given: str | None = getattr(command, NAMING.get(type(command), ""), None)
    name = given.removeprefix(REF) if given else None
    return None if name is None or is_typeid(name, "usr") else name


def noting(tenant_id: str, name: str) -> CommandEnvelope:
    """The command that makes a user of a name, always the same request."""
    request = Request(f"people:noted:{name}", fingerprint(canonical(["user.noted", name])))
    return CommandEnvelope(tenant_id, NOTER, NoteUser(external_ref=name), request)
