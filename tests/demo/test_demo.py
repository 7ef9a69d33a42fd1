"""The demo: a made-up agency, written through the real commands."""

from collections import Counter
from collections.abc import Iterator

import pytest

from app.demo.generator import digest, ids, story
from app.demo.loader import create_tenant, load_demo
from app.domain.catalogue import CATALOGUE
from app.domain.kernel.errors import Refused
from app.domain.kernel.values import MICRO, instant
from app.kpi_queries import KpiQuery, evaluate
from app.kpi_queries.renewal_policies import passed
from app.read_side.clocks import When
from app.services import kpi_certificates as certificates
from projections.views import renewals
from tests.support.application import Steward
from tests.support.databases import Databases

NOW = "2026-11-22T09:00:00Z"
DAY = 86_400 * MICRO
OF_THE_INSTALLATION = ("api_key.", "webhook_endpoint.")


@pytest.fixture(scope="module")
def agency(databases: Databases) -> Iterator[Steward]:
    """An application whose only tenant holds the demo."""
    steward = Steward(databases.fresh("sqlite"), now=NOW)
    steward.tenant = create_tenant(steward.runtime, years=3)
    result = load_demo(steward.runtime, steward.tenant, accounts=32, years=3)
    assert result.refused == ()
    yield steward
    steward.close()


def test_the_demo_shows_every_kind_of_event_that_business_has(agency: Steward) -> None:
    topics = {topic for topic in CATALOGUE if not topic.startswith(OF_THE_INSTALLATION)}

    counts = Counter(agency.topics())

    assert set(counts) >= topics
    assert counts["account.opened"] == 32
    assert counts.total() > 3000


