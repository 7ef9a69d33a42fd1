"""Currencies: those of ISO 4217 and no others, each in its time and with its own minor unit."""

import pytest
from pydantic import TypeAdapter, ValidationError

from app.domain.kernel import values
from app.domain.kernel.errors import Invalid
from app.domain.kernel.values.currencies import WITHDRAWN
from tests.docs import withdrawn_currencies

CURRENCY = TypeAdapter(values.Currency)


@pytest.mark.parametrize("code", ["EUR", "JPY", "KWD", "XOF", "XCG", "ZWG", "CLF", "DEM", "HRK"])
def test_a_currency_of_today_or_of_the_past_is_known(code: str) -> None:
    assert CURRENCY.validate_python(code) == code


@pytest.mark.parametrize(
    "code", ["AAA", "BTC", "XAU", "XTS", "XXX", "XDR", "XBA", "ZZZ", "EUO", "QQQ", "eur", "EU", "€"]
)
def test_a_test_a_metal_and_a_slip_are_no_currency(code: str) -> None:
    with pytest.raises(ValidationError):
        CURRENCY.validate_python(code)


@pytest.mark.parametrize(
    ("code", "last_day"), [("HRK", "2023-01-14"), ("DEM", "2002-05-15"), ("ZWL", "2024-08-31"), ("VEF", "2018-08-20")]
)
def test_a_withdrawn_currency_is_for_what_began_while_it_was_in_use(code: str, last_day: str) -> None:
    values.require_currency(code, last_day)
    with pytest.raises(Invalid) as refused:
        values.require_currency(code, values.add_days(last_day, 1))

    assert refused.value.code == "currency_withdrawn"


def test_a_currency_in_use_has_no_last_day() -> None:
    values.require_currency("EUR", "9999-12-31")
    values.require_currency("EUR", "1990-01-01")  # books of old contracts are kept in the currency that came after


@pytest.mark.parametrize(("code", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("ITL", 0), ("???", 2)])
def test_each_currency_is_paid_in_its_own_minor_unit(code: str, digits: int) -> None:
    assert values.minor_digits(code) == digits
    assert values.minor_unit(code) * 10**digits == values.MICRO


def test_the_table_of_withdrawn_currencies_is_the_librarys() -> None:
    assert withdrawn_currencies.PAGE.read_text() == withdrawn_currencies.page(), "run `make pages`"
    assert not any(code in WITHDRAWN for code in ("EUR", "USD", "BAM"))


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "UTC", "Asia/Kolkata", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "US/Pacific"]
)
def test_a_time_zone_is_one_of_the_iana_list(name: str) -> None:
    assert TypeAdapter(values.TimeZone).validate_python(name) == name
    assert values.zone(name).key == name


@pytest.mark.parametrize(
    "name",
    [
        "localtime",
        "posixrules",
        "posix/Europe/Berlin",
        "right/UTC",
        "Factory",
        "europe/berlin",
        "CEST",
        "",
        "../UTC",
        "+02:00",
    ],
)
def test_what_only_a_machine_knows_is_no_time_zone(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(values.TimeZone).validate_python(name)
