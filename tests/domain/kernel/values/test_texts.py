"""Texts: one normal form, nothing that cannot be seen, nothing that pretends."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.domain.kernel import values
from tests.support.campaigns import examples

LINE, LABEL, NOTE, REF = (TypeAdapter(kind) for kind in (values.Name, values.Label, values.Note, values.Ref))


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Mu\u0308ller", "M\u00fcller"),
        ("  Acme GmbH ", "Acme GmbH"),
        ("\ufeffAcme\u200b", "Acme"),
        ("\u3000Acme\u00a0GmbH", "Acme GmbH"),
        ("\u212bngstr\u00f6m", "\u00c5ngstr\u00f6m"),
        ("\uac00\u11a8", "\uac01"),
        ("\u0646\u0627\u0645\u0647\u200c\u0627\u06cc", "\u0646\u0627\u0645\u0647\u200c\u0627\u06cc"),
        ("\U0001f469\u200d\U0001f680 Space", "\U0001f469\u200d\U0001f680 Space"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
        ("1\ufe0f\u20e3 Caf\u00e9 \u00ae\ufe0f", "1\ufe0f\u20e3 Caf\u00e9 \u00ae\ufe0f"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e007f", "\U0001f3f4\U000e0067\U000e0062\U000e007f"),
        ("\u845b\U000e0100", "\u845b\U000e0100"),
        ("\u7530\u4e2d\u3055\u3093", "\u7530\u4e2d\u3055\u3093"),
        ("North  by  North", "North  by  North"),
    ],
)
def test_a_line_has_one_normal_form(written: str, stored: str) -> None:
    assert LINE.validate_python(written) == stored
    assert LINE.validate_python(stored) == stored


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("   ", "blank_text"),
        ("\u3000\u2009", "blank_text"),
        ("\u2060\u200b", "blank_text"),
        ("\u3164", "blank_text"),
        ("\u2800\u2800", "blank_text"),
        ("\u200d\ufe0f", "blank_text"),
        ("North\u200dwind", "invisible_character"),
        ("\u0416\ufe0f", "invisible_character"),
        ("\u200cNord", "invisible_character"),
        ("Nord\U000e0041", "invisible_character"),
        ("7\ufe0f", "invisible_character"),
        ("tab\there", "control_character"),
        ("two\r\nlines", "control_character"),
        ("end\n", "control_character"),
        ("\u0085", "control_character"),
        ("bell\x07", "control_character"),
        ("para\u2029graph", "control_character"),
        ("no\ufdd0character", "control_character"),
        ("pay\u202etxt.exe", "bidi_override"),
        ("isolated \u2067abc\u2069", "bidi_override"),
        ("DE\u200b4711", "invisible_character"),
        ("soft\u00adhyphen", "invisible_character"),
        ("left\u200eright", "invisible_character"),
        ("tag\U000e0001", "invisible_character"),
    ],
)
def test_a_line_that_nobody_could_read_is_refused_by_name(written: str, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        LABEL.validate_python(written)

    assert [fault["type"] for fault in refused.value.errors()] == [code]


def test_a_note_keeps_its_lines_and_loses_the_blanks_around_it() -> None:
    assert NOTE.validate_python("\n  First.\n\tSecond: Mu\u0308ller.\r\n\n") == "First.\n\tSecond: M\u00fcller."


@pytest.mark.parametrize(
    ("written", "code"), [(" \n\t", "blank_text"), ("a\x1b[31m", "control_character"), ("a\u2066b", "bidi_override")]
)
def test_a_note_takes_no_other_controls(written: str, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        NOTE.validate_python(written)

    assert [fault["type"] for fault in refused.value.errors()] == [code]


def test_a_reference_is_compared_behind_its_prefix_and_may_be_as_long_as_a_stored_one() -> None:
    assert REF.validate_python("ref: Mu\u0308ller ") == "ref:M\u00fcller"
    assert REF.validate_python("ref:" + 200 * "x") == "ref:" + 200 * "x"
    with pytest.raises(ValidationError):
        REF.validate_python("ref: ")


def test_a_line_that_grows_in_its_normal_form_is_measured_there() -> None:
    assert len(unicodedata.normalize("NFC", "\u0958" * 100)) == 200
    with pytest.raises(ValidationError) as refused:
        LABEL.validate_python("\u0958" * 100)

    assert refused.value.errors()[0]["type"] == "string_too_long"


@settings(max_examples=examples(200))
@given(st.text(max_size=30))
def test_whatever_is_accepted_is_in_normal_form_and_found_again(text: str) -> None:
    try:
        stored = values.line(text)
    except ValueError:
        assert values.as_compared(text) == text
        return

    assert values.line(stored) == stored == unicodedata.normalize("NFC", stored)
    assert values.as_compared(text) == values.as_compared(unicodedata.normalize("NFD", f" {text}\u00a0")) == stored
    assert not any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in stored)
