"""A day begins and ends at midnight of the tenant's zone, on the days too that have 23 or 25 hours."""

import pytest

from app import kpi_queries as figures
from app.domain.account.commands import OpenAccount
from app.domain.contract.commands import AmendContract, Line, RecordContract, SetLine, TerminateContract
from app.domain.kernel.values import add_days, day_start, instant, zone
from app.kpi_queries import KpiQuery
from tests.support.application import Steward

ZONES = ["America/New_York", "Pacific/Auckland"]
DAYS = {
    "America/New_York": ["2025-03-09", "2025-11-02", "2025-01-01"],
    "Pacific/Auckland": ["2025-09-28", "2025-04-06", "2025-01-01"],
}
"""A day of 23 hours, one of 25 and a plain one."""
HOURS = [23, 25, 24]
CASES = [(name, day, hours) for name in ZONES for day, hours in zip(DAYS[name], HOURS, strict=True)]
MICROS_AN_HOUR = 3_600_000_000


def client(steward: Steward, tenant: str) -> str:
    """A contract of 100 a month since 2024."""
    account = steward.do(OpenAccount(name="Client", currency="USD", effective_at="2024-01-01"), tenant=tenant).id
    line = Line(line="main", product="retainer", unit_price="100.00", interval="month")
    signed = RecordContract(currency="USD", start="2024-01-01", signed_at="2024-01-01", lines=(line,))
    return steward.do(signed, tenant=tenant, account=account).id


def raised(steward: Steward, tenant: str, effective_at: str) -> None:
    """A contract that becomes 150 at a moment."""
    changes = (SetLine(op="set_line", line="main", unit_price="150.00"),)
    steward.do(
        AmendContract(effective_at=effective_at, changes=changes), tenant=tenant, contract=client(steward, tenant)
    )
    steward.catch_up(tenant)


def expansion(steward: Steward, tenant: str, day: str) -> str:
    """The expansion of one day."""
    query = KpiQuery("mrr_waterfall", day, add_days(day, 1))
    answer = figures.evaluate(steward.runtime.reader, tenant, query, steward.runtime.reader.when(tenant))
    return next(str(row["amount"]) for row in answer["rows"] if row["name"] == "expansion")


def mrr(steward: Steward, tenant: str, as_of: str) -> str:
    """MRR at the end of a day, or at an instant."""
    answer = figures.evaluate(
        steward.runtime.reader, tenant, KpiQuery("mrr"), steward.runtime.reader.when(tenant, as_of)
    )
    return str(answer["value"])


@pytest.mark.parametrize(("name", "day", "hours"), CASES)
def test_a_change_at_midnight_belongs_to_the_day_that_begins_and_one_just_before_to_the_day_that_ends(
    sqlite_steward: Steward, name: str, day: str, hours: int
) -> None:
    yesterday, tomorrow = add_days(day, -1), add_days(day, 1)
    begins, ends = day_start(day, zone(name)), day_start(tomorrow, zone(name))
    assert ends - begins == hours * MICROS_AN_HOUR

    for moment, expected in [
        (day, ("0.00", "50.00", "0.00")),
        (instant(begins), ("0.00", "50.00", "0.00")),
        (instant(begins - 1), ("50.00", "0.00", "0.00")),
        (instant(ends - 1), ("0.00", "50.00", "0.00")),
        (instant(ends), ("0.00", "0.00", "50.00")),
    ]:
        tenant = sqlite_steward.new_tenant("Town", name)
        raised(sqlite_steward, tenant, moment)
        assert tuple(expansion(sqlite_steward, tenant, one) for one in (yesterday, day, tomorrow)) == expected

    assert mrr(sqlite_steward, tenant, day) == "100.00"
    assert mrr(sqlite_steward, tenant, tomorrow) == "150.00"
    assert mrr(sqlite_steward, tenant, instant(ends)) == "150.00"
    assert mrr(sqlite_steward, tenant, instant(ends - 1)) == "100.00"


def test_one_instant_falls_on_two_days_in_two_towns(sqlite_steward: Steward) -> None:
    days = {}
    for name in ZONES:
        tenant = sqlite_steward.new_tenant("Town", name)
        raised(sqlite_steward, tenant, "2025-07-01T02:00:00Z")
        days[name] = [day for day in ("2025-06-30", "2025-07-01") if expansion(sqlite_steward, tenant, day) == "50.00"]

    assert days == {"America/New_York": ["2025-06-30"], "Pacific/Auckland": ["2025-07-01"]}


@pytest.mark.parametrize(("name", "day"), [case[:2] for case in CASES])
def test_a_contract_that_ends_on_a_day_is_paid_until_its_midnight(sqlite_steward: Steward, name: str, day: str) -> None:
    tenant = sqlite_steward.new_tenant("Town", name)
    contract = client(sqlite_steward, tenant)
    sqlite_steward.do(
        TerminateContract(effective_end=day, reason="left", voluntary=True), tenant=tenant, contract=contract
    )
    sqlite_steward.catch_up(tenant)

    assert mrr(sqlite_steward, tenant, add_days(day, -1)) == "100.00"
    assert mrr(sqlite_steward, tenant, instant(day_start(day, zone(name)) - 1)) == "100.00"
    assert mrr(sqlite_steward, tenant, instant(day_start(day, zone(name)))) == "0.00"
    query = KpiQuery("client_retention_rate", add_days(day, -30), day)
    reader = sqlite_steward.runtime.reader
    assert figures.evaluate(reader, tenant, query, reader.when(tenant))["value"] == "1"
