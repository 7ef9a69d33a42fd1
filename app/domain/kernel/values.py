"""Values: text, decimals, days, instants and ids as commands and events hold them.

Everything here is JSON-native (strings and integers), so that an event is stored exactly as it was decided.
An instant is RFC 3339 UTC with six digits; inside folds and columns it is an integer of microseconds.
"""

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from typing import Annotated, Any, Final, TypeVar, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, WithJsonSchema
from pydantic.fields import FieldInfo

MICRO: Final = 1_000_000
FOREVER: Final = 9_223_372_036_854_775_807
"""The end of an interval that has none: the largest 64-bit integer."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC as well, but quicker to count from
FIRST: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""The first microsecond of the calendar, year 1."""
LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""The last one, year 9999."""
_CROCKFORD: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS: Final = [first + second for first in _CROCKFORD for second in _CROCKFORD]
"""Ten bits as two letters."""
_INSTANT: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_CANONICAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_DECIMAL: Final = re.compile(r"-?(0|[1-9]\d{0,11})(\.\d{1,6})?", re.ASCII)

T = TypeVar("T")


# --- classification: who may read a field, and what erasing a person takes with it ---


class Classification(StrEnum):
    """How an event field is kept: open, business, sealed under a person's key, or sealed under the note's own key."""

    PUBLIC = "public"
    BUSINESS = "business"
    PERSONAL = "personal"
    FREE_TEXT = "free_text"


class Sealed(BaseModel):
    """A value encrypted before it was hashed: AES-256-GCM under the data key named `key`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    alg: str
    key: str
    nonce: str
    ct: str


Public = Annotated[T, Classification.PUBLIC]
Business = Annotated[T, Classification.BUSINESS]
Personal = Annotated[T | Sealed, Classification.PERSONAL]
FreeText = Annotated[T | Sealed, Classification.FREE_TEXT]


def classification(field: FieldInfo) -> Classification | None:
    """How a member of an event is classified, or None when it is not."""
    marks = [mark for mark in field.metadata if isinstance(mark, Classification)]
    return marks[0] if len(marks) == 1 else None


def nested(field: FieldInfo) -> list[type[BaseModel]]:
    """The models that a member holds, alone or in a list; sealed values aside."""

    def models(annotation: Any) -> list[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation] if annotation is not Sealed else []
        return [model for part in get_args(annotation) for model in models(part)]

    return models(field.annotation)


# --- instants and days ---


def instant(micros: int) -> str:
    """The RFC 3339 text, UTC with six digits, of microseconds since 1970."""
    return (_PLAIN_EPOCH + timedelta(0, 0, micros)).isoformat("T", "microseconds") + "Z"


@lru_cache(maxsize=4096)
def micros(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 instant. Cached, because the same text is read several times on its way in.

    Raises: ValueError when the text is no instant between the years 1 and 9999.
    """
    if _CANONICAL.fullmatch(text):  # as in every stored event
        moment = text
    else:
        match = _INSTANT.fullmatch(text)
        if not match:
            raise ValueError(
                "must be an RFC 3339 instant such as 2026-01-31T09:00:00Z, with at most six digits of a second"
            )
        day, time, fraction, offset = match.groups()
        zone = "+00:00" if offset in "Zz" else offset
        moment = f"{day}T{time}.{(fraction or '0').ljust(6, '0')}{zone}"
    try:
        since = datetime.fromisoformat(moment) - _EPOCH
    except (ValueError, OverflowError) as error:
        raise ValueError("is not a moment of the calendar") from error
    return (since.days * 86_400 + since.seconds) * MICRO + since.microseconds


@lru_cache(maxsize=4096)
def _normal_instant(text: str) -> str:
    try:
        return instant(micros(text))
    except OverflowError as error:
        raise ValueError("is not a moment of the calendar") from error


def plain_day(text: str) -> str:
    """A day as it was written. Raises: ValueError for what is no date of the form 2026-01-31."""
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        raise ValueError("must be a date such as 2026-01-31")
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError("is not a day of the calendar") from error
    return text


def _moment(text: str) -> str:
    return plain_day(text) if len(text) == len("2026-01-31") else _normal_instant(text)


def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises: ValueError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is not an IANA time zone such as Europe/Berlin") from error


@lru_cache(maxsize=8192)
def day_start(day: str, where: ZoneInfo) -> int:
    """The first instant of a day in a zone, in microseconds."""
    local = datetime.combine(date.fromisoformat(day), datetime.min.time(), tzinfo=where)
    return (local - _EPOCH) // timedelta(microseconds=1)


def day_of(moment: int, where: ZoneInfo) -> str:
    """The day on which an instant falls in a zone."""
    return (_EPOCH + timedelta(microseconds=moment)).astimezone(where).date().isoformat()


def add_days(day: str, days: int) -> str:
    """The day so many days later. Raises: ValueError beyond the calendar."""
    try:
        return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
    except OverflowError as error:
        raise ValueError("is beyond the calendar") from error


def days_earlier(day: str, days: int) -> str:
    """The day so many days earlier, or the calendar's first or last where it does not reach so far."""
    try:
        return add_days(day, -days)
    except ValueError:
        return (date.min if days > 0 else date.max).isoformat()


def nearest_day(moment: int, where: ZoneInfo) -> str:
    """The day on which an instant falls in a zone, or the calendar's first or last where the zone's day lies beyond it."""
    try:
        return day_of(moment, where)
    except OverflowError:
        return (date.min if moment < 0 else date.max).isoformat()


def moment_start(moment: str, where: ZoneInfo) -> int:
    """The microsecond of an instant, or of the first instant of a day in a zone."""
    return day_start(moment, where) if len(moment) == len("2026-01-31") else micros(moment)


def add_months(day: str, months: int) -> str:
    """The same day of the month so many months later, or that month's last day. Raises: ValueError beyond the calendar."""
    start = date.fromisoformat(day)
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(start.day, monthrange(year, month + 1)[1])).isoformat()


