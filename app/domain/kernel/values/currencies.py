"""Currencies: those of ISO 4217, with the day on which one was withdrawn and the digits behind its point.

Source: ISO 4217 by the library `iso4217`. What has no minor unit (gold, bonds, `XXX`, `XTS`) is no currency here.
"""

from typing import Annotated, Final, NamedTuple

import iso4217
from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values.decimals import MICRO
from app.domain.kernel.values.withdrawn_currencies import ROWS

_IN_USE: Final[dict[str, int]] = {
    currency.code: currency.exponent for currency in iso4217.Currency if currency.exponent is not None
}
"""The currencies of today, each with the digits behind its point."""


class Withdrawn(NamedTuple):
    """When a currency was in use for the last time, and how finely it was paid."""

    last_day: str
    digits: int


WITHDRAWN: Final[dict[str, Withdrawn]] = {code: Withdrawn(last_day, digits) for code, last_day, digits in ROWS}


def known_currency(text: str) -> str:
    """A currency's code. Raises: PydanticCustomError, a ValueError, for one that is not of ISO 4217."""
    if text not in _IN_USE and text not in WITHDRAWN:
        raise PydanticCustomError("unknown_currency", "must be a currency of ISO 4217, such as EUR")
    return text


Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(known_currency)]


def require_currency(currency: str, day: str) -> None:
    """Raises: Invalid for a currency that was withdrawn before a day."""
    if currency not in _IN_USE and day > WITHDRAWN[currency].last_day:
        raise Invalid("currency_withdrawn", f"{currency} was withdrawn on {WITHDRAWN[currency].last_day}")


def minor_digits(currency: str) -> int:
    """The digits behind the point of what is paid in a currency; two where it is not known."""
    digits = _IN_USE.get(currency)
    return digits if digits is not None else WITHDRAWN[currency].digits if currency in WITHDRAWN else 2


def minor_unit(currency: str) -> int:
    """The least that is paid in a currency, in 10^-6."""
    unit: int = MICRO // 10 ** minor_digits(currency)
    return unit