def test_each_event_of_the_demo_is_recorded_at_its_own_day_and_none_ahead_of_now(agency: Steward) -> None:
    events = agency.runtime.log.after(agency.tenant, 0, 100_000)
    recorded = [event.recorded_at for event in events]

    assert recorded == sorted(recorded)
    assert recorded[-1] <= agency.clock.now
    assert len({at // DAY for at in recorded}) > 700
    logged = [event for event in events if event.type == "interaction.logged"]
    assert all(0 <= event.recorded_at - event.effective_at < DAY for event in logged)


def test_a_figure_of_the_demo_differs_by_the_day_on_which_it_was_known(agency: Steward) -> None:
    agency.catch_up()
    reader, tenant = agency.runtime.reader, agency.tenant
    restated = next(row for row in agency.rows("period_closes") if row.restatements)
    query = KpiQuery("net_revenue_retention", restated.start, restated.end)

    when_closed = evaluate(reader, tenant, query, reader.when(tenant, known_at=instant(restated.closed_at)[:10]))
    today = evaluate(reader, tenant, query, reader.when(tenant))

    assert when_closed["value"] != today["value"]
    assert when_closed["position"] < today["position"]


def test_the_demo_ends_today_and_nobody_met_a_client_tomorrow(agency: Steward) -> None:
    events = agency.runtime.log.after(agency.tenant, 0, 100_000, types=("interaction.logged",))
    latest = max(event.effective_at for event in events)

    assert agency.clock.now - 7 * 86_400 * MICRO < latest < agency.clock.now


def test_every_view_can_read_the_demo(agency: Steward) -> None:
    head = agency.catch_up()

    assert agency.runtime.projector.parked(agency.tenant) == {}
    assert set(agency.runtime.projector.positions(agency.tenant).values()) == {head}
    assert {row.status for row in agency.rows("accounts")} == {"open", "closed"}
    assert sum(line.annual for line in agency.rows("contract_lines")) > 0


def test_sums_of_the_demo_are_of_several_currencies_and_converted_by_its_own_table(agency: Steward) -> None:
    agency.catch_up()
    reader = agency.runtime.reader

    arr = evaluate(reader, agency.tenant, KpiQuery("arr"), reader.when(agency.tenant))

    assert {row.currency for row in agency.rows("contracts")} == {"EUR", "USD", "GBP"}
    assert arr["currency"] == "EUR"
    assert arr["fx_version"] == "fx@default/1"
    assert arr["policy_version"] == "metric@default/2"


def test_a_closed_period_of_the_demo_was_restated_for_one_mistake_and_what_was_certified_still_verifies(
    agency: Steward,
) -> None:
    agency.catch_up()

    restated = [one for row in agency.rows("period_closes") for one in row.restatements]
    certified = [row.kpi_certificate for row in agency.rows("kpi_certificates")]
    verified = [certificates.verify(agency.runtime.reader, agency.tenant, one) for one in certified[::9]]

    assert {len(one["causes"]) for one in restated} == {1}
    assert {one["verified"] for one in verified} == {True}


def test_the_demo_leaves_work_on_every_board(agency: Steward) -> None:
    now, today, reader = agency.clock.now, NOW[:10], agency.runtime.reader

    has_cycle = renewals.VIEW.table.c.renewal.is_not(None)
    states, _ = reader.select(agency.tenant, renewals.VIEW, [has_cycle], When(now, None, now=True))
    by_now = passed(reader, agency.tenant, now, None)
    due = [row for row in map(by_now.read, states) if row.outcome == "open"]

    assert len(due) > 5
    assert all(now < row.due_at for row in due)
    assert {"proposed", "negotiation"} <= {row.stage for row in agency.rows("opportunities") if row.outcome == "open"}
    assert any(row.awaiting for row in agency.rows("proposals"))
    assert any(row.open_disputes for row in agency.rows("incentive_statements"))
    assert any(row.state == "open" and row.start <= today < row.end for row in agency.rows("budgets"))


def test_a_demo_that_is_loaded_again_years_later_appends_nothing(agency: Steward) -> None:
    head = agency.runtime.log.head(agency.tenant)
    agency.clock.set("2029-03-01T12:00:00Z")

    again = load_demo(agency.runtime, agency.tenant, accounts=32, years=3)

    assert (again.new, again.refused) == (0, ())
    assert agency.runtime.log.head(agency.tenant) == head


def test_a_demo_of_another_size_is_refused_by_name_and_leaves_the_ledger_alone(agency: Steward) -> None:
    head = agency.runtime.log.head(agency.tenant)

    with pytest.raises(Refused, match="demo_told_otherwise"):
        load_demo(agency.runtime, agency.tenant, accounts=33, years=3)

    assert agency.runtime.log.head(agency.tenant) == head


@pytest.mark.parametrize("now", ["2028-02-29T00:00:01Z", "2027-01-31T23:59:59Z", "2024-12-31T12:00:00Z"])
def test_nothing_of_the_demo_is_refused_whatever_day_it_is(databases: Databases, now: str) -> None:
    steward = Steward(databases.fresh("sqlite"), now=now, time_zone="America/Los_Angeles")

    result = load_demo(steward.runtime, steward.tenant, accounts=16, years=4)
    new_ledger = load_demo(steward.runtime, create_tenant(steward.runtime, years=1), accounts=16, years=1)
    steward.close()

    assert result.refused == new_ledger.refused == ()


def test_the_same_day_gives_the_same_story_and_every_tenant_its_own_ids() -> None:
    here, there = ids("tnt_here", "2024-01-01"), ids("tnt_there", "2024-01-01")

    first, second = (story("2024-01-01", accounts=5, years=1, currency="EUR", new_id=here) for _ in range(2))

    assert digest(first) == digest(second)
    assert here("acct", "demo-000") == here("acct", "demo-000") != there("acct", "demo-000")


def test_a_demo_that_was_interrupted_goes_on_where_it_stopped(steward: Steward) -> None:
    steward.clock.set(NOW)

    class Stop(Exception):
        """Somebody interrupts the load."""

    batches: list[int] = []

    def stop(done: int) -> None:
        batches.append(done)
        if sum(batches) > 400:  # statements and closed quarters among them
            raise Stop

    with pytest.raises(Stop):
        load_demo(steward.runtime, steward.tenant, accounts=8, years=1, progress=stop)
    begun = steward.runtime.log.head(steward.tenant)
    counts: list[int] = []
    steward.clock.set("2026-12-24T09:00:00Z")
    result = load_demo(steward.runtime, steward.tenant, accounts=8, years=1, on_start=counts.append)

    assert 0 < begun < result.position == steward.runtime.log.head(steward.tenant)
    assert result.known == sum(batches)
    assert counts == [result.known + result.new]
    assert result.refused == ()
