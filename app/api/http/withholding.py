"""Which members of an answer are commercial, personal or somebody's own words: by their marks, or by their names in member_classes.toml.

Money is commercial wherever it stands. A text of which nobody says what it is counts as everything at once: it is left out for whoever
may not read all, and a test names it.
"""

import tomllib
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.api.http.answers import Answer, InstantOf, MoneyOf, PriceOf, Sealed, mark_of
from app.api.http.parameters import OneOf
from app.api.http.response_models import MoneyBody, PreviewBody
from app.auth.caller import Caller
from app.domain.kernel.values import Classification
from app.domain.withholding import EVERYTHING, PLAIN, WITHHELD, Member, Shape, merged, without

_FILE: Final[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("member_classes.toml").read_text(encoding="utf-8")
)
_CLASSES: Final = {"plain": PLAIN, **{kind.value: frozenset({kind}) for kind in EVERYTHING}, "everything": EVERYTHING}
_BY_NAME: Final = {name: _CLASSES[kind] for kind in _CLASSES if kind in _FILE for name in _FILE[kind]}
_BY_SCHEMA: Final[dict[str, dict[str, frozenset[Classification]]]] = {
    schema: {name: _CLASSES[kind] for name, kind in members.items()} for schema, members in _FILE["schemas"].items()
}
_OF_EVENTS: Final[dict[str, list[str]]] = _FILE["of_events"]
_OTHERS: Final = {schema: _CLASSES[kind] for schema, kind in _FILE["others"].items()}
COMMERCIAL: Final = frozenset({Classification.COMMERCIAL})
_SAFE: Final = (bool, int, NoneType)


@cache
def shape_of(model: type[BaseModel]) -> Shape:
    """How the members of an answer are classified."""
    shape = Shape(other=Member(_OTHERS.get(model.__name__, EVERYTHING)))
    for attribute, member in model.model_fields.items():
        shape.members[member.alias or attribute] = _member(model, member.alias or attribute, member)
    if WITHHELD not in shape.members:
        shape.members[WITHHELD] = Member()
    return shape


def undeclared(model: type[BaseModel]) -> Iterator[str]:
    """The members of an answer of which nothing says what they are, within others too."""
    seen: set[type[BaseModel]] = set()

    def walk(each: type[BaseModel]) -> Iterator[str]:
        if each in seen:
            return
        seen.add(each)
        for attribute, member in each.model_fields.items():
            name = member.alias or attribute
            declared = _declared(each, name, member) is not None or name in _OF_EVENTS.get(each.__name__, ())
            if not declared and not _plain(member.annotation):
                models = [*_models(member.annotation)]
                if not models or not _only_models(member.annotation):
                    yield f"{each.__name__}.{name}"
                for inner in models:
                    yield from walk(inner)

    return walk(model)


def withheld_members(model: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str, frozenset[Classification]]]:
    """Every member of an answer that may be left out of it: the model that has it, its name, and how it is classified."""
    seen: set[type[BaseModel]] = set()

    def walk(each: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str, frozenset[Classification]]]:
        if each in seen:
            return
        seen.add(each)
        for attribute, member in each.model_fields.items():
            name = member.alias or attribute
            classes = shape_of(each).member(name).classes
            if classes:
                yield each, name, classes
                continue
            for inner in _models(member.annotation):
                yield from walk(inner)

    return walk(model)


def _member(model: type[BaseModel], name: str, member: FieldInfo) -> Member:
    if name in _OF_EVENTS.get(model.__name__, ()):
        return Member(of_event=True)
    declared = _declared(model, name, member)
    if declared is not None:
        return Member(declared)
    models = [*_models(member.annotation)]
    if models and _only_models(member.annotation):
        return Member(PLAIN, merged([shape_of(each) for each in models]), _keyed(member.annotation))
    return Member(PLAIN if _plain(member.annotation) else EVERYTHING)


def _declared(model: type[BaseModel], name: str, member: FieldInfo) -> frozenset[Classification] | None:
    """What is said of a member: in its own schema, by a mark, by its money, by its name; None for nothing."""
    for each in model.__mro__:
        if name in (of_schema := _BY_SCHEMA.get(each.__name__, {})):
            return of_schema[name]
    marks = [mark for mark in member.metadata if isinstance(mark, Classification)]
    if marks:
        return frozenset(marks) & EVERYTHING
    mark = mark_of(member)
    if isinstance(mark, MoneyOf | PriceOf) or MoneyBody in _models(member.annotation):
        return COMMERCIAL
    if isinstance(mark, InstantOf):
        return PLAIN
    if _plain(member.annotation) or [*_models(member.annotation)]:
        return None
    known = _BY_NAME.get(name)
    if known is None and name.endswith("_at"):
        return PLAIN
    return EVERYTHING if isinstance(mark, Sealed) and not known else known


def _parts(annotation: Any) -> Iterator[Any]:
    """What an annotation is made of, but for values of a vocabulary."""
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        if any(isinstance(mark, OneOf) for mark in marks):
            return
        yield from _parts(inner)
    elif get_origin(annotation) is Literal:
        return
    elif get_args(annotation):
        keyed = get_origin(annotation) is dict
        for part in get_args(annotation)[1 if keyed else 0 :]:
            yield from _parts(part)
    else:
        yield annotation


def _models(annotation: Any) -> list[type[BaseModel]]:
    return [part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, BaseModel)]


def _plain(annotation: Any) -> bool:
    """Whether it cannot be but a number of things, a yes or no, or a word of a vocabulary."""
    return all(part in _SAFE or (isinstance(part, type) and issubclass(part, Enum)) for part in _parts(annotation))


def _only_models(annotation: Any) -> bool:
    """Whether it is one or several objects, and nothing else."""
    return all(part is NoneType or part in _models(annotation) for part in _parts(annotation))


def _keyed(annotation: Any) -> bool:
    """Whether its objects stand under keys of their own."""
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return any(_keyed(part) for part in get_args(annotation))
    return get_origin(annotation) is dict


def readable_preview(body: Answer, caller: Caller) -> Answer:
    """A preview without what a caller may not read."""
    if not caller.lacking:
        return body
    names: dict[str, None] = {}
    left: Answer = without(body, shape_of(PreviewBody), caller.lacking, names)
    return left | ({WITHHELD: [*names]} if names else {})
