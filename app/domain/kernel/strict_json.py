"""Strict JSON: the one place where bytes from outside become values.

Refuses what Python's parser would let through or stumble over: floats, NaN, duplicate keys, NUL, lone surrogates, deep
nesting, giant integers and objects, byte order marks and anything that is not UTF-8.

There are two readers. The quick one takes what it can prove that nothing was lost of; at the least doubt the thorough one
reads the same text again, so that it alone decides what is refused, and how.
"""

import json
import re
from typing import Any, Final

import orjson

from app.domain.kernel.errors import DomainError, Invalid

DEEPEST: Final = 32
WIDEST: Final = 1000
"""How many members an object may have."""
LARGEST: Final = 2**53 - 1
STRETCH: Final = 65_536
"""How many characters of an array are read quickly at a time: threads that wait for the interpreter get it in between."""


class Malformed(DomainError):
    """The bytes are no JSON at all."""


def decode(raw: bytes) -> Any:
    """The value of JSON bytes.

    Raises: Malformed when they are not JSON in UTF-8; Invalid when they are, but hold what an event may not.
    """
    try:
        value = orjson.loads(raw)
    except ValueError:
        return thorough(raw)
    return value if _nothing_lost(raw, value, 0) else thorough(raw)


def thorough(raw: bytes) -> Any:
    """The same by the thorough reader alone."""
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
    at = _blank(text, at + 1)
    if text[at : at + 1] == "]":
        return _ended(text, at, values)
    window, doubted = _Window(text, largest), at
    while True:
        chunk: list[Any] = []
        behind = at
        if at >= doubted:
            chunk, behind = _stretch(text, at, min(STRETCH, largest))
        if not chunk or len(values) + len(chunk) > most:
            doubted = max(doubted, behind)
            value, behind = window.read(at)
            if len(values) == most:
                raise Invalid("too_many_events", f"a request takes {most} events")
            chunk = [value]
        values += chunk
        at = _blank(text, behind)
        if text[at : at + 1] == "]":
            return _ended(text, at, values)
        if text[at : at + 1] != ",":
            raise Malformed("malformed_json", f"the body is not JSON: character {at}")
        at = _blank(text, at + 1)


class _Window:
    """The thorough reader's view of an array's text: as much as the largest value needs, moved along with what is read."""

    def __init__(self, text: str, largest: int) -> None:
        self._text, self._largest = text, largest
        self._start, self._view = 0, text[: 2 * largest]
        self._scan = _suspicious(text)

    def read(self, at: int) -> tuple[Any, int]:
        """The value that begins here, and where it ends. Raises: as `decode_array`."""
        text, largest = self._text, self._largest
        if at - self._start >= largest:  # one character more than the largest is in view, so that a larger one shows
            self._start, self._view = at, text[at : at + 2 * largest]
        try:
            value, end = _DECODER.raw_decode(self._view, at - self._start)
        except RecursionError as error:
            raise Invalid("too_deep", f"JSON may be nested {DEEPEST} deep") from error
        except json.JSONDecodeError as error:
            if len(text) - at > largest and _cut(self._view, error):
                raise Invalid("event_too_large", f"an event may have {largest} characters") from error
            raise Malformed("malformed_json", f"the body is not JSON: character {self._start + error.pos}") from error
        if self._start + end - at > largest:
            raise Invalid("event_too_large", f"an event may have {largest} characters")
        _check(value, 1, scan=self._scan)
        return value, self._start + end


def _stretch(text: str, at: int, size: int) -> tuple[list[Any], int]:
    """As many values of an array as begin like the one at hand, read quickly up to a comma or to the array's end.

    Where a text is cut before a comma and what is left of it is a row of whole values, these are the array's own: JSON is
    read from left to right, and a cut inside of a value leaves it open. Gives: the values and where they end; none and
    where the stretch ends when there is doubt.
    """
    until = at + size
    if until < len(text):
        alike = text.rfind(text[at : at + 8], at + 1, until)
        end = at + len(text[at:alike].rstrip(_BLANKS)) - 1 if alike > at else -1
        whole = text[end : end + 1] == ","
    else:
        end = len(text.rstrip(_BLANKS)) - 1
        whole = text[end] == "]"
    if not whole:
        return [], until
    raw = f"[{text[at:end]}]".encode()
    try:
        values: list[Any] = orjson.loads(raw)
    except ValueError:
        return [], until
    return (values, end) if _nothing_lost(raw, values, 0) else ([], until)


class _Doubt(Exception):
    """What was read quickly may not be what was written."""


def _nothing_lost(raw: bytes, value: Any, around: int) -> bool:
    """Whether a value that was read quickly is all that its text holds, and may be held by an event.

    A name that comes twice leaves fewer members than the text has names: each is a quote and a colon, blanks aside. Text
    with more of those has them inside of strings and is doubted without need. NUL comes in by its escape alone.
    """
    if b"\\u0000" in raw:
        return False
    try:
        return _members(value, around) == raw.translate(None, _BLANKS.encode()).count(b'":')
    except _Doubt:
        return False


def _members(value: Any, around: int) -> int:
    """How many members the objects in a value have. Raises: _Doubt for what the thorough reader refuses."""
    kind = type(value)
    if kind is dict:
        if around == DEEPEST or len(value) > WIDEST:
            raise _Doubt
        count, inner = len(value), value.values()
    elif kind is list:
        if around == DEEPEST:
            raise _Doubt
        count, inner = 0, value
    elif kind is float or (kind is int and not -LARGEST <= value <= LARGEST):
        raise _Doubt
    else:
        return 0
    for member in inner:
        if type(member) is not str and member is not None:
            count += _members(member, around + 1)
    return count


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
    match = _BLANK.match(text, at)
    return match.end() if match else at


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
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Invalid("duplicate_key", "an object may not have the same key twice")
    return members


_OTHER_STARTS: Final = tuple('{"-0123456789tfn')
"""With what JSON begins that is no array."""
_BLANKS: Final = " \t\n\r"
_BLANK: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder(
    parse_float=_no_float, parse_int=_integer, parse_constant=_no_constant, object_pairs_hook=_object
)
