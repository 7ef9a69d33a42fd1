"""Canonical JSON: RFC 8785 where our profile allows it, and a refusal where it does not."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.store.canonical import canonical

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "jcs.json").read_text())
OUTSIDE = {
    "structures": "float",
    "values": "float",
    "key order beyond the BMP": "ASCII",
    "escapes": "NUL",
}
"""Vectors of the standard that our profile refuses, and what they have that we do not want."""

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "vector", [one for one in VECTORS["objects"] if one["name"] not in OUTSIDE], ids=lambda one: one["name"]
)
def test_what_our_profile_allows_comes_out_as_the_standard_says(vector: dict[str, str]) -> None:
    assert canonical(json.loads(vector["input"])).hex() == vector["output_hex"]


@pytest.mark.parametrize(
    "vector", [one for one in VECTORS["objects"] if one["name"] in OUTSIDE], ids=lambda one: one["name"]
)
def test_what_our_profile_leaves_out_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=OUTSIDE[vector["name"]]):
        canonical(json.loads(vector["input"]))


@pytest.mark.parametrize("text", [one["input"] for one in VECTORS["must_refuse"] if one["what"] == "text"])
def test_what_the_vectors_refuse_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        canonical(json.loads(text))


@pytest.mark.parametrize(
    "value", [1.0, float("nan"), float("-inf"), 2**53, -(2**53), b"bytes", {"a"}, {"k\u00e9y": 1}, "\x00", "\ud800"]
)
def test_no_float_no_large_integer_and_no_unwritable_text_has_a_form(value: Any) -> None:
    for wrapped in (value, [value], {"member": [value]}):
        with pytest.raises(ValueError, match=r".+"):
            canonical(wrapped)


def test_escapes_are_the_shortest_there_are() -> None:
    assert (
        canonical('\x7f\u2028/\b\f\n\r\t\x1f"\\\u00e9').hex()
        == "227fe280a82f5c625c665c6e5c725c745c75303031665c225c5cc3a922"
    )


@given(VALUES)
def test_a_value_survives_its_form_and_has_no_other(value: Any) -> None:
    form = canonical(value)
    assert json.loads(form) == value
    assert canonical(json.loads(form)) == form


@given(st.dictionaries(KEYS, WHOLE, min_size=2, max_size=6))
def test_the_order_in_which_members_were_said_does_not_show(members: dict[str, int]) -> None:
    assert canonical(dict(reversed(members.items()))) == canonical(members)


def plain(value: Any) -> bytes:
    """The form as the standard library writes it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def allowed(value: Any) -> bool:
    """Whether our profile has a form for a value, by the book."""
    if isinstance(value, dict):
        return all(type(key) is str and key.isascii() for key in value) and all(map(allowed, value.values()))
    if isinstance(value, list | tuple):
        return all(map(allowed, value))
    if type(value) is str:
        return "\x00" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    return value is None or type(value) is bool or (type(value) is int and abs(value) < 2**53)


@given(VALUES)
@example({"\x00": "a key may hold what a text may not"})
@example({"text": "\\u0000 is only what NUL looks like", "\x1f\x7f": ["\u2028", "\U0001f600", ""]})
def test_the_form_is_the_same_byte_for_byte_as_the_standard_library_writes_it(value: Any) -> None:
    assert canonical(value) == plain(value)


STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.binary() | st.text() | st.uuids() | st.datetimes()
    | st.dates() | st.decimals() | st.sampled_from(HTTPStatus),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.sets(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(STRANGE)
@example(["\ud800"])
@example({"\u00e9": "a"})
@example({"a": {"b": [1, 2, {"c": "\x00"}]}})
@example([2**53 - 1, -(2**53) + 1])
@example([HTTPStatus.OK])
def test_exactly_what_our_profile_allows_has_a_form(value: Any) -> None:
    if allowed(value):
        assert canonical(value) == plain(value)
    else:
        with pytest.raises(ValueError, match=r".+"):
            canonical(value)
