"""Strict JSON: what comes in is what was meant, or is refused by name."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import DomainError
from app.domain.strict_json import DEEPEST, LARGEST, WIDEST, decode, decode_array

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
BLANKS = st.text(" \t\r\n", max_size=3)
MANY = 10_000


def refusal(raw: bytes) -> str:
    """The code with which bytes are refused."""
    with pytest.raises(DomainError) as refused:
        decode(raw)
    return refused.value.code


@given(VALUES, st.booleans())
def test_what_is_written_is_read(value: Any, ascii_only: bool) -> None:
    assert decode(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"\xff", "malformed_json"),
        (b"\xef\xbb\xbf1", "malformed_json"),
        (b"NaN", "malformed_json"),
        (b"-Infinity", "malformed_json"),
        (b'"\x01"', "malformed_json"),
        (b"1.0", "float_not_allowed"),
        (b"1E2", "float_not_allowed"),
        (b"9007199254740992", "integer_too_large"),
        (b"-9007199254740992", "integer_too_large"),
        (b"1" * 5000, "integer_too_large"),
        (rb'{"a":"\u0000"}', "nul_not_allowed"),
        (rb'{"\u0000":1}', "nul_not_allowed"),
        (rb'["\ud800"]', "lone_surrogate"),
        (rb'{"\udc00":1}', "lone_surrogate"),
        (b'{"a":1,"a":1}', "duplicate_key"),
        (rb'{"a":1,"\u0061":1}', "duplicate_key"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (b"{" + b",".join(b'"%d":1' % number for number in range(WIDEST + 1)) + b"}", "too_many_members"),
    ],
)
def test_what_an_event_may_not_hold_is_refused_by_name(raw: bytes, code: str) -> None:
    assert refusal(raw) == code


def test_what_lies_just_within_the_bounds_is_read() -> None:
    deepest = b"[" * DEEPEST + b"]" * DEEPEST
    widest = b"{" + b",".join(b'"%d":1' % number for number in range(WIDEST)) + b"}"

    assert decode(b"9007199254740991") == LARGEST
    assert decode(b"-0") == 0
    assert decode(rb'"\ud83d\ude00"') == "😀"
    assert json.dumps(decode(deepest)).replace(" ", "").encode() == deepest
    assert len(decode(widest)) == WIDEST


@given(st.lists(VALUES, max_size=8), BLANKS, st.integers(1, 60), st.booleans())
def test_an_array_is_read_the_same_through_a_window_of_any_size(
    values: list[Any], blank: str, largest: int, ascii_only: bool
) -> None:
    texts = [json.dumps(value, ensure_ascii=ascii_only) for value in values]
    raw = f"{blank}[{blank}{f'{blank},{blank}'.join(texts)}{blank}]{blank}".encode()

    if all(len(text) <= largest for text in texts):
        assert decode_array(raw, most=MANY, largest=largest) == values
    else:
        with pytest.raises(DomainError) as refused:
            decode_array(raw, most=MANY, largest=largest)
        assert refused.value.code == "event_too_large"


@given(st.one_of(st.binary(max_size=40), st.text('[]{}",:0123456789.eE+-tfn\\u \n', max_size=40).map(str.encode)))
def test_whatever_comes_both_ways_of_reading_agree(raw: bytes) -> None:
    try:
        whole: Any = decode(raw)
    except DomainError as refused:
        with pytest.raises(DomainError):
            decode_array(raw, most=MANY, largest=MANY)
        assert refused.code
        return
    if isinstance(whole, list):
        assert decode_array(raw, most=MANY, largest=MANY) == whole
    else:
        with pytest.raises(DomainError):
            decode_array(raw, most=MANY, largest=MANY)


def test_an_array_ends_where_it_has_too_many_values() -> None:
    assert decode_array(b"[1,2,3]", most=3, largest=9) == [1, 2, 3]
    with pytest.raises(DomainError) as refused:
        decode_array(b"[1,2,3,4 and the rest is never looked at", most=3, largest=9)
    assert refused.value.code == "too_many_events"
