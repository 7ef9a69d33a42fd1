"""The presenter: rows of a view as answers, by what the answer's model declares of each member."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.api.http.answers import (
    Added,
    Answer,
    Computed,
    DecimalOf,
    EachOf,
    From,
    InstantOf,
    Mark,
    MoneyOf,
    Opened,
    Part,
    PriceOf,
    Sealed,
    SealedTexts,
    mark_of,
)
from app.api.http.read_context import ReadContext

Present = Callable[[ReadContext, Sequence[Any]], list[Answer]]
"""Rows of a view as they are answered to the caller of a read."""


class _Nested(NamedTuple):
    name: str
    shape: "_Shape"
    present: Callable[[Any], Any] | None


class _SealedMember(NamedTuple):
    name: str
    read: Callable[[Any], Any]
    read_event: Callable[[Any], Any] | None
    name_in_event: str


class _Shape:
    """How one model is read from a row, worked out once."""

    def __init__(self, model: type[BaseModel]) -> None:
        self.reads: set[str] = set()
        self.members: dict[str, str] = {}
        self._empty: Answer = {}
        self._same: dict[str, str] = {}
        self._read: list[tuple[str, Callable[[Any], Any]]] = []
        self._opened: list[tuple[str, Callable[[Any, SealedTexts], Any]]] = []
        self._lists: list[tuple[str, Callable[[Any], Any], Callable[[Any, Any, SealedTexts], Answer]]] = []
        self._sealed: list[_SealedMember] = []
        self._parts: list[_Nested] = []
        for attribute, field in model.model_fields.items():
            name = field.alias or attribute
            self._empty[name] = None
            self._declare(name, field, mark_of(field))
        names = tuple(self._same.values())
        self._same_names = tuple(self._same)
        self._same_values = attrgetter(*names) if len(names) > 1 else _values(names)

    def _declare(self, name: str, field: FieldInfo, mark: Mark | None) -> None:
        match mark:
            case None | From():
                member = mark.member if mark else name
                self._same[name] = self.members[name] = member
                self.reads.add(member)
            case InstantOf(member) | MoneyOf(member) | PriceOf(member) | DecimalOf(member):
                self.members[name] = member or name
                self._read.append((name, mark.reader(name)))
                self.reads |= {member or name, *([mark.currency] if isinstance(mark, MoneyOf | PriceOf) else [])}
            case Sealed(event, name_in_event, member):
                read_event = attrgetter(event) if event else None
                self._sealed.append(_SealedMember(name, attrgetter(member or name), read_event, name_in_event or name))
                self.reads |= {member or name, *([event] if event else [])}
            case Part(model, when):
                shape = _Shape(model or _model(field.annotation))
                self._parts.append(_Nested(name, shape, attrgetter(when) if when else None))
                self.members |= {f"{name}.{inner}": member for inner, member in shape.members.items()}
                self.reads |= {*shape.reads, *([when] if when else [])}
            case EachOf(function, member):
                self._lists.append((name, attrgetter(member or name), function))
                self.reads.add(member or name)
            case Computed(function, reads):
                self._read.append((name, function))
                self.reads.update(reads)
            case Opened(function, reads):
                self._opened.append((name, function))
                self.reads.update(reads)
            case Added(reads):
                self.reads.update(reads)

    def answer(self, row: Any, texts: SealedTexts) -> Answer:
        """A row as it is answered, but for what is sealed."""
        answer = self._empty.copy()
        answer.update(zip(self._same_names, self._same_values(row), strict=True))
        for name, read in self._read:
            answer[name] = read(row)
        for name, items, function in self._lists:
            answer[name] = [function(item, row, texts) for item in items(row) or ()]
        for name, opening in self._opened:
            answer[name] = opening(row, texts)
        for part in self._parts:
            if part.present is None or part.present(row) is not None:
                answer[part.name] = part.shape.answer(row, texts)
        for sealed in self._sealed:
            event = sealed.read_event(row) if sealed.read_event else None
            texts.add(answer, sealed.name, {sealed.name_in_event: sealed.read(row)}, event)
        return answer


class Presenter:
    """Turns rows of a view into answers.

    Takes: the answer's model; the row's type; `not_shown`, the row's members that no member of the answer is read from.
    Raises: TypeError where a member of the row is neither shown nor declared, or is both.
    """

    def __init__(self, model: type[BaseModel], row: type[Any], *, not_shown: Iterable[str] = ()) -> None:
        self.model = model
        self._shape = _Shape(model)
        wrong = set(row._fields) ^ (self._shape.reads | set(not_shown)) | self._shape.reads & set(not_shown)
        if wrong:
            raise TypeError(
                f"{model.__name__} of {row.__name__}: say of each member where it is shown: {sorted(wrong)}"
            )

    @property
    def members(self) -> Mapping[str, str]:
        """The row's member behind each of the answer's that is one of the row's; within a part its name has a dot."""
        return self._shape.members

    def __call__(self, context: ReadContext, rows: Sequence[Any]) -> list[Answer]:
        """Rows as they are answered."""
        texts = SealedTexts()
        answers = [self._shape.answer(row, texts) for row in rows]
        texts.open(context)
        return answers


def _model(annotation: Any) -> type[BaseModel]:
    """The model of a part, optional or not."""
    options = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    model: type[BaseModel] = next(option for option in options if option is not type(None))
    return model


def _values(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """`attrgetter` of no name or of one, which gives no tuple by itself."""
    return lambda row: tuple(getattr(row, name) for name in names)
