"""Ids: a prefix and a UUID as one text, and digests."""

import re
from functools import cache
from typing import Annotated, Final

from pydantic import StringConstraints

_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [first + second for first in _CROCKFORD for second in _CROCKFORD]
"""Ten bits as two letters."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def typeid(prefix: str, uuid: bytes) -> str:
    """A TypeID: a prefix and a UUID in 26 letters of Crockford's base 32.

    Source: TypeID specification 0.3; a prefix is lower-case ASCII.
    """
    number = int.from_bytes(uuid, "big")
    a, b, c, pairs = number >> 80, number >> 40 & 0xFF_FFFF_FFFF, number & 0xFF_FFFF_FFFF, _PAIRS
    return (
        f"{prefix}_{pairs[a >> 40]}{pairs[a >> 30 & 1023]}{pairs[a >> 20 & 1023]}{pairs[a >> 10 & 1023]}{pairs[a & 1023]}"
        f"{pairs[b >> 30]}{pairs[b >> 20 & 1023]}{pairs[b >> 10 & 1023]}{pairs[b & 1023]}"
        f"{pairs[c >> 30]}{pairs[c >> 20 & 1023]}{pairs[c >> 10 & 1023]}{pairs[c & 1023]}"
    )


def is_typeid(text: str, prefix: str) -> bool:
    """Whether a text is a TypeID with this prefix."""
    return _typeid_pattern(prefix).fullmatch(text) is not None


@cache
def _typeid_pattern(prefix: str) -> re.Pattern[str]:
    return re.compile(rf"{prefix}_[0-7][{_CROCKFORD}]{{25}}")
