"""What a command says, whatever way it was written: the same for two that differ in nothing that counts."""

from functools import cache
from typing import Any, Final, NamedTuple, get_args

from pydantic import BaseModel

from app.domain.kernel.values import DECIMAL, plain_decimal

_REQUIRED: Final = object()
"""Stands for the default of a member that has none."""


def meaning(model: BaseModel) -> dict[str, Any]:
    """The members that differ from their defaults. Texts and instants have one form already; decimals get theirs here."""
    defaults, decimals = _shape(type(model))
    members, said = vars(model), {}
    for name in model.model_fields_set:
        value = members[name]
        if name in decimals and value is not None:
            value = plain_decimal(str(value))  # whether or not its currency was written with it
        if value != defaults[name]:
            said[name] = value if type(value) is str else _said(value)
    return said


def _said(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return meaning(value)
    return [_said(each) for each in value] if isinstance(value, list | tuple) else value


class _Shape(NamedTuple):
    """The defaults of a model's members, and which of them are decimals."""

    defaults: dict[str, Any]
    decimals: frozenset[str]


@cache
def _shape(model: type[BaseModel]) -> _Shape:
    fields = model.model_fields.items()
    return _Shape(
        {name: _REQUIRED if field.is_required() else field.get_default() for name, field in fields},
        frozenset(name for name, field in fields if DECIMAL in field.metadata or _marked(field.annotation)),
    )


def _marked(annotation: Any) -> bool:
    """Whether a decimal is among the alternatives of an annotation."""
    return DECIMAL in getattr(annotation, "__metadata__", ()) or any(map(_marked, get_args(annotation)))
