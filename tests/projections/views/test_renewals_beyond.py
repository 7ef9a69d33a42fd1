"""Terms that began by themselves long after the last fact: the view has not worked them out, and answers right all the same."""

from app.kpi_queries.evaluate import evaluate
from app.kpi_queries.query import KpiQuery
from tests.domain.contract.contracts import signed
from tests.services.deadlines.renewals_factory import events, renewals_of, run_pass
from tests.support.application import Steward


def test_years_without_a_fact_leave_no_term_out(steward: Steward) -> None:
    contract = signed(steward, auto_renew=True, renewal_term_months=3)  # 2026, then a quarter after the other
    signed(steward)

    steward.clock.set("2031-02-10T12:00:00Z")
    rows = [row for row in renewals_of(steward) if row.contract == contract]

    assert [row.due for row in rows][-2:] == ["2031-01-01", "2031-04-01"]
    assert [row.outcome for row in rows] == ["renewed"] * 17 + ["open"]
    when = steward.runtime.reader.when(steward.tenant, None, None)
    quarter = KpiQuery("available_to_renew", "2031-04-01", "2031-05-01")
    assert evaluate(steward.runtime.reader, steward.tenant, quarter, when)["value"] == "12000.00"
    past = [row.due for row in renewals_of(steward, as_of="2027-06-01") if row.contract == contract]
    assert past == ["2027-01-01", "2027-04-01", "2027-07-01"]


def test_a_watcher_that_was_off_opens_the_term_that_runs_and_invents_no_past(steward: Steward) -> None:
    contract = signed(steward, auto_renew=True, renewal_term_months=3)
    steward.clock.set("2031-02-10T12:00:00Z")

    run_pass(steward)

    assert [(event.data["contract"], event.data["due"]) for event in events(steward, "renewal.opened")] == [
        (contract, "2031-04-01")
    ]
    assert events(steward, "contract.renewed") == []
    steward.clock.set("2031-04-01T12:00:00Z")
    run_pass(steward)
    [renewed] = events(steward, "contract.renewed")
    assert (renewed.data["start"], renewed.data["end"]) == ("2031-04-01", "2031-07-01")
