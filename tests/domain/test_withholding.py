"""What is left out of an event for who may not read it: every member by its class, wherever it stands, and nothing else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from app.domain.catalogue import CATALOGUE
from app.domain.kernel.event import Event
from app.domain.kernel.values import Classification, classification, nested
from app.domain.withholding import SCOPES, lacking, withheld
from tests.golden import sample

ALL = frozenset(SCOPES.values())
CANARY = "7411.37"
AMOUNT = {
    "amount", "annual_value", "at_completion", "atr", "conceded", "cost", "discount_percent", "expected_value", "factor", "limit",
    "margin_floor", "mrr_delta", "one_off", "percent", "price", "projected_at_end", "spent", "total", "unit_price", "uplift", "value",
}  # fmt: skip
"""What members are called that say how much, as events call them."""
OPEN = {
    "BudgetThresholdCrossed.percent", "ApprovalRules.margin_floor", "ApprovalLimit.amount", "IncentiveRate.percent", "RetentionTier.factor",
}  # fmt: skip
"""A threshold as it was set, and the rules of the house: no client's values."""


def leaves(kind: type[BaseModel]) -> Iterator[tuple[str, Classification | None]]:
    """The members of a model that hold no other model, with their classes; those of what it holds, too."""
    for name, field in kind.model_fields.items():
        models = nested(field)
        if not models:
            yield f"{kind.__name__}.{name}", classification(field)
        for model in models:
            yield from leaves(model)


def planted(kind: type[BaseModel]) -> dict[str, Any]:
    """A full sample of an event with a canary in every commercial, personal and free text member."""

    def plant(model: type[BaseModel], data: dict[str, Any]) -> dict[str, Any]:
        told = {}
        for name, value in data.items():
            field = model.model_fields[name]
            models = nested(field)
            if classification(field) in SCOPES:
                told[name] = [CANARY] if isinstance(value, list) else CANARY
            elif isinstance(value, list) and models:
                told[name] = [plant(_model(models, one), one) for one in value]
            elif isinstance(value, dict) and models:
                told[name] = plant(_model(models, value), value)
            else:
                told[name] = value
        return told

    return plant(kind, sample(kind))


def _model(models: list[type[BaseModel]], data: dict[str, Any]) -> type[BaseModel]:
    return next(model for model in models if {*data} <= {*model.model_fields})


@pytest.mark.parametrize("kind", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_every_member_that_says_how_much_is_commercial(kind: type[Event]) -> None:
    open_ = [
        name
        for name, mark in leaves(kind)
        if name.partition(".")[2] in AMOUNT and mark is not Classification.COMMERCIAL and name not in OPEN
    ]

    assert open_ == []


@pytest.mark.parametrize("topic", CATALOGUE)
def test_nothing_that_may_not_be_read_is_left_in_an_event(topic: str) -> None:
    data = planted(CATALOGUE[topic])

    left, names = withheld(topic, data, ())

    assert CANARY not in json.dumps(left)
    assert left.keys() == data.keys()
    assert bool(names) == (CANARY in json.dumps(data))
    assert withheld(topic, data, ALL) == (data, [])


@pytest.mark.parametrize("topic", CATALOGUE)
@given(scopes=st.sets(st.sampled_from(sorted(ALL))))
def test_exactly_the_members_of_the_missing_classes_are_left_out(topic: str, scopes: set[str]) -> None:
    data, missing = planted(CATALOGUE[topic]), lacking(scopes)

    left, _ = withheld(topic, data, scopes)

    def compare(model: type[BaseModel], before: Any, after: Any) -> None:
        for name, value in before.items():
            field = model.model_fields[name]
            mark, models = classification(field), nested(field)
            if mark in missing:
                assert after[name] is None, name
            elif isinstance(value, list) and models:
                for one, other in zip(value, after[name], strict=True):
                    compare(_model(models, one), one, other)
            elif isinstance(value, dict) and models:
                compare(_model(models, value), value, after[name])
            else:
                assert after[name] == value, name

    compare(CATALOGUE[topic], data, left)


def test_who_reads_what_is_personal_reads_what_was_written_about_people() -> None:
    assert lacking(["personal:read"]) == {Classification.COMMERCIAL}
    assert lacking(["texts:read", "commercial:read"]) == {Classification.PERSONAL}
    assert lacking(()) == {*SCOPES}


def test_a_member_that_nobody_knows_and_an_event_that_nobody_knows_are_left_out() -> None:
    assert withheld("account.renamed", {"name": "Northwind", "unheard_of": "7"}, ()) == (
        {"name": "Northwind", "unheard_of": None},
        ["unheard_of"],
    )
    assert withheld("unheard.of", {"name": "Northwind"}, ["personal:read"]) == ({"name": None}, ["name"])


def test_what_is_given_stays_as_it_is() -> None:
    data = planted(CATALOGUE["contract.drafted"])
    before = json.dumps(data)

    withheld("contract.drafted", data, ())

    assert json.dumps(data) == before
