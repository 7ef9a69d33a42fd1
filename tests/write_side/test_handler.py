"""The corridor: how a command becomes events when others write too, comes twice, or comes in a crowd."""

import asyncio
from collections.abc import Iterator

import pytest

from app.bootstrap import build
from app.domain.account.commands import CloseAccount, OpenAccount, RenameAccount, ReopenAccount, SetAccountTier
from app.domain.contract.commands import DraftContract, SignContract
from app.domain.interaction.commands import LogInteraction
from app.domain.kernel.command import Command
from app.domain.kernel.errors import Conflict, DomainError, Invalid, NotFound, Refused
from app.runtime import Runtime
from app.store.receipts import Receipt, Request
from app.write_side.handler import CommandEnvelope
from tests.support.application import Steward


@pytest.fixture
def neighbour(steward: Steward) -> Iterator[Runtime]:
    """Another server process on the same database, with memories of its own."""
    made = build(steward.settings, clock=steward.clock)
    yield made
    made.close()


def intent(
    steward: Steward,
    command: Command,
    key: str,
    *,
    content: bytes = b"",
    if_match: int | None = None,
    **targets: str,
) -> CommandEnvelope:
    return CommandEnvelope(steward.tenant, "test", command, Request(key, content), targets, if_match)


def opening(name: str = "Northwind", **members: str) -> OpenAccount:
    return OpenAccount(name=name, currency="EUR", **members)


def drafting() -> DraftContract:
    return DraftContract.model_validate(
        {
            "currency": "EUR",
            "start": "2026-01-01",
            "lines": [{"line": "main", "product": "retainer", "unit_price": "100", "interval": "month"}],
        }
    )


def codes(results: list[Receipt | DomainError]) -> list[str]:
    return [
        result.code if isinstance(result, DomainError) else "again" if result.replayed else "stored"
        for result in results
    ]


# --- If-Match, and its absence ---


def test_a_stale_version_is_refused_with_the_current_one(steward: Steward) -> None:
    account = steward.do(opening()).id
    steward.do(RenameAccount(name="Second"), if_match=1, account=account)

    for stale in (0, 1, 3, 99):
        with pytest.raises(Conflict) as conflict:
            steward.do(RenameAccount(name="Third"), if_match=stale, account=account)
        assert (conflict.value.code, conflict.value.members) == ("version_conflict", {"current_version": 2})
    assert steward.do(RenameAccount(name="Third"), if_match=2, account=account).version == 3


def test_without_a_version_a_command_is_decided_anew_on_what_another_process_wrote(
    steward: Steward, neighbour: Runtime
) -> None:
    account = steward.do(opening()).id
    for number in range(3):
        neighbour.handler.handle(intent(steward, SetAccountTier(tier=f"{number}"), f"n{number}", account=account))
        receipt = steward.do(RenameAccount(name=f"{number}"), account=account)
        assert receipt.version == 3 + 2 * number


def test_a_version_that_this_process_has_not_seen_yet_is_believed_and_checked(
    steward: Steward, neighbour: Runtime
) -> None:
    account = steward.do(opening()).id
    neighbour.handler.handle(intent(steward, SetAccountTier(tier="gold"), "n", account=account))

    assert steward.do(RenameAccount(name="Second"), if_match=2, account=account).version == 3


def test_nobody_is_refused_for_what_another_process_has_changed_since(steward: Steward, neighbour: Runtime) -> None:
    account = steward.do(opening()).id
    steward.do(CloseAccount(), account=account)
    neighbour.handler.handle(intent(steward, ReopenAccount(), "reopened", account=account))

    assert steward.do(RenameAccount(name="Open again"), account=account).version == 4


def test_nobody_is_refused_for_another_thing_that_changed_elsewhere(steward: Steward, neighbour: Runtime) -> None:
    account = steward.do(opening()).id
    contract = steward.do(drafting(), account=account).id
    neighbour.handler.handle(intent(steward, SignContract(signed_at="2026-01-01"), "signed", contract=contract))

    with pytest.raises(Refused, match="contract_signed"):
        steward.do(SignContract(signed_at="2026-01-01"), contract=contract)
    steward.do(CloseAccount(), account=account)
    neighbour.handler.handle(intent(steward, ReopenAccount(), "reopened", account=account))
    assert steward.do(drafting(), account=account).version == 1


def test_a_batch_is_not_refused_for_what_another_process_has_changed_since(
    steward: Steward, neighbour: Runtime
) -> None:
    account = steward.do(opening()).id
    steward.do(RenameAccount(name="Known here"), account=account)
    neighbour.handler.handle(intent(steward, RenameAccount(name="Renamed there"), "renamed", account=account))
    batch = [
        intent(steward, SetAccountTier(tier="gold"), "one", account=account),
        intent(steward, RenameAccount(name="Known here"), "two", account=account),
    ]

    results = steward.runtime.handler.handle_batch(steward.tenant, batch)

    assert codes(results) == ["stored", "stored"]


# --- the same request again, when it would be refused by now ---


