"""Options: the further parameters of a query, parsed strictly, whoever sends it."""

import re
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Final

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import MICRO, scaled

_SHARE: Final = re.compile(r"(0|1)(\.\d{1,6})?", re.ASCII)
_COUNT: Final = re.compile(r"[1-9]\d{0,8}", re.ASCII)
_COHORT: Final = re.compile(r"(\d{4})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])))?", re.ASCII)


def share(options: Mapping[str, str], name: str, default: str) -> Fraction:
    """A decimal from 0 to 1. Takes: `default`, which may also be negative. Raises: Invalid."""
    text = options.get(name)
    if text is None:
        return Fraction(scaled(default), MICRO)
    if not _SHARE.fullmatch(text) or scaled(text) > MICRO:
        raise Invalid("invalid_option", f"{name} is a decimal from 0 to 1 with at most six digits after the point")
    return Fraction(scaled(text), MICRO)


def count(options: Mapping[str, str], name: str, most: int) -> int | None:
    """A number from 1 on, or None where it is not named. Raises: Invalid."""
    text = options.get(name)
    if text is None:
        return None
    if not _COUNT.fullmatch(text) or int(text) > most:
        raise Invalid("invalid_option", f"{name} is a number from 1 to {most}")
    return int(text)


def choice(options: Mapping[str, str], name: str, known: Collection[str], default: str) -> str:
    """One of some words. Raises: Invalid."""
    text = options.get(name, default)
    if text not in known:
        raise Invalid("invalid_option", f"{name} is one of {', '.join(known)}")
    return text


def cohort(options: Mapping[str, str]) -> range | None:
    """The months of a cohort, counted from year 0, or None where none is named. Raises: Invalid."""
    text = options.get("cohort")
    if text is None:
        return None
    match = _COHORT.fullmatch(text)
    if not match:
        raise Invalid("invalid_option", "cohort is a month such as 2015-01, a quarter such as 2015-Q1, or a year")
    year, quarter, month = match.groups()
    first = int(year) * 12 + (int(month) - 1 if month else 3 * int(quarter) - 3 if quarter else 0)
    return range(first, first + (1 if month else 3 if quarter else 12))
