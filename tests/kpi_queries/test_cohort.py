"""A thousand clients on annual contracts, renewed and lost as in a published data set.

Source: P. Fader, B. Hardie, How to Project Customer Retention (2007), the "High End" segment: of 1,000 clients
869, 743, 653, 593, 551, 517 and 491 are still there after one to seven renewals. A tenth of them is kept in the repository.
"""

from pathlib import Path

import pytest

from app import kpi_queries as figures
from app.kpi_queries import KpiQuery
from tests.support.application import Steward

ROOT = Path(__file__).parents[2]
TENTH = ROOT / "tests" / "data" / "high-end-cohort-100.ndjson"
WHOLE = ROOT / ".." / "shared" / "data" / "high-end-cohort.ndjson"
YEARS = [(f"{year}-07-01", f"{year + 1}-07-01") for year in range(2015, 2022)]


def figure_of(steward: Steward, name: str, years: tuple[str, str], method: str | None = None) -> tuple[str, str, str]:
    """A figure's value, numerator and denominator."""
    reader = steward.runtime.reader
    body = figures.evaluate(reader, steward.tenant, KpiQuery(name, *years, method), reader.when(steward.tenant))
    return body["value"], body["numerator"], body["denominator"]


def test_a_tenth_of_the_cohort_is_retained_year_by_year(steward: Steward) -> None:
    assert {item.status for item in steward.ingest_file(TENTH)} == {"accepted"}
    steward.catch_up()

    rates = [figure_of(steward, "client_retention_rate", years) for years in YEARS]
    assert [(retained, before) for _, retained, before in rates] == [
        ("86", "100"), ("74", "86"), ("65", "74"), ("59", "65"), ("55", "59"), ("51", "55"), ("49", "51"),
    ]  # fmt: skip
    assert [value for value, _, _ in rates] == [
        "0.86",
        "0.860465",
        "0.878378",
        "0.907692",
        "0.932203",
        "0.927273",
        "0.960784",
    ]
    assert figure_of(steward, "net_revenue_retention", YEARS[1]) == ("0.860465", "7400.00", "8600.00")
    assert figure_of(steward, "gross_revenue_retention", YEARS[1]) == ("0.860465", "7400.00", "8600.00")
    assert figure_of(steward, "renewal_rate", YEARS[1]) == ("0.860465", "74", "86")
    assert figure_of(steward, "renewal_rate", YEARS[1], "value") == ("0.860465", "88800.00", "103200.00")
    assert figure_of(steward, "quick_ratio", YEARS[1]) == ("0", "0.00", "1200.00")


@pytest.mark.skipif(not WHOLE.exists(), reason="the whole cohort is not part of the repository")
def test_the_whole_cohort_is_retained_as_published(sqlite_steward: Steward) -> None:
    assert {item.status for item in sqlite_steward.ingest_file(WHOLE)} == {"accepted"}
    sqlite_steward.catch_up()

    assert [figure_of(sqlite_steward, "client_retention_rate", years) for years in YEARS] == [
        ("0.869", "869", "1000"),
        ("0.855006", "743", "869"),
        ("0.878869", "653", "743"),
        ("0.908116", "593", "653"),
        ("0.929174", "551", "593"),
        ("0.938294", "517", "551"),
        ("0.94971", "491", "517"),
    ]
    assert figure_of(sqlite_steward, "renewal_rate", YEARS[0], "net_value") == ("0.869", "1042800.00", "1200000.00")
