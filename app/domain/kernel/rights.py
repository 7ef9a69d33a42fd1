"""Rights: which role may do what, and up to where. There is one table of them, here; whoever decides about roles asks it.

It reads as the table of roles and permissions of the domain model. Over whose accounts a right counts is not said here: that is the
reach of a grant, and what is out of reach is not there for who asks. Amounts and days are not here either: they are the tenant's rules.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol, get_args

from app.domain.kernel.errors import NotAllowed
from app.domain.kernel.principal import Principal
from app.domain.kernel.reach import Reach
from app.domain.kernel.roles import INTEGRATION, PersonRole, level_of
from app.domain.kernel.values import MICRO

VERSION: Final = 1
"""Of the table: it goes up with each change of a cell, because events name it with the rule that they were authorised by."""

TABLE: Final = """
                          coord   am      senior  director vp     pm      csm     sales   special finance auditor
log                       y       y       y       y       y       y       y       y       y       -       -
raise_scope_change        y       y       y       y       y       y       y       y       -       -       -
answer_consult            -       -       -       -       -       y       y       -       y       y       -
respond                   draft   limit   higher  any     any     -       -       -       -       -       -
absorb                    -       propose small   any     any     propose -       -       -       -       -
concede                   -       limit   higher  floor   below   -       -       -       -       -       -
reject_concession         -       y       y       y       y       -       -       -       -       veto    -
sign                      -       propose y       y       y       -       -       first   -       -       -
forecast                  -       y       y       y       y       -       -       -       -       -       -
override_health           -       y       y       y       y       -       y       -       -       -       -
transfer_ownership        -       -       propose y       y       -       -       -       -       -       -
activate_policy           -       -       -       propose y       -       -       -       -       y       -
correct                   own_24h own_24h portf   dept    all     own     own     own     own     money   -
administer                -       -       -       -       -       -       -       -       -       -       -

handle_scope_change       -       y       y       y       y       y       y       -       -       -       -
approve_scope_change      -       -       y       y       y       -       -       -       -       -       -
staff_account             -       y       y       y       y       -       -       -       -       -       -
flag_key_account          -       -       propose y       y       -       -       -       -       -       -
hand_over                 -       y       y       y       y       -       -       y       -       -       -
take_over                 -       y       y       y       y       -       -       -       -       -       -
keep_account              -       y       y       y       y       -       -       y       -       -       -
draft_contract            -       y       y       y       y       -       -       y       -       -       -
renew                     -       y       y       y       y       -       -       -       -       -       -
negotiate                 -       y       y       y       y       -       -       y       -       -       -
sell                      -       y       y       y       y       -       y       y       -       -       -
budget                    -       y       y       y       y       -       -       -       -       y       -
certify                   -       y       y       y       y       -       -       -       -       y       -
draft_policy              -       -       -       y       y       -       -       -       -       y       -
suggest                   y       y       y       y       y       y       y       y       y       y       -
pay                       -       -       -       y       y       -       -       -       -       y       -
watch                     -       -       -       -       -       -       -       -       -       -       -
"""
"""The first part is the table of the domain model, the second what it does not name. Nobody watches but the system; an admin, whose column
would hold nothing else, administers; an integration may do what its key names.

