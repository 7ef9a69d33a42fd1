"""Races for one version and for one idempotency key: one winner, and the same answer for everybody."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.domain.account.commands import OpenAccount, RenameAccount
from app.domain.kernel.command import Command
from app.domain.kernel.errors import Conflict, DomainError, Invalid
from app.domain.kernel.principal import Principal
from app.runtime import Runtime
from app.store.receipts import Receipt, Request
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.in_flight import InFlight
from tests.store.writers import runtime_of
from tests.support.application import Steward

Answer = Receipt | DomainError


@pytest.fixture
def processes(database_url: str) -> Iterator[list[Runtime]]:
    """Four runtimes on one database, as four server processes have them."""
    runtimes = [runtime_of(database_url) for _ in range(4)]
    yield runtimes
    for runtime in runtimes:
        runtime.close()


def at_once(calls: Sequence[Callable[[], Receipt]]) -> list[Answer]:
    """What calls answer that all begin at the same moment."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Receipt]) -> Answer:
        barrier.wait()
        try:
            return call()
        except DomainError as refusal:
            return refusal

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def sending(
    runtime: Runtime, tenant: str, command: Command, request: Request, if_match: int | None = None, **targets: str
) -> Callable[[], Receipt]:
    return lambda: runtime.handler.handle(
        CommandEnvelope(tenant, Principal("test"), command, request, targets=targets, if_match=if_match)
    )


def test_sixteen_writers_who_saw_the_same_version_have_one_winner(steward: Steward, processes: list[Runtime]) -> None:
    account = steward.do(OpenAccount(name="Hot", currency="EUR")).id

    for version in range(1, 21):
        answers = at_once(
            [
                sending(
                    processes[writer % 4],
                    steward.tenant,
                    RenameAccount(name=f"{version} by {writer}"),
                    Request(f"{version}-{writer}", b""),
                    version,
                    account=account,
                )
                for writer in range(16)
            ]
        )
        won = [answer for answer in answers if isinstance(answer, Receipt)]
        lost = [answer for answer in answers if not isinstance(answer, Receipt)]

        assert [receipt.version for receipt in won] == [version + 1]
        assert {(type(answer), answer.members["current_version"]) for answer in lost} == {(Conflict, version + 1)}

    assert steward.runtime.log.recorder(steward.tenant).count() == 22


def test_the_same_key_twenty_times_at_once_opens_one_account(steward: Steward, processes: list[Runtime]) -> None:
    command, request = OpenAccount(name="Once", currency="EUR"), Request("the-key", b"the same")
    calls = [sending(processes[client % 4], steward.tenant, command, request) for client in range(20)]

    answers = at_once(calls)
    answers = [call() if isinstance(answer, InFlight) else answer for call, answer in zip(calls, answers, strict=True)]

    assert {
        (receipt.id, receipt.version, receipt.position, receipt.events, receipt.recorded_at)
        for receipt in answers
        if isinstance(receipt, Receipt)
    } == {(answers[0].id, 1, 2, answers[0].events, answers[0].recorded_at)}
    assert len([receipt for receipt in answers if not receipt.replayed]) == 1
    assert steward.topics() == ["tenant.created", "account.opened"]


def test_a_duplicate_is_refused_while_the_first_request_is_handled(steward: Steward, processes: list[Runtime]) -> None:
    command, request = OpenAccount(name="Once", currency="EUR"), Request("the-key", b"the same")
    refusals: list[DomainError] = []
    first, append = processes[0], processes[0].committer._append

    def slow(tenant_id: str, batch: Sequence[object]) -> list[object]:
        refusals.extend(
            answer
            for answer in at_once([sending(first, steward.tenant, command, request)] * 5)
            if isinstance(answer, DomainError)
        )
        return append(tenant_id, batch)

    first.committer._append = slow
    receipt = sending(first, steward.tenant, command, request)()

    assert [(type(answer), answer.code) for answer in refusals] == [(InFlight, "request_in_flight")] * 5
    assert sending(first, steward.tenant, command, request)().events == receipt.events


def test_a_key_that_said_something_else_is_refused_by_name(steward: Steward, processes: list[Runtime]) -> None:
    contents = [OpenAccount(name=f"Account {number}", currency="EUR") for number in range(8)]

    answers = at_once(
        [
            sending(processes[number % 4], steward.tenant, command, Request("shared", command.name.encode()))
            for number, command in enumerate(contents)
        ]
    )
    later = at_once([sending(processes[0], steward.tenant, contents[0], Request("shared", b"something else"))])

    refused = [answer for answer in answers if isinstance(answer, Invalid)]
    assert len([answer for answer in answers if isinstance(answer, Receipt)]) == 1
    assert {answer.code for answer in [*refused, *later]} == {"idempotency_key_reused"}
    assert len(refused) + len([answer for answer in answers if isinstance(answer, InFlight)]) == 7
    assert steward.topics() == ["tenant.created", "account.opened"]


def test_two_tenants_may_use_the_same_key(steward: Steward) -> None:
    other = steward.new_tenant("Other")
    mine = steward.do(OpenAccount(name="Mine", currency="EUR"), key="same")
    theirs = steward.do(OpenAccount(name="Theirs", currency="EUR"), key="same", tenant=other)

    assert mine.id != theirs.id
    assert (mine.replayed, theirs.replayed) == (False, False)
    assert steward.do(OpenAccount(name="Mine", currency="EUR"), key="same").events == mine.events
