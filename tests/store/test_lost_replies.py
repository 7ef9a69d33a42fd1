"""A reply to COMMIT that never came: asked again, the first answer is given, and nothing is stored twice."""

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
from tests.support.applications import House


class Wire:
    """A wire to the database that is cut so many times, after the commit was done."""

    def __init__(self, house: House, cuts: int) -> None:
        self.log, self.cuts, self.tries = house.runtime.log, cuts, 0

    def append(self, tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        self.tries += 1
        outcomes = self.log.append(tenant_id, batch)
        if self.cuts == 0:
            return outcomes
        self.cuts -= 1
        raise Unavailable("store_unavailable", "the wire was cut")


def wired(house: House, cuts: int) -> Wire:
    """The house on such a wire, knowing nothing of what went before."""
    wire, runtime = Wire(house, cuts), house.runtime
    runtime.committer.close()
    committer = Committer(wire.append)
    handler = Handler(runtime.log, committer, runtime.clock, runtime.new_id)
    house.runtime = replace(runtime, committer=committer, handler=handler)
    return wire


def test_a_lost_reply_to_commit_is_asked_for_again_and_answers_the_first_receipt(house: House) -> None:
    wire = wired(house, 1)

    receipt = house.do(OpenAccount(name="Once", currency="EUR"), key="the-key")

    assert wire.tries == 2
    assert sound(house)[1:] == [event_id for event_id, _, _ in receipt.events]
    assert house.do(OpenAccount(name="Once", currency="EUR"), key="the-key").events == receipt.events


def test_a_lost_reply_is_asked_for_again_even_when_the_server_itself_made_the_key(house: House) -> None:
    wire = wired(house, 1)
    append = begin(house, "made by the server")
    append = replace(append, request=replace(append.request, fresh=True))

    (receipt,) = house.runtime.committer.submit([append]).result(timeout=10)

    assert wire.tries == 2
    assert isinstance(receipt, Receipt)
    assert sound(house)[1:] == [event_id for event_id, _, _ in receipt.events]


def test_a_client_who_never_heard_sends_the_same_again_and_gets_the_first_receipt(house: House) -> None:
    wired(house, 2)

    with pytest.raises(Unavailable, match="store_unavailable"):
        house.do(OpenAccount(name="Once", currency="EUR"), key="the-key")
    again = house.do(OpenAccount(name="Once", currency="EUR"), key="the-key")

    assert again.replayed
    assert sound(house)[1:] == [event_id for event_id, _, _ in again.events]
    with pytest.raises(Invalid, match="idempotency_key_reused"):
        house.do(OpenAccount(name="Twice", currency="EUR"), key="the-key")


def test_after_a_lost_reply_the_next_command_sees_what_was_stored(house: House) -> None:
    account = house.do(OpenAccount(name="Known", currency="EUR")).id
    wired(house, 2)

    with pytest.raises(Unavailable):
        house.do(RenameAccount(name="Renamed"), account=account)
    receipt = house.do(RenameAccount(name="Renamed again"), account=account)

    assert receipt.version == 3
    assert house.topics()[1:] == ["account.opened", "account.renamed", "account.renamed"]


def test_a_database_that_is_away_is_told_to_everybody_after_one_more_try(house: House) -> None:
    entered, opened = threading.Event(), threading.Event()
    tries: list[int] = []

    def away(_tenant_id: str, batch: Sequence[AppendRequest]) -> list[Outcome]:
        entered.set()
        assert opened.wait(10)
        tries.append(len(batch))
        raise Unavailable("store_unavailable", "the wire was cut")

    committer = Committer(away)
    answers = [committer.submit([begin(house, "gate")])]
    assert entered.wait(10)
    answers += [committer.submit([begin(house, f"{number}")]) for number in range(9)]
    opened.set()
    committer.close()

    assert tries == [1, 1, 9, 9]
    assert {type(answer.exception(timeout=0)) for answer in answers} == {Unavailable}
    assert len(sound(house)) == 1