y: may. -: may not. draft, propose: may suggest it, and somebody else does it. limit, higher: up to the role's own limit; any: without
one; floor, below: without one above the margin floor, below it too. small: what stays under the threshold. first: the first contract of
an account. own, own_24h: what one appended oneself, for ever or for a day. portf, dept, all: whatever is in reach. money: the money of
budgets. veto: to say no for the agency.
"""
HEADS: Final = dict(
    zip(
        ("coord", "am", "senior", "director", "vp", "pm", "csm", "sales", "special", "finance", "auditor", "admin"),
        get_args(PersonRole),
        strict=True,
    )
)
"""The roles by what the table calls them."""
SUGGESTED: Final = frozenset({"draft", "propose"})
"""Cells that let somebody suggest what another one does."""
OWN_SECONDS: Final = 24 * 3600
"""How long what one appended oneself may be corrected by those who correct for a day."""


def _read(table: str) -> dict[str, dict[str, str]]:
    head, *lines = (line.split() for line in table.splitlines() if line.strip())
    rights = {name: dict(zip(map(HEADS.__getitem__, head), cells, strict=True)) for name, *cells in lines}
    return {name: {**row, "admin": "y" if name == "administer" else "-"} for name, row in rights.items()}


RIGHTS: Final[Mapping[str, Mapping[str, str]]] = _read(TABLE)
"""The cell of each capability and role."""


class Authored(NamedTuple):
    """An event that is to be corrected, and who appended it."""

    event_id: str
    actor: str


class Stored(Protocol):
    """What the log says of an event: when it was recorded, in microseconds, and what it says of itself."""

    @property
    def recorded_at(self) -> int: ...
    @property
    def meta(self) -> Mapping[str, Any]: ...


class Asked(NamedTuple):
    """What somebody asks to do.

    capability: the row of the table. noun: the type of the aggregate that it is about. now: microseconds. source: the system that it
    comes from, if it said so. authored: what is to be corrected, None where nothing is. stored: finds an event in the log, None
    while it is not stored, as one that the same batch appends. first: finds out whether it would be the account's
    first contract. sees: whether a reach has the account that it is about. They are only called where a cell, or one of several roles,
    depends on them.
    """

    principal: Principal
    capability: str
    noun: str
    now: int
    source: str | None = None
    authored: Callable[[], Authored | None] = lambda: None
    stored: Callable[[str], Stored | None] = lambda _event_id: None
    first: Callable[[], bool] = lambda: False
    sees: Callable[[Reach], bool] = lambda _reach: True


class Authorisation(NamedTuple):
    """By what somebody may do it. rule: as events say it; role: which of theirs allowed it; limit: the cell, empty without one."""

    rule: str
    role: str
    limit: str = ""
    version: int = VERSION

    def said(self) -> dict[str, str | int]:
        """What the `meta` of an event says of it."""
        return {"rule": self.rule, "version": self.version}


SYSTEM: Final = Authorisation("system", "")
SERVICE: Final = Authorisation("service", "")


def authorise(asked: Asked) -> Authorisation:
    """By what the principal may do it: by the highest of their roles that allows it.

    Raises: NotAllowed, as `needs_suggestion` with `may_suggest` where one of their roles lets them draft or propose it, else as
    `not_yours_to_do`; both name the `rule` and, in `may`, the roles that could do it instead. Whoever narrows a right, as an agent's is
    narrower than its person's, gives the principal a `narrowed`: it is called with what is asked, first, and refuses by raising.
    What it leaves is what the person's roles allow: an agent's rights are both.
    """
    principal = asked.principal
    if principal.narrowed is not None:
        principal.narrowed(asked)
    if (trusted := principal.trusted_as) is not None:
        return _of_service(asked) if trusted == "service" else SYSTEM._replace(role=principal.role)
    row, cells, reaches = RIGHTS[asked.capability], [], dict(principal.reaches)
    for role in sorted(principal.roles, key=level_of, reverse=True):
        cell = row.get(role, "-")
        if cell != "-" and role in reaches and not asked.sees(reaches[role]):
            continue  # another of their roles reaches this account, and this one does not
        if _allows(cell, asked):
            return _authorisation(asked.capability, role, cell)
        cells.append((role, cell))
    raise _refusal(asked, cells)


def at_once(principal: Principal, capability: str) -> Authorisation | None:
    """The same for what depends on nothing but trust and roles, which is nearly everything; None where more must be asked.

    It is remembered by trust and roles: a command is authorised in less time than it takes to say what is asked.
    """
    if principal.narrowed is not None or principal.reaches:
        return None
    key = (principal.trusted_as, principal.role, principal.roles, capability)
    if key in _AT_ONCE:
        return _AT_ONCE[key]
    if len(_AT_ONCE) >= MOST_REMEMBERED:
        _AT_ONCE.clear()
    _AT_ONCE[key] = found = _at_once(principal, capability)
    return found


def _at_once(principal: Principal, capability: str) -> Authorisation | None:
    match principal.trusted_as:
        case "system":
            return SYSTEM._replace(role=principal.role)
        case "service":
            asks = principal.role == INTEGRATION and capability == "correct"
            return None if asks else SERVICE._replace(role=principal.role)
    for role in sorted(principal.roles, key=level_of, reverse=True):
        cell = RIGHTS[capability].get(role, "-")
        if cell in _ALWAYS:
            return _authorisation(capability, role, cell)
        if cell != "-" and cell not in SUGGESTED:
            return None
    return None


def could(principal: Principal, capability: str) -> Authorisation | None:
    """By what somebody could do it, up to some limit, as a frontend shows it; None where no role of theirs may."""
    if (trusted := principal.trusted_as) is not None:
        return (SERVICE if trusted == "service" else SYSTEM)._replace(role=principal.role)
    for role in sorted(principal.roles, key=level_of, reverse=True):
        cell = RIGHTS[capability].get(role, "-")
        if cell != "-" and cell not in SUGGESTED:
            return _authorisation(capability, role, cell)
    return None


def who_could(capability: str, noun: str = "") -> list[str]:
    """The roles that may do it without having done something else before, the lowest first as the table names them."""
    return [
        role for role, cell in RIGHTS[capability].items() if cell in _ALWAYS or (cell == "money" and noun == "budget")
    ]


def with_limit(capability: str, *cells: str) -> list[str]:
    """The roles whose cell is one of some."""
    return [role for role, cell in RIGHTS[capability].items() if cell in cells]


MOST_REMEMBERED: Final = 10_000
"""How many answers are remembered: there are few roles, and few of them at once."""
_AT_ONCE: Final[dict[Any, Authorisation | None]] = {}
_ALWAYS: Final = frozenset({"y", "limit", "higher", "any", "floor", "below", "small", "portf", "dept", "all", "veto"})


def _allows(cell: str, asked: Asked) -> bool:
    if cell in _ALWAYS:
        return True
    match cell:
        case "own" | "own_24h":
            return _own(asked, within=OWN_SECONDS * MICRO if cell == "own_24h" else None)
        case "first":
            return asked.first()
        case "money":
            return asked.noun == "budget"
        case _:
            return False


def _own(asked: Asked, within: int | None) -> bool:
    """Whether what is to be corrected is the principal's own, or was done on their behalf; what is not stored yet is."""
    authored, actor = asked.authored(), asked.principal.actor
    if authored is None:
        return False
    if authored.actor == actor and within is None:
        return True
    stored = asked.stored(authored.event_id)
    if stored is None:
        return authored.actor == actor
    own = actor in (authored.actor, stored.meta.get("on_behalf_of"))
    return own and (within is None or asked.now - stored.recorded_at < within)


