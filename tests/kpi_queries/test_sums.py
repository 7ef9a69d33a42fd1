"""The database's sums and the pure functions give the same figures, whatever the history and whatever the query."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from app import kpi_queries as figures
from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import FOREVER, day_start, zone
from app.domain.policy.fx import Rates
from app.domain.policy.rules import MetricRules
from app.kpi_queries import KpiQuery, Scope
from app.kpi_queries.currency import currency_of
from app.kpi_queries.query import kpi_of, period_of
from app.kpi_queries.sources import SOURCES, account_movements, takes_currency
from app.kpi_queries.sources.base import RowRequest, account_of
from app.read_side.clocks import When
from projections.kpis import KPIS
from projections.kpis.base import Kpi, KpiContext, RowKind, measure
from projections.kpis.conversion import Exchange
from projections.kpis.presentation import breakdown, figure
from projections.kpis.renewals import AVAILABLE_TO_RENEW, FROZEN
from projections.kpis.rule_sets import DEFAULT_RULES
from projections.kpis.sql_expression import SqlExpression, SqlTally
from projections.views import scope_changes
from tests.kpi_queries.histories import COUNTRIES, DAYS, OWNERS, PERIODS, History, histories
from tests.kpi_queries.history_factory import account, ask, contract, in_force, rates
from tests.kpi_queries.history_player import PlayedHistory
from tests.kpi_queries.test_laws import examples, for_every_history
from tests.support.application import Steward

QUERIES = 3
"""How many queries about every figure of a history."""
MEMBERS = (
    "value",
    "numerator",
    "denominator",
    "warnings",
    "rows",
    "null_reason",
    "fx_rates",
    "accounts",
    "herfindahl_index",
    "largest",
    "observations",
    "survival",
    "churn_rate",
    "cells",
    "averages",
)


def from_sums(played: PlayedHistory, query: KpiQuery, when: When) -> dict[str, Any] | str:
    """The answer by sums of the database."""
    try:
        answer = figures.evaluate(played.application.runtime.reader, played.tenant, query, when)
    except DomainError as refused:
        return f"{refused.code}: {refused}"
    return members(answer)


def members(answer: dict[str, Any]) -> dict[str, Any]:
    """The members of an answer that are compared."""
    return {name: answer.get(name) for name in MEMBERS}


def from_rows(
    played: PlayedHistory, query: KpiQuery, when: When, rules: MetricRules = DEFAULT_RULES, table: Rates | None = None
) -> dict[str, Any] | str:
    """The same by the pure functions, from rows."""
    kpi = kpi_of(query.name)
    method, reader = kpi.methods[query.method or kpi.default], played.application.runtime.reader
    start, end, *_ = period_of(kpi, query, when, zone("UTC"))
    position = reader.log.head(played.tenant) if when.known_at is None else when.known_at
    try:
        if query.scope.account is not None:
            account_of(reader.log.stream(played.tenant, query.scope.account), position, zone("UTC"))
        context = KpiContext(
            start, end, zone("UTC"), query.reporting_currency, rules, dict(query.options), as_of=when.as_of
        )
        request = RowRequest(
            reader=reader,
            tenant_id=played.tenant,
            kpi=kpi,
            method=method,
            scope=query.scope,
            position=position,
            context=context,
        )
        source = SOURCES[kpi.reads]
        if query.reporting_currency is not None and method.money:
            exchange = Exchange(query.reporting_currency, table, zone("UTC"))
            converted, _, scale_factor = source.convert(request, exchange)
            return {
                **members(
                    figure(kpi, replace(measure(method, converted, scale_factor), tally=source.tally(request)), context)
                ),
                "fx_rates": exchange.used() or None,
            }
        rows, _, currencies = source.load(request)
        currency = currency_of(method, query.scope, currencies)
    except DomainError as refused:
        return f"{refused.code}: {refused}"
    measured = replace(measure(method, rows), tally=source.tally(request))
    return members(figure(kpi, measured, replace(context, currency=currency)))


def random_query(source: random.Random, played: PlayedHistory, kpi: Kpi, head: int) -> tuple[KpiQuery, When]:
    """A random query: a period, whose accounts, which currency, and what was known."""
    scope = Scope(
        owner=source.choice([None, None, *OWNERS, "none"]),
        tier=source.choice([None, None, None, "gold"]),
        industry=source.choice([None, None, None, "food", "none"]),
        country=source.choice([None, None, None, *COUNTRIES, "none"]),
        account=source.choice([None, None, *played.accounts]),
        currency=source.choice([None, "USD", "USD", "EUR"]) if takes_currency(kpi) else None,
        attribution=source.choice(["start", "end"]),
    )
    from_, to = sorted(source.sample(DAYS, 2))
    period = (from_, to) if kpi.kind == "period" else (None, None)
    when = When(day_start(to, zone("UTC")) - 1, source.choice([None, source.randrange(head + 1)]), kpi.kind == "period")
    options: tuple[tuple[str, str], ...] = (("top", source.choice("123")),) if "top" in kpi.options else ()
    if "granularity" in kpi.options:
        options = (("granularity", source.choice(["month", "quarter", "year"])),)
    if "cohort" in kpi.options:
        cohort, length = (
            source.choice(["", "2024", "2025", "2024-Q4", "2025-01", "0000-Q1"]),
            source.choice(["month", "year"]),
        )
        options = (("period", length), *([("cohort", cohort)] if cohort else []))
    return KpiQuery(kpi.name, *period, source.choice(list(kpi.methods)), scope, options), when


def test_every_method_of_rows_that_are_summed_has_its_sql() -> None:
    summed_ = {RowKind.ACCOUNT_MOVEMENTS, RowKind.ACCOUNT_WEIGHTS, RowKind.RENEWALS, RowKind.SCOPE_CHANGES}
    tallied = {RowKind.LIFETIMES, RowKind.COHORTS}
    for kpi in KPIS:
        expected = SqlExpression if kpi.reads in summed_ else SqlTally if kpi.reads in tallied else type(None)
        from_facts = {FROZEN} if kpi is AVAILABLE_TO_RENEW else set()  # an amount of an earlier day stands in no column
        methods = {name: type(method.sql) for name, method in kpi.methods.items()}
        assert methods == {name: type(None) if name in from_facts else expected for name in methods}, kpi.name


def test_the_databases_sums_are_the_pure_functions_figures(property_steward: Steward) -> None:
    def law(played: PlayedHistory) -> None:
        head, source = property_steward.catch_up(played.tenant), random.Random(repr(played.history))
        for kpi in KPIS:
            for _ in range(QUERIES):
                query, when = random_query(source, played, kpi, head)
                assert from_sums(played, query, when) == from_rows(played, query, when), (query, when)

    for_every_history(property_steward, law)


RULES = st.builds(
    MetricRules, fx=st.sampled_from(["constant", "constant", "spot"]), contract_end=st.sampled_from(["contraction", "churn"]),
    new_and_churned=st.sampled_from(["waterfall", "counted", "ignored"]), netting=st.sampled_from(["instant", "month", "period"]),
    churn_denominator=st.sampled_from(["start", "start_and_new"]), reactivation=st.sampled_from(["separate", "expansion"]),
    escalators=st.sampled_from(["counted", "counted", "stripped"]), reactivation_days=st.sampled_from([None, None, 30, 400]),
)  # fmt: skip
"""Rules that say what movements are; what lines count is the same under all of them."""
TABLE = rates(
    *(
        (day, money, rate)
        for day, pair in {
            "2023-01-01": ("1.05", "0.9"), "2025-02-28": ("1.1234567891", "0.8"), "2025-07-01": ("0.97", "1.2"), "2025-10-20": ("1.3", "1"),
        }.items()
        for money, rate in zip(("EUR", "USD"), pair, strict=True)
    ),
    base="GBP",
)  # fmt: skip


def test_under_rules_and_in_one_currency_sums_are_the_pure_functions_figures_too(
    property_steward: Steward,
) -> None:
    table = Rates(TABLE)

    def law(played: PlayedHistory, rules: MetricRules, seed: int) -> None:
        policy = in_force(property_steward, rules, None, tenant=played.tenant)
        in_force(property_steward, TABLE, tenant=played.tenant)
        head, source = property_steward.catch_up(played.tenant), random.Random(seed)
        for kpi in (
            kpi
            for kpi in KPIS
            if kpi.reads
            in (
                RowKind.COHORTS,
                RowKind.ACCOUNT_MOVEMENTS,
                RowKind.LIFETIMES,
                RowKind.RENEWALS,
                RowKind.ACCOUNT_WEIGHTS,
            )
        ):
            for method in (
                name
                for name, method_ in kpi.methods.items()
                if kpi.reads in (RowKind.COHORTS, RowKind.LIFETIMES, RowKind.ACCOUNT_WEIGHTS) or not method_.compute
            ):
                query, when = random_query(source, played, kpi, head)
                reporting = source.choice([None, "GBP", "USD"])
                query = replace(query, method=method, policy=f"{policy}:1", reporting_currency=reporting)
                query = replace(query, scope=replace(query.scope, currency=None if reporting else "USD"))
                when = replace(when, known_at=None)
                assert from_sums(played, query, when) == from_rows(played, query, when, rules, table), query

    @settings(
        max_examples=examples(property_steward, 48, 8),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(), RULES, st.integers(0, 2**32))
    def holds(history: History, rules: MetricRules, seed: int) -> None:
        law(PlayedHistory(property_steward, property_steward.new_tenant("Agency"), history).play_all(), rules, seed)

    holds()


def test_only_accounts_of_several_currencies_are_read_row_by_row(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force(steward, TABLE)
    for money in ("USD", "EUR"):
        contract(steward, account(steward, f"In {money}"), "100.00", currency=money)
    both = account(steward, "In both")
    for money in ("USD", "EUR"):
        contract(steward, both, "10.00", currency=money)
    steward.catch_up()
    plainly = ask(steward, "mrr_waterfall", reporting="GBP")
    read: list[str] = []
    read_rows = account_movements.rows_of_accounts
    monkeypatch.setattr(
        account_movements, "rows_of_accounts", lambda *arguments: read.extend(arguments[-1]) or read_rows(*arguments)
    )
    monkeypatch.setattr(account_movements.AccountMovementRows, "load", None)
    monkeypatch.setattr(account_movements.AccountMovementRows, "convert", None)

    assert ask(steward, "mrr_waterfall", reporting="GBP") == plainly
    assert read == [both]
    assert plainly["rows"][0]["amount"] == "214.50"  # 110 x 0.90 + 110 x 1.05
    assert plainly["rows"][-1]["amount"] == "253.00"
    assert {row["name"]: row["amount"] for row in plainly["rows"]}["fx"] == "38.50"
    assert ask(steward, "arr", None, as_of="2025-12-31", reporting="GBP", policy=None)["value"] == "3036.00"


def test_an_explanation_tells_of_every_account_what_the_pure_functions_tell(property_steward: Steward) -> None:
    def law(played: PlayedHistory) -> None:
        head, source, reader = (
            property_steward.catch_up(played.tenant),
            random.Random(repr(played.history)),
            property_steward.runtime.reader,
        )
        for kpi in (kpi for kpi in KPIS if kpi.reads is RowKind.ACCOUNT_MOVEMENTS):
            query, when = random_query(source, played, kpi, head)
            try:
                answer, page, last = figures.explain(reader, played.tenant, query, when, limit=200)
            except DomainError:
                continue
            start, end, *_ = period_of(kpi, query, when, zone("UTC"))
            method = kpi.methods[answer["method"]]
            rows, _, held = SOURCES[kpi.reads].load(
                RowRequest(
                    reader=reader,
                    tenant_id=played.tenant,
                    kpi=kpi,
                    method=method,
                    scope=query.scope,
                    position=answer["position"],
                    context=KpiContext(start, end, zone("UTC"), as_of=when.as_of),
                )
            )
            expected, _ = breakdown(measure(method, rows), currency_of(method, query.scope, held))
            assert [{name: row[name] for name in entry} for entry, row in zip(expected, page, strict=True)] == expected
            assert last is None

    for_every_history(property_steward, law)


HOURS = st.none() | st.integers(0, 10**12)
INSTANT = st.none() | st.sampled_from([day_start(day, zone("UTC")) + shift for day in DAYS for shift in (-1, 0, 1)])


@st.composite
def scope_changes_of(draw: st.DrawFn) -> dict[str, Any]:
    """Columns of a scope change."""
    return {
        "account": draw(st.sampled_from(["acct_a", "acct_b"])), "absorbed_at": draw(INSTANT), "absorbed_hours": draw(HOURS),
        "amended_at": draw(INSTANT), "effort_hours": draw(HOURS), "responded_at": draw(INSTANT),
        "with_alternative": draw(st.booleans()), "accepted": draw(st.none() | st.booleans()),
    }  # fmt: skip


def test_what_became_of_scope_changes_is_summed_as_the_pure_functions_do(property_steward: Steward) -> None:
    database = property_steward.runtime.database

    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(scope_changes_of(), min_size=1, max_size=8), st.sampled_from(PERIODS))
    def same(drawn: list[dict[str, Any]], period: tuple[str, str]) -> None:
        tenant = property_steward.new_tenant("Agency")
        nothing = dict.fromkeys(scope_changes.ScopeChange._fields)
        rows = [
            nothing | row | {"tenant_id": tenant, "scope_change": f"scr_{at}", "pos_from": 0, "pos_to": FOREVER}
            for at, row in enumerate(drawn)
        ]
        with database.write_views(tenant) as connection:
            connection.execute(insert(scope_changes.VIEW.table), rows)
        played = PlayedHistory(property_steward, tenant, History())
        for kpi in (kpi for kpi in KPIS if kpi.reads is RowKind.SCOPE_CHANGES):
            query, when = KpiQuery(kpi.name, *period), When(day_start("2030-01-01", zone("UTC")), 0, now=True)
            assert from_sums(played, query, when) == from_rows(played, query, when)

    same()


def test_amounts_beyond_a_databases_integers_are_exact_all_the_same(steward: Steward) -> None:
    year = {"interval": "year", "start": "2024-01-01"}
    for at in range(20):
        contract(steward, account(steward, f"Client {at}"), "999999999999.00", **year)
    steward.catch_up()
    assert ask(steward, "arr", None, as_of="2025-12-31")["value"] == "19999999999980.00"

    largest = account(steward, "Largest")
    for _ in range(3):
        contract(steward, largest, "999999999999.00", **year)
    steward.catch_up()
    assert ask(steward, "arr", None, as_of="2025-12-31")["value"] == "22999999999977.00"
    assert ask(steward, "net_revenue_retention")["value"] == "1"
    assert ask(steward, "mrr_waterfall", account=largest)["rows"][0]["amount"] == "249999999999.75"
