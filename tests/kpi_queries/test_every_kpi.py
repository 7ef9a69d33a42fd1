"""Every KPI of the registry, by every method: value, explanation and pure measure are one figure, whatever rules are in force."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from app.domain.contract.commands import TerminateContract
from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import day_start, zone
from app.domain.policy.commands import DraftPolicyVersion
from app.domain.policy.fx import Rates
from app.domain.policy.rules import MetricRules
from app.kpi_queries import KpiQuery, Scope, evaluate_exactly, explain, takes_currency
from app.kpi_queries import query as queries
from app.kpi_queries.evaluate import compute, sums_suffice
from app.kpi_queries.sources import SOURCES, views_of
from app.kpi_queries.sources.account_movements import AccountMovementRows
from app.kpi_queries.sources.base import RowRequest
from app.read_side.clocks import When
from projections.kpis import KPIS
from projections.kpis.account_movements import AccountMovements
from projections.kpis.base import MONTHLY, Kpi, KpiContext, Method, RowKind, Share, measure
from projections.kpis.presentation import figure
from projections.kpis.retention import NOBODY
from projections.kpis.rule_sets import ALL_RULES, DEFAULT_RULES, differing
from projections.kpis.sql_expression import OPENING, SqlExpression, of_payers
from tests.kpi_queries.histories import PERIODS, History, histories
from tests.kpi_queries.history_factory import account, ask, contract, explained, in_force
from tests.kpi_queries.history_player import PlayedHistory
from tests.kpi_queries.rules_factory import ANY_RULES, EACH_DIFFERENT, values
from tests.kpi_queries.test_laws import examples
from tests.kpi_queries.test_sums import TABLE, from_rows, from_sums
from tests.support.application import Steward

UTC = zone("UTC")


def _contracted(row: AccountMovements) -> Share:
    return (row.total("contraction"), row.opening) if row.opening else (0, 0)


CONTRACTION_RATE = Kpi(
    name="contraction_rate",
    title="Contraction rate",
    unit="ratio",
    kind="period",
    reads=RowKind.ACCOUNT_MOVEMENTS,
    methods={
        "movement": Method(
            formula="contraction / start, movements of C only",
            share=_contracted,
            numerator=MONTHLY,
            denominator=MONTHLY,
            null_reason=NOBODY,
            sql=SqlExpression(of_payers(amount=False, moved="total_contraction"), OPENING),
        )
    },
    source="docs/kpis.md#contraction_rate",
)
"""A KPI as somebody adds it who has not thought of rules: it depends on `contract_end`, and does not say so."""


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Kpi:
    """The contraction rate as a KPI of the registry."""
    monkeypatch.setitem(queries.KPIS_BY_NAME, CONTRACTION_RATE.name, CONTRACTION_RATE)
    return CONTRACTION_RATE


def query_about(kpi: Kpi, method: str, policy: str | None, reporting: str | None) -> tuple[KpiQuery, When]:
    """A query of the whole year, or of its end; in one currency, where it has one."""
    period = PERIODS[-1] if kpi.kind == "period" else (None, None)
    money = takes_currency(kpi)
    scope = Scope(currency="USD" if money and reporting is None else None)
    query = KpiQuery(kpi.name, *period, method, scope, policy=policy, reporting_currency=reporting if money else None)
    return query, When(day_start(PERIODS[-1][1], UTC) - 1, None, kpi.kind == "period")


def one_figure(
    played: PlayedHistory, kpi: Kpi, method: str, rules: MetricRules, policy: str | None, reporting: str | None
) -> None:
    """Holds that the answer, the sum of its explanation and the pure measure over rows are one figure."""
    reader = played.application.runtime.reader
    query, when = query_about(kpi, method, policy, reporting)
    assert from_sums(played, query, when) == from_rows(played, query, when, rules, Rates(TABLE)), query
    try:
        result, answer = evaluate_exactly(reader, played.tenant, query, when)
    except DomainError:
        return  # refused by both, as the line above says
    exact = compute(reader, played.tenant, query, when, explained=True).measure
    assert parts(exact) == parts(result.measure), query
    _, rows, last = explain(reader, played.tenant, query, when, limit=1000)
    assert last is None
    for part in ("numerator", "denominator"):
        if answer[part] is not None:
            given = sum((Decimal(row["contribution"][part]) for row in rows), Decimal(0))
            assert given == Decimal(answer[part]), (part, query)


def parts(exact: Any) -> tuple[Fraction, Fraction]:
    """Numerator and denominator of a measure, in units."""
    below = exact.method.denominator
    return Fraction(exact.numerator, exact.method.numerator.per), Fraction(exact.denominator, below.per if below else 1)


def test_value_explanation_and_pure_measure_are_one_figure_for_every_kpi_under_any_rules(
    property_steward: Steward, planted: Kpi
) -> None:
    @settings(
        max_examples=examples(property_steward, 6, 2),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(), ANY_RULES)
    def holds(history: History, rules: MetricRules) -> None:
        played = PlayedHistory(property_steward, property_steward.new_tenant("Agency"), history).play_all()
        rules = rules.model_copy(update={"reporting_currency": None})
        policy = in_force(property_steward, rules, None, tenant=played.tenant)
        in_force(property_steward, TABLE, tenant=played.tenant)
        property_steward.catch_up(played.tenant)
        for at, kpi in enumerate((*KPIS, planted)):
            for method in kpi.methods:
                one_figure(played, kpi, method, rules, f"{policy}:1", "GBP" if at % 3 == 0 else None)

    holds()


def test_a_rule_that_a_method_does_not_name_changes_none_of_its_rows(property_steward: Steward) -> None:
    def read(played: PlayedHistory, kpi: Kpi, method: Method, rules: MetricRules, shown: MetricRules) -> dict[str, Any]:
        reader, (start, end) = played.application.runtime.reader, (day_start(day, UTC) for day in PERIODS[-1])
        context = KpiContext(end if kpi.kind == "point" else start, end, UTC, "USD", rules)
        scope = Scope(currency="USD" if takes_currency(kpi) else None)
        position = reader.reached(played.tenant, views_of(kpi.name))
        rows = SOURCES[kpi.reads].load(
            RowRequest(
                reader=reader,
                tenant_id=played.tenant,
                kpi=kpi,
                method=method,
                scope=scope,
                position=position,
                context=context,
            )
        )[0]
        return figure(kpi, measure(method, rows), replace(context, rules=shown))

    @settings(
        max_examples=examples(property_steward, 8, 1),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(histories(), ANY_RULES)
    def holds(history: History, rules: MetricRules) -> None:
        played = PlayedHistory(property_steward, property_steward.new_tenant("Agency"), history).play_all()
        for kpi in KPIS:
            for name, method in kpi.methods.items():
                others = {rule: getattr(DEFAULT_RULES, rule) for rule in ALL_RULES - method.depends_on}
                without = rules.model_copy(update=others)
                answer = read(played, kpi, method, rules, rules)
                assert answer == read(played, kpi, method, without, rules), (kpi.name, name)

    holds()


def test_every_rule_is_varied() -> None:
    assert all(len(values(name)) > 1 for name in ALL_RULES)
    assert {name for rules in EACH_DIFFERENT for name in differing(rules)} == ALL_RULES


# --- a KPI that names no rules ---


def shrinks(steward: Steward) -> None:
    """Of 200 a month, 60 end with a contract while the account stays."""
    contract(steward, account(steward, "Stays"), "100.00")
    half = account(steward, "Half")
    contract(steward, half, "40.00")
    ended = contract(steward, half, "60.00")
    steward.do(TerminateContract(effective_end="2025-06-01", reason="too dear", voluntary=True), contract=ended)
    steward.catch_up()


def test_a_kpi_that_names_no_rules_answers_what_its_explanation_says(steward: Steward, planted: Kpi) -> None:
    shrinks(steward)
    assert ask(steward, planted.name)["value"] == "0.3"

    in_force(steward, MetricRules(contract_end="churn"))
    steward.catch_up()
    answer, rows, _ = explained(steward, planted.name)
    assert answer["value"] == ask(steward, planted.name)["value"] == "0"
    assert sum(Decimal(row["contribution"]["numerator"]) for row in rows) == 0
    assert [row["churn"] for row in rows if row["name"] == "Half"] == ["60.00"]


def test_a_kpi_that_names_no_rules_is_summed_in_sql_only_while_every_rule_is_the_default(
    sqlite_steward: Steward, planted: Kpi, monkeypatch: pytest.MonkeyPatch
) -> None:
    steward, loaded = sqlite_steward, list[RowRequest]()
    load, convert = AccountMovementRows.load, AccountMovementRows.convert

    def spied_load(source: AccountMovementRows, request: RowRequest) -> Any:
        loaded.append(request)
        return load(source, request)

    def spied_convert(source: AccountMovementRows, request: RowRequest, exchange: Any) -> Any:
        loaded.append(request)
        return convert(source, request, exchange)

    monkeypatch.setattr(AccountMovementRows, "load", spied_load)
    monkeypatch.setattr(AccountMovementRows, "convert", spied_convert)
    shrinks(steward)
    in_force(steward, TABLE)
    steward.catch_up()
    assert ask(steward, planted.name)["value"] == "0.3"
    assert loaded == []

    policy = in_force(steward, DEFAULT_RULES, None)
    for rules in EACH_DIFFERENT:
        steward.do(DraftPolicyVersion(rules=rules), policy=policy)
    steward.catch_up()
    for number, rules in enumerate([DEFAULT_RULES, *EACH_DIFFERENT], 1):
        loaded.clear()
        ask(steward, planted.name, policy=f"{policy}:{number}")
        assert len(loaded) == (rules != DEFAULT_RULES), rules


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_what_no_method_names_takes_the_slow_path(kpi: Kpi) -> None:
    for method in kpi.methods.values():
        silent = replace(method, depends_on=Method.__dataclass_fields__["depends_on"].default)
        assert sums_suffice(silent, DEFAULT_RULES, explained=False)
        assert not any(sums_suffice(silent, rules, explained=False) for rules in EACH_DIFFERENT)
        assert method.depends_on <= ALL_RULES


def test_every_kind_of_row_has_its_source_and_every_source_its_views() -> None:
    assert set(SOURCES) == set(RowKind)
    assert {kpi.reads for kpi in KPIS} == set(RowKind)
    assert all(source.views for source in SOURCES.values())
