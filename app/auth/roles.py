"""What each role may do: a table of scopes, `<nouns>:<read|write>`."""

from dataclasses import dataclass
from typing import Final

from app.domain.kernel.errors import NotAllowed
from app.domain.kernel.principal import Principal

BUSINESS: Final = (
    "accounts", "interactions", "contracts", "renewals", "scope_changes", "proposals", "opportunities", "budgets", "kpis",
    "certificates", "events",
)  # fmt: skip
RULES: Final = ("policies", "incentives")
ADMINISTRATION: Final = ("api_keys", "webhooks")
SCOPES: Final = frozenset(
    f"{nouns}:{verb}" for nouns in (*BUSINESS, *RULES, *ADMINISTRATION) for verb in ("read", "write")
)
_DIRECTOR: Final = frozenset(f"{nouns}:{verb}" for nouns in (*BUSINESS, *RULES) for verb in ("read", "write"))
_MANAGER: Final = _DIRECTOR - {"policies:write", "incentives:write"}

ROLES: Final[dict[str, frozenset[str]]] = {
    "admin": SCOPES,
    "director": _DIRECTOR,
    "senior_manager": _MANAGER,
    "manager": _MANAGER,
    "auditor": frozenset(f"{nouns}:read" for nouns in (*BUSINESS, *RULES, *ADMINISTRATION)),
    "integration": frozenset(),
}
"""The scopes of each role; an integration has only those that its key names."""

NOUN_SCOPES: Final = {
    "account": "accounts", "interaction": "interactions", "contract": "contracts", "renewal": "renewals",
    "scope_change": "scope_changes", "policy": "policies", "proposal": "proposals", "opportunity": "opportunities",
    "budget": "budgets",
}  # fmt: skip
"""The scope under which events about an aggregate type are written."""


@dataclass(frozen=True)
class Caller:
    """Who calls, for which tenant, and with which scopes. The principal's `client` is the key."""

    tenant_id: str
    principal: Principal
    scopes: frozenset[str]

    def require(self, scope: str) -> None:
        """Raises: NotAllowed without the scope."""
        if scope not in self.scopes:
            raise NotAllowed("scope_missing", f"the key lacks {scope}", scope=scope)

    def require_reach(self, role: str, scopes: tuple[str, ...]) -> None:
        """Raises: NotAllowed where a new key of this role and these scopes could do what this one cannot."""
        beyond = sorted(scopes_of(role, scopes) - self.scopes)
        if beyond:
            raise NotAllowed("scope_missing", f"the key lacks {beyond[0]} and hands it to nobody", scope=beyond[0])

    def may_write(self, noun: str) -> bool:
        """Whether events about an aggregate type may be written."""
        return "events:write" in self.scopes or f"{NOUN_SCOPES.get(noun, noun)}:write" in self.scopes

    def require_ingestion(self) -> None:
        """Raises: NotAllowed without any right to write events."""
        if not any(scope.endswith(":write") and scope.split(":")[0] in BUSINESS for scope in self.scopes):
            raise NotAllowed("scope_missing", "the key may not write events", scope="events:write")


def scopes_of(role: str, named: tuple[str, ...]) -> frozenset[str]:
    """The scopes of a key of a role. Takes: the scopes that the key names."""
    return frozenset(named) & SCOPES if role == "integration" else ROLES.get(role, frozenset())
