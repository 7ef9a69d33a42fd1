"""Reach: over whose accounts somebody may act and read, as it is today. Out of reach is as if it were not there."""

from dataclasses import dataclass
from typing import Any, Final

from app.domain.kernel import roles


@dataclass(frozen=True, slots=True)
class Reach:
    """The accounts of some names: those that name one of them as owner, backup or member. kind `tenant` leaves none out.

    key_accounts: whether every key account belongs to it. user: whose reach it is, none for a service's.
    """

    kind: roles.Reach = "tenant"
    names: frozenset[str] = frozenset()
    key_accounts: bool = False
    user: str | None = None

    @property
    def whole(self) -> bool:
        """Whether it is the whole tenant."""
        return self.kind == "tenant"

    def said(self) -> dict[str, Any]:
        """What an answer says of it, where it is a part of the tenant: whose reach something sums over."""
        return {} if self.whole else {"reach": {"kind": self.kind, "user": self.user}}

    def sees(self, account: Any) -> bool:
        """Whether an account is in reach. Takes: its state, with the names that it has now."""
        if self.whole or (self.key_accounts and account.key_account):
            return True
        named = {account.owner, account.backup, *(name for name, _ in account.members)}
        return not self.names.isdisjoint(named)


WHOLE: Final = Reach()
"""The reach of a service, of the command line and of whatever is no person."""
