"""Instants, days and time zones.

An instant is RFC 3339 UTC with six digits; inside folds and columns it is an integer of microseconds.
"""

import pkgutil
import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from app.domain.kernel.values.decimals import MICRO
from app.domain.kernel.values.texts import only_text

FOREVER: Final = 9_223_372_036_854_775_807
"""The end of an interval that has none: the largest 64-bit integer."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLAIN_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC as well, but quicker to count from
FIRST: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""The first microsecond of the calendar, year 1."""
LAST: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""The last one, year 9999."""
_INSTANT: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}):(\d{2})(?:\.(\d{1,30}))?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
_CANONICAL: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def instant(micros: int) -> str:
    """The RFC 3339 text, UTC with six digits, of microseconds since 1970."""
    return (_PLAIN_EPOCH + timedelta(0, 0, micros)).isoformat("T", "microseconds") + "Z"


@lru_cache(maxsize=4096)
def micros(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 instant. Cached, because the same text is read several times on its way in.

    What is finer than a microsecond is cut off. A leap second is read as the last microsecond of its minute, so that it
    stays in its day, month and year. Raises: ValueError when the text is no instant between the years 1 and 9999.
    """
    if _CANONICAL.fullmatch(text):  # as in every stored event
        moment, leaps = text, text[17:19] == "60"
    else:
        match = _INSTANT.fullmatch(text)
        if not match:
            raise ValueError("must be an RFC 3339 instant such as 2026-01-31T09:00:00Z")
        day, minute, second, fraction, offset = match.groups()
        zone, leaps = "+00:00" if offset in "Zz" else offset, second == "60"
        moment = f"{day}T{minute}:{second}.{(fraction or '0')[:6].ljust(6, '0')}{zone}"
    if leaps:
        moment = f"{moment[:17]}59.999999{moment[26:]}"
    try:
        since = datetime.fromisoformat(moment) - _EPOCH
    except (ValueError, OverflowError) as error:
        raise ValueError("is not a moment of the calendar") from error
    count: int = (since.days * 86_400 + since.seconds) * MICRO + since.microseconds
    if leaps and not _ends_a_month(count):
        raise ValueError("has a leap second where there is none: they end a month of UTC")
    return count


def _ends_a_month(last: int) -> bool:
    """Whether a microsecond is the last of a month of UTC. Source: RFC 3339 section 5.7 and appendix D; ITU-R TF.460."""
    try:
        following = _PLAIN_EPOCH + timedelta(0, 0, last + 1)
    except OverflowError:  # the end of the year 9999
        return True
    return (following.day, following.hour, following.minute, following.second) == (1, 0, 0, 0)


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


@cache
def time_zones() -> frozenset[str]:
    """The names of the IANA data base, those that are links to others too, as the library `tzdata` lists them."""
    listed = pkgutil.get_data("tzdata", "zones") or b""
    return frozenset(listed.decode("utf-8").split()) - {"Factory"}  # what a machine has before somebody chose one


def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises: ValueError when there is none."""
    if name not in time_zones():
        raise ValueError("is not an IANA time zone such as Europe/Berlin")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError("is a time zone that this machine does not have") from error


@lru_cache(maxsize=8192)
def day_start(day: str, where: ZoneInfo) -> int:
    """The first instant of a day in a zone, in microseconds."""
    local = datetime.combine(date.fromisoformat(day), datetime.min.time(), tzinfo=where)
    return (local - _EPOCH) // timedelta(microseconds=1)


def day_end(day: str, where: ZoneInfo) -> int:
    """The first instant after a day in a zone, in microseconds; after the calendar's last day, what follows it."""
    return day_start(add_days(day, 1), where) if day < "9999-12-31" else LAST + 1


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


def _zone_name(name: str) -> str:
    zone(name)
    return name


Instant = Annotated[
    str,
    BeforeValidator(only_text),
    AfterValidator(_normal_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Day = Annotated[
    str, BeforeValidator(only_text), AfterValidator(plain_day), WithJsonSchema({"type": "string", "format": "date"})
]
Moment = Annotated[
    str,
    BeforeValidator(only_text),
    AfterValidator(_moment),
    WithJsonSchema(
        {
            "type": "string",
            "description": "an RFC 3339 instant, or a date: the first instant of that day in the tenant's time zone",
        }
    ),
]
TimeZone = Annotated[str, BeforeValidator(only_text), AfterValidator(_zone_name)]
