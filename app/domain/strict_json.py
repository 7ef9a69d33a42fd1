"""Strict JSON: the one place where bytes from outside become values.

Refuses what Python's parser would let through or stumble over: floats, NaN, duplicate keys, NUL, lone surrogates, deep
nesting, giant integers and objects, byte order marks and anything that is not UTF-8.
"""

import json
import re
from typing import Any, Final

from app.domain.errors import DomainError, Invalid

DEEPEST: Final = 32
WIDEST: Final = 1000
"""How many members an object may have."""
LARGEST: Final = 2**53 - 1


class Malformed(DomainError):
    """The bytes are no JSON at all."""


def decode(raw: bytes) -> Any:
    """The value of JSON bytes.

    Raises: Malformed when they are not JSON in UTF-8; Invalid when they are, but hold what an event may not.
    """
    text = _text_of(raw)
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise Invalid("too_deep", f"JSON may be nested {DEEPEST} deep") from error
    except json.JSONDecodeError as error:
        raise Malformed("malformed_json", f"the body is not JSON: line {error.lineno}, column {error.colno}") from error
    _check(value, 0, scan=_suspicious(text))
    return value


def decode_array(raw: bytes, *, most: int, largest: int) -> list[Any]:
    """The values of a JSON array.

    They are read one by one through a window of the text, so that neither a huge value nor one too many costs the time
    to read it all. Takes: how many values there may be, and how many characters each may have.
    Raises: as `decode`; Invalid `too_many_events` or `event_too_large` as soon as it shows.
    """
    text = _text_of(raw)
    at = _blank(text, 0)
    if not text.startswith("[", at):
        if text[at : at + 1] in _OTHER_STARTS:
            raise Invalid("invalid_batch", "a batch is a JSON array")
        raise Malformed("malformed_json", f"the body is not JSON: character {at}")
    values: list[Any] = []
    scan, at = _suspicious(text), _blank(text, at + 1)
    if text[at : at + 1] == "]":
        return _ended(text, at, values)
    start, window = at, text[at : at + 2 * largest]
    while True:
        if at - start > largest:
            start, window = at, text[at : at + 2 * largest]
        try:
            value, end = _DECODER.raw_decode(window, at - start)
        except RecursionError as error:
            raise Invalid("too_deep", f"JSON may be nested {DEEPEST} deep") from error
        except json.JSONDecodeError as error:
            if len(text) - at > largest and _cut(window, error):
                raise Invalid("event_too_large", f"an event may have {largest} characters") from error
            raise Malformed("malformed_json", f"the body is not JSON: character {start + error.pos}") from error
        if start + end - at > largest:
            raise Invalid("event_too_large", f"an event may have {largest} characters")
        if len(values) == most:
            raise Invalid("too_many_events", f"a request takes {most} events")
        _check(value, 1, scan=scan)
        values.append(value)
        at = _blank(text, start + end)
        if text[at : at + 1] == "]":
            return _ended(text, at, values)
        if text[at : at + 1] != ",":
            raise Malformed("malformed_json", f"the body is not JSON: character {at}")
        at = _blank(text, at + 1)


def _text_of(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("malformed_json", "the body is not UTF-8") from error


def _suspicious(text: str) -> bool:
    """Whether a string may hold what UTF-8 itself cannot: only an escape brings it in."""
    return "\\u" in text or "\x00" in text


def _blank(text: str, at: int) -> int:
    """Where the white space that begins here ends."""
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _ended(text: str, at: int, values: list[Any]) -> list[Any]:
    """The values of an array that closes here. Raises: Malformed when something follows."""
    if _blank(text, at + 1) != len(text):
        raise Malformed("malformed_json", f"the body is not JSON: character {at + 1}")
    return values


def _cut(window: str, error: json.JSONDecodeError) -> bool:
    """Whether a value looks broken only because the window ends in it: in a string, or within a word of its end."""
    return error.msg.startswith("Unterminated") or error.pos > len(window) - len("Infinity ")


def _check(value: Any, depth: int, *, scan: bool) -> None:
    """Raises: Invalid for text or nesting that has no place in an event. Takes: how many containers are around it."""
    if isinstance(value, str):
        if scan:
            _text(value)
    elif isinstance(value, dict | list):
        if depth == DEEPEST:
            raise Invalid("too_deep", f"JSON may be nested {DEEPEST} deep")
        for member in value.values() if isinstance(value, dict) else value:
            _check(member, depth + 1, scan=scan)
        if scan and isinstance(value, dict):
            for key in value:
                _text(key)


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
    if len(text) > 17 or abs(int(text)) > LARGEST:
        raise Invalid("integer_too_large", "integers lie within 2^53")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > WIDEST:
        raise Invalid("too_many_members", f"an object may have {WIDEST} members")
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("duplicate_key", "an object may not have the same key twice")
    return found


_OTHER_STARTS: Final = tuple('{"-0123456789tfn')
"""With what JSON begins that is no array."""
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder(
    parse_float=_no_float, parse_int=_integer, parse_constant=_no_constant, object_pairs_hook=_object
)
