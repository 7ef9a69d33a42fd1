"""A revenue figure by owner, tier, industry, country, currency or product: groups are the whole, and each is what the filter answers."""

from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import pytest

from app.domain.account.commands import SetAccountCountry, SetAccountOwner
from app.domain.contract.commands import AmendContract, Line, RenewContract, SetLine, TerminateContract
from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import micros
from app.domain.policy.rules import MetricRules
from app.kpi_queries import KpiQuery
from app.kpi_queries.restatement import Restatement
from app.read_side.clocks import When
from projections.kpis import KPIS
from projections.kpis.base import GROUPED, Kpi
from tests.kpi_queries.history_factory import RISING, YEAR, account, ask, contract, explained, in_force
from tests.support.application import Steward

DAY: Final = "2025-12-31"
FIGURES: Final = [(kpi, method) for kpi in KPIS if kpi.options >= GROUPED for method in kpi.methods]

NAMES: Final = {
    "owner": ("ann", "ben"), "tier": ("gold", "silver"), "industry": ("banks", "retail"), "country": ("DE", "FR"),
}  # fmt: skip
"""What accounts have, and of each what there is."""


def lines(**prices: str) -> tuple[Line, ...]:
    """A line a month of each product."""
    return tuple(Line(line=name, product=name, unit_price=price, interval="month") for name, price in prices.items())


def played(steward: Steward) -> dict[str, str]:
    """Five accounts of two owners, tiers, industries and countries and of none; gains, losses and renewals, and one that moves."""
    of = {
        "a": account(steward, "A", owner="ann", tier="gold", industry="retail", country="DE"),
        "b": account(steward, "B", owner="ann", industry="banks", country="FR"),
        "c": account(steward, "C", owner="ben", tier="gold", country="DE"),
        "d": account(steward, "D", tier="silver", industry="retail"),
        "e": account(steward, "E", owner="ben", tier="silver", industry="retail", country="FR"),
    }
    first = contract(steward, of["a"], "0", end="2025-07-01", lines=lines(retainer="100.00", search="33.33"))
    steward.do(
        RenewContract(start="2025-07-01", end="2026-07-01", lines=lines(retainer="120.00", search="33.33")),
        contract=first,
    )
    contract(steward, of["b"], "70.01", end="2025-03-01")
    third = contract(steward, of["c"], "55.55", start="2024-06-01")
    steward.do(
        AmendContract(effective_at="2025-05-01", changes=(SetLine(op="set_line", line="main", unit_price="44.44"),)),
        contract=third,
    )
    contract(steward, of["d"], "10.00", start="2025-02-01", end="2026-02-01")
    last = contract(
        steward, of["e"], "0", lines=lines(search="5.00"), end="2025-09-01", auto_renew=True, renewal_term_months=12
    )
    steward.do(TerminateContract(effective_end="2025-10-01", reason="left", voluntary=True), contract=last)
    steward.do(SetAccountOwner(owner="ann", effective_at="2025-08-01"), account=of["c"])
    steward.do(SetAccountCountry(country="FR", effective_at="2025-08-01"), account=of["c"])
    steward.catch_up()
    return of


def grouped(steward: Steward, kpi: Kpi, method: str, by: str, **more: Any) -> dict[str, Any]:
    """A figure by group."""
    period, day = (YEAR, None) if kpi.kind == "period" else (None, DAY)
    return ask(steward, kpi.name, period, method, as_of=day, options={"group_by": by}, **more)


def sums_to_the_whole(answer: dict[str, Any]) -> None:
    """Numerators and denominators of all groups are those of the figure, as they are written."""
    for part in ("numerator", "denominator"):
        if answer[part] is not None:
            assert sum(Decimal(group[part]) for group in answer["groups"]) == Decimal(answer[part]), answer["name"]


@pytest.mark.parametrize("attribution", ["start", "end"])
def test_every_revenue_figure_by_what_accounts_have_is_the_whole_and_each_group_what_the_filter_answers(
    steward: Steward, attribution: str
) -> None:
    played(steward)

    for at, (kpi, method) in enumerate(FIGURES):
        for by in list(NAMES)[(at + (attribution == "end")) % 2 :: 2]:  # two at the start, the other two at the end
            names = NAMES[by]
            answer = grouped(steward, kpi, method, by, attribution=attribution)
            sums_to_the_whole(answer)
            assert {group["name"] for group in answer["groups"]} <= {*names, None}
            for group in answer["groups"]:
                period, day = (YEAR, None) if kpi.kind == "period" else (None, DAY)
                scope: dict[str, Any] = {by: group["name"] or "none", "attribution": attribution}
                alone = ask(steward, kpi.name, period, method, as_of=day, **scope)
                for member in {"value", "null_reason", "rows", "low", "base", "high"} & group.keys():
                    assert group[member] == alone.get(member), (kpi.name, method, by, group["name"], member)
                assert abs(Fraction(group["numerator"]) - Fraction(alone["numerator"])) <= Fraction(1, 50)
    for by, groups in (
        ("owner", [("ann", "197.77"), (None, "10.00")]),
        ("industry", [("retail", "163.33"), (None, "44.44")]),
        ("country", [("DE", "153.33"), ("FR", "44.44"), (None, "10.00")]),
    ):
        mrr = ask(steward, "mrr", None, as_of=DAY, options={"group_by": by})["groups"]
        assert [(group["name"], group["value"]) for group in mrr] == groups


