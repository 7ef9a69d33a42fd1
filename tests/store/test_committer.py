"""Group commit: one transaction for many, an answer for each, and nobody pays for another's fault."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from sqlalchemy.exc import IntegrityError

from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Conflict, Refused, Unavailable
from app.store.append import AppendRequest, Outcome
from app.store.committer import Answer, Committer
from app.store.receipts import Receipt
from tests.store.writers import begin, doubled, renaming, sound
from tests.support.application import Steward

AppendMany = Callable[[str, Sequence[AppendRequest]], list[Outcome]]


class Line:
    """A committer whose first transaction waits at a gate, so that what comes meanwhile shares the next one."""

    def __init__(self, append: AppendMany, gate: AppendRequest, waiting: int = 1024) -> None:
        self.sizes: list[int] = []
        self.opened = threading.Event()
        self._entered = threading.Event()
        self._append = append
        self.committer = Committer(self._held, waiting=waiting)
        self.first = self.committer.submit([gate])
        assert self._entered.wait(10)

    def _held(self, tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        self._entered.set()
        assert self.opened.wait(10)
        self.sizes.append(len(batch))
        return self._append(tenant_id, batch)


@contextmanager
def queue(steward: Steward, **settings: int) -> Iterator[Line]:
    """A line that opens when the block ends."""
    line = Line(
        steward.runtime.log.append,
        renaming(steward.runtime, steward.tenant, steward.runtime.new_id("acct"), 1, "gate"),
        **settings,
    )
    yield line
    line.opened.set()
    line.committer.close()


def outcome(answer: Answer) -> Outcome:
    return answer.result(timeout=10)[0]


def test_what_waits_shares_one_transaction_and_each_gets_its_own_receipt(steward: Steward) -> None:
    with queue(steward) as line:
        answers = [line.committer.submit([begin(steward, f"{number}")]) for number in range(30)]

    receipts = [outcome(answer) for answer in answers]
    assert line.sizes == [1, 30]
    assert [receipt.position for receipt in receipts if isinstance(receipt, Receipt)] == list(range(3, 33))
    assert len(sound(steward)) == 32


def test_a_conflict_and_a_refusal_drop_alone(steward: Steward) -> None:
    steward.do(OpenAccount(name="First", currency="EUR", external_ref="taken"))
    stale = renaming(steward.runtime, steward.tenant, steward.runtime.new_id("acct"), 5, "stale")

    with queue(steward) as line:
        before = line.committer.submit([begin(steward, "before")])
        conflict = line.committer.submit([stale])
        refused = line.committer.submit([begin(steward, "refused", claims=(("account", "taken"),))])
        claimed = line.committer.submit([begin(steward, "claimed", claims=(("account", "free"),))])
        doubly = line.committer.submit([begin(steward, "doubly", claims=(("account", "free"),))])
        after = line.committer.submit([begin(steward, "after")])

    assert line.sizes == [1, 6]
    assert [type(outcome(one)) for one in (before, conflict, refused, claimed, doubly, after)] == [
        Receipt,
        Conflict,
        Refused,
        Receipt,
        Refused,
        Receipt,
    ]
    assert outcome(conflict).members["current_version"] == 0
    assert len(sound(steward)) == 6


def test_two_commands_on_one_stream_in_one_batch_are_taken_in_order(steward: Steward) -> None:
    stream = steward.runtime.new_id("acct")
    with queue(steward) as line:
        answers = [
            line.committer.submit([renaming(steward.runtime, steward.tenant, stream, version, f"{version}-{attempt}")])
            for version in (1, 2, 3)
            for attempt in ("a", "b")
        ]

    assert [type(outcome(answer)) for answer in answers] == [Receipt, Conflict] * 3
    assert [event.version for event in steward.runtime.log.stream(steward.tenant, stream)] == [1, 2, 3]


def test_a_command_that_the_database_refuses_fails_alone(steward: Steward) -> None:
    with queue(steward) as line:
        answers = [
            line.committer.submit(
                [doubled(begin(steward, f"{number}")) if number in (3, 17) else begin(steward, f"{number}")]
            )
            for number in range(20)
        ]

    for number, answer in enumerate(answers):
        if number in (3, 17):
            with pytest.raises(IntegrityError):
                outcome(answer)
        else:
            assert isinstance(outcome(answer), Receipt)
    assert len(sound(steward)) == 20


def test_a_full_queue_refuses_by_name_loses_nothing_and_recovers(steward: Steward) -> None:
    with queue(steward, waiting=3) as line:
        answers = [line.committer.submit([begin(steward, f"{number}")]) for number in range(3)]
        with pytest.raises(Unavailable) as refusal:
            line.committer.submit([begin(steward, "too many")])
        line.opened.set()
        assert [type(outcome(answer)) for answer in answers] == [Receipt] * 3
        again = line.committer.submit([begin(steward, "again")])

    assert (refusal.value.code, refusal.value.members) == ("queue_full", {"retry_after": 1})
    assert isinstance(outcome(again), Receipt)
    assert len(sound(steward)) == 6


def test_closing_appends_what_waits_and_takes_nothing_more(steward: Steward) -> None:
    with queue(steward) as line:
        answers = [line.committer.submit([begin(steward, f"{number}")]) for number in range(20)]

    assert {type(answer.result(timeout=0)[0]) for answer in answers} == {Receipt}
    with pytest.raises(Unavailable, match="shutting_down"):
        line.committer.submit([begin(steward, "too late")])
    assert len(sound(steward)) == 22


def test_a_waiter_who_gives_up_stops_nobody(steward: Steward) -> None:
    with queue(steward) as line:
        gone = line.committer.submit([begin(steward, "gone")])
        line.first.cancel()
        assert gone.cancel()
        stays = line.committer.submit([begin(steward, "stays")])

    assert isinstance(outcome(stays), Receipt)
    assert line.sizes == [1, 1]
    assert len(sound(steward)) == 3


def test_nothing_to_append_is_answered_at_once(sqlite_steward: Steward) -> None:
    assert sqlite_steward.runtime.committer.submit([]).result(timeout=1) == []


def test_an_append_never_waits_for_company(steward: Steward) -> None:
    assert isinstance(outcome(steward.runtime.committer.submit([begin(steward, "alone")])), Receipt)


def test_tenants_who_wait_together_get_transactions_of_their_own(steward: Steward) -> None:
    other = steward.new_tenant("Other")
    with queue(steward) as line:
        mine = [line.committer.submit([begin(steward, f"{number}")]) for number in range(3)]
        theirs = line.committer.submit([renaming(steward.runtime, other, steward.runtime.new_id("acct"), 1, "1")])

    assert line.sizes == [1, 3, 1]
    assert {type(outcome(answer)) for answer in [*mine, theirs]} == {Receipt}
    assert (steward.runtime.log.head(steward.tenant), steward.runtime.log.head(other)) == (5, 2)


# --- coroutines that wait ---


def test_coroutines_that_waited_together_are_told_in_one_call_of_their_loop(steward: Steward) -> None:
    woken: list[int] = []

    async def wait_for_all(line: Line) -> list[list[Outcome]]:
        loop = asyncio.get_running_loop()
        call = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *args, **also: (woken.append(1), call(*args, **also))[1]  # type: ignore[method-assign]
        answers = [line.committer.submit_async([begin(steward, f"{number}")]) for number in range(30)]
        line.opened.set()
        return await asyncio.gather(*answers)

    with queue(steward) as line:
        outcomes = asyncio.run(wait_for_all(line))

    assert line.sizes == [1, 30]
    assert [one.position for (one,) in outcomes if isinstance(one, Receipt)] == list(range(3, 33))
    assert len(woken) == 1


def test_a_coroutine_hears_of_its_own_fault_and_of_nobody_elses(steward: Steward) -> None:
    async def wait_for_all(line: Line) -> list[list[Outcome] | BaseException]:
        answers = [
            line.committer.submit_async(
                [doubled(begin(steward, f"{number}")) if number == 3 else begin(steward, f"{number}")]
            )
            for number in range(8)
        ]
        line.opened.set()
        return await asyncio.gather(*answers, return_exceptions=True)

    with queue(steward) as line:
        outcomes = asyncio.run(wait_for_all(line))

    assert [type(one) if isinstance(one, BaseException) else type(one[0]) for one in outcomes] == [
        IntegrityError if number == 3 else Receipt for number in range(8)
    ]


def test_a_coroutine_that_gives_up_before_its_turn_is_dropped_and_one_too_late_stops_nobody(
    steward: Steward,
) -> None:
    async def give_up(line: Line) -> Outcome:
        early = line.committer.submit_async([begin(steward, "gives up")])
        stays = line.committer.submit_async([begin(steward, "stays")])
        early.cancel()
        line.opened.set()
        return (await stays)[0]

    async def leave(committer: Committer) -> None:
        committer.submit_async([begin(steward, "its loop is gone before the answer")])

    with queue(steward) as line:
        assert isinstance(asyncio.run(give_up(line)), Receipt)
        asyncio.run(leave(line.committer))
        assert isinstance(outcome(line.committer.submit([begin(steward, "last")])), Receipt)

    assert line.sizes[:2] == [1, 1]
    assert sum(line.sizes) == 4


def test_a_full_queue_refuses_coroutines_as_well(steward: Steward) -> None:
    async def ask_for_more(line: Line) -> None:
        for number in range(3):
            line.committer.submit_async([begin(steward, f"{number}")])
        with pytest.raises(Unavailable, match="queue_full"):
            line.committer.submit_async([begin(steward, "too many")])

    with queue(steward, waiting=3) as line:
        asyncio.run(ask_for_more(line))


def test_nothing_to_append_is_answered_to_a_coroutine_at_once(sqlite_steward: Steward) -> None:
    async def ask() -> list[Outcome]:
        return await sqlite_steward.runtime.committer.submit_async([])

    assert asyncio.run(ask()) == []
