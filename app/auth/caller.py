"""The caller: the scopes, `<nouns>:<read|write>`, that it has. What each role may do stands in `app.domain.kernel.roles`."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

from app.domain.kernel.errors import NotAllowed
from app.domain.kernel.principal import Principal
from app.domain.kernel.reach import Reach
from app.domain.kernel.roles import ADMIN, BUSINESS, SCOPES, who_may
from app.domain.kernel.values import Classification
from app.domain.withholding import SCOPES as WITHHELD_UNDER
from app.domain.withholding import lacking
from app.observe.logs import logger

NOUN_SCOPES: Final = {
    "account": "accounts", "interaction": "interactions", "contract": "contracts", "renewal": "renewals",
    "scope_change": "scope_changes", "policy": "policies", "proposal": "proposals", "opportunity": "opportunities",
    "budget": "budgets", "suggestion": "suggestions", "agent": "agents",
}  # fmt: skip
"""The scope under which events about an aggregate type are written."""


class SignIn(NamedTuple):
    """By what a caller was let in. expires_at: microseconds or none. Of an access token also its issuer, and the thumbprint of the key
    that its client must prove with each request, where it is bound to one.
    """

    by: Literal["key", "token"]
    expires_at: int | None = None
    issuer: str | None = None
    thumbprint: str | None = None


BY_KEY: Final = SignIn("key")


@dataclass(frozen=True)
class Caller:
    """Who calls, for which tenant, and with which scopes. The principal's `client` is the key.

    roles: in which they act. user: the person whose key it is, none for the key of a service. agent: that acts for them. signed_in: by what
    they were let in.
    """

    tenant_id: str
    principal: Principal
    scopes: frozenset[str]
    roles: tuple[str, ...] = ()
    user: str | None = None
    agent: str | None = None
    signed_in: SignIn = BY_KEY

    @property
    def sender(self) -> str:
        """Whose requests share idempotency keys: those of a key. An application's tokens are many people's, and each has their own."""
        client = self.principal.client or self.principal.actor
        return client if self.signed_in.by == "key" else f"{self.principal.actor}@{client}"

    @property
    def reach(self) -> Reach:
        """Over whose accounts they act and read."""
        return self.principal.reach

    def sees(self, account: Any) -> bool:
        """Whether an account is in reach. Takes: its state."""
        return self.reach.sees(account)

    @cached_property
    def lacking(self) -> frozenset[Classification]:
        """The classes of members that are left out of what they read."""
        return lacking(self.scopes)

    def require_readable(self, members: Iterable[str], classes: Iterable[Classification]) -> None:
        """Raises: NotAllowed where they may not read members of these classes, and so may not ask by them either.

        Takes: what is asked by, for the answer: to know which of two is larger is to read them.
        """
        for kind in sorted(self.lacking.intersection(classes)):
            scope, named = WITHHELD_UNDER[kind], [*members]
            logger().info(
                "read_denied", tenant_id=self.tenant_id, actor=self.principal.actor, members=named, scope=scope
            )
            raise NotAllowed(
                "member_withheld",
                f"what is asked for follows from members that the key may not read: {', '.join(named)}",
                scope=scope,
                may=who_may(scope),
                withheld=named,
            )

    def require(self, scope: str) -> None:
        """Raises: NotAllowed without the scope."""
        if scope not in self.scopes:
            raise NotAllowed("scope_missing", f"the key lacks {scope}", scope=scope, may=who_may(scope))

    def require_scopes(self, scopes: Iterable[str]) -> None:
        """Raises: NotAllowed for the key of an integration whose scopes go beyond one's own: it is not one's to give or to take.

        An admin gives and takes what they do not have themselves.
        """
        if ADMIN in self.roles:
            return
        beyond = sorted(SCOPES.intersection(scopes) - self.scopes)
        if beyond:
            detail = f"the key lacks {beyond[0]}, and neither gives nor takes it"
            raise NotAllowed(
                "scope_missing", detail, scope=beyond[0], may=[*dict.fromkeys([*who_may(beyond[0]), ADMIN])]
            )

    def require_to_write(self, noun: str) -> None:
        """Raises: NotAllowed without the right to write events about an aggregate type."""
        if "events:write" not in self.scopes:
            self.require(f"{NOUN_SCOPES.get(noun, noun)}:write")

    def require_ingestion(self) -> None:
        """Raises: NotAllowed without any right to write events."""
        if not any(scope.endswith(":write") and scope.split(":")[0] in BUSINESS for scope in self.scopes):
            may = who_may("events:write")
            raise NotAllowed("scope_missing", "the key may not write events", scope="events:write", may=may)
