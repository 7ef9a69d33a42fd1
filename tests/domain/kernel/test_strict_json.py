"""Strict JSON: what comes in is what was meant, or is refused by name."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.domain.kernel.errors import DomainError
from app.domain.kernel.strict_json import DEEPEST, LARGEST, STRETCH, WIDEST, decode, decode_array, thorough

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


# --- the quick reader and the thorough one ---

HOSTILE = st.sampled_from(
    ["{", "}", "[", "]", ":", ",", " ", "\n", '"a"', '"a":', '"a" :', '"a"\t:1', '"\\u0061":', '":"', '":', '"\\":"', '"b":1',
     "1", "-0", "0.5", "1e2", "1E400", "9007199254740991", "9007199254740992", "-9007199254740992", "18446744073709551616",
     "null", "true", "NaN", "-Infinity", "01", '"\\u0000"', '"\\\\u0000"', '"\\ud800"', '"\\ud83d\\ude00"', '"\x00"', '"ä"', "\ufeff"]
)  # fmt: skip


@st.composite
def awkward(draw: st.DrawFn, deep: int = 3) -> str:
    """JSON as nobody writes it: blanks anywhere, names twice or escaped, strings that look like names."""
    blank = draw(st.sampled_from(["", "", " ", "\n\t"]))
    if deep == 0 or draw(st.booleans()):
        return blank + draw(
            st.sampled_from(
                ['"x"', '":"', '"a\\":"', '" :"', "1", "-0", "0.5", "9007199254740993", "null", '"\\u0000"']
            )
        )
    inner = draw(st.lists(awkward(deep=deep - 1), max_size=3))
    if draw(st.booleans()):
        return f"{blank}[{','.join(inner)}]"
    names = [draw(st.sampled_from(['"a"', '"b"', '"\\u0061"', '":"', '"a" ', '"c"\n'])) for _ in inner]
    return f"{blank}{{{','.join(f'{name}:{one}' for name, one in zip(names, inner, strict=True))}}}{blank}"


def outcome(read: Callable[[bytes], Any], raw: bytes) -> tuple[str, ...]:
    """What a reader makes of bytes: the value with its types, or the refusal in full."""
    try:
        return ("read", repr(read(raw)))
    except DomainError as refused:
        return (type(refused).__name__, refused.code, refused.detail)


@given(st.one_of(st.lists(HOSTILE, max_size=12).map("".join), awkward(), VALUES.map(json.dumps)))
@example("[" * 2000 + "]" * 2000)
@example('{"a" :1,"a":2}')
@example('{"a":{"a" :1,"a":2},":":":"}')
def test_both_readers_read_and_refuse_the_same(text: str) -> None:
    raw = text.encode()
    assert outcome(decode, raw) == outcome(thorough, raw)


@given(st.lists(awkward(), max_size=6), st.integers(1, 80))
def test_an_array_is_refused_for_its_first_value_that_is_however_it_is_read(texts: list[str], largest: int) -> None:
    raw = f"[{','.join(texts)}]".encode()
    each = [outcome(thorough, text.encode()) for text in texts]
    read = ("read", f"[{', '.join(one[1] for one in each)}]")
    first = next((one for one in each if one[0] != "read"), read)

    assert outcome(lambda raw: decode_array(raw, most=MANY, largest=MANY), raw) == first
    if all(len(text.strip()) <= largest for text in texts):
        assert outcome(lambda raw: decode_array(raw, most=MANY, largest=largest), raw) == first


@pytest.mark.parametrize(
    "odd", ["{}", '{"name":"":""}', '{"name":"\\u0000"}', '{"name":1,"name":2}', '{"name":":"}', "7"]
)
@pytest.mark.parametrize("at", [0, 1, 1500, 2999])
def test_a_value_unlike_the_others_is_read_or_refused_in_its_place_in_a_long_array(odd: str, at: int) -> None:
    texts = [json.dumps({"name": f"{number}", "nested": [{"name": "},{"}, {}]}) for number in range(3000)]
    texts[at] = odd
    raw = f"[{', '.join(texts)}]".encode()
    assert len(raw) > 2 * STRETCH

    whole, windowed = outcome(thorough, raw), outcome(lambda raw: decode_array(raw, most=MANY, largest=MANY), raw)

    assert windowed[:2] == whole[:2]
