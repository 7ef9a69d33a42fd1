"""Figures under both clocks: the house fixture to the cent, corrections, scopes, currencies, explanations."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app import figures
from app.domain.account import OpenAccount, RenameAccount, SetAccountOwner, SetAccountTier
from app.domain.contract_commands import (
    AmendContract,
    CorrectContract,
    Line,
    RecordContract,
    RenewContract,
    SetLine,
    SuspendContract,
    TerminateContract,
)
from app.domain.errors import Invalid, NotFound
from app.domain.scope_change_commands import (
    AbsorbWork,
    AmendScopeChange,
    AssessImpact,
    RaiseScopeChange,
    RecordClientDecision,
    RespondToClient,
)
from app.figures import FigureQuestion, Scope
from projections.kpis import KPIS
from tests.support.databases import BACKENDS, Databases
from tests.support.house import House

F1 = Path(__file__).parent / "data" / "house-fixture-f1.ndjson"
YEAR = ("2025-01-01", "2026-01-01")


def ask(
    house: House, name: str, period: tuple[str, str] | None = YEAR, method: str | None = None, *, as_of: str | None = None,
    known_at: object = None, **scope: Any,
) -> dict[str, Any]:  # fmt: skip
    """A figure's answer."""
    question = FigureQuestion(name, *(period or (None, None)), method, Scope(**scope))
    when = house.runtime.reader.when(house.tenant, as_of, None if known_at is None else str(known_at))
    return figures.answer(house.runtime.reader, house.tenant, question, when)


def explained(
    house: House, name: str, period: tuple[str, str] | None = YEAR, *, limit: int = 100, after: str | None = None, known_at: object = None,
    method: str | None = None, **scope: Any,
) -> tuple[dict[str, Any], list[dict[str, Any]], str | None]:  # fmt: skip
    """A figure's explanation."""
    question = FigureQuestion(name, *(period or (None, None)), method, Scope(**scope))
    when = house.runtime.reader.when(house.tenant, None, None if known_at is None else str(known_at))
    return figures.explain(house.runtime.reader, house.tenant, question, when, limit=limit, after=after)


def account(house: House, name: str, opened: str = "2024-01-01", **members: Any) -> str:
    """An open account."""
    return house.do(OpenAccount(name=name, currency="USD", effective_at=opened, **members)).id


def contract(
    house: House, account_id: str, price: str, start: str = "2024-01-01", end: str | None = None, **members: Any
) -> str:
    """A signed contract of one line a month."""
    line = Line(line="main", product="retainer", unit_price=price, interval=members.pop("interval", "month"))
    told = {
        "currency": "USD",
        "start": start,
        "end": end,
        "signed_at": start,
        "lines": (line,),
        "effective_at": start,
        **members,
    }
    return house.do(RecordContract(**told), account=account_id).id


@pytest.fixture(scope="module", params=BACKENDS)
def settled_f1(request: pytest.FixtureRequest, databases: Databases) -> Iterator[House]:
    """The house fixture, read by every view, for tests that only ask."""
    made = House(databases.fresh(request.param))
    assert {item.status for item in made.ingest_file(F1)} == {"accepted"}
    made.catch_up()
    yield made
    made.close()


@pytest.fixture
def fixture_f1(house: House) -> House:
    """The house fixture, for tests that go on from it."""
    house.ingest_file(F1)
    house.catch_up()
    return house


# --- product 3.9, figure by figure ---


@pytest.mark.parametrize(
    ("name", "method", "value", "numerator", "denominator"),
    [
        ("client_retention_rate", "point_to_point", "0.8", "4", "5"),
        ("client_retention_rate", "strict", "0.6", "3", "5"),
        ("client_retention_rate", "classic", "0.8", "4", "5"),
        ("net_revenue_retention", "point_to_point", "0.955556", "4300.00", "4500.00"),
        ("net_revenue_retention", "movement", "0.955556", "4300.00", "4500.00"),
        ("net_revenue_retention", "movement_without_reactivation", "0.888889", "4000.00", "4500.00"),
        ("gross_revenue_retention", "point_to_point", "0.844444", "3800.00", "4500.00"),
        ("gross_revenue_retention", "movement", "0.666667", "3000.00", "4500.00"),
        ("arr_growth", "point_to_point", "0.222222", "12000.00", "54000.00"),
        ("quick_ratio", "movement", "1.571429", "2750.00", "1750.00"),
        ("customer_churn_rate", "point_to_point", "0.2", "1", "5"),
        ("gross_mrr_churn_rate", "movement", "0.333333", "1500.00", "4500.00"),
        ("net_mrr_churn_rate", "movement", "0.044444", "200.00", "4500.00"),
    ],
)
def test_a_ratio_of_the_house_fixture(
    settled_f1: House, name: str, method: str, value: str, numerator: str, denominator: str
) -> None:
    told = ask(settled_f1, name, method=method)

    assert (told["value"], told["numerator"], told["denominator"]) == (value, numerator, denominator)
    assert told["method"] == method


