"""Figures under both clocks: answers, refusals, corrections, scopes and currencies."""

from typing import Any, Final

import pytest
from pydantic import ValidationError

from app import kpi_queries as figures
from app.domain.account.commands import SetAccountOwner, SetAccountTier
from app.domain.contract.commands import AmendContract, CorrectContract, SetLine
from app.domain.kernel.errors import Invalid, NotFound
from app.kpi_queries import KpiQuery, Scope
from projections.kpis import KPIS
from tests.kpi_queries.history_factory import YEAR, account, ask, contract, explained
from tests.support.application import Steward

NULL_REASONS: Final = {
    "client_retention_rate": "no_paying_accounts_at_start",
    "net_revenue_retention": "no_paying_accounts_at_start",
    "gross_revenue_retention": "no_paying_accounts_at_start",
    "arr_growth": "no_paying_accounts_at_start",
    "customer_churn_rate": "no_paying_accounts_at_start",
    "gross_mrr_churn_rate": "no_paying_accounts_at_start",
    "net_mrr_churn_rate": "no_paying_accounts_at_start",
    "quick_ratio": "no_losses_in_period",
    "renewal_rate": "nothing_due_in_period",
    "scope_creep_ratio": "no_contracted_effort_in_period",
    "alternative_acceptance": "no_declines_with_alternative_in_period",
    "forecast_accuracy": "no_forecasts_in_period",
    "expansion_rate": "no_paying_accounts_at_start",
    "win_rate": "nothing_decided_in_period",
    "concession_rate": "no_value_accepted_in_period",
}
"""Reasons that are public and stay as they are. A KPI that is not named here gives the reason that its method declares."""

# --- the answer ---


def test_an_answer_has_all_that_it_takes_to_repeat_the_query(settled_f1: Steward) -> None:
    head = settled_f1.runtime.log.head(settled_f1.tenant)

    assert ask(settled_f1, "net_revenue_retention") == {
        "name": "net_revenue_retention",
        "value": "0.955556",
        "unit": "ratio",
        "currency": "USD",
        "numerator": "4300.00",
        "denominator": "4500.00",
        "warnings": [],
        "period": {"from": "2025-01-01", "to": "2026-01-01"},
        "scope": {},
        "method": "point_to_point",
        "calculation": 2,
        "as_of": "2025-12-31T23:59:59.999999Z",
        "known_at": None,
        "position": head,
        "policy_version": "default/1",
        "fx_version": None,
        "coverage": "1",
        "explain_url": f"/v1/kpis/net_revenue_retention/explain?method=point_to_point&known_at={head}&from=2025-01-01&to=2026-01-01",
    }


def test_a_zero_denominator_gives_null_and_says_why(settled_f1: Steward) -> None:
    ratios = [kpi for kpi in KPIS if kpi.kind == "period" and kpi.unit == "ratio"]

    answers = {kpi.name: ask(settled_f1, kpi.name, ("2020-01-01", "2021-01-01")) for kpi in ratios}

    assert {answer["value"] for answer in answers.values()} == {None}
    declared = {kpi.name: kpi.methods[kpi.default].null_reason for kpi in ratios}
    assert {name: answer["null_reason"] for name, answer in answers.items()} == declared | NULL_REASONS
    assert ask(settled_f1, "arpa", None, as_of="2020-01-01")["null_reason"] == "no_paying_accounts"


def test_an_empty_ledger_answers_every_figure(sqlite_steward: Steward) -> None:
    sqlite_steward.catch_up()
    for kpi in KPIS:
        answer = ask(sqlite_steward, kpi.name, YEAR if kpi.kind == "period" else None)
        assert answer["value"] in (None, "0.00")


