"""A restatement lists exactly the events that moved a figure, and their contributions sum to the difference.

Source: docs/certificates.md; issue "the truth about revenue", certificates and restatement.
"""

import random
from decimal import Decimal
from typing import Any

import pytest

from app.domain.account.commands import SetAccountOwner
from app.domain.contract.commands import AmendContract, CorrectContract, SetLine
from app.domain.kernel.errors import DomainError, Invalid
from app.domain.policy.commands import ActivatePolicy, DraftPolicyVersion
from app.kpi_queries import KpiQuery, Scope, restatement
from app.kpi_queries.evaluate import evaluate_exactly
from app.kpi_queries.restatement import Restatement
from app.read_side.clocks import When
from projections.kpis import KPIS
from projections.kpis.base import Kpi, RowKind
from tests.kpi_queries.histories import OWNERS, PERIODS
from tests.kpi_queries.history_factory import YEAR, account, contract, in_force, rates
from tests.kpi_queries.history_player import PlayedHistory
from tests.kpi_queries.test_laws import for_every_history
from tests.support.application import Steward

QUERIES = 3
NO_PART = {
    "name", "value", "unit", "currency", "numerator", "denominator", "warnings", "null_reason", "period", "scope", "method", "as_of",
    "calculation", "known_at", "position", "policy_version", "fx_version", "fx_rates", "coverage", "explain_url",
}  # fmt: skip
"""What of an answer is no part of the figure beside its exact numbers."""
FAR = 1_767_225_599_999_999
"""The last microsecond of 2025."""


def restated(steward: Steward, query: KpiQuery, first: int, last: int, tenant: str | None = None) -> Restatement:
    """A figure at two positions, of a point at the end of 2025."""
    when = When(FAR, None, now=query.from_ is not None)
    return Restatement(steward.runtime.reader, tenant or steward.tenant, query, when, first, last)


def pages(moved: Restatement, limit: int) -> list[dict[str, Any]]:
    """The events of all pages."""
    events, after = [], None
    while True:
        page = moved.page(limit, after)
        events += page.events
        if page.after is None:
            return events
        after = page.after


def known(steward: Steward, tenant: str, query: KpiQuery, position: int) -> Any:
    """A figure at a position, whatever is no part of it left out; None for an account that is not known yet."""
    when = When(FAR, position, now=query.from_ is not None)
    try:
        result, answer = evaluate_exactly(steward.runtime.reader, tenant, query, when)
    except DomainError as refused:
        assert refused.code == "account_not_found"
        return 0, 0, None
    method = result.measure.method
    beside = {"value"} if method.compute is not None else set()
    parts = {name: member for name, member in answer.items() if name in beside or name not in NO_PART}
    return result.measure.numerator, result.measure.denominator, parts


def random_query(source: random.Random, played: PlayedHistory) -> KpiQuery:
    """A random query about the history."""
    kpi = source.choice(KPIS)
    scope = Scope(
        owner=source.choice([None, None, *OWNERS, "none"]),
        account=source.choice([None, None, *played.accounts]),
        currency=None if kpi.reads is RowKind.SCOPE_CHANGES else "USD",
        attribution=source.choice(["start", "end"]),
    )
    period = source.choice(PERIODS) if kpi.kind == "period" else (None, None)
    return KpiQuery(kpi.name, *period, source.choice(list(kpi.methods)), scope)


