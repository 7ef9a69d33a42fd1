"""The schedule in the views of contracts: shared in memory, the same from the table, and stored once."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given

from app.domain.contract.commands import AmendContract
from app.domain.contract.schedule import Schedule
from app.domain.kernel.values import FOREVER, unscaled
from app.domain.recorded import Recorded
from app.read_side.view_tables import create_tables
from app.store.engine import Database
from projections import contract_schedule
from projections.view import View
from projections.views import contract_lines, contracts, renewals
from projections.views.renewals.contract_facts import ContractFacts
from tests.domain.contract.contracts import add, line, reprice, signed
from tests.domain.contract.test_schedule import HISTORIES, UTC, Told, build, events
from tests.support.application import Steward
from tests.support.databases import owned
from tests.support.views import projector
from tests.support.views import rows as stored

VIEWS: tuple[View[Any], ...] = (contract_lines.VIEW, renewals.VIEW, contracts.VIEW)
Rows = dict[Any, Any]


def folded(view: View[Any], recorded: Sequence[Recorded]) -> Iterator[Rows]:
    """A view's rows after each event, held in memory."""
    rows: Rows = {}
    for event in recorded:
        rows = dict(view.fold(rows, event, UTC)) if event.type in view.on else rows
        yield rows


def folded_from_the_table(view: View[Any], recorded: Sequence[Recorded]) -> Iterator[Rows]:
    """A view's rows after each event, with every row stored and read again between two events, as JSON."""
    rows: Rows = {}
    for event in recorded:
        if event.type in view.on:
            rows = {key: stored_and_read(view, row) for key, row in view.fold(rows, event, UTC).items()}
        yield rows


def stored_and_read(view: View[Any], row: Any) -> Any:
    return view.row(*json.loads(json.dumps(row, default=tuple)))


def plain(view: View[Any], rows: Rows) -> dict[Any, Any]:
    return {key: stored_and_read(view, row) for key, row in rows.items()}


@given(HISTORIES)
def test_views_that_share_a_schedule_have_the_rows_that_each_makes_from_the_bytes_alone(history: list[Told]) -> None:
    together = events(history)
    for view in VIEWS:  # the first view stores the schedules on the events, the others use them
        alone = [dict(rows) for rows in folded_from_the_table(view, events(history))]
        shared = [plain(view, rows) for rows in folded(view, together)]
        assert shared == alone


@given(HISTORIES)
def test_lines_updated_event_by_event_equal_those_of_the_whole_schedule(history: list[Told]) -> None:
    for length, rows in enumerate(folded(contract_lines.VIEW, events(history)), 1):
        schedule = build(history[:length])
        lines = [row for row in rows.values() if row.line]
        held = sorted((row.line, row.valid_from, row.valid_to, row.annual, row.held, row.source) for row in lines)
        assert held == sorted((i.line, i.start, i.end, i.annual, i.suspended, i.source) for i in schedule.intervals())
        assert {row.place for row in lines} == {list(schedule.lines).index(row.line) for row in lines}


@given(HISTORIES)
def test_an_event_that_changes_nothing_leaves_the_schedule_as_it_is(history: list[Told]) -> None:
    schedule = Schedule()
    for one in events(history):
        after = contract_schedule.advance(schedule, one, UTC)[1]
        assert (after is schedule) == (after == schedule)
        schedule = after


def amend(steward: Steward, contract: str, amendments: int) -> None:
    """Some amendments, a day apart, caught up with after each of the first ones, and all at once with the rest."""
    for number in range(amendments):
        change = reprice("main", f"{1000 + number}.00")
        day = f"2026-{2 + number // 28:02d}-{1 + number % 28:02d}"
        steward.do(AmendContract(effective_at=day, changes=(change,)), contract=contract)
        if number < 3:
            steward.catch_up()


def test_a_schedule_is_stored_once_however_often_a_contract_is_amended(steward: Steward) -> None:
    contract = signed(steward)
    amend(steward, contract, 40)
    steward.catch_up()

    rows = {
        view.name: [dict(zip(view.table.c.keys(), row, strict=True)) for row in stored(steward, view)] for view in VIEWS
    }
    (schedule_row,) = [row for row in rows["contract_lines"] if not row["line"]]
    (facts_row,) = [row for row in rows["renewals"] if not row["due"]]
    assert schedule_row["pos_to"] == facts_row["pos_to"] == FOREVER
    assert len(Schedule.load(schedule_row["schedule"]).steps) == 41
    assert len(ContractFacts.load(facts_row["facts"]).facts) == 42
    # the schedule, the first line, and two rows for each amendment
    assert len(rows["contract_lines"]) == 1 + 1 + 2 * 40


def test_what_was_known_before_an_amendment_does_not_change_with_it(steward: Steward) -> None:
    contract = signed(steward)
    steward.do(AmendContract(effective_at="2026-03-01", changes=(reprice("main", "2000.00"),)), contract=contract)
    known = steward.catch_up()
    before = [row for row in steward.rows("contract_lines", known_at=str(known)) if row.line]

    steward.do(AmendContract(effective_at="2026-02-01", changes=(reprice("main", "3000.00"),)), contract=contract)

    assert [row for row in steward.rows("contract_lines", known_at=str(known)) if row.line] == before
    assert [unscaled(row.annual) for row in before] == ["12000", "24000"]
    after = [row for row in steward.rows("contract_lines") if row.line]
    assert [unscaled(row.annual) for row in after] == ["12000", "36000", "24000"]


def test_lines_keep_the_order_in_which_they_were_added(steward: Steward) -> None:
    contract = signed(steward, lines=(line("zebra"), line("main")))
    steward.do(AmendContract(effective_at="2026-03-01", changes=(add("ant"),)), contract=contract)

    rows = sorted((row for row in steward.rows("contract_lines") if row.line), key=lambda row: row.place)

    assert [row.line for row in rows] == ["zebra", "main", "ant"]


def test_a_new_version_of_a_view_has_its_own_table_and_leaves_the_old_one_unchanged(
    steward: Steward,
) -> None:
    contract = signed(steward)
    older = replace(contract_lines.VIEW, version=contract_lines.VIEW.version - 1)
    owner = Database(owned(steward.settings.database_url), owner=True)
    create_tables(owner, [older])
    owner.close()
    projector(steward, older).catch_up(steward.tenant)
    old_rows = stored(steward, older)

    amend(steward, contract, 1)

    assert [row.line for row in steward.rows("contract_lines")] == ["", "main", "main"]
    assert stored(steward, older) == old_rows
    assert len(old_rows) == 2
