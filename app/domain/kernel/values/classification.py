"""How a member of an event is kept: who may read it, and what erasing a person takes with it."""

from enum import StrEnum
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

T = TypeVar("T")


class Classification(StrEnum):
    """How an event field is kept: open, business, commercial, sealed under a person's key, or sealed under the note's own key.

    The last three are left out of answers for who may not read them: see `app.domain.withholding`.
    """

    PUBLIC = "public"
    BUSINESS = "business"
    COMMERCIAL = "commercial"
    PERSONAL = "personal"
    FREE_TEXT = "free_text"


class Sealed(BaseModel):
    """A value encrypted before it was hashed: AES-256-GCM under the data key named `key`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    alg: str
    key: str
    nonce: str
    ct: str


Public = Annotated[T, Classification.PUBLIC]
Business = Annotated[T, Classification.BUSINESS]
Commercial = Annotated[T, Classification.COMMERCIAL]
Personal = Annotated[T | Sealed, Classification.PERSONAL]
FreeText = Annotated[T | Sealed, Classification.FREE_TEXT]


def classification(field: FieldInfo) -> Classification | None:
    """How a member of an event is classified, or None when it is not."""
    marks = [mark for mark in field.metadata if isinstance(mark, Classification)]
    return marks[0] if len(marks) == 1 else None


def nested(field: FieldInfo) -> list[type[BaseModel]]:
    """The models that a member holds, alone or in a list; sealed values aside."""

    def models(annotation: Any) -> list[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation] if annotation is not Sealed else []
        return [model for part in get_args(annotation) for model in models(part)]

    return models(field.annotation)