def test_contributions_sum_to_the_difference_and_exactly_what_moved_the_figure_is_listed(
    property_steward: Steward,
) -> None:
    def law(played: PlayedHistory) -> None:
        head, source = property_steward.catch_up(played.tenant), random.Random(repr(played.history))
        for _ in range(QUERIES):
            query = random_query(source, played)
            last = source.randrange(len(played.accounts) + 1, head + 1)  # by then every account is known
            first = source.randrange(last + 1)
            moved = restated(property_steward, query, first, last, played.tenant)
            events, answer = pages(moved, 3), moved.summary()

            assert sum(Decimal(event["contribution"]) for event in events) == Decimal(answer["difference"])
            value = Decimal(moved.first.value or 0)
            for event in events:
                assert event["value_before"] is None or Decimal(event["value_before"]) == value
                value += Decimal(event["contribution"])
                assert event["value_after"] is None or Decimal(event["value_after"]) == value
            figures = [known(property_steward, played.tenant, query, at) for at in range(first, last + 1)]
            changes = [first + at for at in range(1, len(figures)) if _differ(figures[at - 1], figures[at])]
            assert [event["position"] for event in events] == changes, query

    for_every_history(property_steward, law)


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_the_opening_of_an_account_that_has_nothing_yet_moves_no_figure_of_it(
    sqlite_steward: Steward, kpi: Kpi
) -> None:
    client = account(sqlite_steward, "Client", owner="usr_maria")
    period = ("2025-01-01", "2025-07-01") if kpi.kind == "period" else (None, None)

    for method in kpi.methods:
        currency = None if kpi.reads is RowKind.SCOPE_CHANGES else "USD"
        query = KpiQuery(kpi.name, *period, method, Scope(account=client, owner="usr_maria", currency=currency))
        moved = restated(sqlite_steward, query, 0, sqlite_steward.catch_up())

        assert moved.page(200).events == [], method


def _differ(one: Any, other: Any) -> bool:
    return bool(one[:2] != other[:2] or (None not in (one[2], other[2]) and one[2] != other[2]))


def test_a_back_dated_correction_is_the_one_event_and_its_contribution_is_the_difference(
    fixture_f1: Steward,
) -> None:
    steward, before = fixture_f1, fixture_f1.catch_up()
    contract_b = steward.runtime.handler.resolve(steward.tenant, "contract", "ref:B-1")
    change = SetLine(op="set_line", line="main", unit_price="700.00", cause="correction")
    receipt = steward.do(AmendContract(effective_at="2025-09-01", changes=(change,)), contract=contract_b)
    steward.do(
        SetAccountOwner(owner="usr_new"),
        account=steward.runtime.handler.resolve(steward.tenant, "account", "ref:A"),
    )
    moved = restated(steward, KpiQuery("net_revenue_retention", *YEAR), before, steward.catch_up())

    (event,) = moved.page(200).events

    assert (event["id"], event["type"]) == (receipt.events[0][0], "contract.amended")
    assert (event["contribution"], moved.summary()["difference"]) == ("-0.022223", "-0.022223")
    assert (event["value_before"], event["value_after"]) == ("0.955556", "0.933333")
    assert event["changed"] == ["value", "numerator"]


def test_an_event_that_only_moves_the_parts_of_a_figure_is_listed_with_a_contribution_of_nothing(
    steward: Steward,
) -> None:
    client = account(steward, "Client")
    own = contract(steward, client, "50.00", start="2024-06-01")
    stays = (SetLine(op="set_line", line="main", unit_price="50.00"),)
    steward.do(AmendContract(effective_at="2025-05-01", changes=stays), contract=own)
    before = steward.catch_up()
    between = (SetLine(op="set_line", line="main", unit_price="60.00"),)
    steward.do(AmendContract(effective_at="2025-04-01", changes=between), contract=own)

    (event,) = restated(steward, KpiQuery("mrr_waterfall", *YEAR), before, steward.catch_up()).page(200).events

    assert (event["contribution"], event["changed"]) == ("0.00", ["rows"])


def test_a_figure_without_a_value_counts_as_nothing_so_that_contributions_sum_all_the_same(
    steward: Steward,
) -> None:
    before = steward.catch_up()
    client = account(steward, "Client")
    contract(steward, client, "100.00", start="2024-06-01")
    moved = restated(steward, KpiQuery("net_revenue_retention", *YEAR), before, steward.catch_up())

    (event,) = moved.page(200).events

    assert (event["value_before"], event["value_after"], event["contribution"]) == (None, "1", "1")
    assert moved.summary()["difference"] == "1"


