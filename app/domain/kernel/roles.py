"""Roles: what each may do, and how high it stands. A role is a set of scopes and a level; there is one table of them, here."""

from collections.abc import Iterable
from typing import Any, Final, Literal, get_args

from app.domain.kernel.errors import NotAllowed

PersonRole = Literal[
    "coordinator", "account_manager", "senior_account_manager", "director", "vp",
    "project_manager", "customer_success", "sales", "specialist", "finance", "auditor", "admin",
]  # fmt: skip
Role = Literal[PersonRole, "integration"]
"""An integration is no person: it may do what its key names, and has no level."""
Reach = Literal["self", "team", "portfolio", "department", "tenant"]

TABLE: Final = """
                coordinator
                |  account_manager
                |  |  senior_account_manager
                |  |  |  director
                |  |  |  |  vp
                |  |  |  |  |  project_manager
                |  |  |  |  |  |  customer_success
                |  |  |  |  |  |  |  sales
                |  |  |  |  |  |  |  |  specialist
                |  |  |  |  |  |  |  |  |  finance
                |  |  |  |  |  |  |  |  |  |  auditor
                |  |  |  |  |  |  |  |  |  |  |  admin
level           1  2  3  4  5  2  2  2  1  3  3  6
reach           p  p  p  d  t  s  s  p  s  t  t  t
accounts        r  w  w  w  w  r  r  w  r  r  r  -
interactions    w  w  w  w  w  w  w  w  w  -  r  -
contracts       -  w  w  w  w  -  -  w  -  r  r  -
renewals        -  w  w  w  w  -  -  -  -  r  r  -
scope_changes   w  w  w  w  w  w  w  w  w  w  r  -
proposals       -  w  w  w  w  -  -  w  -  w  r  -
opportunities   -  w  w  w  w  -  w  w  -  r  r  -
budgets         -  w  w  w  w  -  -  -  -  w  r  -
kpis            -  w  w  w  w  -  -  -  -  r  r  -
certificates    -  w  w  w  w  -  -  -  -  w  r  -
events          -  w  w  w  w  -  -  -  -  r  r  a
commercial      -  r  r  r  r  -  o  o  -  r  r  -
personal        r  r  r  r  r  -  r  r  -  -  -  r
texts           r  r  r  r  r  r  r  r  r  -  -  -
policies        -  r  r  w  w  -  -  -  -  w  r  r
incentives      -  r  r  w  w  -  -  -  -  w  r  -
suggestions     w  w  w  w  w  w  w  w  w  w  r  -
agents          r  r  r  r  r  r  r  r  r  r  r  w
users           r  r  r  r  r  r  r  r  r  r  r  w
teams           r  r  r  r  r  r  r  r  r  r  r  w
api_keys        -  -  -  -  -  -  -  -  -  -  r  w
webhooks        -  -  -  -  -  -  -  -  -  -  r  w
access          -  -  -  -  -  -  -  -  -  -  r  r
"""
"""r: reads; w: reads and writes; a: writes and reads nothing, as who registers a webhook endpoint needs it; o: reads as long as they
reach no account but their own. commercial, personal, texts: members, wherever they stand; see `app.domain.withholding`.
reach: self, portfolio, department or tenant, where a grant names no other.

A scope lets in; what somebody may do then, and about what, says the table of `app.domain.kernel.rights`. An admin who is a person reads
no client content; the key of a service in this role has every scope.

Source: the table of roles and permissions of the domain model, as far as scopes can say it.
"""
BUSINESS: Final = (
    "accounts", "interactions", "contracts", "renewals", "scope_changes", "proposals", "opportunities", "budgets", "kpis",
    "certificates", "events", "suggestions",
)  # fmt: skip
MEMBERS: Final = ("commercial", "personal", "texts")
"""What is no noun but members of many: amounts and prices, what is a person's own, and what somebody wrote in their own words."""
RULES: Final = ("policies", "incentives")
PEOPLE: Final = ("users", "teams", "agents")
ADMINISTRATION: Final = ("api_keys", "webhooks")
AUDIT: Final = ("access",)
NOUNS: Final = (*BUSINESS, *RULES, *PEOPLE, *ADMINISTRATION, *AUDIT)
SCOPES: Final = frozenset(
    f"{nouns}:{verb}" for nouns in (*BUSINESS, *RULES, *PEOPLE, *ADMINISTRATION) for verb in ("read", "write")
) | {f"{nouns}:read" for nouns in (*AUDIT, *MEMBERS)}
ADMIN: Final = "admin"
INTEGRATION: Final = "integration"
OWN_REACHES: Final = frozenset({"self", "portfolio"})
"""How far a person reaches who reaches no account but their own: those that they own, back up, or work on."""
_VERBS: Final = {"-": (), "r": ("read",), "w": ("read", "write"), "a": ("write",)}
_REACHES: Final[dict[str, Reach]] = {"s": "self", "p": "portfolio", "d": "department", "t": "tenant"}
_ROWS: Final = {cells[0]: cells[1:] for line in TABLE.splitlines() if (cells := line.split()) and "|" not in line}
ROLES: Final[dict[str, frozenset[str]]] = {
    role: frozenset(
        f"{nouns}:{verb}"
        for nouns, cells in _ROWS.items()
        if nouns in (*NOUNS, *MEMBERS)
        for verb in _VERBS.get(cells[at], ())
    )
    for at, role in enumerate(get_args(PersonRole))
} | {INTEGRATION: frozenset()}
"""The scopes of each role; an integration has only those that its key names."""
OF_OWN: Final[dict[str, frozenset[str]]] = {
    role: frozenset(f"{members}:read" for members in MEMBERS if _ROWS[members][at] == "o")
    for at, role in enumerate(get_args(PersonRole))
}
"""The scopes that a role has besides, as long as its bearer reaches no account but their own."""
USUAL_REACH: Final[dict[str, Reach]] = {
    role: _REACHES[letter] for role, letter in zip(get_args(PersonRole), _ROWS["reach"], strict=True)
}
"""Over whose accounts a role is given where the grant names no reach."""
LEVELS: Final[dict[str, int]] = dict(zip(get_args(PersonRole), map(int, _ROWS["level"]), strict=True))
"""How high each role stands."""
RENAMED: Final = {"manager": "account_manager", "senior_manager": "senior_account_manager"}
"""What roles are called that older events name otherwise."""


