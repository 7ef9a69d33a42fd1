"""Values: instants, days, decimals and ids, at the edges of the calendar and of arithmetic."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.domain.kernel import values
from app.domain.kernel.values import (
    add_days,
    add_months,
    day_of,
    day_start,
    half_up,
    instant,
    is_typeid,
    micros,
    scaled,
    typeid,
    unscaled,
)

FIRST, LAST = micros("0001-01-01T00:00:00Z"), micros("9999-12-31T23:59:59.999999Z")
MOMENTS = st.integers(FIRST, LAST)
DAYS = st.dates(date(1800, 1, 1), date(2200, 1, 1)).map(date.isoformat)
ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Tokyo",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "America/Havana",
        "Asia/Beirut",
        "Africa/Cairo",
        "Pacific/Apia",
        "Pacific/Kiritimati",
        "America/St_Johns",
        "Europe/Dublin",
    ]
).map(ZoneInfo)
DECIMALS = st.from_regex(r"-?(0|[1-9]\d{0,11})(\.\d{1,6})?", fullmatch=True, alphabet=st.characters(max_codepoint=127))


# --- instants ---


@given(MOMENTS)
def test_an_instant_is_the_same_moment_as_text_and_as_a_number(moment: int) -> None:
    assert micros(instant(moment)) == moment
    assert instant(moment)[:4] == f"{(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)).year:04d}"


@given(MOMENTS, MOMENTS)
def test_instants_sort_as_text_as_they_do_in_time(one: int, other: int) -> None:
    assert (instant(one) < instant(other)) == (one < other)


@given(st.integers(FIRST + 10**11, LAST - 10**11), st.integers(-1439, 1439))
def test_an_offset_is_another_way_to_say_the_same_moment(moment: int, offset: int) -> None:
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment, minutes=offset)
    sign, (hours, minutes) = "-" if offset < 0 else "+", divmod(abs(offset), 60)
    assert (
        micros(f"{local.replace(tzinfo=None).isoformat(timespec='microseconds')}{sign}{hours:02d}:{minutes:02d}")
        == moment
    )


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("2026-01-31T09:00:00Z", "2026-01-31T09:00:00.000000Z"),
        ("2026-01-31t09:00:00.5z", "2026-01-31T09:00:00.500000Z"),
        ("2026-01-31T09:00:00.123456+02:00", "2026-01-31T07:00:00.123456Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("2024-02-29T23:59:59.999999-23:59", "2024-03-01T23:58:59.999999Z"),
        ("2026-01-31T09:00:00.1234567Z", "2026-01-31T09:00:00.123456Z"),
        ("2026-01-31T09:00:00.123456789+00:00", "2026-01-31T09:00:00.123456Z"),
        ("2026-01-31T09:00:00.0000019Z", "2026-01-31T09:00:00.000001Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999Z"),
        ("1990-12-31t15:59:60.25-08:00", "1990-12-31T23:59:59.999999Z"),
        ("2012-07-01T05:29:60+05:30", "2012-06-30T23:59:59.999999Z"),
    ],
)
def test_an_instant_is_normalised_to_utc_with_six_digits(text: str, normal: str) -> None:
    assert TypeAdapter(values.Instant).validate_python(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31",
        "2026-01-31T09:00:00",
        "2026-01-31 09:00:00Z",
        "2026-02-29T09:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T09:00:60Z",
        "2026-01-30T23:59:60Z",
        "2016-12-31T23:59:60+01:00",
        "2026-01-31T09:00:61Z",
        "2026-01-31T23:59:60.000000+00:01",
        "2026-01-31T09:00:00.Z",
        "2026-01-31T09:00Z",
        "2026-01-31T09:00:00+24:00",
        "20260131T090000Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "-001-01-31T09:00:00Z",
        "",
        "now",
        "2026-01-31T09:00:00Z\n",
        "٢٠٢٦-01-31T09:00:00Z",
        "2026-01-31T09:00:00.٥Z",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(values.Instant).validate_python(text)


@pytest.mark.parametrize("kind", [values.Instant, values.Day, values.Moment, values.TimeZone, values.Decimal])
@pytest.mark.parametrize("value", [1, 1.5, True, None, b"2026-01-31", [], {}])
def test_only_text_is_taken(kind: object, value: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(value)


# --- days ---


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29",
        "2026-13-01",
        "2026-1-1",
        "26-01-01",
        "2026-01-01T00:00:00Z",
        "2026-01-01\n",
        "٢٠٢٦-01-31",
        "0000-01-01",
        "2026-W01-1",
        "20260101",
    ],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(values.Day).validate_python(text)


@given(DAYS, ZONES)
def test_a_day_begins_at_its_first_instant_and_the_instant_before_is_another_day(day: str, where: ZoneInfo) -> None:
    start = day_start(day, where)
    following = day_start(add_days(day, 1), where)

    assert day_of(start - 1, where) < day
    if start == following:  # a day that a zone left out when it crossed the date line
        assert day_of(start, where) > day
    else:
        assert day_of(start, where) == day == day_of(following - 1, where)
        assert timedelta(hours=20) <= timedelta(microseconds=following - start) <= timedelta(hours=49)


@given(DAYS, ZONES)
def test_days_begin_in_their_order(day: str, where: ZoneInfo) -> None:
    assert day_start(day, where) <= day_start(add_days(day, 1), where)


@pytest.mark.parametrize(
    ("day", "where", "start"),
    [
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00.000000Z"),
        ("2026-03-30", "Europe/Berlin", "2026-03-29T22:00:00.000000Z"),
        ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00.000000Z"),
        ("2026-10-26", "Europe/Berlin", "2026-10-25T23:00:00.000000Z"),
        (
            "2018-11-04",
            "America/Sao_Paulo",
            "2018-11-04T03:00:00.000000Z",
        ),  # midnight did not exist: the day began at one
        ("2019-02-17", "America/Sao_Paulo", "2019-02-17T03:00:00.000000Z"),  # the hour before it was there twice
        ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00.000000Z"),  # was left out
        ("2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00.000000Z"),
    ],
)
def test_days_begin_where_the_clocks_of_the_zone_say(day: str, where: str, start: str) -> None:
    assert instant(day_start(day, ZoneInfo(where))) == start


@given(DAYS, st.integers(-1200, 1200))
def test_months_later_is_the_same_day_of_the_month_or_its_last(day: str, months: int) -> None:
    start, later = date.fromisoformat(day), date.fromisoformat(add_months(day, months))
    last = monthrange(later.year, later.month)[1]

    assert (later.year - start.year) * 12 + later.month - start.month == months
    assert later.day == min(start.day, last)


@given(DAYS, st.integers(0, 600), st.integers(0, 600))
def test_from_the_first_of_a_month_months_add_up(day: str, one: int, other: int) -> None:
    first = f"{day[:8]}01"
    assert add_months(add_months(first, one), other) == add_months(first, one + other)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-12-31", 2, "2025-02-28"),
        ("2025-03-31", -1, "2025-02-28"),
        ("2025-01-15", -1, "2024-12-15"),
        ("9999-11-30", 1, "9999-12-30"),
        ("0001-01-31", 0, "0001-01-31"),
    ],
)
def test_months_end_where_the_calendar_says(day: str, months: int, later: str) -> None:
    assert add_months(day, months) == later


@pytest.mark.parametrize(("day", "months"), [("9999-12-01", 1), ("0001-01-01", -1)])
def test_no_month_lies_beyond_the_calendar(day: str, months: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        add_months(day, months)


@pytest.mark.parametrize(
    "name", ["Europe/Atlantis", "", "../etc/passwd", "/etc/localtime", "Europe", "UTC\0", "x" * 10_000, "UTC+1"]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(values.TimeZone).validate_python(name)


# --- decimals ---


@given(DECIMALS)
def test_a_decimal_means_the_same_inside_and_outside(text: str) -> None:
    assert Decimal(unscaled(scaled(text))) == Decimal(text)
    assert scaled(text) == Decimal(text) * 10**6
    assert TypeAdapter(values.Decimal).validate_python(text) == text


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_an_amount_has_one_shortest_text(amount: int) -> None:
    text = unscaled(amount)

    assert scaled(text) == amount
    assert "." not in text or text[-1] not in "0."
    assert TypeAdapter(values.Decimal).validate_python(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".5",
        "5.",
        "+5",
        "1e3",
        "01",
        "1.1234567",
        "1234567890123",
        " 1",
        "1\n",
        "--1",
        "1,000",
        "NaN",
        "٣",
        "1.٣",
        "0x10",
        "1_000",
    ],
)
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(values.Decimal).validate_python(text)


@given(st.integers(-(10**30), 10**30), st.integers(-(10**15), 10**15).filter(bool))
def test_half_is_rounded_away_from_zero_and_exactly(numerator: int, denominator: int) -> None:
    rounded, exact = half_up(numerator, denominator), Fraction(numerator, denominator)

    assert abs(rounded - exact) <= Fraction(1, 2)
    assert abs(rounded - exact) < Fraction(1, 2) or abs(rounded) > abs(exact)
    assert half_up(-numerator, denominator) == -rounded == half_up(numerator, -denominator)


@given(DECIMALS, st.integers(1, 1000))
def test_rounding_agrees_with_the_decimal_arithmetic_of_accountants(text: str, parts: int) -> None:
    with localcontext(prec=60):
        share = (Decimal(text) / parts).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    assert unscaled(half_up(scaled(text), parts)) == unscaled(int(share * 10**6))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (values.Amount, ["0", "0.000001", "999999999999.999999"], ["-0.1", "-0"]),
        (values.Percent, ["0", "100", "99.999999"], ["-1", "100.000001"]),
        (values.Share, ["-1", "0.5", "1"], ["1.000001", "-1.000001"]),
        (values.Currency, ["EUR", "XOF"], ["eur", "EU", "EURO", "€€€", "EUR\n"]),
        (values.Digest, ["0" * 64], ["0" * 63, "G" * 64, "A" * 64, "0" * 64 + "\n"]),
    ],
)
def test_amounts_shares_and_codes_keep_to_their_bounds(kind: object, good: list[str], bad: list[str]) -> None:
    assert [TypeAdapter(kind).validate_python(text) for text in good] == good
    for text in bad:
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(text)


# --- ids ---


@given(st.binary(min_size=16, max_size=16))
def test_a_typeid_holds_its_uuid_and_nothing_else(uuid: bytes) -> None:
    text = typeid("acct", uuid)
    number = 0
    for letter in text.removeprefix("acct_"):
        number = number * 32 + "0123456789abcdefghjkmnpqrstvwxyz".index(letter)

    assert number.to_bytes(16, "big") == uuid
    assert is_typeid(text, "acct")
    assert not is_typeid(text, "ctr")


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_typeids_sort_as_their_uuids_do(one: bytes, other: bytes) -> None:
    assert (typeid("acct", one) < typeid("acct", other)) == (one < other)


def test_a_typeid_is_written_as_the_specification_says() -> None:
    assert typeid("prefix", UUID("01890a5d-ac96-774b-bcce-b302099a8057").bytes) == "prefix_01h455vb4pex5vsknk084sn02q"
    assert typeid("max", b"\xff" * 16) == "max_7zzzzzzzzzzzzzzzzzzzzzzzzz"
    assert typeid("nil", bytes(16)) == "nil_00000000000000000000000000"


@pytest.mark.parametrize(
    "text",
    [
        "acct_",
        "acct",
        "acct_01h455vb4pex5vsknk084sn02",
        "acct_01h455vb4pex5vsknk084sn02qq",
        "acct_81h455vb4pex5vsknk084sn02q",
        "acct_01H455VB4PEX5VSKNK084SN02Q",
        "acct_01h455vb4pex5vsknk084sn02i",
        "ctr_01h455vb4pex5vsknk084sn02q",
        " acct_01h455vb4pex5vsknk084sn02q",
        "acct_01h455vb4pex5vsknk084sn02q\n",
    ],
)
def test_what_is_no_typeid_of_the_noun_is_refused(text: str) -> None:
    assert not is_typeid(text, "acct")
