"""The database's sums and the pure functions give the same figures, whatever happened and whatever is asked."""

import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from app import figures
from app.domain.errors import DomainError
from app.domain.values import FOREVER, day_start, zone
from app.figures import FigureQuestion, Scope
from app.figures.questions import currency_of, period_of
from app.figures.rows import Load, account_of, rows_of
from app.figures.sums.twins import TWINS
from app.reader import When
from projections import scope_changes
from projections.kpis import KPIS
from projections.kpis.answers import breakdown, figure
from projections.kpis.base import Kpi, Terms, measure
from tests.figures.histories import DAYS, OWNERS, PERIODS, History, Told
from tests.figures.test_laws import estate, for_every_history  # noqa: F401 - a fixture
from tests.figures.words import account, ask, contract
from tests.support.house import House

ASKED = 3
"""How many questions about every figure of a history."""
MEMBERS = ("value", "numerator", "denominator", "warnings", "rows", "null_reason")


def summed(told: Told, question: FigureQuestion, when: When) -> dict[str, Any] | str:
    """What is answered: sums of the database."""
    try:
        answer = figures.answer(told.house.runtime.reader, told.tenant, question, when)
    except DomainError as refused:
        return f"{refused.code}: {refused}"
    return {name: answer.get(name) for name in MEMBERS}


def told_by_rows(told: Told, question: FigureQuestion, when: When) -> dict[str, Any] | str:
    """The same by the pure functions, from rows."""
    kpi = next(kpi for kpi in KPIS if kpi.name == question.name)
    method, reader = kpi.methods[question.method or kpi.default], told.house.runtime.reader
    start, end, _ = period_of(kpi, question, when, zone("UTC"))
    position = reader.log.head(told.tenant) if when.known_at is None else when.known_at
    try:
        if question.scope.account is not None:
            account_of(reader.log.stream(told.tenant, question.scope.account), position, zone("UTC"))
        rows, _, currencies = rows_of(Load(reader, told.tenant, question.scope, position, start, end), kpi)
        currency = currency_of(method, question.scope, currencies)
    except DomainError as refused:
        return f"{refused.code}: {refused}"
    answer = figure(kpi, measure(method, rows), Terms(start, end, zone("UTC"), currency))
    return {name: answer.get(name) for name in MEMBERS}


def asked(source: random.Random, told: Told, kpi: Kpi, head: int) -> tuple[FigureQuestion, When]:
    """A question that nobody asked before: a period, whose accounts, which currency, and what was known."""
    scope = Scope(
        owner=source.choice([None, None, *OWNERS]),
        tier=source.choice([None, None, None, "gold"]),
        account=source.choice([None, None, *told.accounts]),
        currency=None if kpi.reads == "scope_changes" else source.choice([None, "USD", "USD", "EUR"]),
        attribution=source.choice(["start", "end"]),
    )
    from_, to = sorted(source.sample(DAYS, 2))
    period = (from_, to) if kpi.kind == "period" else (None, None)
    when = When(day_start(to, zone("UTC")) - 1, source.choice([None, source.randrange(head + 1)]), kpi.kind == "period")
    return FigureQuestion(kpi.name, *period, source.choice(list(kpi.methods)), scope), when


def test_every_method_of_every_figure_has_its_sum() -> None:
    summed_ = [kpi for kpi in KPIS if kpi.reads in ("contract_lines", "renewals", "scope_changes")]
    assert set(TWINS) == {
        (kpi.name, name) for kpi in summed_ for name, method in kpi.methods.items() if not method.tell
    }


def test_the_databases_sums_are_the_pure_functions_figures(estate: House) -> None:  # noqa: F811 - pytest's way
    def law(told: Told) -> None:
        head, source = estate.catch_up(told.tenant), random.Random(repr(told.history))
        for kpi in KPIS:
            for _ in range(ASKED):
                question, when = asked(source, told, kpi, head)
                assert summed(told, question, when) == told_by_rows(told, question, when), (question, when)

    for_every_history(estate, law)


def test_an_explanation_tells_of_every_account_what_the_pure_functions_tell(estate: House) -> None:  # noqa: F811
    def law(told: Told) -> None:
        head, source, reader = estate.catch_up(told.tenant), random.Random(repr(told.history)), estate.runtime.reader
        for kpi in (kpi for kpi in KPIS if kpi.reads == "contract_lines"):
            question, when = asked(source, told, kpi, head)
            try:
                answer, page, last = figures.explain(reader, told.tenant, question, when, limit=200)
            except DomainError:
                continue
            start, end, _ = period_of(kpi, question, when, zone("UTC"))
            rows, _, held = rows_of(Load(reader, told.tenant, question.scope, answer["position"], start, end), kpi)
            method = kpi.methods[answer["method"]]
            wanted, _ = breakdown(measure(method, rows), currency_of(method, question.scope, held))
            assert [{name: row[name] for name in one} for one, row in zip(wanted, page, strict=True)] == wanted
            assert last is None

    for_every_history(estate, law)


HOURS = st.none() | st.integers(0, 10**12)
INSTANT = st.none() | st.sampled_from([day_start(day, zone("UTC")) + shift for day in DAYS for shift in (-1, 0, 1)])


@st.composite
def scope_changes_of(draw: st.DrawFn) -> dict[str, Any]:
    """What a scope change may have come to."""
    return {
        "account": draw(st.sampled_from(["acct_a", "acct_b"])), "absorbed_at": draw(INSTANT), "absorbed_hours": draw(HOURS),
        "amended_at": draw(INSTANT), "effort_hours": draw(HOURS), "responded_at": draw(INSTANT),
        "with_alternative": draw(st.booleans()), "accepted": draw(st.none() | st.booleans()),
    }  # fmt: skip


def test_what_became_of_scope_changes_is_summed_as_the_pure_functions_do(estate: House) -> None:  # noqa: F811
    database = estate.runtime.database

    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(scope_changes_of(), min_size=1, max_size=8), st.sampled_from(PERIODS))
    def same(wished: list[dict[str, Any]], period: tuple[str, str]) -> None:
        tenant = estate.new_tenant("Agency")
        nothing = dict.fromkeys(scope_changes.ScopeChange._fields)
        rows = [
            nothing | one | {"tenant_id": tenant, "scope_change": f"scr_{at}", "pos_from": 0, "pos_to": FOREVER}
            for at, one in enumerate(wished)
        ]
        with database.grow(tenant) as connection:
            connection.execute(insert(scope_changes.VIEW.table), rows)
        told = Told(estate, tenant, History((), (), (), ()))
        for kpi in (kpi for kpi in KPIS if kpi.reads == "scope_changes"):
            question, when = FigureQuestion(kpi.name, *period), When(0, 0, now=True)
            assert summed(told, question, when) == told_by_rows(told, question, when)

    same()


def test_amounts_beyond_a_databases_integers_are_exact_all_the_same(house: House) -> None:
    year = {"interval": "year", "start": "2024-01-01"}
    for at in range(20):
        contract(house, account(house, f"Client {at}"), "999999999999.00", **year)
    house.catch_up()
    assert ask(house, "arr", None, as_of="2025-12-31")["value"] == "19999999999980.00"

    largest = account(house, "Largest")
    for _ in range(3):
        contract(house, largest, "999999999999.00", **year)
    house.catch_up()
    assert ask(house, "arr", None, as_of="2025-12-31")["value"] == "22999999999977.00"
    assert ask(house, "net_revenue_retention")["value"] == "1"
    assert ask(house, "mrr_waterfall", account=largest)["rows"][0]["amount"] == "249999999999.75"