def test_the_waterfall_of_the_house_fixture(settled_f1: House) -> None:
    told = ask(settled_f1, "mrr_waterfall")

    assert {row["name"]: row["amount"] for row in told["rows"]} == {
        "opening": "4500.00",
        "new": "1150.00",
        "expansion": "1300.00",
        "reactivation": "300.00",
        "contraction": "500.00",
        "churn": "1250.00",
        "fx": "0.00",
        "transfer": "0.00",
        "closing": "5500.00",
    }
    assert [row["name"] for row in told["rows"]][0::8] == ["opening", "closing"]
    assert told["value"] == "5500.00"
    assert told["unit"] == "rows"


@pytest.mark.parametrize(
    ("name", "as_of", "value", "denominator"),
    [
        ("mrr", "2024-12-31", "4500.00", None),
        ("mrr", "2025-12-31", "5500.00", None),
        ("mrr", "2025-06-01T00:00:00Z", "4500.00", None),
        ("mrr", "2025-05-31T23:59:59.999999Z", "5150.00", None),
        ("mrr", None, "5500.00", None),
        ("arr", "2024-12-31", "54000.00", None),
        ("arr", "2025-12-31", "66000.00", None),
        ("arpa", "2025-12-31", "1100.00", "5"),
    ],
)
def test_a_point_of_the_house_fixture(
    settled_f1: House, name: str, as_of: str | None, value: str, denominator: str | None
) -> None:
    told = ask(settled_f1, name, None, as_of=as_of)

    assert (told["value"], told["denominator"]) == (value, denominator)


# --- the answer ---


def test_an_answer_says_all_that_it_takes_to_ask_again(settled_f1: House) -> None:
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
        "as_of": "2025-12-31T23:59:59.999999Z",
        "known_at": None,
        "position": head,
        "policy_version": "default/1",
        "fx_version": None,
        "coverage": "1",
        "explain_url": f"/v1/kpis/net_revenue_retention/explain?method=point_to_point&known_at={head}&from=2025-01-01&to=2026-01-01",
    }


def test_a_zero_denominator_gives_null_and_says_why(settled_f1: House) -> None:
    reasons = {
        kpi.name: ask(settled_f1, kpi.name, ("2020-01-01", "2021-01-01"))
        for kpi in KPIS
        if kpi.kind == "period" and kpi.unit == "ratio"
    }

    assert {told["value"] for told in reasons.values()} == {None}
    assert {name: told["null_reason"] for name, told in reasons.items()} == {
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
    }
    assert ask(settled_f1, "arpa", None, as_of="2020-01-01")["null_reason"] == "no_paying_accounts"


def test_an_empty_ledger_answers_every_figure(cottage: House) -> None:
    cottage.catch_up()
    for kpi in KPIS:
        told = ask(cottage, kpi.name, YEAR if kpi.kind == "period" else None)
        assert told["value"] in (None, "0.00")


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
    cottage: House, name: str, period: tuple[str, str] | None, method: str | None, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        ask(cottage, name, period, method)
    assert refused.value.code == code


def test_an_unknown_figure_or_account_is_not_found(cottage: House) -> None:
    cottage.catch_up()
    with pytest.raises(NotFound) as unknown:
        ask(cottage, "happiness")
    assert unknown.value.code == "kpi_not_found"
    with pytest.raises(NotFound) as missing:
        ask(cottage, "mrr", None, account="acct_01jd7z5m3qf8x9v0w1y2z3a4b5")
    assert missing.value.code == "account_not_found"


def test_an_account_of_another_tenant_is_not_found(fixture_f1: House) -> None:
    other = fixture_f1.new_tenant("Other")
    fixture_f1.catch_up(other)
    [theirs, *_] = fixture_f1.rows("accounts")
    question = FigureQuestion("mrr", scope=Scope(account=theirs.account))

    with pytest.raises(NotFound):
        figures.answer(fixture_f1.runtime.reader, other, question, fixture_f1.runtime.reader.when(other))
    told = figures.answer(
        fixture_f1.runtime.reader, other, FigureQuestion("mrr"), fixture_f1.runtime.reader.when(other)
    )
    assert told["value"] == "0.00"


