"""Watchers: several at once, one that was interrupted, when passes run, and a server that runs them by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.domain.kernel.errors import Unavailable
from app.services.deadlines import DeadlineSchedule
from app.services.deadlines import schedule as schedule_module
from app.worker import Worker
from tests.domain.contract.contracts import signed
from tests.services.deadlines.renewals_factory import events, run_pass
from tests.support.application import Steward
from tests.support.clock import Clock
from tests.support.command_line import CommandLine
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Client, Server

MANY = 40


def decided(steward: Steward) -> list[tuple[str, str]]:
    """The topic and contract of every renewal event."""
    steward.catch_up()
    return sorted((event.type, event.data["contract"]) for event in events(steward, "renewal."))


# --- several at once ---


def test_two_workers_at_once_append_nothing_twice(steward: Steward) -> None:
    contracts = [signed(steward, auto_renew=number % 2 == 0) for number in range(MANY)]
    steward.catch_up()
    other = Steward(steward.settings.database_url)  # like another process: other memory, other committer
    for day in ("2026-07-10", "2026-09-10", "2026-12-31", "2027-01-01", "2027-02-10"):
        steward.clock.set(f"{day}T12:00:00Z")
        other.clock.set(f"{day}T12:00:00Z")
        passes = [
            threading.Thread(target=each.runtime.watcher.run_once, args=(steward.tenant,)) for each in (steward, other)
        ]
        for running in passes:
            running.start()
        for running in passes:
            running.join(60)
        steward.catch_up()
    run_pass(steward)
    other.close()

    automatic = [contract for number, contract in enumerate(contracts) if number % 2 == 0]
    outcomes = decided(steward)
    for topic, times in (("renewal.opened", 1), ("renewal.milestone_reached", 2)):
        first = [contract for kind, contract in outcomes if kind == topic]
        assert sorted(first) == sorted(contracts * times), topic
    assert sorted(contract for kind, contract in outcomes if kind == "renewal.won") == sorted(automatic)
    assert sorted(contract for kind, contract in outcomes if kind == "renewal.lost") == sorted(
        set(contracts) - set(automatic)
    )
    assert len(events(steward, "contract.renewed")) == len(events(steward, "contract.expired")) == MANY // 2


def test_an_interrupted_pass_is_continued_where_it_ended(steward: Steward) -> None:
    contracts = [signed(steward) for _ in range(12)]
    steward.catch_up()
    steward.clock.set("2026-10-10T12:00:00Z")
    batches = steward.runtime.handler.handle_batch

    def fail_after_first_batch(tenant_id: str, intents: Any) -> Any:
        batches(tenant_id, intents[:10])  # the committed batch stays
        raise Unavailable("database_unavailable")

    watcher = steward.runtime.watcher
    watcher.handler.handle_batch = fail_after_first_batch  # type: ignore[method-assign]
    with pytest.raises(Unavailable):
        watcher.run_once(steward.tenant)
    del watcher.handler.handle_batch  # type: ignore[method-assign]
    assert 0 < len(events(steward, "renewal.")) < 36
    again = Steward(steward.settings.database_url, now="2026-10-10T13:00:00Z")
    again.runtime.projector.catch_up(steward.tenant)
    again.runtime.watcher.run_once(steward.tenant)
    again.close()

    outcomes = decided(steward)
    assert sorted(contract for kind, contract in outcomes if kind == "renewal.opened") == sorted(contracts)
    assert len([1 for kind, _ in outcomes if kind == "renewal.milestone_reached"]) == 24


def test_a_pass_with_a_limit_leaves_the_rest_to_the_next_one(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.services.deadlines.renewals.PAGE", 5)
    for _ in range(12):
        signed(sqlite_steward)
    sqlite_steward.catch_up()
    sqlite_steward.clock.set("2026-07-10T12:00:00Z")

    first = sqlite_steward.runtime.watcher.run_once(sqlite_steward.tenant, limit=5)
    rest = run_pass(sqlite_steward)

    assert (first.opened, first.more, rest.opened, rest.more) == (5, True, 7, False)


# --- when passes run ---


@dataclass
class Outcome:
    """What a pass reports."""

    until: int
    more: bool = False
    refused: int = 0


class CountingWatcher:
    """A watcher that only notes for which tenants a pass ran."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.passes, self.outcome = clock, [], Outcome(0)
        self.error: Exception | None = None

    def run_once(self, tenant_id: str, limit: int | None = None) -> Outcome:
        """Notes the tenant."""
        assert limit
        self.passes.append(tenant_id)
        if self.error is not None:
            raise self.error
        return Outcome(self.clock.now + 86_400_000_000, self.outcome.more, self.outcome.refused)