@pytest.mark.parametrize(
    ("name", "period", "method", "code"),
    [
        ("net_revenue_retention", None, None, "period_missing"),
        ("net_revenue_retention", ("2025-01-01", "2025-01-01"), None, "invalid_period"),
        ("net_revenue_retention", ("2026-01-01", "2025-01-01"), None, "invalid_period"),
        ("net_revenue_retention", ("2025-02-30", "2026-01-01"), None, "invalid_period"),
        ("net_revenue_retention", ("2025-W01-1", "2026-01-01"), None, "invalid_period"),
        ("net_revenue_retention", ("20250101", "2026-01-01"), None, "invalid_period"),
        ("net_revenue_retention", YEAR, "strict", "unknown_method"),
        ("mrr", YEAR, None, "period_not_allowed"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_name(
    sqlite_steward: Steward, name: str, period: tuple[str, str] | None, method: str | None, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        ask(sqlite_steward, name, period, method)
    assert refused.value.code == code


def test_an_unknown_figure_or_account_is_not_found(sqlite_steward: Steward) -> None:
    sqlite_steward.catch_up()
    with pytest.raises(NotFound) as unknown:
        ask(sqlite_steward, "happiness")
    assert unknown.value.code == "kpi_not_found"
    with pytest.raises(NotFound) as missing:
        ask(sqlite_steward, "mrr", None, account="acct_01jd7z5m3qf8x9v0w1y2z3a4b5")
    assert missing.value.code == "account_not_found"


def test_an_account_of_another_tenant_is_not_found(fixture_f1: Steward) -> None:
    other = fixture_f1.new_tenant("Other")
    fixture_f1.catch_up(other)
    [theirs, *_] = fixture_f1.rows("accounts")
    query = KpiQuery("mrr", scope=Scope(account=theirs.account))

    with pytest.raises(NotFound):
        figures.evaluate(fixture_f1.runtime.reader, other, query, fixture_f1.runtime.reader.when(other))
    answer = figures.evaluate(fixture_f1.runtime.reader, other, KpiQuery("mrr"), fixture_f1.runtime.reader.when(other))
    assert answer["value"] == "0.00"


@pytest.mark.parametrize("as_of", ["0001-01-01", "9999-12-30", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_ends_of_the_calendar_are_answered_or_refused(sqlite_steward: Steward, as_of: str) -> None:
    sqlite_steward.catch_up()
    try:
        assert ask(sqlite_steward, "mrr", None, as_of=as_of)["value"] == "0.00"
    except Invalid as refused:
        assert refused.code == "invalid_as_of"
    assert ask(sqlite_steward, "arr_growth", ("0001-01-01", "9999-12-31"))["value"] is None


def test_as_of_ends_a_period_early_and_says_so(settled_f1: Steward) -> None:
    cut = ask(settled_f1, "mrr_waterfall", as_of="2025-06-30")
    half = ask(settled_f1, "mrr_waterfall", ("2025-01-01", "2025-07-01"))

    assert cut["rows"] == half["rows"]
    assert (cut["as_of"], cut["warnings"]) == (
        half["as_of"],
        [
            {"code": "period_cut_at_as_of", "count": None},
            {"code": "period_not_over", "count": 0},
        ],
    )
    assert ask(settled_f1, "mrr_waterfall", as_of="2026-06-30")["warnings"] == []
    with pytest.raises(Invalid):
        ask(settled_f1, "mrr_waterfall", as_of="2024-06-30")


# --- two clocks ---


SEVEN_HUNDRED = SetLine(op="set_line", line="main", unit_price="700.00", cause="correction")


def corrected_by_amendment(steward: Steward, contract_id: str, _wrong: str) -> None:
    steward.do(AmendContract(effective_at="2025-09-01", changes=(SEVEN_HUNDRED,)), contract=contract_id)


def corrected_by_name(steward: Steward, contract_id: str, wrong: str) -> None:
    steward.do(CorrectContract(corrects=wrong, changes=(SEVEN_HUNDRED,)), contract=contract_id)


@pytest.mark.parametrize("correct", [corrected_by_amendment, corrected_by_name])
def test_a_correction_changes_what_is_known_now_and_never_what_was_known(fixture_f1: Steward, correct: Any) -> None:
    steward = fixture_f1
    before = steward.runtime.log.head(steward.tenant)
    names = [(kpi.name, YEAR if kpi.kind == "period" else None, method) for kpi in KPIS for method in kpi.methods]
    then = {"known_at": before, "as_of": "2025-12-31"}  # both clocks, for a renewal's outcome is that of an instant
    known = {query: ask(steward, *query, **then) for query in names}
    contract_id = steward.runtime.handler.resolve(steward.tenant, "contract", "ref:B-1")
    [wrong] = [event.event_id for event in steward.runtime.log.after(steward.tenant, 0, 1000, stream_id=contract_id)
               if event.type == "contract.amended"]  # fmt: skip

    correct(steward, contract_id, wrong)
    after = steward.catch_up()

    for query, answer in known.items():
        assert ask(steward, *query, **then) == answer
    assert ask(steward, "net_revenue_retention")["numerator"] == "4200.00"
    assert ask(steward, "net_revenue_retention", known_at=after)["value"] == "0.933333"
    assert ask(steward, "net_revenue_retention", known_at=before)["value"] == "0.955556"
    assert ask(steward, "mrr", None, as_of="2025-12-31")["value"] == "5400.00"
    result, rows, _ = explained(steward, "net_revenue_retention", known_at=before)
    assert result["value"] == "0.955556"
    assert max(event["position"] for row in rows for event in row["events"]) <= before


def test_an_event_dated_back_changes_a_period_only_for_who_knows_it(fixture_f1: Steward) -> None:
    steward = fixture_f1
    before = steward.runtime.log.head(steward.tenant)
    fifth = account(steward, "Late to the ledger")
    contract(steward, fifth, "100.00")
    steward.catch_up()

    assert ask(steward, "mrr_waterfall", known_at=before)["rows"][0]["amount"] == "4500.00"
    assert ask(steward, "mrr_waterfall")["rows"][0]["amount"] == "4600.00"


# --- scope ---


def test_accounts_without_an_owner_or_a_tier_can_be_asked_for_and_nobody_is_called_none(steward: Steward) -> None:
    ours = account(steward, "Ours", owner="usr_ann", tier="gold")
    nobodys = account(steward, "Nobody's", tier="gold")
    late = account(steward, "Taken over in June")
    for client, price in ((ours, "100.00"), (nobodys, "10.00"), (late, "1.00")):
        contract(steward, client, price)
    steward.do(SetAccountOwner(owner="usr_ann", effective_at="2025-06-01"), account=late)
    steward.catch_up()

    assert ask(steward, "mrr_waterfall", owner="none")["value"] == "11.00"
    assert ask(steward, "mrr_waterfall", owner="none", attribution="end")["value"] == "10.00"
    assert ask(steward, "mrr_waterfall", owner="none", tier="none")["value"] == "1.00"
    assert ask(steward, "arr", None, as_of="2025-12-31", tier="none", owner="usr_ann")["value"] == "12.00"
    assert explained(steward, "mrr_waterfall", owner="none")[0]["scope"] == {"owner": "none", "attribution": "start"}
    assert [row["account"] for row in explained(steward, "mrr_waterfall", owner="none")[1]] == sorted([nobodys, late])
    for name in ("none", "None", " NONE "):
        with pytest.raises(ValidationError) as refused:
            SetAccountOwner(owner=name)
        assert [fault["type"] for fault in refused.value.errors()] == ["reserved_word"]


def test_a_figure_by_owner_takes_whose_the_account_was_at_the_start_or_the_end(steward: Steward) -> None:
    ours = account(steward, "Ours", owner="usr_ann", tier="gold")
    handed = account(steward, "Handed over", owner="usr_ann", tier="silver")
    joined = account(steward, "Joined later", opened="2025-05-01", owner="usr_ben", tier="gold")
    contract(steward, ours, "100.00")
    contract(steward, handed, "10.00")
    contract(steward, joined, "1.00", start="2025-05-01")
    steward.do(SetAccountOwner(owner="usr_ben", effective_at="2025-06-01"), account=handed)
    steward.do(SetAccountTier(tier="gold", effective_at="2025-06-01"), account=handed)
    steward.catch_up()

    def closing(**scope: Any) -> str:
        return str(ask(steward, "mrr_waterfall", **scope)["value"])

    assert closing(owner="usr_ann") == "110.00"
    assert closing(owner="usr_ann", attribution="end") == "100.00"
    assert closing(owner="usr_ben") == "1.00"
    assert closing(owner="usr_ben", attribution="end") == "11.00"
    assert closing(tier="silver") == "10.00"
    assert closing(tier="gold", attribution="end") == "111.00"
    assert closing(owner="usr_ben", tier="gold", attribution="end") == "11.00"
    assert closing(account=handed) == "10.00"
    assert closing(account=handed, owner="usr_ben") == "0.00"
    assert ask(steward, "mrr", None, as_of="2025-05-31", owner="usr_ben")["value"] == "1.00"
    assert ask(steward, "mrr", None, as_of="2025-06-01", owner="usr_ben")["value"] == "11.00"
    assert ask(steward, "mrr_waterfall", owner="usr_ann")["scope"] == {"owner": "usr_ann", "attribution": "start"}


def test_a_handover_on_the_first_day_belongs_to_the_period_like_any_other_change(
    sqlite_steward: Steward,
) -> None:
    handed = account(sqlite_steward, "Handed over", owner="usr_ann")
    contract(sqlite_steward, handed, "10.00")
    sqlite_steward.do(SetAccountOwner(owner="usr_ben", effective_at="2025-01-01"), account=handed)
    sqlite_steward.catch_up()

    assert ask(sqlite_steward, "mrr_waterfall", owner="usr_ann")["value"] == "10.00"
    assert ask(sqlite_steward, "mrr_waterfall", owner="usr_ben")["value"] == "0.00"
    assert (
        ask(sqlite_steward, "mrr_waterfall", ("2024-01-01", "2025-01-01"), owner="usr_ann", attribution="end")["value"]
        == "10.00"
    )


# --- currencies ---


def test_several_currencies_are_never_summed_and_are_counted_all_the_same(steward: Steward) -> None:
    dollars, euros = account(steward, "Dollars"), account(steward, "Euros")
    contract(steward, dollars, "100.00")
    contract(steward, euros, "10.00", currency="EUR")
    contract(steward, euros, "5000", start="2023-01-01", end="2023-02-01", currency="JPY")
    steward.catch_up()

    for name in ("mrr", "arr", "arpa"):
        with pytest.raises(Invalid) as refused:
            ask(steward, name, None, as_of="2025-12-31")
        assert refused.value.code == "mixed_currencies"
    for name in ("net_revenue_retention", "mrr_waterfall", "quick_ratio", "gross_mrr_churn_rate"):
        with pytest.raises(Invalid):
            ask(steward, name)
    answer = ask(steward, "client_retention_rate")
    assert (answer["value"], answer["denominator"], answer["currency"]) == ("1", "2", None)
    euro = ask(steward, "mrr", None, as_of="2025-12-31", currency="EUR")
    assert (euro["value"], euro["currency"], euro["scope"]) == ("10.00", "EUR", {"currency": "EUR"})
    assert ask(steward, "mrr", None, as_of="2025-12-31", account=dollars)["currency"] == "USD"
    assert ask(steward, "mrr", None, as_of="2023-01-15")["value"] == "5000"
    _, rows, _ = explained(steward, "client_retention_rate")
    assert [(row["opening"], row["contribution"]["numerator"]) for row in rows] == [(None, "1"), (None, "1")]


def test_hours_have_no_currency(sqlite_steward: Steward) -> None:
    with pytest.raises(Invalid) as refused:
        ask(sqlite_steward, "scope_creep_ratio", currency="EUR")
    assert refused.value.code == "currency_not_allowed"
