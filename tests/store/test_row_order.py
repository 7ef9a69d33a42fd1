"""Rows are tuples where an object for each would cost too much. Here each order is held to the names of its members."""

from dataclasses import fields

from app.domain.recorded import Recorded
from app.store.batch import Existing, LookupKeys, event_row
from app.store.event_pages import COLUMNS as PAGE_COLUMNS
from app.store.mapper import StoredEnvelope
from app.store.recorder import COLUMNS as ENVELOPE_COLUMNS
from app.store.recorder import envelope_of
from app.store.statements import ADDED
from app.store.tables import events

SAMPLE = StoredEnvelope(
    originator_id="ctr_1",
    originator_version=2,
    topic="contract.signed",
    state=b"body",
    event_id="evt_1",
    account_id="acct_1",
    schema_version=3,
    effective_at=4,
    actor="key_1",
    position=5,
    recorded_at=6,
    leaf=b"leaf",
)
COLUMN_OF = {"originator_id": "stream_id", "originator_version": "version", "topic": "type", "state": "body"}
"""The columns of members that bear the library's names."""


def test_an_event_row_has_a_value_of_its_own_for_each_column_in_the_order_of_the_statement() -> None:
    row = event_row(SAMPLE, position=7, leaf=b"its leaf")

    assert dict(zip(ADDED["events"], row, strict=True)) == {
        "position": 7,
        "event_id": "evt_1",
        "stream_id": "ctr_1",
        "version": 2,
        "account_id": "acct_1",
        "type": "contract.signed",
        "schema_version": 3,
        "effective_at": 4,
        "actor": "key_1",
        "body": b"body",
        "leaf": b"its leaf",
    }


def test_an_event_row_together_with_tenant_and_time_fills_the_table() -> None:
    assert {*ADDED["events"], "tenant_id", "recorded_at"} == {column.name for column in events.columns}


def test_a_page_reads_the_columns_in_the_order_of_the_members_of_an_event() -> None:
    members = [field.name for field in fields(Recorded)]

    assert ["tenant_id", *PAGE_COLUMNS.split(", ")] == members[: members.index("leaf")]


def test_a_stream_reads_the_columns_in_the_order_of_the_members_of_a_stored_event() -> None:
    members = list(vars(SAMPLE))
    columns = [COLUMN_OF.get(member, member) for member in members if member != "header"]

    assert [column.name for column in ENVELOPE_COLUMNS] == columns
    assert vars(envelope_of([vars(SAMPLE)[member] for member in members if member != "header"])) == vars(SAMPLE)


def test_a_look_up_has_an_answer_for_each_kind_of_key() -> None:
    assert [field.name for field in fields(LookupKeys)] == [field.name for field in fields(Existing)]
