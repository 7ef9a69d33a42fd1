"""The handler: a command becomes events when others write too, when it comes twice, and when many come at once."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from app.bootstrap import build
from app.domain.account.commands import CloseAccount, OpenAccount, RenameAccount, ReopenAccount, SetAccountTier
from app.domain.contract.commands import DraftContract, SignContract
from app.domain.interaction.commands import LogInteraction
from app.domain.kernel.command import Command
from app.domain.kernel.errors import Conflict, DomainError, Invalid, NotFound, Refused
from app.domain.kernel.principal import Principal
from app.runtime import Runtime
from app.store.append import AppendRequest, Outcome, Overtaken
from app.store.receipts import Receipt, Request
from app.write_side.command_envelope import CommandEnvelope
from tests.support.application import Steward


@pytest.fixture
def neighbour(steward: Steward) -> Iterator[Runtime]:
    """Another server process on the same database, with a cache of its own."""
    runtime = build(steward.settings, clock=steward.clock)
    yield runtime
    runtime.close()


def envelope(
    steward: Steward,
    command: Command,
    key: str,
    *,
    content: bytes = b"",
    if_match: int | None = None,
    **targets: str,
) -> CommandEnvelope:
    return CommandEnvelope(
        steward.tenant, Principal("test"), command, Request(key, content), targets=targets, if_match=if_match
    )


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


def test_without_if_match_a_command_is_decided_again_on_what_another_process_wrote(
    steward: Steward, neighbour: Runtime
) -> None:
    account = steward.do(opening()).id
    for number in range(3):
        neighbour.handler.handle(envelope(steward, SetAccountTier(tier=f"{number}"), f"n{number}", account=account))
        receipt = steward.do(RenameAccount(name=f"{number}"), account=account)
        assert receipt.version == 3 + 2 * number


def test_a_version_that_this_process_has_not_seen_yet_is_checked_against_the_log(
    steward: Steward, neighbour: Runtime
) -> None:
    account = steward.do(opening()).id
    neighbour.handler.handle(envelope(steward, SetAccountTier(tier="gold"), "n", account=account))

    assert steward.do(RenameAccount(name="Second"), if_match=2, account=account).version == 3


def test_nobody_is_refused_on_a_state_that_another_process_has_changed_since(
    steward: Steward, neighbour: Runtime
) -> None:
    account = steward.do(opening()).id
    steward.do(CloseAccount(), account=account)
    neighbour.handler.handle(envelope(steward, ReopenAccount(), "reopened", account=account))

    assert steward.do(RenameAccount(name="Open again"), account=account).version == 4


def test_nobody_is_refused_on_a_related_state_that_another_process_has_changed_since(
    steward: Steward, neighbour: Runtime
) -> None:
    account = steward.do(opening()).id
    contract = steward.do(drafting(), account=account).id
    neighbour.handler.handle(envelope(steward, SignContract(signed_at="2026-01-01"), "signed", contract=contract))

    with pytest.raises(Refused, match="contract_signed"):
        steward.do(SignContract(signed_at="2026-01-01"), contract=contract)
    other = steward.do(OpenAccount(name="Other", currency="EUR")).id
    steward.do(CloseAccount(), account=other)
    neighbour.handler.handle(envelope(steward, ReopenAccount(), "reopened", account=other))
    assert steward.do(drafting(), account=other).version == 1


def test_a_batch_is_not_refused_on_a_state_that_another_process_has_changed_since(
    steward: Steward, neighbour: Runtime
) -> None:
    account = steward.do(opening()).id
    steward.do(RenameAccount(name="Known here"), account=account)
    neighbour.handler.handle(envelope(steward, RenameAccount(name="Renamed there"), "renamed", account=account))
    batch = [
        envelope(steward, SetAccountTier(tier="gold"), "one", account=account),
        envelope(steward, RenameAccount(name="Known here"), "two", account=account),
    ]

    results = steward.runtime.handler.handle_batch(steward.tenant, batch)

    assert codes(results) == ["stored", "stored"]


# --- the same request again, when it would be refused now ---


def test_a_request_that_was_stored_gets_its_receipt_again_even_where_it_would_be_refused_now(
    steward: Steward,
) -> None:
    account = steward.do(opening()).id
    closing = envelope(steward, CloseAccount(), "close", account=account)
    first = steward.runtime.handler.handle(closing)

    again = steward.runtime.handler.handle(closing)
    soon = asyncio.run(steward.runtime.handler.handle_async(closing))

    assert (again.events, again.replayed) == (first.events, True)
    assert (soon.events, soon.replayed) == (first.events, True)
    with pytest.raises(Refused, match="account_closed"):
        steward.runtime.handler.handle(envelope(steward, CloseAccount(), "another", account=account))


def test_a_key_that_was_used_for_another_content_is_refused_for_that_whatever_else_is_wrong(
    steward: Steward,
) -> None:
    account = steward.do(opening()).id
    steward.runtime.handler.handle(envelope(steward, CloseAccount(), "close", content=b"one", account=account))
    other = envelope(steward, CloseAccount(), "close", content=b"other", account=account)
    stale = envelope(steward, ReopenAccount(), "close", content=b"stale", if_match=1, account=account)

    for reused in (other, stale):
        with pytest.raises(Invalid, match="idempotency_key_reused"):
            steward.runtime.handler.handle(reused)
        with pytest.raises(Invalid, match="idempotency_key_reused"):
            asyncio.run(steward.runtime.handler.handle_async(reused))


# --- batches ---


def test_a_command_that_depends_on_an_event_that_was_not_stored_is_decided_again(
    steward: Steward, neighbour: Runtime
) -> None:
    """The version alone fits: another writer's event stands where the batch expected its own."""
    account = steward.do(opening()).id
    neighbour.handler.handle(envelope(steward, SetAccountTier(tier="gold"), "n", account=account))
    batch = [
        envelope(steward, CloseAccount(), "close", account=account),
        envelope(steward, ReopenAccount(), "reopen", account=account),
    ]

    results = steward.runtime.handler.handle_batch(steward.tenant, batch)

    assert codes(results) == ["stored", "stored"]
    assert steward.topics()[-3:] == ["account.tier_set", "account.closed", "account.reopened"]


