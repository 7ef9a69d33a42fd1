"""Patience: a read that is asked again is of the position of before, so that it arrives however much is written meanwhile."""

import asyncio
from typing import cast

from app.api.http.waiting_reads import WaitingReads
from app.read_side.patience import Behind, Patience, aim
from app.read_side.projector import Projector
from projections import VIEWS

TENANT = "tnt_1"


class BusyLedger:
    """A ledger that is two events longer at each look, and views that follow it a little behind."""

    def __init__(self) -> None:
        self.end = 10
        self.aims: list[int] = []

    def head(self) -> int:
        self.end += 2
        return self.end

    def positions(self, _tenant_id: str) -> dict[str, int]:
        self.end += 2
        return {view.name: self.end - 1 for view in VIEWS}

    async def read(self) -> int:
        """What was aimed at, once the views are there."""
        position = aim(self.head)
        self.aims.append(position)
        if position > self.end - 1:
            raise Behind(TENANT, VIEWS, position, 5)
        return position


def test_a_read_that_is_asked_again_aims_at_the_same_position() -> None:
    ledger = BusyLedger()
    waiting = WaitingReads(cast("Projector", ledger), most=8)

    assert asyncio.run(waiting.patiently(ledger.read)) == 12
    assert ledger.aims == [12, 12]


def test_who_looks_twice_sees_what_was_written_meanwhile_and_begins_anew_with_the_later() -> None:
    ledger, patience = BusyLedger(), Patience()

    assert (patience.aim(ledger.head), patience.aim(ledger.head)) == (12, 14)
    patience.ask_again()
    assert (patience.aim(ledger.head), patience.aim(ledger.head)) == (14, 16)


def test_without_anybody_who_is_patient_it_is_the_head() -> None:
    ledger = BusyLedger()

    assert (aim(ledger.head), aim(ledger.head)) == (12, 14)