class MachineClock:
    """The machine's monotonic clock, set by the test."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Scheduled = tuple[DeadlineSchedule, CountingWatcher, MachineClock]


@pytest.fixture
def scheduled(monkeypatch: pytest.MonkeyPatch) -> Scheduled:
    """A schedule with both clocks set by the test."""
    machine, clock = MachineClock(), Clock()
    monkeypatch.setattr(schedule_module, "monotonic", machine)
    watcher = CountingWatcher(clock)
    return DeadlineSchedule(watcher, clock), watcher, machine


def test_no_second_pass_runs_while_nothing_is_appended_and_the_day_lasts(scheduled: Scheduled) -> None:
    schedule, watcher, machine = scheduled
    schedule.notify("tnt_1")
    for _ in range(100):
        schedule.run_due()
        machine.now += 10

    assert watcher.passes == ["tnt_1"]


def test_a_pass_runs_once_a_second_for_a_busy_tenant(scheduled: Scheduled) -> None:
    schedule, watcher, machine = scheduled
    for _ in range(100):
        schedule.notify("tnt_1")
        schedule.run_due()
        machine.now += 0.0625

    assert len(watcher.passes) == 7  # in 6.25 seconds


def test_a_new_day_causes_a_pass(scheduled: Scheduled) -> None:
    schedule, watcher, machine = scheduled
    schedule.notify("tnt_1")
    schedule.run_due()
    machine.now += 5
    watcher.clock.now += 86_400_000_000
    schedule.run_due()
    schedule.run_due()

    assert watcher.passes == ["tnt_1", "tnt_1"]


@pytest.mark.parametrize(("outcome", "pause"), [(Outcome(0, more=True), 0.0), (Outcome(0, refused=1), 60.0)])
def test_the_rest_of_a_limited_pass_is_done_next_and_refusals_are_tried_a_minute_later(
    scheduled: Scheduled, outcome: Outcome, pause: float
) -> None:
    schedule, watcher, machine = scheduled
    watcher.outcome = outcome
    schedule.notify("tnt_1")
    schedule.run_due()
    machine.now += pause
    schedule.run_due()

    assert watcher.passes == ["tnt_1", "tnt_1"]


def test_an_error_of_one_tenant_does_not_affect_another_and_an_unavailable_database_is_reported(
    scheduled: Scheduled,
) -> None:
    schedule, watcher, machine = scheduled
    watcher.error = KeyError("broken")
    schedule.notify("tnt_1")
    schedule.notify("tnt_2")
    schedule.run_due()
    assert watcher.passes == ["tnt_1", "tnt_2"]
    watcher.error = Unavailable("database_unavailable")
    machine.now += 60
    with pytest.raises(Unavailable):
        schedule.run_due()
    watcher.error = None
    machine.now += 60
    schedule.run_due()
    assert sorted(watcher.passes[-2:]) == ["tnt_1", "tnt_2"]


def test_a_tenant_with_more_to_do_than_a_pass_may_stands_behind_the_others_again(
    scheduled: Scheduled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule_module, "TENANTS_PER_TURN", 1)
    schedule, watcher, _ = scheduled
    watcher.outcome = Outcome(0, more=True)
    for tenant in ("tnt_1", "tnt_2", "tnt_3"):
        schedule.notify(tenant)
    for _ in range(6):
        schedule.run_due()

    assert watcher.passes == ["tnt_1", "tnt_2", "tnt_3"] * 2


def test_a_tenant_whose_ledger_is_held_keeps_no_other_waiting(
    scheduled: Scheduled, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule, watcher, machine = scheduled
    run_once = watcher.run_once

    def held(tenant_id: str, limit: int | None = None) -> Outcome:
        outcome = run_once(tenant_id, limit)
        if tenant_id == "tnt_1":
            machine.now += 10
            raise Unavailable("store_unavailable")
        return outcome

    monkeypatch.setattr(watcher, "run_once", held)
    schedule.notify("tnt_1")
    for _ in range(20):
        schedule.notify("tnt_2")
        schedule.run_due()
        machine.now += 1

    assert watcher.passes.count("tnt_2") == 20
    assert watcher.passes.count("tnt_1") == 1  # it gives way for twice as long as it has waited


def test_a_worker_watches_unless_watchers_are_off(databases: Databases) -> None:
    for watchers, opened in ((False, 0), (True, 1)):
        steward = Steward(databases.fresh("sqlite"), watchers=watchers)
        signed(steward)
        steward.clock.set("2026-07-10T12:00:00Z")
        worker = Worker(steward.runtime)
        worker.once()
        worker.once()
        assert len(events(steward, "renewal.opened")) == opened
        steward.close()


# --- in a server ---


@pytest.fixture(params=BACKENDS)
def watched(request: pytest.FixtureRequest, databases: Databases) -> Iterator[tuple[Server, Clock]]:
    """A real server with watchers, and its clock."""
    clock = Clock("2026-07-10T09:00:00Z")
    with Server(databases.fresh(request.param), clock=clock, watchers=True) as server:
        yield server, clock


def until(client: Client, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The only renewal as soon as a condition holds, within a minute."""
    for _ in range(1200):
        client.position = client.read("/v1/events", after=client.position)["position"]
        rows = client.read("/v1/renewals")["data"]
        if rows and condition(rows[0]):
            return dict(rows[0])
        time.sleep(0.05)
    raise AssertionError(rows)


