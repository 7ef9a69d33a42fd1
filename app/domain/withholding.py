"""What is left out of an answer for who may not read it: commercial values, what is a person's own, and texts in somebody's own words.

A shape says of each member of an answer, or of an event's data, how it is classified. What a shape does not name is taken for
everything at once, so that it is left out rather than shown.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from app.domain.catalogue import CATALOGUE
from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import Classification, classification, nested
from app.domain.recorded import Recorded

SCOPES: Final = {
    Classification.COMMERCIAL: "commercial:read",
    Classification.PERSONAL: "personal:read",
    Classification.FREE_TEXT: "texts:read",
}
"""The scope that it takes to read members of a class; all others are shown to whoever may read the thing."""
WITHHELD: Final = "withheld"
"""The member of an answer that names what is left out of it."""
EVERYTHING: Final = frozenset(SCOPES)
_AMOUNT: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
PLAIN: Final = frozenset[Classification]()
PERSON: Final = "personal:read"
"""Who reads what is a person's own reads what somebody wrote about them, too."""


@dataclass(frozen=True)
class Member:
    """A member. classes: how it is classified. inner: what it is made of, alone, in a list or by keys. keyed: whether by keys.

    of_event: whether it is the data of an event, whose topic the member `type` beside it names.
    """

    classes: frozenset[Classification] = PLAIN
    inner: "Shape | None" = None
    keyed: bool = False
    of_event: bool = False


UNKNOWN: Final = Member(EVERYTHING)


@dataclass(frozen=True)
class Shape:
    """The members of an object by name. other: what a member is that is not named."""

    members: dict[str, Member] = field(default_factory=dict)
    other: Member = UNKNOWN

    def member(self, name: str) -> Member:
        """A member; one that nobody declared is of every class."""
        return self.members.get(name, self.other)

    def classes(self, path: str) -> frozenset[Classification]:
        """How a member within members is classified. Takes: its path, with dots, none of it by keys."""
        name, _, rest = path.partition(".")
        member = self.member(name)
        if not rest or member.inner is None or member.classes:
            return member.classes
        return member.inner.classes(rest)


def lacking(scopes: Collection[str]) -> frozenset[Classification]:
    """The classes of members that may not be read with some scopes."""
    return frozenset(
        kind
        for kind, scope in SCOPES.items()
        if scope not in scopes and not (kind is Classification.FREE_TEXT and PERSON in scopes)
    )


def without(
    value: Any,
    shape: Shape,
    classes: Collection[Classification],
    names: dict[str, None],
    path: str = "",
    blank: Any = None,
) -> Any:
    """A value without its members of some classes: each is null, or the `blank`, and named in `names`. What is given stays as it is."""
    if isinstance(value, list | tuple):
        return [without(each, shape, classes, names, f"{path}[]", blank) for each in value]
    if not isinstance(value, Mapping):
        return value
    left = dict(value)
    for name, held in value.items():
        member, here = shape.member(name), f"{path}.{name}" if path else name
        if not member.classes.isdisjoint(classes):
            names[here] = None
            left[name] = None if held is None else blank
        elif member.of_event and held is not None:
            left[name] = without(held, shape_of_event(value.get("type", "")), classes, names, here, blank)
        elif member.inner is not None and held is not None:
            if member.keyed:
                left[name] = {
                    key: without(each, member.inner, classes, names, f"{here}.*", blank) for key, each in held.items()
                }
            else:
                left[name] = without(held, member.inner, classes, names, here, blank)
    return left


# --- events ---


@cache
def shape_of_event(topic: str) -> Shape:
    """How the members of an event's data are classified, in its code; of a topic that is not known, nothing is."""
    kind = CATALOGUE.get(topic)
    return Shape() if kind is None else _shape(kind)


@cache
def _shape(kind: type[BaseModel]) -> Shape:
    members: dict[str, Member] = {}
    for name, member in kind.model_fields.items():
        mark = classification(member)
        classes = EVERYTHING if mark is None else frozenset({mark}) & EVERYTHING
        models = nested(member)
        members[name] = Member(classes, merged([_shape(model) for model in models]) if models else None)
    return Shape(members)


def merged(shapes: list[Shape]) -> Shape:
    """The shape of what may be of one of several: a member is of each class that it has in one of them."""
    if len(shapes) == 1:
        return shapes[0]
    members: dict[str, Member] = {}
    for name in {name for shape in shapes for name in shape.members}:
        held = [shape.members[name] for shape in shapes if name in shape.members]
        inner = [member.inner for member in held if member.inner is not None]
        members[name] = Member(
            frozenset().union(*(member.classes for member in held)),
            merged(inner) if inner else None,
            any(member.keyed for member in held),
            any(member.of_event for member in held),
        )
    return Shape(members, Member(frozenset().union(*(shape.other.classes for shape in shapes))))


def withheld(
    topic: str, data: Mapping[str, Any], scopes: Collection[str], blank: Any = None
) -> tuple[dict[str, Any], list[str]]:
    """The data of an event for a reader with some scopes, and the names of what is left out of it.

    Whatever is sent out goes through here: the feed, webhooks, exports. Takes: the data with what is sealed in it opened, or
    sealed still; what stands in the place of what is left out.
    """
    classes = lacking(scopes)
    if not classes:
        return dict(data), []
    names: dict[str, None] = {}
    return without(data, shape_of_event(topic), classes, names, blank=blank), [*names]


def left_of(refusal: DomainError, scopes: Collection[str]) -> tuple[dict[str, Any], list[str]]:
    """The members of a refusal for a reader with some scopes, and the names of what is left out: a decimal in a refusal is an amount."""
    members = dict(refusal.members)
    if SCOPES[Classification.COMMERCIAL] in scopes:
        return members, []
    names = [name for name, value in members.items() if isinstance(value, str) and _AMOUNT.fullmatch(value)]
    return members | dict.fromkeys(names), names


def readable(recorded: Recorded, scopes: Collection[str], blank: Any) -> dict[str, Any]:
    """The data of an event as it is stored, with a `blank` for each member that may not be read with some scopes."""
    return withheld(recorded.type, recorded.data, scopes, blank)[0]