def test_opening_an_account_moves_no_figure_of_it(steward: Steward) -> None:
    before = steward.catch_up()
    client = account(steward, "Client", owner="usr_ann")
    scope = Scope(account=client, owner="usr_ann")

    for name, period in (("mrr", (None, None)), ("net_revenue_retention", YEAR)):
        moved = restated(steward, KpiQuery(name, *period, scope=scope), before, steward.catch_up())
        assert moved.page(200).events == []


def test_positions_the_wrong_way_round_are_refused_by_name(steward: Steward) -> None:
    steward.catch_up()

    with pytest.raises(Invalid, match="known_at_reversed"):
        restated(steward, KpiQuery("mrr"), 1, 0)


def test_currencies_that_meet_on_the_way_are_refused_and_a_named_one_is_answered(steward: Steward) -> None:
    client = account(steward, "Client")
    contract(steward, client, "100.00", start="2024-06-01")
    before = steward.catch_up()
    contract(steward, client, "70.00", start="2024-06-01", currency="EUR")
    after = steward.catch_up()

    with pytest.raises(Invalid, match="mixed_currencies"):
        restated(steward, KpiQuery("mrr"), before, after)
    assert restated(steward, KpiQuery("mrr", scope=Scope(currency="USD")), before, after).page(200).events == []
    in_euros = restated(steward, KpiQuery("mrr", scope=Scope(currency="EUR")), before, after)
    assert [event["contribution"] for event in in_euros.page(200).events] == ["70.00"]


def test_a_long_history_is_looked_at_a_page_at_a_time(steward: Steward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.kpi_queries.restatement.EVENTS_A_PAGE", 5)
    client = account(steward, "Client")
    own = contract(steward, client, "100.00", start="2024-06-01")
    before = steward.catch_up()
    for number in range(1, 13):
        change = SetLine(op="set_line", line="main", unit_price=f"{100 + number}.00")
        steward.do(AmendContract(effective_at=f"2026-{number:02d}-01", changes=(change,)), contract=own)
    amended = steward.runtime.log.after(steward.tenant, before, 1)[0]
    fix = SetLine(op="set_line", line="main", unit_price="99.00")
    steward.do(AmendContract(effective_at="2025-06-01", changes=(fix,)), contract=own)
    steward.do(CorrectContract(corrects=amended.event_id, changes=(fix,)), contract=own)
    moved = restated(steward, KpiQuery("mrr"), before, steward.catch_up())

    first = moved.page(200)

    assert (first.events, first.after) == ([], before + 5)
    assert [event["contribution"] for event in pages(moved, 200)] == ["-1.00"]


@pytest.mark.parametrize("page_size", [1, 2, 200])
def test_a_table_of_rates_that_replaces_another_is_one_event_that_moved_the_figure(
    steward: Steward, monkeypatch: pytest.MonkeyPatch, page_size: int
) -> None:
    monkeypatch.setattr(restatement, "EVENTS_A_PAGE", page_size)
    table = in_force(steward, rates(("2020-01-01", "EUR", "1.1")))
    contract(steward, account(steward, "Euros"), "100.00", currency="EUR")
    before = steward.catch_up()
    steward.do(DraftPolicyVersion(rules=rates(("2020-01-01", "EUR", "1.2"))), policy=table)
    steward.do(ActivatePolicy(number=2, start="2020-01-01", replaces=1), policy=table)
    last = steward.catch_up()

    moved = restated(steward, KpiQuery("mrr", reporting_currency="USD"), before, last)

    assert [(event["type"], event["contribution"]) for event in pages(moved, 1)] == [("policy.activated", "10.00")]
    assert (moved.summary()["from"]["value"], moved.summary()["to"]["value"]) == ("110.00", "120.00")