def test_what_was_done_before_answers_its_receipt_again_even_where_it_would_be_refused_by_now(
    steward: Steward,
) -> None:
    account = steward.do(opening()).id
    closing = intent(steward, CloseAccount(), "close", account=account)
    first = steward.runtime.handler.handle(closing)

    again = steward.runtime.handler.handle(closing)
    soon = asyncio.run(steward.runtime.handler.handle_async(closing))

    assert (again.events, again.replayed) == (first.events, True)
    assert (soon.events, soon.replayed) == (first.events, True)
    with pytest.raises(Refused, match="account_closed"):
        steward.runtime.handler.handle(intent(steward, CloseAccount(), "another", account=account))


def test_a_key_that_was_used_for_something_else_is_refused_as_such_whatever_else_is_wrong(
    steward: Steward,
) -> None:
    account = steward.do(opening()).id
    steward.runtime.handler.handle(intent(steward, CloseAccount(), "close", content=b"one", account=account))
    other = intent(steward, CloseAccount(), "close", content=b"other", account=account)
    stale = intent(steward, ReopenAccount(), "close", content=b"stale", if_match=1, account=account)

    for reused in (other, stale):
        with pytest.raises(Invalid, match="idempotency_key_reused"):
            steward.runtime.handler.handle(reused)
        with pytest.raises(Invalid, match="idempotency_key_reused"):
            asyncio.run(steward.runtime.handler.handle_async(reused))


# --- batches ---


def test_what_rests_on_a_decision_that_was_not_stored_is_decided_anew(steward: Steward, neighbour: Runtime) -> None:
    """The version alone fits: what somebody else wrote stands where the batch believed its own event to be."""
    account = steward.do(opening()).id
    neighbour.handler.handle(intent(steward, SetAccountTier(tier="gold"), "n", account=account))
    batch = [
        intent(steward, CloseAccount(), "close", account=account),
        intent(steward, ReopenAccount(), "reopen", account=account),
    ]

    results = steward.runtime.handler.handle_batch(steward.tenant, batch)

    assert codes(results) == ["stored", "stored"]
    assert steward.topics()[-3:] == ["account.tier_set", "account.closed", "account.reopened"]


def test_a_command_of_a_batch_sees_what_the_ones_before_it_decided(steward: Steward) -> None:
    batch = [
        intent(steward, opening(external_ref="nw"), "1"),
        intent(steward, RenameAccount(name="Renamed"), "2", account="ref:nw"),
        intent(steward, RenameAccount(name="Renamed"), "3", account="ref:nw"),
        intent(steward, drafting(), "4", account="ref:nw"),
        intent(steward, CloseAccount(), "5", account="ref:nw"),
        intent(steward, drafting(), "6", account="ref:nw"),
        intent(steward, opening("Another", external_ref="nw"), "7"),
    ]
    results = steward.runtime.handler.handle_batch(steward.tenant, batch)

    assert codes(results) == [
        "stored",
        "stored",
        "nothing_changes",
        "stored",
        "stored",
        "account_closed",
        "external_ref_taken",
    ]
    assert steward.topics()[1:] == ["account.opened", "account.renamed", "contract.drafted", "account.closed"]


def test_a_batch_told_again_answers_the_first_receipts(steward: Steward) -> None:
    batch = [intent(steward, opening(f"Account {number}"), f"{number}") for number in range(5)]
    first = steward.runtime.handler.handle_batch(steward.tenant, batch)
    again = steward.runtime.handler.handle_batch(steward.tenant, [*batch, intent(steward, opening("New"), "new")])

    assert codes(again) == ["again"] * 5 + ["stored"]
    assert [one.events for one in again[:5]] == [one.events for one in first]


def test_the_same_event_twice_in_a_batch_is_stored_once(steward: Steward) -> None:
    one, other, twin = (intent(steward, opening(name), name) for name in ("Twin", "Other", "Twin"))
    results = steward.runtime.handler.handle_batch(steward.tenant, [one, other, twin])

    assert codes(results) == ["stored", "stored", "again"]
    assert results[2].events == results[0].events
    assert len(steward.topics()) == 3


def test_twins_in_a_batch_are_refused_alike_and_leave_no_receipt(steward: Steward) -> None:
    def twins(count: int) -> list[CommandEnvelope]:
        return [intent(steward, RenameAccount(name="Nobody"), "twin", account="ref:nobody") for _ in range(count)]

    assert codes(steward.runtime.handler.handle_batch(steward.tenant, twins(6))) == ["account_not_found"] * 6
    steward.do(opening(external_ref="nobody"))
    assert codes(steward.runtime.handler.handle_batch(steward.tenant, twins(2))) == ["stored", "again"]


def test_twins_that_say_different_things_are_told_apart(steward: Steward) -> None:
    one, other = (intent(steward, opening(name), "same", content=name.encode()) for name in ("One", "Other"))
    nobody = intent(steward, RenameAccount(name="Nobody"), "second", content=b"nobody", account="ref:nobody")
    somebody = intent(steward, opening("Somebody"), "second", content=b"somebody")

    results = steward.runtime.handler.handle_batch(steward.tenant, [one, other, nobody, somebody])

    assert codes(results) == ["stored", "idempotency_key_reused", "account_not_found", "stored"]


