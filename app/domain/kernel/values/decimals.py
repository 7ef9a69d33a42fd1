"""Decimals: exact numbers as texts outside, as integers of 10^-6 inside."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator

from app.domain.kernel.values.texts import only_text

MICRO: Final = 1_000_000
PICO: Final = 1_000_000_000_000
_DECIMAL: Final = re.compile(r"-?(0|[1-9]\d{0,11})(\.\d{1,6})?", re.ASCII)
_PRICE: Final = re.compile(r"-?(0|[1-9]\d{0,11})(\.\d{1,12})?", re.ASCII)
_QUANTITY: Final = re.compile(r"(0|[1-9]\d{0,14})(\.\d{1,6})?", re.ASCII)


def require_decimal(text: str) -> str:
    """A decimal as it was written. Raises: ValueError for what is none."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("must be a decimal string with at most 12 digits before the point and 6 after it")
    return text


def require_price(text: str) -> str:
    """A price as it was written. Raises: ValueError for what is none."""
    if not _PRICE.fullmatch(text):
        raise ValueError("must be a decimal string with at most 12 digits before the point and 12 after it")
    return text


def _quantity(text: str) -> str:
    if not _QUANTITY.fullmatch(text):
        raise ValueError(
            "must be a decimal string of 0 or more, with at most 15 digits before the point and 6 after it"
        )
    return text


def not_negative(text: str) -> str:
    """A decimal of 0 or more. Raises: ValueError for less."""
    if text.startswith("-"):
        raise ValueError("must not be negative")
    return text


def _share(text: str) -> str:
    if not -MICRO <= scaled(text) <= MICRO:
        raise ValueError("must lie between -1 and 1")
    return text


def _percent(text: str) -> str:
    if not 0 <= scaled(text) <= 100 * MICRO:
        raise ValueError("must lie between 0 and 100")
    return text


def scaled(text: str) -> int:
    """A decimal string as an integer of 10^-6."""
    whole, _, fraction = text.partition(".")
    value = int(whole.lstrip("-")) * MICRO + int(fraction.ljust(6, "0") or 0)
    return -value if text.startswith("-") else value


def scaled_price(text: str) -> int:
    """A price as an integer of 10^-12."""
    whole, _, fraction = text.partition(".")
    value = int(whole.lstrip("-")) * PICO + int(fraction.ljust(12, "0") or 0)
    return -value if text.startswith("-") else value


def unscaled(value: int) -> str:
    """An integer of 10^-6 as a decimal string without needless zeros."""
    sign, (whole, fraction) = "-" if value < 0 else "", divmod(abs(value), MICRO)
    return f"{sign}{whole}.{fraction:06d}".rstrip("0").rstrip(".")


def half_up(numerator: int, denominator: int) -> int:
    """The quotient rounded half away from zero, exactly, without a float."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    quotient, remainder = divmod(abs(numerator), abs(denominator))
    return sign * (quotient + (2 * remainder >= abs(denominator)))


def plain_decimal(text: str) -> str:
    """A decimal without needless zeros."""
    plain = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if plain == "-0" else plain


DECIMAL: Final = "decimal"
"""Stands beside every type of a decimal."""
Decimal = Annotated[str, BeforeValidator(only_text), AfterValidator(require_decimal), DECIMAL]
Quantity = Annotated[str, BeforeValidator(only_text), AfterValidator(_quantity), DECIMAL]
Amount = Annotated[Decimal, AfterValidator(not_negative)]
Percent = Annotated[Decimal, AfterValidator(_percent)]
Share = Annotated[Decimal, AfterValidator(_share)]
