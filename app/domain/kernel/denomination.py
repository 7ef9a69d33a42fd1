"""The currency of a command's amounts: each may name it, and all must name the one that is meant."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import MONEY, Denominated


def require_in(currency: str, *parts: BaseModel) -> None:
    """Raises: Invalid where an amount was written with another currency. Takes: a command, or parts of one."""
    for part in parts:
        for named in _named(part):
            if named != currency:
                raise Invalid("other_currency", f"an amount is in {named}; here all are in {currency}")


def with_currency(body: Any) -> Any:
    """A body that takes its currency from an amount where it does not name it itself, before it is validated."""
    if not isinstance(body, dict) or body.get("currency") is not None:
        return body
    named = [value["currency"] for value in body.values() if isinstance(value, dict) and "currency" in value]
    return {**body, "currency": named[0]} if named else body


def _named(part: BaseModel) -> Iterator[str]:
    """The currencies that the amounts of a model name, those of its models too."""
    shape, members = _shape(type(part)), vars(part)
    for name in shape.amounts:
        if isinstance(members[name], Denominated):
            yield members[name].currency
    for name in shape.parts:
        for each in _models(members[name]):
            yield from _named(each)


def _models(value: Any) -> Iterable[BaseModel]:
    return (value,) if isinstance(value, BaseModel) else value or ()


class _Shape(NamedTuple):
    """Which members of a model are amounts, and which are models that may hold some."""

    amounts: tuple[str, ...]
    parts: tuple[str, ...]


@cache
def _shape(model: type[BaseModel]) -> _Shape:
    fields = model.model_fields.items()
    return _Shape(
        tuple(name for name, field in fields if MONEY in field.metadata or _marked(field.annotation)),
        tuple(name for name, field in fields if _has_model(field.annotation)),
    )


def _marked(annotation: Any) -> bool:
    return MONEY in getattr(annotation, "__metadata__", ()) or any(map(_marked, get_args(annotation)))


def _has_model(annotation: Any) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return True
    return any(map(_has_model, get_args(annotation)))
