"""A figure of a period that is not over says so, and how many ends that lie ahead it counts as losses though nobody decided them."""

from typing import Any

import pytest

from app.domain.contract.commands import GiveNotice
from app.kpi_queries import KpiQuery, explain
from app.kpi_queries.series import series
from app.services.kpi_certificates import compute
from projections.kpis import KPIS
from tests.kpi_queries.history_factory import account, ask, contract
from tests.support.application import Steward

THIS_YEAR = ("2026-01-01", "2027-01-01")
"""It is 15 January 2026."""


def of(answer: dict[str, Any], code: str = "period_not_over") -> list[int | None]:
    """How many rows each warning of a code is about."""
    return [warning["count"] for warning in answer["warnings"] if warning["code"] == code]


def four_ends(steward: Steward) -> str:
    """Terms that end in March, nobody said how; in March by notice; in March, to renew themselves; and before today. Gives: an owner."""
    owned = account(steward, "Open", owner="maria")
    contract(steward, owned, "100.00", end="2026-03-01")
    noticed = contract(steward, owned, "50.00", end="2026-03-01", external_ref="noticed")
    contract(steward, account(steward, "Tacit"), "30.00", end="2026-03-01", auto_renew=True, renewal_term_months=12)
    contract(steward, account(steward, "Over"), "20.00", end="2026-01-10")
    steward.do(
        GiveNotice(effective_at="2026-01-12", effective_end="2026-03-01", by="client", reason="price"), contract=noticed
    )
    steward.catch_up()
    return "maria"


def test_every_figure_of_a_period_says_that_it_is_not_over_and_none_of_one_that_is(sqlite_steward: Steward) -> None:
    contract(sqlite_steward, account(sqlite_steward, "Client"), "100.00", end="2099-01-01")
    sqlite_steward.catch_up()

    for kpi in KPIS:
        if kpi.kind == "period":
            assert len(of(ask(sqlite_steward, kpi.name, ("2090-01-01", "2091-01-01")))) == 1, kpi.name
            assert len(of(ask(sqlite_steward, kpi.name, THIS_YEAR))) == 1, kpi.name
            assert of(ask(sqlite_steward, kpi.name, ("2025-01-01", "2026-01-01"))) == [], kpi.name
            assert of(ask(sqlite_steward, kpi.name, THIS_YEAR, as_of="2026-12-31")) == [], kpi.name


@pytest.mark.parametrize("name", ["net_revenue_retention", "gross_revenue_retention", "mrr_waterfall", "renewal_rate"])
def test_an_undecided_end_ahead_is_a_loss_that_is_counted_and_a_notice_is_a_decision(
    steward: Steward, name: str
) -> None:
    owner = four_ends(steward)

    assert of(ask(steward, name, THIS_YEAR)) == [1]
    assert of(ask(steward, name, THIS_YEAR, owner=owner)) == [1]
    assert of(ask(steward, name, THIS_YEAR, owner="tom")) == [0]
    assert of(ask(steward, name, ("2026-01-01", "2026-02-01"))) == [0]
    closed = (
        1 if name == "renewal_rate" else 0
    )  # a figure of renewals is read as it stood, the others close before the end
    assert of(ask(steward, name, THIS_YEAR, as_of="2026-01-31")) == [closed]


def test_series_explanations_and_certificates_say_it_too(sqlite_steward: Steward) -> None:
    four_ends(sqlite_steward)
    reader, tenant = sqlite_steward.runtime.reader, sqlite_steward.tenant
    query, when = KpiQuery("net_revenue_retention", *THIS_YEAR), reader.when(sqlite_steward.tenant)

    quarters = series(reader, tenant, KpiQuery("net_revenue_retention", "2025-10-01", "2026-07-01"), when, "quarter")[
        "data"
    ]
    figure, _, _ = explain(reader, tenant, query, when, limit=10)
    certificate = compute(reader, tenant, query, when)

    assert [of(point) for point in quarters] == [[], [1], [0]]
    assert of(figure) == [1]
    assert [(one.code, one.count) for one in certificate.warnings if one.code == "period_not_over"] == [
        ("period_not_over", 1)
    ]


@pytest.mark.parametrize(("zone", "said"), [("America/Los_Angeles", [0]), ("Pacific/Auckland", [])])
def test_whether_a_period_is_over_is_said_by_the_tenants_own_midnight(
    databases: Any, zone: str, said: list[int]
) -> None:
    steward = Steward(databases.fresh("sqlite"), time_zone=zone, now="2026-01-31T12:00:00Z")
    contract(steward, account(steward, "Client"), "100.00", end="2099-01-01")
    steward.catch_up()

    assert of(ask(steward, "net_revenue_retention", ("2026-01-01", "2026-02-01"))) == said
    steward.close()