def _of_service(asked: Asked) -> Authorisation:
    """What a service may do whose key's scopes were looked at before. An integration corrects only what is of its own source.

    Raises: NotAllowed.
    """
    principal = asked.principal
    if principal.role == INTEGRATION and asked.capability == "correct":
        authored = asked.authored()
        if authored is not None and authored.actor != principal.actor:
            stored = asked.stored(authored.event_id)
            if stored is None or asked.source is None or stored.meta.get("source") != asked.source:
                raise _refusal(asked, [(INTEGRATION, "own_source")])
    return SERVICE._replace(role=principal.role)


def _authorisation(capability: str, role: str, cell: str) -> Authorisation:
    known = _KNOWN.get((capability, role))
    if known is None:
        limit = "" if cell == "y" else cell
        known = _KNOWN[capability, role] = Authorisation(f"{capability}:{role}:{limit}".rstrip(":"), role, limit)
    return known


_KNOWN: Final[dict[tuple[str, str], Authorisation]] = {}


def _refusal(asked: Asked, cells: list[tuple[str, str]]) -> NotAllowed:
    """Why somebody may not. Takes: their roles, the highest first, with their cells."""
    capability, may = asked.capability, who_could(asked.capability, asked.noun)
    suggested = next(((role, cell) for role, cell in cells if cell in SUGGESTED), None)
    role, cell = suggested or next((each for each in cells if each[1] != "-"), cells[0] if cells else ("", "-"))
    rule = ":".join(filter(None, (capability, role, cell)))
    if suggested:
        return NotAllowed(
            "needs_suggestion",
            f"as {role} you {'draft' if cell == 'draft' else 'propose'} it, and somebody who may does it: suggest it",
            rule=rule,
            may=may,
            may_suggest=True,
        )
    return NotAllowed("not_yours_to_do", _WHY.get(cell, "none of your roles may do it"), rule=rule, may=may)


_WHY: Final = {
    "own": "you correct only what you did yourself",
    "own_24h": "you correct only what you did yourself, within 24 hours",
    "own_source": "an integration corrects only what came from its own source",
    "first": "you sign only the first contract of an account",
    "money": "you correct only the money of budgets",
}
