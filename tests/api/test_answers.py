"""Answers are read from rows as their models declare, and no member of a row is forgotten."""

from typing import Annotated, Any, NamedTuple

import pytest
from pydantic import BaseModel

from app.api.http.answers import Added, Computed, DecimalOf, EachOf, From, InstantOf, MoneyOf, Part, SealedTexts
from app.api.http.formatting import price
from app.api.http.presenter import Presenter
from app.api.http.response_models import AsDecimal, AsInstant, AsMoney, AsPrice, MoneyBody, PeriodOfRow
from app.domain.kernel.period import Period

CONTEXT: Any = None
"""Nothing is sealed in these rows, so that the caller's context is never read."""


class Deal(NamedTuple):
    """A row, as a view has it."""

    deal: str
    title: str
    start: str | None
    end: str | None
    value: int | None
    currency: str | None
    chance: int | None
    opened_at: int
    closed_at: int | None
    steps: list[dict[str, Any]] | None
    stamps: dict[str, int]


ROW = Deal(
    deal="opp_1",
    title="More",
    start="2026-01-01",
    end="2027-01-01",
    value=1_500_000,
    currency="EUR",
    chance=250_000,
    opened_at=0,
    closed_at=None,
    steps=[{"name": "call"}],
    stamps={},
)


def _upper(step: dict[str, Any], row: Deal, _texts: SealedTexts) -> dict[str, Any]:
    return {"step": step["name"].upper(), "of": row.deal}


class DealBody(BaseModel):
    """An answer, with every kind of member."""

    id: Annotated[str, From("deal")]
    title: str
    period: Annotated[Period | None, Part(PeriodOfRow, when="start")]
    value: AsMoney | None
    chance: AsDecimal | None
    opened_at: AsInstant
    since: Annotated[str, InstantOf("opened_at")]
    closed_at: AsInstant | None
    steps: Annotated[list[dict[str, Any]], EachOf(_upper)]
    shouted: Annotated[str, Computed(lambda row: row.title.upper())]
    position: Annotated[int | None, Added()]


def test_each_member_is_read_as_it_is_declared_and_in_the_order_of_the_model() -> None:
    (answer,) = Presenter(DealBody, Deal, not_shown=("stamps",))(CONTEXT, [ROW])

    assert list(answer.items()) == [
        ("id", "opp_1"),
        ("title", "More"),
        ("period", {"from": "2026-01-01", "to": "2027-01-01"}),
        ("value", {"amount": "1.50", "currency": "EUR"}),
        ("chance", "0.25"),
        ("opened_at", "1970-01-01T00:00:00.000000Z"),
        ("since", "1970-01-01T00:00:00.000000Z"),
        ("closed_at", None),
        ("steps", [{"step": "CALL", "of": "opp_1"}]),
        ("shouted", "MORE"),
        ("position", None),
    ]
    assert list(answer) == list(DealBody.model_json_schema(by_alias=True)["properties"])


def test_what_a_row_does_not_have_is_null() -> None:
    bare = ROW._replace(start=None, value=None, chance=None, steps=None)

    (answer,) = Presenter(DealBody, Deal, not_shown=("stamps",))(CONTEXT, [bare])

    assert (answer["period"], answer["value"], answer["chance"], answer["steps"]) == (None, None, None, [])


@pytest.mark.parametrize(
    "not_shown", [(), ("stamps", "title"), ("stamps", "unknown")], ids=["forgotten", "both", "unknown"]
)
def test_a_member_of_a_row_is_shown_or_declared_not_shown(not_shown: tuple[str, ...]) -> None:
    with pytest.raises(TypeError, match="say of each member where it is shown"):
        Presenter(DealBody, Deal, not_shown=not_shown)


def test_a_member_that_the_row_lacks_is_refused_before_any_row_comes() -> None:
    class Elsewhere(BaseModel):
        amount: Annotated[MoneyBody, MoneyOf("price")]
        rate: Annotated[str, DecimalOf("rate")]

    with pytest.raises(TypeError, match="price"):
        Presenter(Elsewhere, Deal, not_shown=Deal._fields)


@pytest.mark.parametrize(
    ("written", "currency", "shown"),
    [
        ("1000", "EUR", "1000.00"),
        ("-0.5", "CHF", "-0.50"),
        ("0.000000000001", "EUR", "0.000000000001"),
        ("12.3400", "EUR", "12.34"),
        ("250.000", "JPY", "250"),
        ("7.5", "JPY", "7.5"),
        ("7.5", "KWD", "7.500"),
    ],
)
def test_a_price_is_shown_with_the_digits_of_its_currency_and_with_all_that_it_has_more(
    written: str, currency: str, shown: str
) -> None:
    class Offer(NamedTuple):
        unit_price: str
        currency: str

    class OfferBody(BaseModel):
        unit_price: AsPrice
        currency: str

    (answer,) = Presenter(OfferBody, Offer)(CONTEXT, [Offer(written, currency)])

    assert price(written, currency) == answer["unit_price"] == {"amount": shown, "currency": currency}
    assert price(None, currency) is None
