"""Strict JSON: the one place where bytes from outside become values.

Refuses what Python's parser would let through or stumble over: floats, NaN, duplicate keys, NUL, lone surrogates, deep
nesting, giant integers, byte order marks and anything that is not UTF-8.
"""

import json
from typing import Any, Final

from app.domain.errors import DomainError, Invalid

DEEPEST: Final = 32
LARGEST: Final = 2**53 - 1


class Malformed(DomainError):
    """The bytes are no JSON at all."""


def decode(raw: bytes) -> Any:
    """The value of JSON bytes.

    Raises: Malformed when they are not JSON in UTF-8; Invalid when they are, but hold what an event may not.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("malformed_json", "the body is not UTF-8") from error
    try:
        value = json.loads(text, parse_float=_no_float, parse_int=_integer, parse_constant=_no_constant, object_pairs_hook=_object)
    except RecursionError as error:
        raise Invalid("too_deep", f"JSON may be nested {DEEPEST} deep") from error
    except json.JSONDecodeError as error:
        raise Malformed("malformed_json", f"the body is not JSON: line {error.lineno}, column {error.colno}") from error
    _check(value, 0, scan="\\u" in text or "\x00" in text)
    return value


def _check(value: Any, depth: int, *, scan: bool) -> None:
    if depth > DEEPEST:
        raise Invalid("too_deep", f"JSON may be nested {DEEPEST} deep")
    if isinstance(value, dict):
        for key, member in value.items():
            if scan:
                _text(key)
            _check(member, depth + 1, scan=scan)
    elif isinstance(value, list):
        for member in value:
            _check(member, depth + 1, scan=scan)
    elif scan and isinstance(value, str):
        _text(value)


def _text(value: str) -> None:
    if "\x00" in value:
        raise Invalid("nul_not_allowed", "text may not hold NUL")
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise Invalid("lone_surrogate", "text may not hold half of a surrogate pair") from error


def _no_float(_text: str) -> Any:
    raise Invalid("float_not_allowed", "write amounts and ratios as decimal strings")


def _no_constant(_text: str) -> Any:
    raise Malformed("malformed_json", "NaN and Infinity are not JSON")


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > LARGEST:  # noqa: PLR2004 - a sign and 16 digits hold 2^53
        raise Invalid("integer_too_large", "integers lie within 2^53")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("duplicate_key", "an object may not have the same key twice")
    return found