def test_twins_in_a_batch_survive_that_somebody_else_was_faster(steward: Steward, neighbour: Runtime) -> None:
    account = steward.do(opening()).id
    neighbour.handler.handle(intent(steward, SetAccountTier(tier="gold"), "n", account=account))
    twins = [intent(steward, RenameAccount(name="Renamed"), "twin", account=account) for _ in range(2)]

    assert codes(steward.runtime.handler.handle_batch(steward.tenant, twins)) == ["stored", "again"]
    assert steward.topics()[-1] == "account.renamed"


def test_a_batch_with_one_that_is_refused_costs_no_other(steward: Steward) -> None:
    batch = [intent(steward, opening(f"{number}"), f"{number}") for number in range(4)]
    batch.insert(2, intent(steward, RenameAccount(name="x"), "lost", account="acct_01h455vb4pex5vsknk084sn02q"))

    assert codes(steward.runtime.handler.handle_batch(steward.tenant, batch)) == [
        "stored",
        "stored",
        "account_not_found",
        "stored",
        "stored",
    ]


# --- references, absentees and the edges of the calendar ---


def test_a_reference_names_one_thing_of_a_noun_and_of_a_tenant(steward: Steward) -> None:
    other = steward.new_tenant("Other")
    mine = steward.do(opening(external_ref="nw")).id
    theirs = steward.do(opening(external_ref="nw"), tenant=other).id

    assert steward.do(RenameAccount(name="Mine"), account="ref:nw").id == mine != theirs
    with pytest.raises(Refused, match="external_ref_taken"):
        steward.do(opening(external_ref="nw"))


@pytest.mark.parametrize(
    "named", ["acct_01h455vb4pex5vsknk084sn02q", "ref:nobody", "ctr_01h455vb4pex5vsknk084sn02q", "", "ref:", "'; --"]
)
def test_what_is_not_there_is_not_found(steward: Steward, named: str) -> None:
    with pytest.raises(NotFound, match="account_not_found"):
        steward.do(RenameAccount(name="x"), account=named)
    assert steward.topics() == ["tenant.created"]


def test_another_tenants_thing_is_not_there(steward: Steward) -> None:
    account = steward.do(opening()).id
    other = steward.new_tenant("Other")
    with pytest.raises(NotFound) as foreign:
        steward.do(RenameAccount(name="x"), tenant=other, account=account)
    with pytest.raises(NotFound) as missing:
        steward.do(RenameAccount(name="x"), tenant=other, account="acct_01h455vb4pex5vsknk084sn02q")
    assert str(foreign.value) == str(missing.value)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("where", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_a_day_at_the_end_of_the_calendar_is_stored_or_refused_by_name(steward: Steward, day: str, where: str) -> None:
    tenant = steward.new_tenant("Early", where)
    account = steward.do(opening(), tenant=tenant).id
    try:
        steward.do(SetAccountTier(tier="x", effective_at=day), tenant=tenant, account=account)
    except Invalid as refusal:
        assert (refusal.code, day, where) == ("out_of_range", "0001-01-01", "Asia/Tokyo")


@pytest.mark.parametrize("text", ["nul \0 in it", "half a \ud800 pair"])
def test_text_that_cannot_be_written_is_refused_by_name_and_costs_no_other(steward: Steward, text: str) -> None:
    account = steward.do(opening()).id
    bad = intent(
        steward,
        RenameAccount.model_construct(name=text, effective_at=None, reason=None, visibility="internal"),
        "bad",
        account=account,
    )

    assert codes(
        steward.runtime.handler.handle_batch(steward.tenant, [bad, intent(steward, opening("Good"), "good")])
    ) == [
        "unwritable_text",
        "stored",
    ]
    with pytest.raises(Invalid, match="unwritable_text"):
        steward.runtime.handler.handle(bad)


# --- without a thread that waits ---


def test_many_commands_at_once_on_one_loop_get_their_own_receipts(steward: Steward) -> None:
    async def send() -> list[Receipt]:
        handler = steward.runtime.handler
        return await asyncio.gather(
            *(handler.handle_async(intent(steward, opening(f"{number}"), f"{number}")) for number in range(40))
        )

    receipts = asyncio.run(send())

    assert sorted(receipt.position for receipt in receipts) == list(range(2, 42))
    assert len({receipt.id for receipt in receipts}) == 40


def test_a_caller_who_gives_up_takes_nobody_along(steward: Steward) -> None:
    account = steward.do(opening()).id
    log = LogInteraction(channel="call", direction="inbound", occurred_at="2026-01-01T00:00:00Z")

    async def send() -> list[object]:
        handler = steward.runtime.handler
        tasks = [
            asyncio.create_task(handler.handle_async(intent(steward, log, f"{number}", account=account)))
            for number in range(20)
        ]
        for _ in range(40):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(send())

    assert all(isinstance(answer, Receipt) for answer in answers[1::2])
    assert isinstance(steward.do(RenameAccount(name="Still there"), account=account), Receipt)