def test_a_command_of_a_batch_sees_what_the_ones_before_it_decided(steward: Steward) -> None:
    batch = [
        envelope(steward, opening(external_ref="nw"), "1"),
        envelope(steward, RenameAccount(name="Renamed"), "2", account="ref:nw"),
        envelope(steward, RenameAccount(name="Renamed"), "3", account="ref:nw"),
        envelope(steward, drafting(), "4", account="ref:nw"),
        envelope(steward, CloseAccount(), "5", account="ref:nw"),
        envelope(steward, drafting(), "6", account="ref:nw"),
        envelope(steward, opening("Another", external_ref="nw"), "7"),
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


def test_a_batch_that_is_sent_again_gets_the_first_receipts(steward: Steward) -> None:
    batch = [envelope(steward, opening(f"Account {number}"), f"{number}") for number in range(5)]
    first = steward.runtime.handler.handle_batch(steward.tenant, batch)
    again = steward.runtime.handler.handle_batch(steward.tenant, [*batch, envelope(steward, opening("New"), "new")])

    assert codes(again) == ["again"] * 5 + ["stored"]
    assert [receipt.events for receipt in again[:5]] == [receipt.events for receipt in first]


def test_the_same_event_twice_in_a_batch_is_stored_once(steward: Steward) -> None:
    first, other, duplicate = (envelope(steward, opening(name), name) for name in ("Same", "Other", "Same"))
    results = steward.runtime.handler.handle_batch(steward.tenant, [first, other, duplicate])

    assert codes(results) == ["stored", "stored", "again"]
    assert results[2].events == results[0].events
    assert len(steward.topics()) == 3


def test_duplicates_in_a_batch_are_refused_alike_and_leave_no_receipt(steward: Steward) -> None:
    def duplicates(count: int) -> list[CommandEnvelope]:
        return [
            envelope(steward, RenameAccount(name="Nobody"), "duplicate", account="ref:nobody") for _ in range(count)
        ]

    assert codes(steward.runtime.handler.handle_batch(steward.tenant, duplicates(6))) == ["account_not_found"] * 6
    steward.do(opening(external_ref="nobody"))
    assert codes(steward.runtime.handler.handle_batch(steward.tenant, duplicates(2))) == ["stored", "again"]


def test_requests_of_a_batch_with_one_key_and_another_content_are_refused(steward: Steward) -> None:
    one, other = (envelope(steward, opening(name), "same", content=name.encode()) for name in ("One", "Other"))
    nobody = envelope(steward, RenameAccount(name="Nobody"), "second", content=b"nobody", account="ref:nobody")
    somebody = envelope(steward, opening("Somebody"), "second", content=b"somebody")

    results = steward.runtime.handler.handle_batch(steward.tenant, [one, other, nobody, somebody])

    assert codes(results) == ["stored", "idempotency_key_reused", "account_not_found", "stored"]


def test_duplicates_in_a_batch_are_stored_once_even_where_another_writer_was_faster(
    steward: Steward, neighbour: Runtime
) -> None:
    account = steward.do(opening()).id
    neighbour.handler.handle(envelope(steward, SetAccountTier(tier="gold"), "n", account=account))
    duplicates = [envelope(steward, RenameAccount(name="Renamed"), "duplicate", account=account) for _ in range(2)]

    assert codes(steward.runtime.handler.handle_batch(steward.tenant, duplicates)) == ["stored", "again"]
    assert steward.topics()[-1] == "account.renamed"


def test_a_refused_command_of_a_batch_does_not_affect_the_others(steward: Steward) -> None:
    batch = [envelope(steward, opening(f"{number}"), f"{number}") for number in range(4)]
    batch.insert(2, envelope(steward, RenameAccount(name="x"), "lost", account="acct_01h455vb4pex5vsknk084sn02q"))

    assert codes(steward.runtime.handler.handle_batch(steward.tenant, batch)) == [
        "stored",
        "stored",
        "account_not_found",
        "stored",
        "stored",
    ]


# --- references, missing aggregates and the ends of the calendar ---


def test_a_reference_names_one_aggregate_of_a_type_and_of_a_tenant(steward: Steward) -> None:
    other = steward.new_tenant("Other")
    mine = steward.do(opening(external_ref="nw")).id
    theirs = steward.do(opening(external_ref="nw"), tenant=other).id

    assert steward.do(RenameAccount(name="Mine"), account="ref:nw").id == mine != theirs
    with pytest.raises(Refused, match="external_ref_taken"):
        steward.do(opening(external_ref="nw"))


@pytest.mark.parametrize(
    "id_or_ref",
    ["acct_01h455vb4pex5vsknk084sn02q", "ref:nobody", "ctr_01h455vb4pex5vsknk084sn02q", "", "ref:", "'; --"],
)
def test_what_is_not_there_is_not_found(steward: Steward, id_or_ref: str) -> None:
    with pytest.raises(NotFound, match="account_not_found"):
        steward.do(RenameAccount(name="x"), account=id_or_ref)
    assert steward.topics() == ["tenant.created"]


def test_an_aggregate_of_another_tenant_is_not_found(steward: Steward) -> None:
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
def test_text_that_cannot_be_written_is_refused_by_name_and_does_not_affect_others(steward: Steward, text: str) -> None:
    account = steward.do(opening()).id
    bad = envelope(
        steward,
        RenameAccount.model_construct(name=text, effective_at=None, reason=None, visibility="internal"),
        "bad",
        account=account,
    )

    assert codes(
        steward.runtime.handler.handle_batch(steward.tenant, [bad, envelope(steward, opening("Good"), "good")])
    ) == [
        "unwritable_text",
        "stored",
    ]
    with pytest.raises(Invalid, match="unwritable_text"):
        steward.runtime.handler.handle(bad)


# --- in coroutines ---


def test_many_commands_at_once_on_one_loop_get_their_own_receipts(steward: Steward) -> None:
    async def send() -> list[Receipt]:
        handler = steward.runtime.handler
        return await asyncio.gather(
            *(handler.handle_async(envelope(steward, opening(f"{number}"), f"{number}")) for number in range(40))
        )

    receipts = asyncio.run(send())

    assert sorted(receipt.position for receipt in receipts) == list(range(2, 42))
    assert len({receipt.id for receipt in receipts}) == 40


def test_a_caller_who_gives_up_does_not_affect_the_others(steward: Steward) -> None:
    account = steward.do(opening()).id
    log = LogInteraction(channel="call", direction="inbound", occurred_at="2026-01-01T00:00:00Z")

    async def send() -> list[object]:
        handler = steward.runtime.handler
        tasks = [
            asyncio.create_task(handler.handle_async(envelope(steward, log, f"{number}", account=account)))
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


def test_a_writer_who_is_overtaken_all_the_while_is_told_to_come_again_and_nothing_is_stored(
    steward: Steward, neighbour: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, handler, others = steward.do(opening()).id, steward.runtime.handler, count()
    append = handler.committer._append

    def overtaken(tenant_id: str, appends: Sequence[AppendRequest]) -> list[Outcome]:
        other = next(others)
        neighbour.handler.handle(envelope(steward, SetAccountTier(tier=f"{other}"), f"{other}", account=account))
        return append(tenant_id, appends)

    monkeypatch.setattr(handler.committer, "_append", overtaken)
    monkeypatch.setattr("app.write_side.handler.DECIDED_FOR", 0.05)

    with pytest.raises(Overtaken) as busy:
        steward.do(RenameAccount(name="Never"), account=account)
    with pytest.raises(Overtaken):
        asyncio.run(handler.handle_async(envelope(steward, RenameAccount(name="Nor this"), "n", account=account)))

    assert (busy.value.code, busy.value.members) == ("stream_busy", {"retry_after": 1})
    stream = steward.runtime.log.stream(steward.tenant, account)
    assert {event.type for event in stream} == {"account.opened", "account.tier_set"}
