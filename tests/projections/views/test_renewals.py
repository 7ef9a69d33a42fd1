"""Renewals under corrected terms: due dates move, and an open renewal cycle moves with them."""

from typing import Any

from app.domain.contract.commands import CorrectContract, Terms
from app.domain.kernel.values import day_start, zone
from app.domain.renewal.commands import OpenRenewal, SubmitForecast
from tests.domain.contract.contracts import signed
from tests.services.deadlines.renewals_factory import events, run_pass
from tests.services.deadlines.renewals_factory import renewals_of as due
from tests.support.application import Steward


def corrected(steward: Steward, contract: str, **terms: Any) -> None:
    """Corrects the terms of a contract's draft."""
    [draft] = [event for event in events(steward, "contract.drafted") if event.stream_id == contract]
    steward.do(CorrectContract(corrects=draft.event_id, terms=Terms(**terms)), contract=contract)


def test_a_corrected_end_replaces_the_due_date(steward: Steward) -> None:
    contract = signed(steward)
    before = steward.catch_up()

    corrected(steward, contract, end="2026-07-01")

    [row] = due(steward)
    assert (row.due, row.due_at, row.outcome) == ("2026-07-01", day_start("2026-07-01", zone("UTC")), "open")
    assert [row.due for row in due(steward, known_at=str(before))] == ["2027-01-01"]


def test_an_open_cycle_keeps_its_id_and_moves(steward: Steward) -> None:
    contract = signed(steward)
    cycle = steward.do(OpenRenewal(), contract=contract).id

    corrected(steward, contract, end="2026-10-01", notice_days=60)

    [row] = due(steward)
    assert (row.due, row.due_at, row.renewal) == ("2026-10-01", day_start("2026-10-01", zone("UTC")), cycle)
    assert (row.notice_deadline, row.deferred_to) == ("2026-08-02", None)
    steward.clock.set("2026-10-31T12:00:00Z")
    run_pass(steward)
    [lost] = events(steward, "renewal.lost")
    assert lost.stream_id == cycle
    assert events(steward, "contract.expired")[0].data["end"] == "2026-10-01"


def test_a_contract_that_no_longer_ends_is_not_due(steward: Steward) -> None:
    contract = signed(steward, auto_renew=False)

    corrected(steward, contract, auto_renew=True)

    [row] = due(steward)
    assert row.auto_renew


def test_an_older_forecast_that_is_recorded_later_does_not_overrule_a_newer_one(steward: Steward) -> None:
    contract = signed(steward)
    cycle = steward.do(OpenRenewal(), contract=contract).id
    steward.clock.set("2026-04-01T12:00:00Z")
    steward.do(SubmitForecast(category="commit", expected_value="12000", effective_at="2026-03-01"), renewal=cycle)
    steward.do(SubmitForecast(category="lost", expected_value="12000", effective_at="2026-02-01"), renewal=cycle)

    assert due(steward)[0].category == "commit"
    assert [row.category for row in steward.rows("forecasts")] == ["commit", "lost"]
