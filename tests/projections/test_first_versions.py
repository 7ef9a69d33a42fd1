"""Contracts stored in the first versions of their events give the rows that they gave then.

`tests/data/contract-views-of-first-versions.json` holds histories and the rows that the code of that time made from them. Histories that no
decision ever accepted, with a renewal before the last one or after a termination, are left out.
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

STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "contract-views-of-first-versions.json").read_text()
)
ZONE = ZoneInfo(STORED["zone"])
VIEWS: tuple[View[Any], ...] = (contract_lines.VIEW, contracts.VIEW, run_rates.VIEW)


def stored(number: int, history: list[list[Any]]) -> list[Recorded]:
    """The recorded events of a history, each in its first version."""
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
            day_start(day, ZONE),
            0,
            "x",
            json.dumps({"data": data}).encode(),
        )
        for version, (topic, day, data) in enumerate(history, 1)
    ]


def rows(view: View[Any], events: list[Recorded]) -> list[list[Any]]:
    """A view's rows from events, by the members that it had then."""
    folded: dict[Any, Any] = {}
    for event in events:
        folded = dict(view.fold(folded, event, ZONE))
    members = STORED["members"][view.name]
    versioned = [row for key, row in folded.items() if not (view.unversioned and view.unversioned(key))]
    return sorted(([getattr(row, member) for member in members] for row in versioned), key=json.dumps)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_events_of_the_first_versions_give_the_same_rows_as_ever(view: View[Any]) -> None:
    for number, case in enumerate(STORED["histories"]):
        rebuilt = rows(view, stored(number, case["told"]))

        assert json.loads(json.dumps(rebuilt)) == case["rows"][view.name], number


def test_discounts_of_first_versions_are_deducted_too() -> None:
    discounted = 0
    for number, case in enumerate(STORED["histories"]):
        folded: dict[Any, Any] = {}
        for event in stored(number, case["told"]):
            folded = dict(contract_lines.VIEW.fold(folded, event, ZONE))
        for row in (row for row in folded.values() if row.line):
            assert row.temporary == 0
            assert row.held or row.annual == row.gross - row.lasting
            discounted += row.lasting > 0
    assert discounted > 10
