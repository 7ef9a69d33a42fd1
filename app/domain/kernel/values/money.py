"""Money as a command says it: a decimal whose currency stands beside it, or an amount together with its currency."""

from typing import Annotated, Any, Final

from pydantic import AfterValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.domain.kernel.values.currencies import known_currency
from app.domain.kernel.values.decimals import DECIMAL, not_negative, require_decimal, require_price
from app.domain.kernel.values.texts import only_text


class Denominated(str):
    """A decimal that was written together with its currency."""

    __slots__ = ("currency",)
    currency: str


def _parted(value: dict[str, Any]) -> tuple[Any, str]:
    """An amount and its currency. Raises: PydanticCustomError, a ValueError, with a code."""
    currency = value.get("currency")
    if value.keys() != {"amount", "currency"} or not isinstance(currency, str):
        raise PydanticCustomError("money_malformed", "money is a decimal string, or an object of amount and currency")
    return value["amount"], known_currency(currency)


def _money(value: Any) -> str:
    if not isinstance(value, dict):
        return require_decimal(only_text(value))
    amount, currency = _parted(value)
    return _denominated(require_decimal(only_text(amount)), currency)


def _unit_price(value: Any) -> str:
    if not isinstance(value, dict):
        return require_price(only_text(value))
    amount, currency = _parted(value)
    return _denominated(require_price(only_text(amount)), currency)


def _denominated(text: str, currency: str) -> str:
    amount = Denominated(text)
    amount.currency = currency
    return amount


def _as_schema(decimals: int, *, signed: bool = True) -> WithJsonSchema:
    sign = "-?" if signed else ""
    pattern = rf"^{sign}(0|[1-9][0-9]{{0,11}})(\.[0-9]{{1,{decimals}}})?$"
    return WithJsonSchema({"type": "string", "pattern": pattern, "x-money": True})


MONEY: Final = "money"
"""Stands beside every type of money."""
SignedMoney = Annotated[str, PlainValidator(_money), _as_schema(6), DECIMAL, MONEY]
Money = Annotated[
    str, PlainValidator(_money), AfterValidator(not_negative), _as_schema(6, signed=False), DECIMAL, MONEY
]
Price = Annotated[str, PlainValidator(_unit_price), _as_schema(12), DECIMAL, MONEY]
"""What a unit costs in an interval; below 0 for a credit."""
