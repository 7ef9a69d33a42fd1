"""Decimals of an answer: the only place where a figure is rounded, half up, without a float."""

from collections.abc import Sequence
from fractions import Fraction

from app.domain.kernel.values import MICRO, half_up, minor_digits, scaled, unscaled
from projections.kpis.base import Scale


def ratio(value: Fraction) -> str:
    """A ratio to six decimals, without needless zeros."""
    return unscaled(half_up(value.numerator * MICRO, value.denominator))


def money(value: Fraction, currency: str | None) -> str:
    """An amount to the currency's minor unit."""
    return _written(half_up(value.numerator * 10 ** _digits(currency), value.denominator), _digits(currency))


def quantity(amount: int, scale: Scale, currency: str | None) -> str:
    """An integer of a scale as it is answered: money, a count, or hours."""
    if scale.money:
        return money(Fraction(amount, scale.per), currency)
    return str(amount) if scale.per == 1 else unscaled(half_up(amount * MICRO, scale.per))


def quantities(amounts: Sequence[int], scale: Scale, currency: str | None) -> list[str]:
    """Integers of a scale, rounded so that they sum to their rounded sum."""
    if not scale.money:
        return [quantity(amount, scale, currency) for amount in amounts]
    return [_written(amount, _digits(currency)) for amount in _settled_sum(amounts, scale, currency)]


def rising(columns: Sequence[Sequence[int]], scale: Scale, currency: str | None) -> list[list[str]]:
    """Columns of money in which no amount is less than the one before it: rounded so that this holds, and each sums to its rounded sum.

    What each column adds is rounded down, and what that misses goes to the rows that are furthest below their amount.
    """
    digits, unit = _digits(currency), 10 ** _digits(currency)
    before, *later = columns
    rounded = _settled_sum(before, scale, currency)
    written = [rounded]
    for column in later:
        added = [(amount - least) * unit // scale.per for amount, least in zip(column, before, strict=True)]
        rounded = [whole + more for whole, more in zip(rounded, added, strict=True)]
        missing = half_up(sum(column) * unit, scale.per) - sum(rounded)
        short = sorted(range(len(column)), key=lambda at: rounded[at] * scale.per - column[at] * unit)
        for at in short[:missing]:
            rounded[at] += 1
        written.append(rounded)
        before = column
    return [[_written(amount, digits) for amount in column] for column in written]


def steps(opening: int, changes: Sequence[int], closing: int, scale: Scale, currency: str | None) -> list[str]:
    """Signed changes, rounded so that the rounded opening and they sum to the rounded closing."""
    unit = 10 ** _digits(currency)
    total = half_up(closing * unit, scale.per) - half_up(opening * unit, scale.per)
    return [_written(amount, _digits(currency)) for amount in _settled(changes, scale, currency, total)]


def _settled_sum(amounts: Sequence[int], scale: Scale, currency: str | None) -> list[int]:
    return _settled(amounts, scale, currency, half_up(sum(amounts) * 10 ** _digits(currency), scale.per))


def _settled(amounts: Sequence[int], scale: Scale, currency: str | None, total: int) -> list[int]:
    """Amounts rounded half up; where that misses the total, those that rounding changed most are rounded the other way."""
    unit = 10 ** _digits(currency)
    rounded = [half_up(amount * unit, scale.per) for amount in amounts]
    missing = total - sum(rounded)
    sign = 1 if missing > 0 else -1
    moved = sorted(range(len(amounts)), key=lambda at: sign * (rounded[at] * scale.per - amounts[at] * unit))
    for at in moved[: abs(missing)]:
        rounded[at] += sign
    return rounded


def _digits(currency: str | None) -> int:
    return minor_digits(currency or "")


def _written(amount: int, digits: int) -> str:
    sign, amount = "-" if amount < 0 else "", abs(amount)
    return f"{sign}{amount}" if not digits else f"{sign}{amount // 10**digits}.{amount % 10**digits:0{digits}d}"


def step(before: str | None, after: str | None, currency: str | None, *, share: bool) -> str:
    """The change of a written figure, so that the earlier figure and the steps from it sum to the later one, as written.

    A figure that has no value counts as 0. Takes: `share`, whether it is a ratio and no money.
    """
    change = scaled(after or "0") - scaled(before or "0")
    return unscaled(change) if share else money(Fraction(change, MICRO), currency)