def test_a_server_opens_notes_and_decides_renewals_by_itself(watched: tuple[Server, Clock]) -> None:
    server, clock = watched
    client = server.client()
    account = client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})["id"]
    line = {"line": "main", "product": "retainer", "quantity": "1", "unit_price": "1000.00", "interval": "month"}
    terms = {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "notice_days": 30, "lines": [line]}
    contract = client.write(f"/v1/accounts/{account}/contracts", terms)["id"]
    client.write(f"/v1/contracts/{contract}/signature", {"signed_at": "2026-01-01"})

    opened = until(client, lambda row: row["id"] is not None)
    clock.set("2026-09-10T09:00:00Z")
    noted = until(client, lambda row: row["milestone"] is not None)
    clock.set("2027-02-10T09:00:00Z")
    lost = until(client, lambda row: row["version"] == 4)  # opened, two milestones, lost

    assert (opened["opened_at"], opened["atr"]["amount"]) == ("2026-07-05T00:00:00.000000Z", "12000.00")
    assert (noted["milestone"], lost["outcome"], lost["reason"]) == (120, "lost", "expired")
    feed = client.read("/v1/events", types=["renewal.opened", "renewal.lost"])["data"]
    assert [event["actor"] for event in feed] == ["system:renewals"] * 2
    refused = client.post(
        f"/v1/renewals/{opened['id']}/forecasts", json={"category": "commit", "expected_value": "1.00"}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "renewal_closed")


def test_a_pass_on_the_command_line_reports_its_results(databases: Databases, tmp_path: Path) -> None:
    steward = Steward(databases.fresh("sqlite"), now="2020-01-15T09:00:00Z")
    signed(steward, start="2020-01-01", end="9999-01-01")
    quiet = steward.tenant
    loud = steward.new_tenant("Loud")
    url = steward.settings.database_url
    steward.close()
    shell = CommandLine(tmp_path, url)

    reports = shell.json("watch")
    report = shell.json("watch", "--tenant", loud)

    nothing = {"opened": 0, "milestones": 0, "renewed": 0, "expired": 0, "refused": []}
    assert sorted(body["tenant_id"] for body in reports) == sorted([quiet, loud])
    assert report == [{"tenant_id": loud, **nothing}]
    assert shell.refusal("watch", "--tenant", "tnt_00000000000000000000000000")[0] == 1
    assert "opened" in shell.run("watch").stdout
