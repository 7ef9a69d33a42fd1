"""Answers: a model declares once what is shown, and how each member is read from the view's row.

A member without a mark is the row's member of the same name. Every other member says what it is:

    id: Annotated[str, From("account")]                     the row's member of another name
    opened_at: AsInstant                                    microseconds in the row, an instant outside
    spent: AsMoney                                          10^-6 of the row's `currency`, money outside
    unit_price: AsPrice                                     decimal text beside the row's `currency`, money outside
    probability: AsDecimal                                  10^-6 in the row, decimal text outside
    note: Annotated[str | None, Sealed("event_id")]         sealed in the row, opened outside; null once erased
    assessment: Annotated[AssessmentBody, Part()]           a model of its own, read from the same row
    crossed: Annotated[list[ThresholdCrossingBody], EachOf(crossing)]   the items of a list in the row, each by a function
    remaining: Annotated[MoneyBody, Computed(remaining)]   what a function makes of the row
    lines: Annotated[list[LineBody], Added()]               null here; the endpoint adds it

`app.api.http.presenter` turns rows into such answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, Protocol, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.api.http.formatting import at, optional_money, price
from app.domain.kernel.values import unscaled
from app.runtime import Runtime
from app.store.vault import sealed_keys

Answer = dict[str, Any]


class Reading(Protocol):
    """What a read needs to open texts."""

    @property
    def runtime(self) -> Runtime:
        """The application's runtime, with the log."""

    @property
    def tenant_id(self) -> str:
        """Whose texts they are."""


class SealedTexts:
    """The sealed texts of a page of answers, opened together with one look-up of their keys."""

    def __init__(self) -> None:
        self._places: list[tuple[Answer, str]] = []
        self._sealed: list[tuple[str, Mapping[str, Any]]] = []

    def add(self, answer: Answer, member: str, sealed: Mapping[str, Any], event: str | None = None) -> None:
        """Takes: the answer and its member; what is sealed, under its name in the event; the event's id.

        A text that is no person's has a key of its own, named by its event: then the id need not be given.
        """
        keys = sealed_keys(sealed)
        (answer[member],) = sealed.values()
        if keys:
            self._places.append((answer, member))
            self._sealed.append((event or next(iter(keys)), sealed))

    def open(self, context: Reading) -> None:
        """Opens the texts in their answers; one that was erased becomes null."""
        if not self._sealed:
            return
        opened = context.runtime.log.reveal(context.tenant_id, self._sealed)
        for (answer, member), text in zip(self._places, opened, strict=True):
            (answer[member],) = text.values()


# --- the marks ---


@dataclass(frozen=True)
class From:
    """The row's member of another name."""

    member: str


@dataclass(frozen=True)
class InstantOf:
    """Microseconds, shown as an instant. member: of the row, where its name is another."""

    member: str | None = None

    def reader(self, name: str) -> Callable[[Any], str | None]:
        """How the member is read from a row."""
        read = attrgetter(self.member or name)
        return lambda row: at(read(row))


@dataclass(frozen=True)
class MoneyOf:
    """An amount in 10^-6, shown as money; null where the amount or its currency is. currency: the row's member."""

    member: str | None = None
    currency: str = "currency"

    def reader(self, name: str) -> Callable[[Any], dict[str, str] | None]:
        """How the member is read from a row."""
        read = attrgetter(self.member or name, self.currency)
        return lambda row: optional_money(*read(row))


@dataclass(frozen=True)
class PriceOf:
    """A price as it was written, shown as money. currency: the row's member."""

    member: str | None = None
    currency: str = "currency"

    def reader(self, name: str) -> Callable[[Any], dict[str, str] | None]:
        """How the member is read from a row."""
        read = attrgetter(self.member or name, self.currency)
        return lambda row: price(*read(row))


@dataclass(frozen=True)
class DecimalOf:
    """A number in 10^-6, shown as decimal text."""

    member: str | None = None

    def reader(self, name: str) -> Callable[[Any], str | None]:
        """How the member is read from a row."""
        read = attrgetter(self.member or name)
        return lambda row: None if (value := read(row)) is None else unscaled(value)


@dataclass(frozen=True)
class Sealed:
    """A text that the row keeps sealed.

    event: the row's member with the id of the text's event; only a person's data needs it. name: of the text in that event.
    """

    event: str | None = None
    name: str | None = None
    member: str | None = None


@dataclass(frozen=True)
class Part:
    """A model of its own, read from the same row. when: the row's member without which there is no such part."""

    model: type[BaseModel] | None = None
    when: str | None = None


@dataclass(frozen=True)
class EachOf:
    """The items of a list in the row. Takes: a function of the item, the row and the page's sealed texts."""

    function: Callable[[Any, Any, SealedTexts], Answer]
    member: str | None = None


@dataclass(frozen=True)
class Computed:
    """What a function makes of the row. reads: the row's members that are shown in no other way."""

    function: Callable[[Any], Any]
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opened:
    """What a function makes of the row and the page's sealed texts. reads: as `Computed`."""

    function: Callable[[Any, SealedTexts], Any]
    reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Added:
    """Null in what the presenter gives: the endpoint adds it. reads: the row's members that it is made of."""

    reads: tuple[str, ...] = ()


Mark = From | InstantOf | MoneyOf | PriceOf | DecimalOf | Sealed | Part | EachOf | Computed | Opened | Added
"""The markers that a member may carry."""


def mark_of(field: FieldInfo) -> Mark | None:
    """The mark of a member: `Annotated[str, mark]`, or the same within `… | None`."""
    annotated = [part for part in get_args(field.annotation) if get_origin(part) is Annotated]
    marks = [*field.metadata, *(mark for part in annotated for mark in part.__metadata__)]
    return next((mark for mark in marks if isinstance(mark, Mark)), None)