def months_between(first: str, last: str) -> int:
    """How many months lie between the months of two days, whatever the days of the month are."""
    return (int(last[:4]) - int(first[:4])) * 12 + int(last[5:7]) - int(first[5:7])


def _only_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _zone_name(name: str) -> str:
    zone(name)
    return name


Instant = Annotated[
    str,
    BeforeValidator(_only_text),
    AfterValidator(_normal_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Day = Annotated[
    str, BeforeValidator(_only_text), AfterValidator(plain_day), WithJsonSchema({"type": "string", "format": "date"})
]
Moment = Annotated[
    str,
    BeforeValidator(_only_text),
    AfterValidator(_moment),
    WithJsonSchema(
        {
            "type": "string",
            "description": "an RFC 3339 instant, or a date: the first instant of that day in the tenant's time zone",
        }
    ),
]
TimeZone = Annotated[str, BeforeValidator(_only_text), AfterValidator(_zone_name)]


# --- decimals and money ---


def _decimal(text: str) -> str:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("must be a decimal string with at most 12 digits before the point and 6 after it")
    return text


def _not_negative(text: str) -> str:
    if text.startswith("-"):
        raise ValueError("must not be negative")
    return text


def _share(text: str) -> str:
    if not -MICRO <= scaled(text) <= MICRO:
        raise ValueError("must lie between -1 and 1")
    return text


def _percent(text: str) -> str:
    if not 0 <= scaled(text) <= 100 * MICRO:
        raise ValueError("must lie between 0 and 100")
    return text


def scaled(text: str) -> int:
    """A decimal string as an integer of 10^-6."""
    whole, _, fraction = text.partition(".")
    value = int(whole.lstrip("-")) * MICRO + int(fraction.ljust(6, "0") or 0)
    return -value if text.startswith("-") else value


def unscaled(value: int) -> str:
    """An integer of 10^-6 as a decimal string without needless zeros."""
    sign, (whole, fraction) = "-" if value < 0 else "", divmod(abs(value), MICRO)
    return f"{sign}{whole}.{fraction:06d}".rstrip("0").rstrip(".")


def half_up(numerator: int, denominator: int) -> int:
    """The quotient rounded half away from zero, exactly, without a float."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    quotient, remainder = divmod(abs(numerator), abs(denominator))
    return sign * (quotient + (2 * remainder >= abs(denominator)))


Decimal = Annotated[str, BeforeValidator(_only_text), AfterValidator(_decimal)]
Amount = Annotated[Decimal, AfterValidator(_not_negative)]
Percent = Annotated[Decimal, AfterValidator(_percent)]
Share = Annotated[Decimal, AfterValidator(_share)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

MINOR_UNITS: Final[dict[str, int]] = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0, "UGX": 0,
    "UYI": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0, "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3,
    "OMR": 3, "TND": 3, "CLF": 4, "UYW": 4,
}  # fmt: skip
"""Digits after the point where ISO 4217 says other than two."""


def minor_unit(currency: str) -> int:
    """The least that is paid in a currency, in 10^-6. Source: ISO 4217."""
    unit: int = MICRO // 10 ** MINOR_UNITS.get(currency, 2)
    return unit


# --- names and ids ---

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Ref = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""An id, or `ref:` and the caller's own reference."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def typeid(prefix: str, uuid: bytes) -> str:
    """A TypeID: a prefix and a UUID in 26 letters of Crockford's base 32.

    Source: TypeID specification 0.3; a prefix is lower-case ASCII.
    """
    number = int.from_bytes(uuid, "big")
    a, b, c, pairs = number >> 80, number >> 40 & 0xFF_FFFF_FFFF, number & 0xFF_FFFF_FFFF, _PAIRS
    return (
        f"{prefix}_{pairs[a >> 40]}{pairs[a >> 30 & 1023]}{pairs[a >> 20 & 1023]}{pairs[a >> 10 & 1023]}{pairs[a & 1023]}"
        f"{pairs[b >> 30]}{pairs[b >> 20 & 1023]}{pairs[b >> 10 & 1023]}{pairs[b & 1023]}"
        f"{pairs[c >> 30]}{pairs[c >> 20 & 1023]}{pairs[c >> 10 & 1023]}{pairs[c & 1023]}"
    )


def is_typeid(text: str, prefix: str) -> bool:
    """Whether a text is a TypeID with this prefix."""
    return _typeid_pattern(prefix).fullmatch(text) is not None


@cache
def _typeid_pattern(prefix: str) -> re.Pattern[str]:
    return re.compile(rf"{prefix}_[0-7][{_CROCKFORD}]{{25}}")
