"""An event, and how old ones are read by new code."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

from app.domain.kernel.roles import renamed


class Event(BaseModel):
    """A fact about one thing. `TOPIC` is its name for ever; `VERSION` rises when its members change."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    TOPIC: ClassVar[str]
    VERSION: ClassVar[int] = 1

    @classmethod
    def upcast(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Brings stored data of an older version to this one, a step `upcast_v<n>` at a time."""
        for step in range(version, cls.VERSION):
            data = getattr(cls, f"upcast_v{step}")(data)
        return data

    @classmethod
    def read(cls, data: dict[str, Any], version: int) -> Self:
        """The event of stored data."""
        return cls.model_validate(cls.upcast(data, version))


class WithNewMembers(Event):
    """An event whose second version has new optional members."""

    VERSION = 2

    @staticmethod
    def upcast_v1(data: dict[str, Any]) -> dict[str, Any]:
        """The data of the first version, which is valid in the second as it is."""
        return data


class WithRenamedRole(Event):
    """An event whose first version named a role as it was called then."""

    VERSION = 2

    @staticmethod
    def upcast_v1(data: dict[str, Any]) -> dict[str, Any]:
        """The data of the first version, with the role by its name of today."""
        return renamed(data)