def renamed(data: dict[str, Any]) -> dict[str, Any]:
    """The data of an older event with its role by the name of today."""
    return {**data, "role": RENAMED.get(data["role"], data["role"])}


def scopes_of(role: str, named: Iterable[str] = (), *, own: bool = False) -> frozenset[str]:
    """The scopes of a role. Takes: those that the key of an integration names; whether its bearer reaches only their own accounts."""
    if role == INTEGRATION:
        return frozenset(named) & SCOPES
    return ROLES.get(role, frozenset()) | (OF_OWN.get(role, frozenset()) if own else frozenset())


def service_scopes(role: str, named: Iterable[str] = ()) -> frozenset[str]:
    """The scopes of the key of a service: an admin's has them all."""
    return SCOPES if role == ADMIN else scopes_of(role, named)


def level_of(role: str) -> int:
    """How high a role stands; 0 for what is no role of a person."""
    return LEVELS.get(role, 0)


def highest(roles: Iterable[str]) -> str:
    """The role that stands highest, of several the first of the table, where those come first that decide; none of none."""
    given = {*roles}
    return max((role for role in LEVELS if role in given), key=level_of, default="")


def who_may(scope: str, *, at_least: str = "") -> list[str]:
    """The roles that have a scope, and stand at least as high as another one."""
    return [role for role, scopes in ROLES.items() if scope in scopes and level_of(role) >= level_of(at_least)]


def require_level(own: str, role: str, scope: str) -> None:
    """Raises: NotAllowed where a role stands above one's own: nobody gives or takes what is above them.

    Takes: the scope under which it is done, for the answer who may do it.
    """
    if level_of(role) > level_of(own):
        raise NotAllowed(
            "above_own_level",
            f"{role} stands above your own role, {own or INTEGRATION}: what is above you is not yours to give or to take",
            may=who_may(scope, at_least=role),
        )