@pytest.mark.parametrize("as_of", ["0001-01-01", "9999-12-30", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
def test_the_ends_of_the_calendar_are_answered_or_refused(cottage: House, as_of: str) -> None:
    cottage.catch_up()
    try:
        assert ask(cottage, "mrr", None, as_of=as_of)["value"] == "0.00"
    except Invalid as refused:
        assert refused.code == "invalid_as_of"  # noqa: PT017
    assert ask(cottage, "arr_growth", ("0001-01-01", "9999-12-31"))["value"] is None


def test_as_of_ends_a_period_early_and_says_so(settled_f1: House) -> None:
    cut = ask(settled_f1, "mrr_waterfall", as_of="2025-06-30")
    half = ask(settled_f1, "mrr_waterfall", ("2025-01-01", "2025-07-01"))

    assert cut["rows"] == half["rows"]
    assert (cut["as_of"], cut["warnings"]) == (half["as_of"], [{"code": "period_cut_at_as_of", "count": None}])
    assert ask(settled_f1, "mrr_waterfall", as_of="2026-06-30")["warnings"] == []
    with pytest.raises(Invalid):
        ask(settled_f1, "mrr_waterfall", as_of="2024-06-30")


# --- two clocks ---


SEVEN_HUNDRED = SetLine(op="set_line", line="main", unit_price="700.00", cause="correction")


def corrected_by_amendment(house: House, contract_id: str, _wrong: str) -> None:
    house.do(AmendContract(effective_at="2025-09-01", changes=(SEVEN_HUNDRED,)), contract=contract_id)


def corrected_by_name(house: House, contract_id: str, wrong: str) -> None:
    house.do(CorrectContract(corrects=wrong, changes=(SEVEN_HUNDRED,)), contract=contract_id)


@pytest.mark.parametrize("correct", [corrected_by_amendment, corrected_by_name])
def test_a_correction_changes_what_is_known_now_and_never_what_was_known(fixture_f1: House, correct: Any) -> None:
    house = fixture_f1
    before = house.runtime.log.head(house.tenant)
    names = [(kpi.name, YEAR if kpi.kind == "period" else None, method) for kpi in KPIS for method in kpi.methods]
    known = {asked: ask(house, *asked, known_at=before, as_of=None if asked[1] else "2025-12-31") for asked in names}
    contract_id = house.runtime.handler.resolve(house.tenant, "contract", "ref:B-1")
    [wrong] = [event.event_id for event in house.runtime.log.after(house.tenant, 0, 1000, stream_id=contract_id)
               if event.type == "contract.amended"]  # fmt: skip

    correct(house, contract_id, wrong)
    after = house.catch_up()

    for asked, told in known.items():
        assert ask(house, *asked, known_at=before, as_of=None if asked[1] else "2025-12-31") == told
    assert ask(house, "net_revenue_retention")["numerator"] == "4200.00"
    assert ask(house, "net_revenue_retention", known_at=after)["value"] == "0.933333"
    assert ask(house, "net_revenue_retention", known_at=before)["value"] == "0.955556"
    assert ask(house, "mrr", None, as_of="2025-12-31")["value"] == "5400.00"
    told, rows, _ = explained(house, "net_revenue_retention", known_at=before)
    assert told["value"] == "0.955556"
    assert max(event["position"] for row in rows for event in row["events"]) <= before


def test_an_event_dated_back_changes_a_period_only_for_who_knows_it(fixture_f1: House) -> None:
    house = fixture_f1
    before = house.runtime.log.head(house.tenant)
    fifth = account(house, "Late to the ledger")
    contract(house, fifth, "100.00")
    house.catch_up()

    assert ask(house, "mrr_waterfall", known_at=before)["rows"][0]["amount"] == "4500.00"
    assert ask(house, "mrr_waterfall")["rows"][0]["amount"] == "4600.00"


# --- scope ---


def test_a_figure_by_owner_takes_whose_the_account_was_at_the_start_or_the_end(house: House) -> None:
    ours = account(house, "Ours", owner="usr_ann", tier="gold")
    handed = account(house, "Handed over", owner="usr_ann", tier="silver")
    joined = account(house, "Joined later", opened="2025-05-01", owner="usr_ben", tier="gold")
    contract(house, ours, "100.00")
    contract(house, handed, "10.00")
    contract(house, joined, "1.00", start="2025-05-01")
    house.do(SetAccountOwner(owner="usr_ben", effective_at="2025-06-01"), account=handed)
    house.do(SetAccountTier(tier="gold", effective_at="2025-06-01"), account=handed)
    house.catch_up()

    def closing(**scope: Any) -> str:
        return str(ask(house, "mrr_waterfall", **scope)["value"])

    assert closing(owner="usr_ann") == "110.00"
    assert closing(owner="usr_ann", attribution="end") == "100.00"
    assert closing(owner="usr_ben") == "1.00"
    assert closing(owner="usr_ben", attribution="end") == "11.00"
    assert closing(tier="silver") == "10.00"
    assert closing(tier="gold", attribution="end") == "111.00"
    assert closing(owner="usr_ben", tier="gold", attribution="end") == "11.00"
    assert closing(account=handed) == "10.00"
    assert closing(account=handed, owner="usr_ben") == "0.00"
    assert ask(house, "mrr", None, as_of="2025-05-31", owner="usr_ben")["value"] == "1.00"
    assert ask(house, "mrr", None, as_of="2025-06-01", owner="usr_ben")["value"] == "11.00"
    assert ask(house, "mrr_waterfall", owner="usr_ann")["scope"] == {"owner": "usr_ann", "attribution": "start"}


def test_a_handover_on_the_first_day_belongs_to_the_period_like_any_other_change(cottage: House) -> None:
    handed = account(cottage, "Handed over", owner="usr_ann")
    contract(cottage, handed, "10.00")
    cottage.do(SetAccountOwner(owner="usr_ben", effective_at="2025-01-01"), account=handed)
    cottage.catch_up()

    assert ask(cottage, "mrr_waterfall", owner="usr_ann")["value"] == "10.00"
    assert ask(cottage, "mrr_waterfall", owner="usr_ben")["value"] == "0.00"
    assert (
        ask(cottage, "mrr_waterfall", ("2024-01-01", "2025-01-01"), owner="usr_ann", attribution="end")["value"]
        == "10.00"
    )


# --- currencies ---


def test_several_currencies_are_never_summed_and_are_counted_all_the_same(house: House) -> None:
    dollars, euros = account(house, "Dollars"), account(house, "Euros")
    contract(house, dollars, "100.00")
    contract(house, euros, "10.00", currency="EUR")
    contract(house, euros, "5000", start="2023-01-01", end="2023-02-01", currency="JPY")
    house.catch_up()

    for name in ("mrr", "arr", "arpa"):
        with pytest.raises(Invalid) as refused:
            ask(house, name, None, as_of="2025-12-31")
        assert refused.value.code == "mixed_currencies"
    for name in ("net_revenue_retention", "mrr_waterfall", "quick_ratio", "gross_mrr_churn_rate"):
        with pytest.raises(Invalid):
            ask(house, name)
    told = ask(house, "client_retention_rate")
    assert (told["value"], told["denominator"], told["currency"]) == ("1", "2", None)
    euro = ask(house, "mrr", None, as_of="2025-12-31", currency="EUR")
    assert (euro["value"], euro["currency"], euro["scope"]) == ("10.00", "EUR", {"currency": "EUR"})
    assert ask(house, "mrr", None, as_of="2025-12-31", account=dollars)["currency"] == "USD"
    assert ask(house, "mrr", None, as_of="2023-01-15")["value"] == "5000"
    _, rows, _ = explained(house, "client_retention_rate")
    assert [(row["opening"], row["contribution"]["numerator"]) for row in rows] == [(None, "1"), (None, "1")]


def test_hours_have_no_currency(cottage: House) -> None:
    with pytest.raises(Invalid) as refused:
        ask(cottage, "scope_creep_ratio", currency="EUR")
    assert refused.value.code == "currency_not_allowed"


# --- explanation ---


@pytest.mark.parametrize("name", [kpi.name for kpi in KPIS])
def test_the_account_rows_sum_to_the_figure(settled_f1: House, name: str) -> None:
    kpi = next(kpi for kpi in KPIS if kpi.name == name)
    for method in kpi.methods:
        told, rows, _ = explained(settled_f1, name, YEAR if kpi.kind == "period" else None, method=method)

        for part in ("numerator", "denominator"):
            if told[part] is not None:
                assert sum(Decimal(row["contribution"][part]) for row in rows) == Decimal(told[part])
                assert all(row[f"in_{part}"] == bool(Decimal(row["contribution"][part])) for row in rows)


def test_rows_of_amounts_that_do_not_divide_sum_to_the_cent_all_the_same(cottage: House) -> None:
    for at in range(7):
        contract(cottage, account(cottage, f"Account {at}"), "1000.00", interval="year")
    cottage.catch_up()

    told, rows, _ = explained(cottage, "net_revenue_retention")
    assert told["numerator"] == "583.33"
    assert {row["closing"] for row in rows} == {"83.33"}
    assert sorted(row["contribution"]["numerator"] for row in rows) == ["83.33"] * 5 + ["83.34"] * 2


def test_an_explanation_tells_each_accounts_story_and_the_events_behind_it(settled_f1: House) -> None:
    _, rows, _ = explained(settled_f1, "net_revenue_retention")
    story = {row["name"]: row for row in rows}

    assert sorted(story) == [f"Account {letter}" for letter in "ABCDEFG"]
    assert story["Account D"] | {"account": "", "events": [], "movements": []} == {
        "account": "", "name": "Account D", "opening": "400.00", "closing": "300.00", "new": "0.00", "expansion": "0.00",
        "reactivation": "300.00", "contraction": "0.00", "churn": "400.00", "movements": [], "in_numerator": True,
        "in_denominator": True, "contribution": {"numerator": "300.00", "denominator": "400.00"}, "events": [],
    }  # fmt: skip
    assert [(one["at"], one["kind"], one["amount"]) for one in story["Account D"]["movements"]] == [
        ("2025-06-01T00:00:00.000000Z", "churn", "400.00"),
        ("2025-10-01T00:00:00.000000Z", "reactivation", "300.00"),
    ]
    types = {name: [event["type"] for event in row["events"]] for name, row in story.items()}
    assert types["Account A"] == ["contract.drafted", "contract.signed"]
    assert types["Account B"] == ["contract.drafted", "contract.signed", "contract.amended"]
    assert types["Account D"] == [
        "contract.drafted",
        "contract.signed",
        "contract.terminated",
        "contract.drafted",
        "contract.signed",
    ]
    assert (story["Account G"]["in_numerator"], story["Account G"]["in_denominator"]) == (False, False)
    [_, _, amended] = story["Account B"]["events"]
    stored = settled_f1.runtime.log.after(settled_f1.tenant, amended["position"] - 1, 1)[0]
    assert amended == {
        "id": stored.event_id,
        "type": stored.type,
        "position": stored.position,
        "effective_at": "2025-09-01T00:00:00.000000Z",
    }


def test_an_explanation_is_read_page_by_page(settled_f1: House) -> None:
    whole = explained(settled_f1, "mrr_waterfall")[1]
    pages, after = [], None
    while True:
        _, page, after = explained(settled_f1, "mrr_waterfall", limit=3, after=after)
        pages.append(page)
        if after is None:
            break

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [row for page in pages for row in page] == whole


def test_an_explanation_calls_accounts_by_the_name_they_were_known_by(fixture_f1: House) -> None:
    house = fixture_f1
    before = house.runtime.log.head(house.tenant)
    house.do(RenameAccount(name="Account Z"), account="ref:A")
    house.catch_up()

    assert explained(house, "mrr_waterfall", known_at=before)[1][0]["name"] == "Account A"
    assert explained(house, "mrr_waterfall")[1][0]["name"] == "Account Z"


# --- holds, renewals, scope ---


def test_an_account_on_hold_at_the_end_is_contraction_and_warned_of(house: House) -> None:
    held = contract(house, account(house, "Resting"), "100.00")
    house.do(SuspendContract(effective_at="2025-03-01"), contract=held)
    house.catch_up()

    told = ask(house, "mrr_waterfall")
    by_name = {row["name"]: row for row in told["rows"]}
    assert by_name["contraction"] == {"name": "contraction", "amount": "100.00", "of_which_hold": "100.00"}
    assert by_name["churn"]["amount"] == "0.00"
    retention = ask(house, "client_retention_rate")
    assert (retention["value"], retention["warnings"]) == ("0", [{"code": "accounts_on_hold_at_end", "count": 1}])


def test_a_loss_that_is_regained_may_drive_gross_movement_retention_below_zero(cottage: House) -> None:
    swinging = contract(cottage, account(cottage, "Swinging"), "100.00")
    for month, price in (("02", "1"), ("03", "100"), ("04", "1")):
        cottage.do(AmendContract(effective_at=f"2025-{month}-01", changes=(SetLine(op="set_line", line="main", unit_price=price),)),
                   contract=swinging)  # fmt: skip
    cottage.catch_up()

    told = ask(cottage, "gross_revenue_retention", method="movement")
    assert (told["value"], told["warnings"]) == ("-0.98", [{"code": "below_zero", "count": None}])


def test_renewal_rates_of_terms_that_fall_due(house: House) -> None:
    terms = {"end": "2025-07-01", "start": "2024-07-01"}
    grown = contract(house, account(house, "Grown"), "100.00", **terms)
    lost = contract(house, account(house, "Lost"), "50.00", **terms)
    contract(house, account(house, "Goes on by itself"), "30.00", **terms, auto_renew=True)
    contract(house, account(house, "Lapsed"), "20.00", **terms)
    more = Line(line="main", product="retainer", unit_price="120.00", interval="month")
    house.do(RenewContract(end="2026-07-01", lines=(more,), effective_at="2025-05-01"), contract=grown)
    house.do(
        TerminateContract(effective_end="2025-07-01", reason="client left", voluntary=True, effective_at="2025-05-01"),
        contract=lost,
    )
    house.catch_up()

    told = {method: ask(house, "renewal_rate", method=method) for method in ("count", "value", "net_value")}
    assert [told[method]["value"] for method in told] == ["0.5", "0.65", "0.75"]
    assert (told["value"]["numerator"], told["value"]["denominator"]) == ("1560.00", "2400.00")
    assert told["count"]["warnings"] == [{"code": "undecided_renewals", "count": 1}]
    _, rows, _ = explained(house, "renewal_rate", method="net_value")
    assert {row["name"]: row["contribution"]["numerator"] for row in rows} == {
        "Grown": "1440.00", "Lost": "0.00", "Goes on by itself": "360.00", "Lapsed": "0.00",
    }  # fmt: skip
    [grown_row] = [row for row in rows if row["name"] == "Grown"]
    assert grown_row["items"][0] | {"contract": ""} == {
        "contract": "", "due": "2025-07-01", "outcome": "renewed", "goes_on": True, "currency": "USD", "expiring": "1200.00",
        "renewed": "1440.00",
    }  # fmt: skip
    assert [event["type"] for event in grown_row["events"]] == [
        "contract.drafted",
        "contract.signed",
        "contract.renewed",
    ]


def test_scope_figures_count_hours_and_alternatives(house: House) -> None:
    client = account(house, "Wishful")
    agreed = contract(house, client, "100.00")

    def wish(hours: str) -> str:
        raised = house.do(RaiseScopeChange(title="More", request="Could we have more?"), account=client).id
        house.do(AssessImpact(effort_hours=hours), scope_change=raised, actor="maria")
        return raised

    taken_in, absorbed, declined, undecided = wish("30"), wish("9"), wish("1"), wish("1")
    house.do(RespondToClient(kind="accept"), scope_change=taken_in)
    house.do(RecordClientDecision(accepted=True), scope_change=taken_in)
    changes = (SetLine(op="set_line", line="main", unit_price="130.00"),)
    house.do(AmendScopeChange(effective_at="2026-02-01", contract=agreed, changes=changes), scope_change=taken_in)
    house.do(AbsorbWork(hours="7.5", cause="goodwill", approved_by="usr_boss"), scope_change=absorbed)
    for other in (declined, undecided):
        house.do(RespondToClient(kind="decline_with_alternative", alternative="Next month"), scope_change=other)
    house.do(RecordClientDecision(accepted=True), scope_change=declined)
    house.catch_up()

    creep = ask(house, "scope_creep_ratio", ("2026-01-01", "2027-01-01"))
    assert (creep["value"], creep["numerator"], creep["denominator"]) == ("0.25", "7.5", "30")
    taken = ask(house, "alternative_acceptance", ("2026-01-01", "2027-01-01"))
    assert (taken["value"], taken["warnings"]) == ("0.5", [{"code": "undecided_alternatives", "count": 1}])
    _, [row], _ = explained(house, "alternative_acceptance", ("2026-01-01", "2027-01-01"))
    assert len(row["items"]) == 4
    assert {event["type"].split(".")[0] for event in row["events"]} == {"scope_change"}
