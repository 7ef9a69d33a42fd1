"""Texts: names, labels, references and notes in one normal form, so that what looks the same is the same.

A line (a name, a label, a reference) is NFC, has plain blanks, none at its ends, and only characters that can be seen.
A note may have several lines. Case counts: `north` and `North` are two references.

Source: RFC 8264 (PRECIS), its FreeformClass, for what a line may hold; RFC 8265 section 4.2.2 for blanks and NFC. Unlike
it, joiners and variation selectors stay where scripts and emoji are written with them: behind a letter of an alphabet that knows
none (Latin, Greek, Cyrillic, Armenian), a digit or a blank they would only make two names that look the same.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError, PydanticKnownError

_BLANKS: Final = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_ENDS: Final = _BLANKS + "\u200b\u2060\ufeff"
"""What a line does not begin or end with: blanks, and what is as wide as nothing."""
_PLAIN: Final = dict.fromkeys(map(ord, _BLANKS), " ")
_CONTROLS: Final = "\x00-\x1f\x7f-\x9f\u2028\u2029\ufdd0-\ufdef\ufffe\uffff" + "".join(
    chr(plane << 16 | last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF)
)
"""What no line holds: controls, ends of lines and paragraphs, and what Unicode says is no character."""
_OVERRIDES: Final = "\u202a-\u202e\u2066-\u2069\u206a-\u206f"
_UNSEEN: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2060-\u2065\u2800\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e001f"
)
_ALPHABETS: Final = "\x00-\xa8\xaa-\xad\xaf-\u058f\u1e00-\u1fff\u2c60-\u2c7f\ua720-\ua7ff"
"""Behind what no joiner and no variation selector means anything; the signs of copyright and trade mark may be emoji."""
_MISPLACED: Final = (
    f"(?:^|(?<=[{_ALPHABETS}]))(?:[\u200c\u200d\ufe00-\ufe0e\U000e0100-\U000e01ef]|\ufe0f(?!\u20e3))"
    "|(?<![\U0001f3f4\U000e0020-\U000e007e])[\U000e0020-\U000e007f]"
)
"""Joiners and variation selectors that change nothing that is seen, and tags that are no part of a flag."""
_CONTROL: Final = re.compile(f"[{_CONTROLS}]")
_NOTE_CONTROL: Final = re.compile(f"(?![\t\n\r\u2028\u2029])[{_CONTROLS}]")
_OVERRIDE: Final = re.compile(f"[{_OVERRIDES}]")
_HIDDEN: Final = re.compile(f"[{_UNSEEN}]|{_MISPLACED}")
_NOTHING: Final = re.compile(
    f"[\\s{_BLANKS}{_UNSEEN}{_CONTROLS}\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef]*"
)
REF: Final = "ref:"
"""What stands before the caller's own reference where an id is expected."""


def only_text(value: Any) -> Any:
    """A value that is a text. Raises: ValueError for every other."""
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def line(text: str) -> str:
    """A name, a label or a reference in its normal form. Raises: PydanticCustomError, a ValueError, with a code."""
    if text.isascii() and text.isprintable() and text[:1] not in ("", " ") and text[-1] != " ":
        return text
    return _sound_line(text)


def _sound_line(text: str) -> str:
    if _OVERRIDE.search(text):
        raise PydanticCustomError("bidi_override", "may not turn the direction in which it is read")
    if _CONTROL.search(text):
        raise PydanticCustomError("control_character", "may not hold control characters, nor more than one line")
    normal = unicodedata.normalize("NFC", text).translate(_PLAIN).strip(_ENDS)
    if _NOTHING.fullmatch(normal):
        raise PydanticCustomError("blank_text", "must say something: nothing of it can be seen")
    if _HIDDEN.search(normal):
        raise PydanticCustomError("invisible_character", "may not hold characters that cannot be seen")
    return normal


def note(text: str) -> str:
    """A text of several lines in its normal form. Raises: as `line`."""
    if text.isascii() and text.isprintable() and text[:1] not in ("", " ") and text[-1] != " ":
        return text
    if _OVERRIDE.search(text):
        raise PydanticCustomError("bidi_override", "may not turn the direction in which it is read")
    if _NOTE_CONTROL.search(text):
        raise PydanticCustomError(
            "control_character", "may hold tabs and ends of lines, but no other control characters"
        )
    if _NOTHING.fullmatch(text):
        raise PydanticCustomError("blank_text", "must say something: nothing of it can be seen")
    return unicodedata.normalize("NFC", text).strip()


def as_compared(text: str) -> str:
    """A line as it is compared with stored ones: in its normal form, or as it is where no stored line can be this one."""
    try:
        return line(text)
    except ValueError:
        return text


def as_named(id_or_ref: str) -> str:
    """An id, or `ref:` and the reference as it is compared with stored ones."""
    return REF + as_compared(id_or_ref[len(REF) :]) if id_or_ref.startswith(REF) else id_or_ref


def reference(id_or_ref: str) -> str:
    """An id, or `ref:` and the reference in its normal form. Raises: as `line`."""
    if id_or_ref.startswith(REF):
        return REF + line(id_or_ref[len(REF) :])
    return line(id_or_ref)


def _no_longer(most: int) -> Callable[[str], str]:
    """A check of the normal form, which is now and then longer than what was written."""

    def checked(text: str) -> str:
        if len(text) > most:
            raise PydanticKnownError("string_too_long", {"max_length": most})
        return text

    return checked


Name = Annotated[
    str, StringConstraints(min_length=1, max_length=200), AfterValidator(line), AfterValidator(_no_longer(200))
]
Label = Annotated[
    str, StringConstraints(min_length=1, max_length=100), AfterValidator(line), AfterValidator(_no_longer(100))
]
NONE: Final = "none"
"""Asks for what has no owner, no tier, no industry or no country; so nobody and nothing is called this."""


def _not_none(text: str) -> str:
    if text.casefold() == NONE:
        raise PydanticCustomError("reserved_word", "asks for what has none, so nothing can be called so")
    return text


Group = Annotated[Label, AfterValidator(_not_none)]
"""A label by which accounts are grouped: an owner, a tier, an industry."""
Note = Annotated[
    str, StringConstraints(min_length=1, max_length=20_000), AfterValidator(note), AfterValidator(_no_longer(20_000))
]
Ref = Annotated[
    str, StringConstraints(min_length=1, max_length=204), AfterValidator(reference), AfterValidator(_no_longer(204))
]
"""An id, or `ref:` and the caller's own reference."""
ExternalRef = Name
"""The caller's own reference, without `ref:`."""