def test_an_account_that_moves_is_in_each_country_in_its_time_and_as_it_was_known(steward: Steward) -> None:
    mover = account(steward, "Mover", country="DE")
    contract(steward, mover, "100.00")
    contract(steward, account(steward, "Stays", country="AT"), "10.00")
    before = steward.catch_up()
    steward.do(SetAccountCountry(country="AT", effective_at="2025-06-01"), account=mover)
    steward.do(SetAccountCountry(country=None, effective_at="2025-09-01"), account=mover)
    after = steward.catch_up()

    def by_country(**clocks: Any) -> dict[str, str]:
        groups = ask(steward, "mrr", None, options={"group_by": "country"}, **clocks)["groups"]
        filtered = {one["name"]: ask(steward, "mrr", None, country=one["name"] or "none", **clocks) for one in groups}
        assert all(filtered[one["name"]]["value"] == one["value"] for one in groups)
        return {one["name"]: one["value"] for one in groups}

    assert by_country(as_of="2025-05-31") == {"DE": "100.00", "AT": "10.00"}
    assert by_country(as_of="2025-06-01") == {"AT": "110.00"}
    assert by_country(as_of="2025-12-31") == {"AT": "10.00", None: "100.00"}
    assert by_country(as_of="2025-12-31", known_at=before) == {"DE": "100.00", "AT": "10.00"}
    for attribution, amount in (("start", "0.00"), ("end", "100.00")):
        moved = ask(steward, "mrr_waterfall", country="none", attribution=attribution)
        assert moved["value"] == amount
        assert moved["scope"] == {"country": "none", "attribution": attribution}
    figure, rows, _ = explained(steward, "mrr_waterfall", country="DE")
    assert (figure["value"], [row["account"] for row in rows]) == ("100.00", [mover])
    query = KpiQuery("mrr", options=(("group_by", "country"),))
    when = When(micros("2025-07-01T00:00:00Z"), None, now=False)
    events = Restatement(steward.runtime.reader, steward.tenant, query, when, before, after).page(200).events
    assert [(one["type"], one["contribution"], one["changed"]) for one in events] == [
        ("account.country_set", "0.00", ["groups"])
    ]


def test_products_and_rules_of_ones_own_are_grouped_too(steward: Steward) -> None:
    of = played(steward)

    arr = ask(steward, "arr", None, as_of=DAY, options={"group_by": "product"})
    sums_to_the_whole(arr)
    assert [(group["name"], group["value"]) for group in arr["groups"]] == [
        ("retainer", "2093.28"),
        ("search", "399.96"),
    ]
    due = ask(steward, "available_to_renew", options={"group_by": "product"})
    sums_to_the_whole(due)
    assert {group["name"] for group in due["groups"]} == {"retainer", "search"}
    with pytest.raises(Invalid) as refused:
        ask(steward, "client_retention_rate", options={"group_by": "product"})
    assert refused.value.code == "groups_do_not_sum"  # A has two products, and is one client
    alone = ask(steward, "client_retention_rate", account=of["c"], options={"group_by": "product"})
    assert [group["name"] for group in alone["groups"]] == ["retainer"]
    in_force(steward, MetricRules(churn_at="notice", netting="month"))
    steward.catch_up()
    for kpi, method in FIGURES:
        sums_to_the_whole(grouped(steward, kpi, method, "owner"))


def test_currencies_are_groups_at_the_figures_own_rates_and_an_account_of_two_is_refused(steward: Steward) -> None:
    played(steward)
    euros = account(steward, "Euros", owner="eva")
    contract(steward, euros, "100.00", currency="EUR", end="2025-11-01")
    in_force(steward, RISING)
    steward.catch_up()

    for kpi, method in FIGURES:
        answer = grouped(steward, kpi, method, "currency", reporting="USD")
        sums_to_the_whole(answer)
        assert {group["name"] for group in answer["groups"]} <= {"EUR", "USD"}
        sums_to_the_whole(grouped(steward, kpi, method, "owner", reporting="USD"))
    opening = ask(steward, "net_revenue_retention", options={"group_by": "currency"}, reporting="USD")["groups"]
    assert [(group["name"], group["denominator"]) for group in opening] == [("EUR", "110.00"), ("USD", "263.89")]
    contract(steward, euros, "10.00", start="2025-06-01")
    steward.catch_up()
    with pytest.raises(Invalid) as refused:
        ask(steward, "arpa", None, as_of="2025-06-30", options={"group_by": "currency"}, reporting="USD")
    assert refused.value.code == "groups_do_not_sum"
    sums_to_the_whole(ask(steward, "mrr", None, as_of="2025-06-30", options={"group_by": "currency"}, reporting="USD"))


def test_an_explanation_has_the_groups_and_what_nothing_is_grouped_by_is_refused(sqlite_steward: Steward) -> None:
    played(sqlite_steward)

    figure, rows, _ = explained(sqlite_steward, "net_revenue_retention", options={"group_by": "owner"})

    assert figure == ask(sqlite_steward, "net_revenue_retention", options={"group_by": "owner"})
    assert len(rows) == 5
    for name, by, code in (("mrr_waterfall", "moon", "invalid_option"), ("win_rate", "owner", "option_not_allowed")):
        with pytest.raises(Invalid) as refused:
            ask(sqlite_steward, name, options={"group_by": by})
        assert refused.value.code == code
