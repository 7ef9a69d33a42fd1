"""Query parameters: what they may say, where the words come from a registry, and lists with commas."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, GetCoreSchemaHandler, StringConstraints
from pydantic_core import CoreSchema, core_schema

from app.domain.catalogue import CATALOGUE
from projections.kpis import KPIS


class OneOf:
    """Marks text that is one of a registry's words: `Annotated[str, OneOf(CATALOGUE)]`. Another is refused, and the words are named."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = tuple(words)

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.literal_schema(list(self.words))


def _split(values: Any) -> Any:
    return [part for value in values for part in str(value).split(",")] if isinstance(values, list) else values


Commas: Final = BeforeValidator(_split)
"""Marks a parameter that takes several values, by repeating it or with commas."""
Topic = Annotated[str, OneOf(CATALOGUE)]
"""An event's type."""
RUN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
"""The form of the name that a caller gives to a run."""
RunName = Annotated[str, StringConstraints(pattern=RUN)]
OperationName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=100)]
"""An operation, as the contract calls it."""
PathName = Annotated[str, StringConstraints(pattern=r"^/[^?#\s]*$", max_length=1000)]
"""The path of a request."""
KpiName = Annotated[str, OneOf(kpi.name for kpi in KPIS)]
KpiMethod = Annotated[str, OneOf(dict.fromkeys(method for kpi in KPIS for method in kpi.methods))]
