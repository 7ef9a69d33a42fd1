"""Figures of holds, losses regained, renewals and scope changes, played through the handler."""

from app.domain.contract.commands import AmendContract, Line, RenewContract, SetLine, SuspendContract, TerminateContract
from app.domain.scope_change.commands import (
    AbsorbWork,
    AmendScopeChange,
    AssessImpact,
    RaiseScopeChange,
    RecordClientDecision,
    RespondToClient,
)
from tests.kpi_queries.history_factory import account, ask, contract, explained
from tests.support.application import Steward


def test_an_account_on_hold_at_the_end_is_contraction_and_warned_of(steward: Steward) -> None:
    held = contract(steward, account(steward, "Resting"), "100.00")
    steward.do(SuspendContract(effective_at="2025-03-01"), contract=held)
    steward.catch_up()

    answer = ask(steward, "mrr_waterfall")
    by_name = {row["name"]: row for row in answer["rows"]}
    assert by_name["contraction"] == {"name": "contraction", "amount": "100.00", "of_which_hold": "100.00"}
    assert by_name["churn"]["amount"] == "0.00"
    retention = ask(steward, "client_retention_rate")
    assert (retention["value"], retention["warnings"]) == ("0", [{"code": "accounts_on_hold_at_end", "count": 1}])


def test_a_loss_that_is_regained_may_drive_gross_movement_retention_below_zero(sqlite_steward: Steward) -> None:
    swinging = contract(sqlite_steward, account(sqlite_steward, "Swinging"), "100.00")
    for month, price in (("02", "1"), ("03", "100"), ("04", "1")):
        sqlite_steward.do(AmendContract(effective_at=f"2025-{month}-01", changes=(SetLine(op="set_line", line="main", unit_price=price),)),
                   contract=swinging)  # fmt: skip
    sqlite_steward.catch_up()

    answer = ask(sqlite_steward, "gross_revenue_retention", method="movement")
    assert (answer["value"], answer["warnings"]) == ("-0.98", [{"code": "below_zero", "count": None}])


def test_renewal_rates_of_terms_that_fall_due(steward: Steward) -> None:
    terms = {"end": "2025-07-01", "start": "2024-07-01"}
    grown = contract(steward, account(steward, "Grown"), "100.00", **terms)
    lost = contract(steward, account(steward, "Lost"), "50.00", **terms)
    contract(steward, account(steward, "Goes on by itself"), "30.00", **terms, auto_renew=True)
    contract(steward, account(steward, "Lapsed"), "20.00", **terms)
    more = Line(line="main", product="retainer", unit_price="120.00", interval="month")
    steward.do(RenewContract(end="2026-07-01", lines=(more,), effective_at="2025-05-01"), contract=grown)
    steward.do(
        TerminateContract(effective_end="2025-07-01", reason="client left", voluntary=True, effective_at="2025-05-01"),
        contract=lost,
    )
    steward.catch_up()

    answer = {method: ask(steward, "renewal_rate", method=method) for method in ("count", "value", "net_value")}
    assert [answer[method]["value"] for method in answer] == ["0.5", "0.65", "0.75"]
    assert (answer["value"]["numerator"], answer["value"]["denominator"]) == ("1560.00", "2400.00")
    assert answer["count"]["warnings"] == []  # what lapsed is lost once its grace is over
    _, rows, _ = explained(steward, "renewal_rate", method="net_value")
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


def test_scope_figures_count_hours_and_alternatives(steward: Steward) -> None:
    client = account(steward, "Wishful")
    agreed = contract(steward, client, "100.00")

    def wish(hours: str) -> str:
        raised = steward.do(RaiseScopeChange(title="More", request="Could we have more?"), account=client).id
        steward.do(AssessImpact(effort_hours=hours), scope_change=raised, actor="maria")
        return raised

    taken_in, absorbed, declined, undecided = wish("30"), wish("9"), wish("1"), wish("1")
    steward.do(RespondToClient(kind="accept"), scope_change=taken_in)
    steward.do(RecordClientDecision(accepted=True), scope_change=taken_in)
    changes = (SetLine(op="set_line", line="main", unit_price="130.00"),)
    steward.do(AmendScopeChange(effective_at="2026-02-01", contract=agreed, changes=changes), scope_change=taken_in)
    steward.do(AbsorbWork(hours="7.5", cause="goodwill", approved_by="usr_boss"), scope_change=absorbed)
    for other in (declined, undecided):
        steward.do(RespondToClient(kind="decline_with_alternative", alternative="Next month"), scope_change=other)
    steward.do(RecordClientDecision(accepted=True), scope_change=declined)
    steward.catch_up()

    creep = ask(steward, "scope_creep_ratio", ("2026-01-01", "2027-01-01"))
    assert (creep["value"], creep["numerator"], creep["denominator"]) == ("0.25", "7.5", "30")
    taken = ask(steward, "alternative_acceptance", ("2026-01-01", "2027-01-01"))
    assert (taken["value"], taken["warnings"][0]) == ("0.5", {"code": "undecided_alternatives", "count": 1})
    _, [row], _ = explained(steward, "alternative_acceptance", ("2026-01-01", "2027-01-01"))
    assert len(row["items"]) == 4
    assert {event["type"].split(".")[0] for event in row["events"]} == {"scope_change"}
