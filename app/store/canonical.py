"""Canonical JSON: the one way in which a value becomes bytes."""

import json
from typing import Any, Final

LARGEST: Final = 2**53 - 1


def canonical(value: Any) -> bytes:
    """The RFC 8785 form of JSON without floats: sorted ASCII keys, no blanks, UTF-8.

    Raises: ValueError for a float, an integer beyond 2^53, a key that is not ASCII, NUL or text that cannot be encoded.
    """
    _check(value)
    return _encode(value).encode("utf-8")


def _check(value: Any) -> None:
    kind = type(value)
    if kind is str:
        if "\x00" in value:
            raise ValueError("NUL has no place in an event")
    elif kind is dict:
        for key, member in value.items():
            if not key.isascii():
                raise ValueError("a key must be ASCII")
            _check(member)
    elif kind is list or kind is tuple:
        for member in value:
            _check(member)
    elif kind is int:
        if not -LARGEST <= value <= LARGEST:
            raise ValueError("an integer beyond 2^53 has no place in an event")
    elif value is not None and kind is not bool:
        raise ValueError(f"{kind.__name__} has no place in an event")


_encode: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
