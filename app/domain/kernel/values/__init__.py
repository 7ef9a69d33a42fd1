"""Values: texts, decimals, currencies, days, instants and ids as commands and events hold them.

Everything here is JSON-native (strings and integers), so that an event is stored exactly as it was decided.

Lives here: a module for each kind of value; the names below are for everybody else.
May import: Python, pydantic, the lists of currencies, countries and time zones, and `app.domain.kernel.errors`.
To add a value: an annotated type in its module, with its tests, and its name below.
"""

from app.domain.kernel.values.classification import (
    Business,
    Classification,
    Commercial,
    FreeText,
    Personal,
    Public,
    Sealed,
    classification,
    nested,
)
from app.domain.kernel.values.countries import COUNTRIES, Country, CountryOrNone
from app.domain.kernel.values.currencies import Currency, minor_digits, minor_unit, require_currency
from app.domain.kernel.values.decimals import (
    DECIMAL,
    MICRO,
    PICO,
    Amount,
    Decimal,
    Percent,
    Quantity,
    Share,
    half_up,
    plain_decimal,
    scaled,
    scaled_price,
    unscaled,
)
from app.domain.kernel.values.ids import Digest, is_typeid, typeid
from app.domain.kernel.values.instants import (
    FIRST,
    FOREVER,
    LAST,
    Day,
    Instant,
    Moment,
    TimeZone,
    add_days,
    add_months,
    day_end,
    day_of,
    day_start,
    days_earlier,
    instant,
    micros,
    moment_start,
    months_between,
    nearest_day,
    plain_day,
    time_zones,
    zone,
)
from app.domain.kernel.values.money import MONEY, Denominated, Money, Price, SignedMoney
from app.domain.kernel.values.texts import (
    NONE,
    REF,
    ExternalRef,
    Group,
    Label,
    Name,
    Note,
    Ref,
    as_compared,
    as_named,
    line,
)
from app.domain.kernel.values.urls import IssuerUrl, ProviderUrl

__all__ = [
    "COUNTRIES", "DECIMAL", "FIRST", "FOREVER", "LAST", "MICRO", "MONEY", "NONE", "PICO", "REF", "Amount", "Business",
    "Classification", "Commercial", "Country", "CountryOrNone", "Currency", "Day", "Decimal", "Denominated", "Digest", "ExternalRef",
    "FreeText", "Group", "Instant", "IssuerUrl", "Label", "Moment", "Money", "Name", "Note", "Percent", "Personal", "Price", "ProviderUrl",
    "Public", "Quantity", "Ref",
    "Sealed", "Share", "SignedMoney", "TimeZone", "add_days", "add_months", "as_compared", "as_named",
    "classification", "day_end", "day_of", "day_start", "days_earlier", "half_up", "instant", "is_typeid", "line",
    "micros", "minor_digits", "minor_unit", "moment_start", "months_between", "nearest_day", "nested", "plain_day",
    "plain_decimal", "require_currency", "scaled", "scaled_price", "time_zones", "typeid", "unscaled", "zone",
]  # fmt: skip
