"""The time of an append: it only rises, so it must not be lifted by a clock that cannot be right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Unavailable
from app.domain.kernel.values import micros
from app.store.ledger_time import AHEAD_OF_LEDGER, AHEAD_OF_SECOND, HOUR, LedgerTime
from tests.support.application import Steward

NOW = micros("2026-03-01T12:00:00Z")
DAY = 24 * HOUR


class Machine:
    """A machine whose wall clock can be set, and whose other one counts from when it started."""

    def __init__(self, began: int = NOW) -> None:
        self.wall, self.up = NOW, 5 * HOUR
        self.time = LedgerTime(lambda: self.wall, lambda: self.up, began)

    def pass_by(self, span: int) -> None:
        """Time passes on both."""
        self.wall, self.up = self.wall + span, self.up + span


def test_a_clock_that_leaps_a_year_ahead_lifts_no_ledger_until_it_is_right_again() -> None:
    machine = Machine()
    machine.wall += 400 * DAY
    for last in (0, NOW - 9 * DAY, NOW):
        with pytest.raises(Unavailable) as ahead:
            machine.time.after(last)
        assert (ahead.value.code, ahead.value.members) == ("clock_ahead", {"retry_after": 60})

    machine.wall -= 400 * DAY
    assert machine.time.after(NOW - 9 * DAY) == NOW


def test_a_ledger_that_rested_for_years_goes_on() -> None:
    machine = Machine()
    machine.pass_by(3000 * DAY)
    assert machine.time.after(NOW) == NOW + 3000 * DAY


def test_a_server_that_starts_with_a_clock_far_ahead_of_the_databases_is_refused() -> None:
    with pytest.raises(Unavailable, match="clock_ahead"):
        Machine(began=NOW - 90 * DAY).time.after(NOW - 91 * DAY)


@given(st.integers(0, 500 * DAY), st.integers(-500 * DAY, AHEAD_OF_SECOND), st.integers(-AHEAD_OF_LEDGER, 400 * DAY))
def test_a_clock_that_is_corrected_by_less_than_a_day_or_set_back_is_never_refused(
    passed: int, corrected: int, last: int
) -> None:
    machine = Machine()
    machine.pass_by(passed)
    machine.wall += corrected
    assert machine.time.after(NOW + last) == max(machine.wall, NOW + last)


def test_what_is_refused_for_the_clock_is_not_stored_and_may_be_sent_again(
    steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    head, sound = steward.runtime.log.head(steward.tenant), steward.runtime.log.time_after
    machine = Machine()
    machine.wall += 60 * DAY
    monkeypatch.setattr(steward.runtime.log, "time_after", machine.time.after)
    monkeypatch.setattr(machine.time, "_offset", machine.time._offset - 365 * DAY)

    with pytest.raises(Unavailable, match="clock_ahead"):
        steward.do(OpenAccount(name="Northwind", currency="EUR"), key="once")
    assert steward.runtime.log.head(steward.tenant) == head
    monkeypatch.setattr(steward.runtime.log, "time_after", sound)

    assert steward.do(OpenAccount(name="Northwind", currency="EUR"), key="once").position == head + 1
