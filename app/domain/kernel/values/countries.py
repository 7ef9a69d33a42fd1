"""Countries: those that have a code of two letters in ISO 3166-1.

Source: ISO 3166-1 alpha-2 as the library `tzdata` lists it. What only looks like one (`EU`, `UK`, `XK`) is no country here.
"""

import pkgutil
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from app.domain.kernel.values.texts import NONE


def _listed() -> frozenset[str]:
    lines = (pkgutil.get_data("tzdata", "zoneinfo/iso3166.tab") or b"").decode().splitlines()
    return frozenset(line.partition("\t")[0] for line in lines if line and not line.startswith("#"))


COUNTRIES: Final = _listed()
"""The codes of today."""


def known_country(text: str) -> str:
    """A country's code. Raises: PydanticCustomError, a ValueError, for one that is not of ISO 3166-1."""
    if text not in COUNTRIES:
        raise PydanticCustomError("unknown_country", "must be a country of ISO 3166-1, such as DE")
    return text


def _known_or_none(text: str) -> str:
    return text if text == NONE else known_country(text)


Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(known_country)]
CountryOrNone = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}|none)$"), AfterValidator(_known_or_none)]
"""What accounts are asked for by: a country, or `none` for those without one."""
