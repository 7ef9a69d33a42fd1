"""Canonical JSON: the one way in which a value becomes bytes."""

from typing import Any, Final

import orjson

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of JSON without floats: sorted ASCII keys, no blanks, UTF-8.

    Raises: ValueError for a float, an integer beyond 2^53, a key that is not ASCII, NUL, text that cannot be encoded, or
    more than 250 levels.
    """
    _check_kinds(value)
    try:
        encoded = orjson.dumps(value, option=_OPTIONS)
    except orjson.JSONEncodeError as error:  # a TypeError to Python
        raise ValueError("what cannot be encoded, or is beyond 2^53, has no place in an event") from error
    if not encoded.isascii() or b"\\u0000" in encoded:  # seldom: otherwise no text can be wrong
        _check_texts(value)
    return encoded


def _check_kinds(value: Any) -> None:
    """Refuses what the encoder would accept and we do not: floats, datetimes, enumerations and the like."""
    kind = type(value)
    if kind is dict:
        for member in value.values():
            if type(member) is not str:
                _check_kinds(member)
    elif kind is list or kind is tuple:
        for member in value:
            if type(member) is not str:
                _check_kinds(member)
    elif kind is not str and kind is not int and value is not None and kind is not bool:
        raise ValueError(f"{kind.__name__} has no place in an event")


def _check_texts(value: Any) -> None:
    """Refuses NUL, and keys that are not ASCII."""
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("NUL has no place in an event")
    elif isinstance(value, dict):
        for key, member in value.items():
            if not key.isascii():
                raise ValueError("a key must be ASCII")
            _check_texts(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _check_texts(member)
