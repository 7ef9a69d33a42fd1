"""Money in a command: a decimal beside its currency, or an amount with it; both are stored and compared as the decimal."""

import pytest
from pydantic import BaseModel, ValidationError

from app.domain.kernel.denomination import require_in, with_currency
from app.domain.kernel.errors import Invalid
from app.domain.kernel.meaning import meaning
from app.domain.kernel.values import Denominated, Money, Price, SignedMoney


class Part(BaseModel):
    """Something that is sold."""

    unit_price: Price | None = None


class Offer(BaseModel):
    """Amounts alone, optional, and within a list."""

    fee: Money = "0"
    effect: SignedMoney | None = None
    parts: tuple[Part, ...] = ()


def test_an_amount_is_the_decimal_of_either_spelling() -> None:
    offer = Offer.model_validate(
        {
            "fee": {"amount": "12.50", "currency": "CHF"},
            "effect": {"amount": "-3", "currency": "CHF"},
            "parts": [{"unit_price": {"amount": "-0.000000000001", "currency": "CHF"}}, {"unit_price": "7"}],
        }
    )

    assert (offer.fee, offer.effect) == ("12.50", "-3")
    assert [part.unit_price for part in offer.parts] == ["-0.000000000001", "7"]
    assert offer.model_dump(mode="json")["fee"] == "12.50"


def test_two_spellings_of_an_amount_mean_the_same() -> None:
    one = Offer.model_validate({"fee": {"amount": "5.00", "currency": "JPY"}, "parts": [{"unit_price": "2.0"}]})
    other = Offer.model_validate({"fee": "5", "parts": [{"unit_price": {"amount": "2", "currency": "JPY"}}]})

    assert meaning(one) == meaning(other)
    assert not any(isinstance(value, Denominated) for value in meaning(one).values())


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"amount": "1"}, "money_malformed"),
        ({"amount": "1", "currency": None}, "money_malformed"),
        ({"amount": "1", "currency": "EUR", "unit": "cent"}, "money_malformed"),
        ({"amount": "1", "currency": "EURO"}, "unknown_currency"),
        ({"amount": "1", "currency": "XTS"}, "unknown_currency"),
        ({"amount": 1, "currency": "EUR"}, "value_error"),
        ({"amount": "1e3", "currency": "EUR"}, "value_error"),
        ({"amount": "-1", "currency": "EUR"}, "value_error"),
        (["1", "EUR"], "value_error"),
    ],
)
def test_what_is_no_money_is_refused_with_a_code(value: object, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Offer.model_validate({"fee": value})

    assert [fault["type"] for fault in refused.value.errors()] == [code]


@pytest.mark.parametrize(
    "body",
    [
        {"fee": {"amount": "1", "currency": "USD"}},
        {"effect": {"amount": "1", "currency": "USD"}},
        {"parts": [{"unit_price": "1"}, {"unit_price": {"amount": "1", "currency": "USD"}}]},
    ],
)
def test_another_currency_is_refused_wherever_it_stands(body: dict[str, object]) -> None:
    offer = Offer.model_validate(body)

    require_in("USD", offer)
    with pytest.raises(Invalid, match="other_currency"):
        require_in("EUR", offer)


def test_a_body_without_a_currency_takes_that_of_its_amounts() -> None:
    price = {"amount": "1", "currency": "SEK"}

    assert with_currency({"price": price}) == {"price": price, "currency": "SEK"}
    assert with_currency({"price": price, "currency": "EUR"})["currency"] == "EUR"
    assert with_currency({"price": "1"}) == {"price": "1"}
