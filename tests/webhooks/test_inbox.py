"""The inbox on real databases: every message once, never lost, never taken in twice."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from app.bootstrap import build
from app.domain.kernel.errors import NotFound, Refused, Unauthenticated
from app.domain.kernel.values import MICRO
from app.store.tables import inbox
from app.webhooks.inbound.inbox import Inbox
from app.webhooks.inbound.provider import Delivery
from tests.support.application import Steward
from tests.webhooks.senders import Sender, raw, sender, signed

DATA = Path(__file__).parents[1] / "data"
SAMPLE = json.loads((DATA / "standard-webhook-interaction.json").read_text())
OPENED = {
    "type": "account.opened",
    "timestamp": "2026-01-01T00:00:00Z",
    "data": {"name": "Northwind", "currency": "EUR", "external_ref": "northwind"},
}


def call(number: int, account: Any = "ref:northwind") -> dict[str, Any]:
    """A message about a call."""
    return {
        "type": "interaction.logged",
        "timestamp": "2026-01-05T08:00:00Z",
        "data": {
            "account": account,
            "channel": "call",
            "direction": "inbound",
            "occurred_at": "2026-01-05T08:00:00Z",
            "topics": [f"call {number}"],
        },
    }


def topics(steward: Steward) -> list[str]:
    """The types of the business events."""
    return [topic for topic in steward.topics() if topic.startswith(("account", "interaction"))]


def states(crm: Sender) -> list[str]:
    """The states of all messages, the oldest first."""
    return [message.state for message in reversed(crm.messages())]


def test_a_message_becomes_an_event_in_its_endpoints_name(steward: Steward) -> None:
    crm = sender(steward)
    crm.deliver(OPENED, "msg_1")
    crm.deliver(SAMPLE, "msg_2")

    assert crm.process() == 2

    event = steward.runtime.log.after(steward.tenant, 0, 100)[-1]
    (revealed,) = steward.runtime.log.reveal(steward.tenant, [(event.event_id, event.data)])
    assert event.actor == f"webhook:{crm.endpoint_id}"
    assert (event.meta["source"], event.meta["external_id"]) == (f"urn:steward:webhook:{crm.endpoint_id}", "msg_2")
    assert revealed["participants"][1]["email"] == "jana.albrecht@northwind.example"
    assert [(message.state, message.position) for message in crm.messages()] == [
        ("done", event.position),
        ("done", event.position - 1),
    ]


def test_a_message_that_comes_again_is_stored_and_taken_in_once(steward: Steward) -> None:
    crm = sender(steward)
    assert crm.deliver(OPENED) == ("msg_1", "stored")
    assert crm.deliver(OPENED) == ("msg_1", "duplicate")
    crm.process()
    assert crm.deliver(OPENED) == ("msg_1", "duplicate")
    crm.process()

    assert topics(steward) == ["account.opened"]
    assert states(crm) == ["done"]


def test_another_body_under_the_same_id_is_refused_and_kept(steward: Steward) -> None:
    crm = sender(steward)
    crm.deliver(call(1))

    for _attempt in range(2):
        with pytest.raises(Refused, match="message_id_reused"):
            crm.deliver(call(2))
    kept, first = crm.messages()
    assert (first.message_id, first.state) == ("msg_1", "waiting")
    assert (kept.message_id.partition(".")[0], kept.state, kept.code) == ("msg_1", "parked", "message_id_reused")


def test_the_same_id_at_another_endpoint_is_another_message(steward: Steward) -> None:
    crm, shop = sender(steward, key="crm"), sender(steward, key="shop")

    assert crm.deliver(call(1)) == shop.deliver(call(2)) == ("msg_1", "stored")


def test_nothing_is_parsed_or_kept_before_the_signature_is_good(steward: Steward) -> None:
    crm = sender(steward)

    with pytest.raises(Unauthenticated):
        crm.deliver(b"{ not json", secret="whsec_" + "A" * 32)
    assert crm.messages() == []


def test_a_body_is_stored_so_that_only_the_tenants_key_opens_it(steward: Steward) -> None:
    crm = sender(steward)
    crm.deliver(SAMPLE)

    with steward.runtime.database.read(steward.tenant) as connection:
        row = connection.execute(select(inbox)).one()
    assert b"Jana" not in bytes(row.sealed_body)
    assert sorted(json.loads(row.headers)) == ["webhook-id", "webhook-signature", "webhook-timestamp"]
    assert steward.runtime.inbox.messages.waiting(steward.tenant, 10)[0].body == json.dumps(SAMPLE).encode()


def test_a_worker_that_died_before_it_took_note_appends_nothing_twice(steward: Steward) -> None:
    crm = sender(steward)
    crm.deliver(OPENED, "msg_1")
    crm.deliver(SAMPLE, "msg_2")
    waiting = steward.runtime.inbox.messages.waiting(steward.tenant, 10)
    steward.runtime.inbox._ingest(steward.tenant, crm.endpoint_id, waiting)  # ... and here the worker dies
    head = steward.runtime.log.head(steward.tenant)
    assert states(crm) == ["waiting", "waiting"]

    assert crm.process() == 2

    assert steward.runtime.log.head(steward.tenant) == head
    assert topics(steward) == ["account.opened", "interaction.logged"]
    assert [(message.state, message.position) for message in crm.messages()] == [("done", head), ("done", head - 1)]


def test_a_message_that_was_put_back_finds_its_first_receipt(steward: Steward) -> None:
    crm = sender(steward)
    crm.deliver(OPENED)
    crm.process()
    first = crm.message()
    with steward.runtime.database.write(steward.tenant) as connection:
        connection.execute(update(inbox).values(state="waiting", position=None))

    crm.process()

    assert (crm.message().state, crm.message().position) == ("done", first.position)
    assert topics(steward) == ["account.opened"]


def test_what_is_stored_outlives_the_process_that_stored_it(steward: Steward) -> None:
    crm = sender(steward)
    crm.deliver(OPENED)
    steward.runtime.committer.close()  # the process can append nothing any more
    assert crm.process() == 0
    assert states(crm) == ["waiting"]

    successor = build(steward.settings, clock=steward.clock)
    try:
        assert successor.inbox.work() == 1
    finally:
        successor.close()
    assert states(crm) == ["done"]
    assert topics(steward) == ["account.opened"]


def test_a_message_about_an_unknown_account_is_parked_and_can_be_driven_again(steward: Steward) -> None:
    crm = sender(steward)
    crm.deliver(SAMPLE)
    crm.process()
    parked = crm.message()
    assert (parked.state, parked.code, parked.position, parked.attempts) == ("parked", "account_not_found", None, 1)

    crm.deliver(OPENED, "msg_2")
    crm.process()
    assert steward.runtime.inbox.redrive(steward.tenant, crm.endpoint_id, "msg_1").state == "waiting"
    crm.process()

    driven = crm.message()
    assert (driven.state, driven.code, driven.attempts) == ("done", None, 2)
    assert topics(steward) == ["account.opened", "interaction.logged"]


def test_only_what_is_parked_can_be_driven_again(steward: Steward) -> None:
    crm = sender(steward)
    crm.deliver(OPENED)
    assert steward.runtime.inbox.redrive(steward.tenant, crm.endpoint_id, "msg_1").state == "waiting"
    crm.process()

    with pytest.raises(Refused, match="message_done"):
        steward.runtime.inbox.redrive(steward.tenant, crm.endpoint_id, "msg_1")
    for unknown in ("msg_9", "\x00", "ü"):
        with pytest.raises(NotFound):
            steward.runtime.inbox.redrive(steward.tenant, crm.endpoint_id, unknown)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"test": 2432232314}, "invalid_event"),
        ([], "invalid_event"),
        (5, "invalid_event"),
        ({"type": "weather.changed", "data": {}}, "unknown_type"),
        (
            {
                "type": "scope_change.requested",
                "timestamp": "2026-01-05T08:01:30Z",
                "data": {"account": "ref:northwind", "summary": "More"},
            },
            "unknown_type",
        ),
        ({"type": "interaction.logged", "data": {"account": "ref:nobody"}}, "invalid_command"),
        ({"type": "interaction.logged", "data": [1]}, "invalid_event"),
        ({"type": "interaction.logged", "timestamp": "yesterday", "data": {}}, "invalid_event"),
        ({"specversion": "0.3", "id": "1", "source": "urn:x", "type": "account.opened"}, "unsupported_specversion"),
    ],
)
def test_what_cannot_be_mapped_is_parked_by_name(sqlite_steward: Steward, body: Any, code: str) -> None:
    crm = sender(sqlite_steward)
    crm.deliver(body)
    crm.deliver(OPENED, "msg_2")

    assert crm.process() == 2

    assert (crm.message().state, crm.message().code) == ("parked", code)
    assert crm.message("msg_2").state == "done"


def test_keys_that_no_event_may_have_hold_nobody_up(sqlite_steward: Steward) -> None:
    crm = sender(sqlite_steward)
    crm.deliver(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "urn:x",
            "type": "account.closed",
            "subject": "ref:northwind",
            "dataschema": {"ü": "ö"},
        }
    )
    crm.deliver(OPENED, "msg_2")
    crm.process()

    assert states(crm) == ["parked", "done"]


def test_a_cloud_event_is_taken_in_under_its_own_name(steward: Steward) -> None:
    forms = sender(steward, "generic-hmac")
    event = {
        "specversion": "1.0",
        "id": "crm-1",
        "source": "urn:crm",
        "type": "account.opened",
        "data": {"name": "Northwind", "currency": "EUR"},
    }

    assert forms.deliver(event) == ("crm-1", "stored")
    assert forms.deliver(event) == ("crm-1", "duplicate")
    forms.process()
    (item,) = steward.ingest([event])

    assert item.status == "duplicate"
    assert item.receipt is not None
    assert forms.message("crm-1").position == item.receipt.position


def test_messages_are_taken_in_in_the_order_in_which_they_came(steward: Steward) -> None:
    crm, shop = sender(steward, key="crm"), sender(steward, key="shop")
    crm.deliver(OPENED, "msg_0")
    for number in range(1, 8):
        (crm if number % 3 else shop).deliver(call(number), f"msg_{number}")

    assert steward.runtime.inbox.work() == 8

    subjects = [
        event.data["topics"]
        for event in steward.runtime.log.after(steward.tenant, 0, 100)
        if event.type == "interaction.logged"
    ]
    assert subjects == [[f"call {number}"] for number in range(1, 8)]


def test_two_workers_bring_a_message_home_once(steward: Steward) -> None:
    """One parks it while the other, for whom the account exists already, takes it in."""
    crm = sender(steward)
    crm.deliver(SAMPLE)
    waiting = steward.runtime.inbox.messages.waiting(steward.tenant, 10)
    parked = steward.runtime.inbox._ingest(steward.tenant, crm.endpoint_id, waiting)
    crm.deliver(OPENED, "msg_2")
    steward.runtime.inbox._ingest(
        steward.tenant, crm.endpoint_id, steward.runtime.inbox.messages.waiting(steward.tenant, 10)[1:]
    )
    done = steward.runtime.inbox._ingest(steward.tenant, crm.endpoint_id, waiting)

    for first, second in ((parked, done), (done, parked)):
        with steward.runtime.database.write(steward.tenant) as connection:
            connection.execute(update(inbox).values(state="waiting"))
        steward.runtime.inbox.messages.record(steward.tenant, first)
        steward.runtime.inbox.messages.record(steward.tenant, second)
        assert crm.message().state == "done"
    assert topics(steward) == ["account.opened", "interaction.logged"]


def test_a_body_that_does_not_open_is_parked_and_not_lost(steward: Steward) -> None:
    crm = sender(steward)
    crm.deliver(OPENED)
    with steward.runtime.database.write(steward.tenant) as connection:
        sealed = bytes(connection.execute(select(inbox.c.sealed_body)).scalar_one())
        connection.execute(update(inbox).values(sealed_body=bytes(reversed(sealed))))
    crm.process()
    assert (crm.message().state, crm.message().code) == ("parked", "body_lost")
    assert steward.runtime.inbox.content(steward.tenant, crm.endpoint_id, "msg_1")[1].body is None

    with steward.runtime.database.write(steward.tenant) as connection:
        connection.execute(update(inbox).values(sealed_body=sealed))
    steward.runtime.inbox.redrive(steward.tenant, crm.endpoint_id, "msg_1")
    crm.process()
    assert crm.message().state == "done"


def test_an_inbox_is_paged_from_the_newest(steward: Steward) -> None:
    crm = sender(steward)
    for number in range(5):
        crm.deliver(call(number), f"msg_{number}")
    read = steward.runtime.inbox.messages.page
    first = read(steward.tenant, crm.endpoint_id, limit=2)
    rest = read(steward.tenant, crm.endpoint_id, after=(first[-1].received_at, first[-1].message_id))

    assert [message.message_id for message in (*first, *rest)] == ["msg_4", "msg_3", "msg_2", "msg_1", "msg_0"]
    assert read(steward.tenant, crm.endpoint_id, states=["done"]) == []
    assert read(steward.new_tenant("Other"), crm.endpoint_id) == []


def test_of_many_that_come_at_once_one_is_the_first(steward: Steward) -> None:
    crm = sender(steward)
    runtime, body = steward.runtime, raw(OPENED)
    delivery = Delivery(signed(crm.secret, "msg_1", steward.clock() // MICRO, body), body)
    endpoint = runtime.endpoints.find(crm.path, crm.endpoint_id)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: runtime.inbox.receive(endpoint, delivery), range(16)))

    assert sorted(answer.status for answer in answers) == ["duplicate"] * 15 + ["stored"]
    assert crm.process() == 1


def test_the_worker_need_not_look_everywhere_to_find_what_just_came(steward: Steward) -> None:
    crm = sender(steward)
    assert steward.runtime.inbox.work() == 0
    crm.deliver(OPENED)

    assert steward.runtime.inbox.wake.is_set()
    assert steward.runtime.inbox.work() == 1


def test_more_messages_than_a_batch_find_their_end(sqlite_steward: Steward) -> None:
    crm = sender(sqlite_steward)
    crm.deliver(OPENED, "msg_x")
    for number in range(205):
        crm.deliver(call(number), f"msg_{number}")

    assert crm.process() == 206
    assert topics(sqlite_steward).count("interaction.logged") == 205


def test_a_tenant_with_many_messages_leaves_another_its_turn(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.webhooks.inbound.inbox.BATCH", 3)
    monkeypatch.setattr("app.webhooks.inbound.inbox.MESSAGES_PER_TURN", 5)
    steward, first = sqlite_steward, sqlite_steward.tenant
    busy = sender(steward)
    busy.deliver(OPENED, "msg_x")
    for number in range(10):
        busy.deliver(call(number), f"msg_{number}")
    steward.tenant = steward.new_tenant("Light")
    light = sender(steward, key="light")
    light.deliver(OPENED, "msg_1")

    assert steward.runtime.inbox.work() == 7  # a batch, the other's message, and a batch again
    assert states(light) == ["done"]
    steward.tenant = first
    assert states(busy).count("done") == 6
    assert [steward.runtime.inbox.work() for _ in range(2)] == [5, 0]
    assert set(states(busy)) == {"done"}


def test_a_tenant_whose_messages_cannot_be_handled_keeps_no_other_waiting(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    steward, broken = sqlite_steward, sqlite_steward.tenant
    sender(steward).deliver(OPENED, "msg_1")
    steward.tenant = steward.new_tenant("Light")
    light = sender(steward, key="light")
    light.deliver(OPENED, "msg_1")
    waiting = steward.runtime.inbox.messages.waiting

    def unreadable(tenant_id: str, limit: int) -> Any:
        if tenant_id == broken:
            raise ValueError
        return waiting(tenant_id, limit)

    monkeypatch.setattr(steward.runtime.inbox.messages, "waiting", unreadable)

    assert steward.runtime.inbox.work() == 1
    assert states(light) == ["done"]


def test_a_tenant_whose_ledger_is_held_keeps_no_other_waiting(
    sqlite_steward: Steward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.webhooks.inbound.inbox.PATIENCE_SECONDS", 0)
    steward, held = sqlite_steward, sqlite_steward.tenant
    busy = sender(steward)
    busy.deliver(OPENED, "msg_1")
    steward.tenant = steward.new_tenant("Light")
    light = sender(steward, key="light")
    inbox, released, tried = steward.runtime.inbox, threading.Event(), []
    waiting = inbox.messages.waiting

    def behind_a_lock(tenant_id: str, limit: int) -> Any:
        tried.append(tenant_id)
        if tenant_id == held:
            released.wait(60)
        return waiting(tenant_id, limit)

    monkeypatch.setattr(inbox.messages, "waiting", behind_a_lock)
    for number in range(3):  # more of them than turns may go on at once: the held one has only one of these
        light.deliver(OPENED | {"data": {"name": "Light", "currency": "EUR"}}, f"msg_{number}")
        worked_off(inbox, light, number + 1)
    assert tried.count(held) == 1
    released.set()
    steward.tenant = held
    worked_off(inbox, busy, 1)


def worked_off(inbox: Inbox, crm: Sender, count: int) -> None:
    """Lets the worker work until a sender's messages are done."""
    for _ in range(3000):
        inbox.work()
        if states(crm).count("done") == count:
            return
        time.sleep(0.02)
    raise AssertionError(states(crm))
