"""Rows are built by keyword, so that no amount can take another's place. The few built by position are compared member by member."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections import VIEWS
from projections.interval_index import node_of
from projections.views import accounts, interactions, run_rates, timeline

ROOT = Path(__file__).parents[3]
ROW_TYPES = {view.row.__name__ for view in VIEWS}
MEASURED = {
    ("accounts.py", "_touched"),
    ("interactions.py", "_logged"),
    ("run_rates.py", "_levels"),
    ("timeline.py", "_entry"),
}
"""The hot constructors, one for each type: with keywords a row takes four times as long. Each has its test below."""
UTC = ZoneInfo("UTC")


def built_by_position(source: str) -> Iterator[str]:
    """The functions that build a row with a positional argument."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ROW_TYPES:
                    yield from [function.name] if call.args else []


def test_rows_are_built_by_name_but_for_one_measured_constructor_of_a_hot_type() -> None:
    files = sorted((ROOT / "projections").rglob("*.py"))

    assert {(path.name, name) for path in files for name in built_by_position(path.read_text())} == MEASURED
    assert all(
        len(list(built_by_position((ROOT / "projections/views" / file).read_text()))) == 1 for file, _ in MEASURED
    )


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_row_type_stands_in_the_file_of_its_view(view: object) -> None:
    assert f"projections/views/{view.name}" in inspect.getfile(view.row)  # type: ignore[attr-defined]


def recorded(topic: str, data: dict[str, object]) -> Recorded:
    meta = {"visibility": "client", "client": "key_2", "on_behalf_of": "usr_3", "run": "r-4"}
    content = {"data": data, "meta": meta}
    return Recorded(
        "tnt_1", 11, "evt_1", "int_1", 12, "acct_1", topic, 1, 21, 22, "key_1", b"{}", known=content
    )  # fmt: skip


def test_an_entry_of_the_timeline_has_each_member_in_its_place() -> None:
    row = timeline.VIEW.on["account.renamed"](None, recorded("account.renamed", {"name": "Northwind"}), UTC)

    assert row._asdict() == {
        "event_id": "evt_1",
        "position": 11,
        "account": "acct_1",
        "type": "account.renamed",
        "stream_id": "int_1",
        "effective_at": 21,
        "recorded_at": 22,
        "actor": "key_1",
        "visibility": "client",
        "sentence": "Renamed to Northwind",
        "client": "key_2",
        "on_behalf_of": "usr_3",
        "run": "r-4",
    }


def test_an_interaction_has_each_member_in_its_place() -> None:
    data = {
        "account": "acct_2",
        "channel": "call",
        "direction": "inbound",
        "occurred_at": "1970-01-01T00:00:00.000031Z",
        "subject": {"sealed": "subject"},
        "summary": {"sealed": "summary"},
        "participants": [{"name": "Ada"}],
        "sentiment": "0.5",
        "topics": ["scope"],
        "duration_seconds": 32,
        "external_ref": "crm-1",
    }
    row = interactions.VIEW.on["interaction.logged"](None, recorded("interaction.logged", data), UTC)

    assert row._asdict() == {
        "interaction": "int_1",
        "account": "acct_2",
        "channel": "call",
        "direction": "inbound",
        "occurred": 31,
        "subject": {"sealed": "subject"},
        "summary": {"sealed": "summary"},
        "participants": [{"name": "Ada"}],
        "sentiment": "0.5",
        "topics": ["scope"],
        "duration_seconds": 32,
        "external_ref": "crm-1",
        "voided": False,
        "actor": "key_1",
        "visibility": "client",
        "event_id": "evt_1",
        "version": 12,
        "latest_at": 21,
    }


def test_an_account_that_was_touched_keeps_every_other_member_in_its_place() -> None:
    members = accounts.Account._fields
    before = accounts.Account(**{name: f"its {name}" for name in members} | {
        "opened_at": 1, "last_touch_at": 2, "interactions": 3, "version": 4, "latest_at": 5, "stamps": {"name": 6},
    })  # fmt: skip
    after = accounts.VIEW.on["interaction.logged"](before, recorded("interaction.logged", {}), UTC)

    assert after._asdict() == {**before._asdict(), "last_touch_at": 21, "interactions": 4, "latest_at": 21}


def change(
    annual: int = 0, held: int = 0, suspended: int = 0, resumed: int = 0, escalated: int = 0
) -> run_rates.Change:
    built = run_rates.Change()
    built.annual, built.held, built.suspended, built.resumed, built.escalated = (
        annual,
        held,
        suspended,
        resumed,
        escalated,
    )
    return built


def test_a_run_rate_has_each_amount_in_its_place() -> None:
    changes = {
        5: change(1000),  # new
        10: change(70, resumed=20, escalated=30),  # expansion
        20: change(-300, held=2, suspended=100),  # contraction
        30: change(-770, held=-2),  # churn
        40: change(5000),  # reactivation
        50: change(-5000, held=3, suspended=4000),  # all is suspended
        60: change(6000, held=-2, resumed=400),
    }
    *_, row = run_rates._levels("acct_1", "EUR", changes, whole=True)

    assert row._asdict() == {
        "account": "acct_1",
        "contract": "",
        "currency": "EUR",
        "valid_from": 60,
        "valid_to": FOREVER,
        "node": node_of(60, FOREVER),
        "whole": True,
        "large": False,
        "annual": 6000,
        "held": 1,
        "paid_since": 5,
        "paying_since": 60,
        "total_new": 1000,
        "total_expansion": 6070,
        "total_reactivation": 5000,
        "total_contraction": 5300,
        "total_churn": 770,
        "contraction_hold": 4100,
        "expansion_hold": 420,
        "expansion_escalator": 30,
        "since": 40,
        "schedule": None,
    }
