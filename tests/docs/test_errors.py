"""The page of errors: every code of the source, each with what to do."""

import ast

from app.domain.aggregates import AGGREGATES, DECISIONS
from tests.docs.error_codes import PAGE, Collected, advice, collect, page


def test_every_code_says_what_to_do_and_no_advice_is_about_nothing() -> None:
    found, known = collect(), advice()

    assert sorted(set(found.statuses) - set(known)) == []
    assert sorted(code for code in known if not found.of(code)) == []
    assert all(action.endswith(".") for action in known.values())


def test_every_noun_that_may_be_missing_has_its_code() -> None:
    nouns = {*AGGREGATES}
    named = {one.name for decision in DECISIONS.values() for one in decision.reads if not one.optional}
    named |= {decision.aggregate for decision in DECISIONS.values() if not decision.creates}
    codes = {f"{noun}_not_found" for noun in nouns} | {f"{name}_missing" for name in named}
    assert sorted(codes - set(advice())) == []


def test_the_page_is_up_to_date() -> None:
    """If this fails: `python -m tests.docs`."""
    assert PAGE.read_text() == page()


def test_a_code_in_a_new_refusal_is_noticed() -> None:
    found = Collected()
    found.add(ast.parse('"never_seen_before"', mode="eval").body, "Refused")
    assert found.of("never_seen_before") == {409}
    assert "never_seen_before" not in advice()
