"""Group commit: one transaction for many, a result for each, and no command fails for another's fault."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy.exc import IntegrityError

from app.domain.account.commands import OpenAccount
from app.domain.kernel.errors import Refused, Unavailable
from app.store.append import AppendRequest, Outcome, Overtaken
from app.store.committer import Committer, ThreadFuture
from app.store.receipts import Receipt, Request
from tests.store.writers import begin, doubled, renaming, sound
from tests.support.application import Steward
from tests.support.databases import Databases, superuser

AppendMany = Callable[[str, Sequence[AppendRequest]], list[Outcome]]


class GatedCommitter:
    """A committer whose first transaction waits at a gate, so that what is submitted meanwhile shares the next one."""

    def __init__(self, append: AppendMany, gate: AppendRequest, waiting: int = 1024) -> None:
        self.sizes: list[int] = []
        self.opened = threading.Event()
        self._entered = threading.Event()
        self._append = append
        self.committer = Committer(self._append_after_gate, waiting=waiting)
        self.first = self.committer.submit([gate])
        assert self._entered.wait(60)

    def _append_after_gate(self, tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        self._entered.set()
        assert self.opened.wait(60)
        self.sizes.append(len(batch))
        return self._append(tenant_id, batch)


@contextmanager
def queue(steward: Steward, **settings: int) -> Iterator[GatedCommitter]:
    """A committer whose gate opens when the block ends."""
    gated = GatedCommitter(
        steward.runtime.log.append,
        renaming(steward.runtime, steward.tenant, steward.runtime.new_id("acct"), 1, "gate"),
        **settings,
    )
    yield gated
    gated.opened.set()
    gated.committer.close()


def outcome(future: ThreadFuture) -> Outcome:
    return future.result(timeout=60)[0]


def test_commands_that_wait_share_one_transaction_and_each_gets_its_own_receipt(steward: Steward) -> None:
    with queue(steward) as gated:
        futures = [gated.committer.submit([begin(steward, f"{number}")]) for number in range(30)]

    receipts = [outcome(future) for future in futures]
    assert gated.sizes == [1, 30]
    assert [receipt.position for receipt in receipts if isinstance(receipt, Receipt)] == list(range(3, 33))
    assert len(sound(steward)) == 32


def test_a_conflict_or_a_refusal_drops_only_its_own_command(steward: Steward) -> None:
    steward.do(OpenAccount(name="First", currency="EUR", external_ref="taken"))
    stale = renaming(steward.runtime, steward.tenant, steward.runtime.new_id("acct"), 5, "stale")

    with queue(steward) as gated:
        before = gated.committer.submit([begin(steward, "before")])
        conflict = gated.committer.submit([stale])
        refused = gated.committer.submit([begin(steward, "refused", claims=(("account", "taken"),))])
        claimed = gated.committer.submit([begin(steward, "claimed", claims=(("account", "free"),))])
        second = gated.committer.submit([begin(steward, "second", claims=(("account", "free"),))])
        after = gated.committer.submit([begin(steward, "after")])

    assert gated.sizes == [1, 6]
    assert [type(outcome(future)) for future in (before, conflict, refused, claimed, second, after)] == [
        Receipt,
        Overtaken,
        Refused,
        Receipt,
        Refused,
        Receipt,
    ]
    assert outcome(conflict).stream == stale.stream_id
    assert len(sound(steward)) == 6


def test_commands_on_one_stream_in_one_batch_are_checked_in_order(steward: Steward) -> None:
    stream = steward.runtime.new_id("acct")
    with queue(steward) as gated:
        futures = [
            gated.committer.submit([renaming(steward.runtime, steward.tenant, stream, version, f"{version}-{attempt}")])
            for version in (1, 2, 3)
            for attempt in ("a", "b")
        ]

    assert [type(outcome(future)) for future in futures] == [Receipt, Overtaken] * 3
    assert [event.version for event in steward.runtime.log.stream(steward.tenant, stream)] == [1, 2, 3]


def test_a_command_that_the_database_refuses_fails_alone(steward: Steward) -> None:
    with queue(steward) as gated:
        futures = [
            gated.committer.submit(
                [doubled(begin(steward, f"{number}")) if number in (3, 17) else begin(steward, f"{number}")]
            )
            for number in range(20)
        ]

    for number, future in enumerate(futures):
        if number in (3, 17):
            with pytest.raises(IntegrityError):
                outcome(future)
        else:
            assert isinstance(outcome(future), Receipt)
    assert len(sound(steward)) == 20


def test_a_full_queue_refuses_by_code_loses_nothing_and_recovers(steward: Steward) -> None:
    with queue(steward, waiting=3) as gated:
        futures = [gated.committer.submit([begin(steward, f"{number}")]) for number in range(3)]
        with pytest.raises(Unavailable) as refusal:
            gated.committer.submit([begin(steward, "too many")])
        gated.opened.set()
        assert [type(outcome(future)) for future in futures] == [Receipt] * 3
        again = gated.committer.submit([begin(steward, "again")])

    assert (refusal.value.code, refusal.value.members) == ("queue_full", {"retry_after": 1})
    assert isinstance(outcome(again), Receipt)
    assert len(sound(steward)) == 6


def test_closing_appends_what_waits_and_accepts_nothing_more(steward: Steward) -> None:
    with queue(steward) as gated:
        futures = [gated.committer.submit([begin(steward, f"{number}")]) for number in range(20)]

    assert {type(future.result(timeout=0)[0]) for future in futures} == {Receipt}
    with pytest.raises(Unavailable, match="shutting_down"):
        gated.committer.submit([begin(steward, "too late")])
    assert len(sound(steward)) == 22


def test_a_caller_who_gives_up_does_not_affect_the_others(steward: Steward) -> None:
    with queue(steward) as gated:
        gone = gated.committer.submit([begin(steward, "gone")])
        gated.first.cancel()
        assert gone.cancel()
        stays = gated.committer.submit([begin(steward, "stays")])

    assert isinstance(outcome(stays), Receipt)
    assert gated.sizes == [1, 1]
    assert len(sound(steward)) == 3


def test_an_empty_submission_is_answered_at_once(sqlite_steward: Steward) -> None:
    assert sqlite_steward.runtime.committer.submit([]).result(timeout=1) == []


def test_an_append_never_waits_for_others_to_join_it(steward: Steward) -> None:
    assert isinstance(outcome(steward.runtime.committer.submit([begin(steward, "alone")])), Receipt)


def test_tenants_that_wait_together_get_a_transaction_each(steward: Steward) -> None:
    other = steward.new_tenant("Other")
    with queue(steward) as gated:
        mine = [gated.committer.submit([begin(steward, f"{number}")]) for number in range(3)]
        theirs = gated.committer.submit([renaming(steward.runtime, other, steward.runtime.new_id("acct"), 1, "1")])

    assert (gated.sizes[0], sorted(gated.sizes)) == (1, [1, 1, 3])
    assert {type(outcome(future)) for future in [*mine, theirs]} == {Receipt}
    assert (steward.runtime.log.head(steward.tenant), steward.runtime.log.head(other)) == (5, 2)


def test_a_tenant_whose_transaction_hangs_holds_up_nobody_else_where_there_are_lanes(steward: Steward) -> None:
    others = [steward.new_tenant(f"Other {number}") for number in range(5)]
    appended, hangs, released = steward.runtime.log.append, threading.Event(), threading.Event()

    def append(tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        if tenant_id == steward.tenant:
            hangs.set()
            assert released.wait(10)
        return appended(tenant_id, batch)

    def account(tenant_id: str, key: str) -> AppendRequest:
        return renaming(steward.runtime, tenant_id, steward.runtime.new_id("acct"), 1, key)

    committer = Committer(append, lanes=2, waiting=3)
    held = [committer.submit([account(steward.tenant, "first")])]
    assert hangs.wait(10)
    held += [committer.submit([account(steward.tenant, f"{number}")]) for number in range(3)]
    with pytest.raises(Unavailable, match="queue_full"):
        committer.submit([account(steward.tenant, "too many of one tenant")])
    heard = [outcome(committer.submit([account(other, f"{turn}")])) for turn in range(3) for other in others]

    assert {type(one) for one in heard} == {Receipt}
    assert not any(future.done() for future in held)
    released.set()
    committer.close()
    assert {type(outcome(future)) for future in held} == {Receipt}
    assert steward.runtime.log.head(steward.tenant) == 5


def test_a_tenant_whose_ledger_another_session_has_locked_holds_up_nobody_else(databases: Databases) -> None:
    url = databases.fresh("postgresql")
    steward = Steward(url)
    others, committer = [steward.new_tenant(f"Other {number}") for number in range(3)], steward.runtime.committer

    with psycopg.connect(superuser(url)) as session:
        session.execute("SELECT 1 FROM ledgers WHERE tenant_id = %s FOR UPDATE", [steward.tenant])
        held = committer.submit([begin(steward, "held")])
        heard = [
            outcome(committer.submit([renaming(steward.runtime, other, steward.runtime.new_id("acct"), 1, "1")]))
            for other in others
        ]
        assert {type(one) for one in heard} == {Receipt}
        assert not held.done()

    assert isinstance(outcome(held), Receipt)
    steward.close()


def test_tenants_take_turns_though_one_of_them_has_more_than_it_can_append_at_once(steward: Steward) -> None:
    other, turns = steward.new_tenant("Other"), []
    gate = threading.Event()

    def append(tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        assert gate.wait(10)
        turns.append((tenant_id == other, len(batch)))
        return steward.runtime.log.append(tenant_id, batch)

    committer = Committer(append, batch=4)
    mine = [committer.submit([begin(steward, f"{number}")]) for number in range(13)]
    theirs = committer.submit([renaming(steward.runtime, other, steward.runtime.new_id("acct"), 1, "1")])
    gate.set()
    committer.close()

    assert {type(outcome(future)) for future in [*mine, theirs]} == {Receipt}
    assert turns.index((True, 1)) <= 2
    assert sum(size for theirs, size in turns if not theirs) == 13


# --- coroutines that wait ---


def test_coroutines_that_waited_together_get_their_results_in_one_call_of_their_loop(steward: Steward) -> None:
    calls: list[int] = []

    async def wait_for_all(gated: GatedCommitter) -> list[list[Outcome]]:
        loop = asyncio.get_running_loop()
        call = loop.call_soon_threadsafe
        loop.call_soon_threadsafe = lambda *args, **also: (calls.append(1), call(*args, **also))[1]  # type: ignore[method-assign]
        futures = [gated.committer.submit_async([begin(steward, f"{number}")]) for number in range(30)]
        gated.opened.set()
        return await asyncio.gather(*futures)

    with queue(steward) as gated:
        outcomes = asyncio.run(wait_for_all(gated))

    assert gated.sizes == [1, 30]
    assert [receipt.position for (receipt,) in outcomes if isinstance(receipt, Receipt)] == list(range(3, 33))
    assert len(calls) == 1


def test_a_coroutine_gets_its_own_fault_and_no_other(steward: Steward) -> None:
    async def wait_for_all(gated: GatedCommitter) -> list[list[Outcome] | BaseException]:
        futures = [
            gated.committer.submit_async(
                [doubled(begin(steward, f"{number}")) if number == 3 else begin(steward, f"{number}")]
            )
            for number in range(8)
        ]
        gated.opened.set()
        return await asyncio.gather(*futures, return_exceptions=True)

    with queue(steward) as gated:
        outcomes = asyncio.run(wait_for_all(gated))

    assert [type(result) if isinstance(result, BaseException) else type(result[0]) for result in outcomes] == [
        IntegrityError if number == 3 else Receipt for number in range(8)
    ]


def test_a_coroutine_that_gives_up_before_its_turn_is_dropped_and_one_that_gives_up_later_does_not_affect_others(
    steward: Steward,
) -> None:
    async def give_up(gated: GatedCommitter) -> Outcome:
        early = gated.committer.submit_async([begin(steward, "gives up")])
        stays = gated.committer.submit_async([begin(steward, "stays")])
        early.cancel()
        gated.opened.set()
        return (await stays)[0]

    async def leave(committer: Committer) -> None:
        committer.submit_async([begin(steward, "its loop is gone before the answer")])

    with queue(steward) as gated:
        assert isinstance(asyncio.run(give_up(gated)), Receipt)
        asyncio.run(leave(gated.committer))
        assert isinstance(outcome(gated.committer.submit([begin(steward, "last")])), Receipt)

    assert gated.sizes[:2] == [1, 1]
    assert sum(gated.sizes) == 4


def test_a_full_queue_refuses_coroutines_too(steward: Steward) -> None:
    async def ask_for_more(gated: GatedCommitter) -> None:
        for number in range(3):
            gated.committer.submit_async([begin(steward, f"{number}")])
        with pytest.raises(Unavailable, match="queue_full"):
            gated.committer.submit_async([begin(steward, "too many")])

    with queue(steward, waiting=3) as gated:
        asyncio.run(ask_for_more(gated))


def test_an_empty_submission_of_a_coroutine_is_answered_at_once(sqlite_steward: Steward) -> None:
    async def ask() -> list[Outcome]:
        return await sqlite_steward.runtime.committer.submit_async([])

    assert asyncio.run(ask()) == []


def test_a_lane_begins_when_the_coroutines_that_can_run_have_submitted_theirs(sqlite_steward: Steward) -> None:
    sizes: list[int] = []

    def append(tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        sizes.append(len(batch))
        return sqlite_steward.runtime.log.append(tenant_id, batch)

    async def one(committer: Committer, number: int) -> list[Outcome]:
        time.sleep(0.02)  # time enough for a lane that is awake
        return await committer.submit_async([begin(sqlite_steward, f"{number}")])

    async def all_at_once(committer: Committer) -> list[list[Outcome]]:
        return await asyncio.gather(*(one(committer, number) for number in range(5)))

    committer = Committer(append)
    assert isinstance(outcome(committer.submit([begin(sqlite_steward, "its lane waits")])), Receipt)
    outcomes = asyncio.run(all_at_once(committer))
    committer.close()

    assert sizes == [1, 5]
    assert [receipt.position for (receipt,) in outcomes if isinstance(receipt, Receipt)] == [3, 4, 5, 6, 7]


def test_closing_appends_what_a_coroutine_has_submitted_just_now(sqlite_steward: Steward) -> None:
    committer = Committer(sqlite_steward.runtime.log.append)

    async def submit_and_close() -> list[Outcome]:
        submitted = committer.submit_async([begin(sqlite_steward, "just now")])
        committer.close()
        return await submitted

    assert isinstance(asyncio.run(submit_and_close())[0], Receipt)


def test_a_node_that_hangs_takes_half_of_the_lanes_and_the_others_go_on() -> None:
    # given a committer of four lanes, and a node on which everything hangs
    hangs, appended = threading.Event(), []

    def append(tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        if tenant_id.startswith("held"):
            assert hangs.wait(60)
        appended.append(tenant_id)
        return [Refused("seen") for _ in batch]

    committer = Committer(append, lanes=4, node_of=lambda tenant_id: tenant_id.rstrip("0123456789"))
    held = [committer.submit([request_of(f"held{number}")]) for number in range(6)]
    # when others write
    for number in range(3):
        outcome(committer.submit([request_of(f"free{number}")]))
    # then nothing of the node is done, and all of it is once it goes on
    assert appended == ["free0", "free1", "free2"]
    hangs.set()
    for future in held:
        outcome(future)
    committer.close()
    assert sorted(appended[3:]) == [f"held{number}" for number in range(6)]


def request_of(tenant_id: str) -> AppendRequest:
    """A command of a tenant, of no content."""
    return AppendRequest(tenant_id, "stream", (), {}, Request(tenant_id, b""))


def test_a_listener_that_fails_costs_no_write_its_answer_and_no_lane_its_life() -> None:
    def failing(*_what: object) -> None:
        raise OSError("no log can be written")

    def append(_tenant: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        if batch[0].stream_id == "acct_refused":
            raise Unavailable("storage_full", "the disk is full")
        return [Refused("seen", "by the test") for _ in batch]

    committer = Committer(append, on_commit=failing, on_failure=failing)
    for stream_id in ("acct_1", "acct_refused", "acct_2"):
        future = committer.submit([AppendRequest("tnt", stream_id, (), {}, Request(stream_id, b""))])
        if stream_id == "acct_refused":
            with pytest.raises(Unavailable):
                future.result(30)
        else:
            assert isinstance(future.result(30)[0], Refused)
    committer.close()
