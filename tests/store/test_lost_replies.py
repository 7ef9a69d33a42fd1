"""A reply to COMMIT that was lost: the same request again gets the first answer, and nothing is stored twice."""

import threading
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.domain.account.commands import OpenAccount, RenameAccount
from app.domain.kernel.errors import Invalid, Unavailable
from app.store.append import AppendRequest, Outcome
from app.store.committer import Committer
from app.store.receipts import Receipt
from app.write_side.handler import Handler
from tests.store.writers import begin, sound
from tests.support.application import Steward


class Wire:
    """A wire to the database that is cut so many times, after the commit was done."""

    def __init__(self, steward: Steward, cuts: int) -> None:
        self.log, self.cuts, self.tries = steward.runtime.log, cuts, 0

    def append(self, tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        self.tries += 1
        outcomes = self.log.append(tenant_id, batch)
        if self.cuts == 0:
            return outcomes
        self.cuts -= 1
        raise Unavailable("store_unavailable", "the wire was cut")


def wired(steward: Steward, cuts: int) -> Wire:
    """The application on such a wire, knowing nothing of what went before."""
    wire, runtime = Wire(steward, cuts), steward.runtime
    runtime.committer.close()
    committer = Committer(wire.append)
    handler = Handler(runtime.log, committer, runtime.clock, runtime.new_id)
    steward.runtime = replace(runtime, committer=committer, handler=handler)
    return wire


def test_a_lost_reply_to_commit_is_asked_for_again_and_answers_the_first_receipt(steward: Steward) -> None:
    wire = wired(steward, 1)

    receipt = steward.do(OpenAccount(name="Once", currency="EUR"), key="the-key")

    assert wire.tries == 2
    assert sound(steward)[1:] == [event_id for event_id, _, _ in receipt.events]
    assert steward.do(OpenAccount(name="Once", currency="EUR"), key="the-key").events == receipt.events


def test_a_lost_reply_is_asked_for_again_even_when_the_server_itself_made_the_key(steward: Steward) -> None:
    wire = wired(steward, 1)
    append = begin(steward, "made by the server")
    append = replace(append, request=replace(append.request, fresh=True))

    (receipt,) = steward.runtime.committer.submit([append]).result(timeout=60)

    assert wire.tries == 2
    assert isinstance(receipt, Receipt)
    assert sound(steward)[1:] == [event_id for event_id, _, _ in receipt.events]


def test_a_client_who_never_heard_sends_the_same_again_and_gets_the_first_receipt(steward: Steward) -> None:
    wired(steward, 2)

    with pytest.raises(Unavailable, match="store_unavailable"):
        steward.do(OpenAccount(name="Once", currency="EUR"), key="the-key")
    again = steward.do(OpenAccount(name="Once", currency="EUR"), key="the-key")

    assert again.replayed
    assert sound(steward)[1:] == [event_id for event_id, _, _ in again.events]
    with pytest.raises(Invalid, match="idempotency_key_reused"):
        steward.do(OpenAccount(name="Twice", currency="EUR"), key="the-key")


def test_after_a_lost_reply_the_next_command_sees_what_was_stored(steward: Steward) -> None:
    account = steward.do(OpenAccount(name="Known", currency="EUR")).id
    wired(steward, 2)

    with pytest.raises(Unavailable):
        steward.do(RenameAccount(name="Renamed"), account=account)
    receipt = steward.do(RenameAccount(name="Renamed again"), account=account)

    assert receipt.version == 3
    assert steward.topics()[1:] == ["account.opened", "account.renamed", "account.renamed"]


def test_a_database_that_cannot_be_reached_fails_every_waiting_command_after_one_more_try(steward: Steward) -> None:
    entered, opened = threading.Event(), threading.Event()
    tries: list[int] = []

    def away(_tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        entered.set()
        assert opened.wait(60)
        tries.append(len(batch))
        raise Unavailable("store_unavailable", "the wire was cut")

    committer = Committer(away)
    answers = [committer.submit([begin(steward, "gate")])]
    assert entered.wait(60)
    answers += [committer.submit([begin(steward, f"{number}")]) for number in range(9)]
    opened.set()
    committer.close()

    assert tries == [1, 1, 9, 9]
    assert {type(answer.exception(timeout=0)) for answer in answers} == {Unavailable}
    assert len(sound(steward)) == 1
