"""A period as a command says it: together, as it is answered, or as the two days that a query takes."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from app.domain.kernel.values import Day


class Period(BaseModel):
    """Days, the last of which is the first one after; of the same form in bodies and in answers."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
    from_: Day = Field(alias="from", description="the first day", examples=["2025-01-01"])
    to: Day = Field(description="the first day after", examples=["2026-01-01"])


def either_way(schema: dict[str, Any]) -> None:
    """Says that no body must hold `from` and `to`, because `period` may stand for both."""
    schema["required"] = [name for name in schema.get("required", ()) if name not in ("from", "to")]
    if not schema["required"]:
        schema.pop("required")


OVER_PERIOD: Final = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, json_schema_extra=either_way)
"""The configuration of a command with the members `period`, `from` and `to`."""


def with_days(body: Any) -> Any:
    """A body whose `period` stands for `from` and `to`, before it is validated. Raises: ValueError where it has both."""
    if not isinstance(body, dict) or not isinstance(period := body.get("period"), dict):
        return body
    if body.get("from") is not None or body.get("to") is not None:
        raise ValueError("a period is said once: as period, or as from and to")
    return {**body, **{name: period[name] for name in ("from", "to") if name in period}}
