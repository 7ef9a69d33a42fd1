"""Names of people: by what accounts, and other things that last longer than a user's id is known, name somebody.

A person's names are their id, their external reference, and the names of users who were merged into them. What is stored of an owner is the
canonical name: the reference where there is one, else the id. So what older events say needs no rewriting, and no two users share a name:
references are unique, and none may have the form of a user's id.
"""

from typing import Final

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import NONE, REF, is_typeid
from app.domain.user.state import UserState

LONGEST: Final = 100
"""How long a name may be that accounts are grouped by."""


def names_of(user_id: str, state: UserState) -> tuple[str, ...]:
    """All names of a user, the canonical one first."""
    names = (canonical_name(user_id, state), *filter(None, (state.external_ref,)), user_id, *state.joined)
    return tuple(dict.fromkeys(names))


def canonical_name(user_id: str, state: UserState) -> str:
    """The name by which accounts hold a user."""
    ref = state.external_ref
    return ref if ref and len(ref) <= LONGEST and ref.casefold() != NONE else user_id


def id_or_ref(name: str) -> str:
    """A user's id, `ref:` and a reference, or a bare reference, as the first or the second of these."""
    return name if is_typeid(name, "usr") or name.startswith(REF) else REF + name


def require_name(reference: str | None) -> None:
    """Raises: Invalid for a reference that has the form of a user's id: it might be another user's."""
    if reference is not None and is_typeid(reference, "usr"):
        raise Invalid("reference_like_id", "a reference of a user may not look like the id of one")
