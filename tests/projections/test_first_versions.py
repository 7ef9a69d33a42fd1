"""Contracts told in the first versions of their events give the rows that they gave when there was nothing else.

`tests/data/contract-views-of-first-versions.json` holds histories and the rows that the code of that time made of them.
"""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.domain.kernel.values import day_start
from app.domain.recorded import Recorded
from projections.view import View
from projections.views import contract_lines, contracts, run_rates

TOLD: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "contract-views-of-first-versions.json").read_text()
)
WHERE = ZoneInfo(TOLD["zone"])
VIEWS: tuple[View[Any], ...] = (contract_lines.VIEW, contracts.VIEW, run_rates.VIEW)


def stored(number: int, history: list[list[Any]]) -> list[Recorded]:
    """A history as it stands in the log, every event in its first version."""
    return [
        Recorded(
            "tnt_1",
            version,
            f"evt_{number}_{version}",
            f"ctr_{number}",
            version,
            f"acct_{number}",
            topic,
            1,
            day_start(day, WHERE),
            0,
            "x",
            json.dumps({"data": data}).encode(),
        )
        for version, (topic, day, data) in enumerate(history, 1)
    ]


def rows(view: View[Any], events: list[Recorded]) -> list[list[Any]]:
    """What a view makes of events, by the members that it had then."""
    found: dict[Any, Any] = {}
    for event in events:
        found = dict(view.fold(found, event, WHERE))
    members = TOLD["members"][view.name]
    told = [row for key, row in found.items() if not (view.unversioned and view.unversioned(key))]
    return sorted(([getattr(row, member) for member in members] for row in told), key=json.dumps)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_events_of_the_first_versions_give_the_rows_that_they_always_gave(view: View[Any]) -> None:
    for number, told in enumerate(TOLD["histories"]):
        made = rows(view, stored(number, told["told"]))

        assert json.loads(json.dumps(made)) == told["rows"][view.name], number


def test_what_discounts_take_off_is_told_of_first_versions_too() -> None:
    discounted = 0
    for number, told in enumerate(TOLD["histories"]):
        found: dict[Any, Any] = {}
        for event in stored(number, told["told"]):
            found = dict(contract_lines.VIEW.fold(found, event, WHERE))
        for row in (row for row in found.values() if row.line):
            assert row.temporary == 0
            assert row.held or row.annual == row.gross - row.lasting
            discounted += row.lasting > 0
    assert discounted > 10
