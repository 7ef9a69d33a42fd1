"""Values as they are answered: instants, money and prices."""

from app.domain.kernel.values import FOREVER, half_up, instant, minor_digits


def at(moment: int | None) -> str | None:
    """An instant as it is answered; the end that never comes is null."""
    return None if moment is None or moment == FOREVER else instant(moment)


def money(amount: int, currency: str, parts: int = 1) -> dict[str, str]:
    """Money as it is answered. Takes: an amount in 10^-6, of which the `parts`-th part is meant (12: a month of a year)."""
    digits = minor_digits(currency)
    units = half_up(amount * 10**digits, parts * 10**6)
    sign, units = "-" if units < 0 else "", abs(units)
    text = str(units) if digits == 0 else f"{units // 10**digits}.{units % 10**digits:0{digits}d}"
    return {"amount": sign + text, "currency": currency}


def price(text: str | None, currency: str) -> dict[str, str] | None:
    """A price, or an amount that was written, as money: with the digits of its currency at the least, and all that it has more."""
    if text is None:
        return None
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0").ljust(minor_digits(currency), "0")
    return {"amount": f"{whole}.{fraction}" if fraction else whole, "currency": currency}


def optional_money(amount: int | None, currency: str | None) -> dict[str, str] | None:
    """Money as it is answered; null where the amount or its currency is."""
    return None if amount is None or currency is None else money(amount, currency)
