"""How things look outside: answers' models for the contract, and the small pieces that presenters share."""

from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, Field

from app.domain.kernel.values import FOREVER, MINOR_UNITS, half_up, instant

EXAMPLE_ACCOUNT: Final = "acct_01jd7z5m3qf8x9v0w1y2z3a4b5"


class AppendedEvent(BaseModel):
    """An event that a write appended."""

    id: str = Field(examples=["evt_01jd7z5m3sf8x9v0w1y2z3a4b5"])
    type: str = Field(examples=["account.opened"])
    position: int = Field(examples=[7])


class ReceiptBody(BaseModel):
    """What every write answers: it is on disk."""

    id: str = Field(examples=[EXAMPLE_ACCOUNT])
    version: int = Field(examples=[1])
    position: int = Field(examples=[7])
    events: list[AppendedEvent]


class AmountBody(BaseModel):
    """An amount of money."""

    amount: str = Field(examples=["1200.00"])
    currency: str = Field(examples=["EUR"])


class PeriodBody(BaseModel):
    """Days, the last of which is the first one after."""

    from_: str = Field(alias="from", examples=["2025-01-01"])
    to: str = Field(examples=["2026-01-01"])


Item = TypeVar("Item")


class PageBody(BaseModel, Generic[Item]):
    """A page of things."""

    data: list[Item]
    has_more: bool
    next_cursor: str | None
    position: int = Field(description="the position that the page was built from")


def at(moment: int | None) -> str | None:
    """An instant as it is answered; the end that never comes is null."""
    return None if moment is None or moment == FOREVER else instant(moment)


def money(amount: int, currency: str, parts: int = 1) -> dict[str, str]:
    """Money as it is answered. Takes: an amount in 10^-6, of which the `parts`-th part is meant (12: a month of a year)."""
    digits = MINOR_UNITS.get(currency, 2)
    units = half_up(amount * 10**digits, parts * 10**6)
    sign, units = "-" if units < 0 else "", abs(units)
    text = str(units) if digits == 0 else f"{units // 10**digits}.{units % 10**digits:0{digits}d}"
    return {"amount": sign + text, "currency": currency}


WRITTEN: Final[dict[int | str, dict[str, Any]]] = {
    201: {
        "model": ReceiptBody,
        "description": "Appended, and on disk",
        "headers": {
            "Location": {"description": "where it is found", "schema": {"type": "string"}},
            "ETag": {"description": "its version", "schema": {"type": "string"}},
            "Event-Position": {"description": "wait for this with Min-Event-Position", "schema": {"type": "integer"}},
            "Idempotency-Key": {
                "description": "the key under which a retry gets the same answer",
                "schema": {"type": "string"},
            },
            "Idempotency-Replayed": {
                "description": "true when this is the first answer again",
                "schema": {"type": "string"},
            },
        },
    }
}
"""The good answer of every write, for the contract."""
