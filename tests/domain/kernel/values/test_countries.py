"""Countries: those of ISO 3166-1 and no others."""

import pytest
from pydantic import TypeAdapter, ValidationError

from app.domain.kernel import values

COUNTRY = TypeAdapter(values.Country)
OR_NONE = TypeAdapter(values.CountryOrNone)


@pytest.mark.parametrize("code", ["DE", "GB", "TW", "AQ", "SS", "CW"])
def test_a_country_of_today_is_known(code: str) -> None:
    assert COUNTRY.validate_python(code) == OR_NONE.validate_python(code) == code


@pytest.mark.parametrize("code", ["EU", "UK", "XK", "AN", "SU", "ZZ", "XX", "de", "De", "DEU", "D", "", " DE", "DE\n"])
def test_a_union_a_slip_and_what_is_no_more_are_no_country(code: str) -> None:
    for kind in (COUNTRY, OR_NONE):
        with pytest.raises(ValidationError):
            kind.validate_python(code)


def test_none_asks_for_what_has_none_and_is_no_country() -> None:
    assert OR_NONE.validate_python("none") == "none"
    with pytest.raises(ValidationError):
        COUNTRY.validate_python("none")


def test_there_are_as_many_as_in_the_standard() -> None:
    assert len(values.COUNTRIES) == 249
