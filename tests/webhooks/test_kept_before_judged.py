"""What proves its sender is kept before it is judged: no authentic message is lost, however odd its body is."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.kernel.errors import Refused
from app.domain.kernel.strict_json import Malformed
from tests.support.application import Steward
from tests.support.campaigns import examples
from tests.webhooks.senders import Sender, raw, sender

CALL: dict[str, Any] = {
    "type": "interaction.logged",
    "timestamp": "2026-01-05T08:00:00Z",
    "data": {
        "account": "ref:northwind",
        "channel": "call",
        "direction": "inbound",
        "occurred_at": "2026-01-05T08:00:00Z",
    },
}
OPENED = {"type": "account.opened", "data": {"name": "Northwind", "currency": "EUR", "external_ref": "northwind"}}
PARKED_AS = {
    b'{"a": 1.5}': "float_not_allowed",
    b'{"a": 1e400}': "float_not_allowed",
    b'{"a": -0.0}': "float_not_allowed",
    b'{"a": ' + b"9" * 5_000 + b"}": "integer_too_large",
    b'{"a": 9007199254740993}': "integer_too_large",
    b'{"a": {"b": 1, "b": 1}}': "duplicate_key",
    b'{"a": "\\u0000"}': "nul_not_allowed",
    b'{"\\udfff": 1}': "lone_surrogate",
    b'{"a": "\\ud800"}': "lone_surrogate",
    b"[" * 33 + b"]" * 33: "too_deep",
    b"[" * 20_000 + b"]" * 20_000: "too_deep",
    json.dumps({f"{number}": 0 for number in range(1001)}).encode(): "too_many_members",
    b'{"a": NaN}': "malformed_json",
    b'{"a": "\xff"}': "malformed_json",
    b'{"a": "tab\there"}': "malformed_json",
    b"\xef\xbb\xbf{}": "malformed_json",
    '{"a": "ü"}'.encode("utf-16"): "malformed_json",
    b"null": "invalid_event",
    b'"text"': "invalid_event",
}


@pytest.mark.parametrize("body", PARKED_AS)
def test_json_that_no_event_may_hold_is_parked_by_name_and_kept_byte_for_byte(
    sqlite_steward: Steward, body: bytes
) -> None:
    crm = sender(sqlite_steward)

    assert crm.deliver(body) == ("msg_1", "stored")
    assert crm.deliver(body) == ("msg_1", "duplicate")
    crm.process()

    assert (crm.message().state, crm.message().code) == ("parked", PARKED_AS[body])
    assert content(crm, "msg_1") == body


@pytest.mark.parametrize("body", [b"", b"{ not json", b"\xff\xfe\x00", b"{}{}", b"payload=%7B%7D"])
def test_a_body_that_should_be_json_and_is_none_is_refused_and_kept(steward: Steward, body: bytes) -> None:
    crm = sender(steward)

    for content_type in (None, "application/json; charset=utf-8", "application/cloudevents+json"):
        with pytest.raises(Malformed, match="malformed_json"):
            crm.deliver(body, content_type=content_type)
    crm.process()

    (kept,) = crm.messages()
    assert (kept.state, kept.code) == ("parked", "malformed_json")
    assert content(crm, kept.message_id) == body
    assert crm.deliver(OPENED) == ("msg_1", "stored"), "the corrected message may keep its id"


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/xml", "multipart/form-data", "text/plain"]
)
def test_a_form_or_xml_that_proves_its_sender_is_kept(sqlite_steward: Steward, content_type: str) -> None:
    forms = sender(sqlite_steward, "generic-hmac")

    received = forms.deliver(b"token=a&text=caf%E9&\xe9=1", content_type=content_type)
    forms.process()

    assert received.status == "stored"
    assert forms.message(received.message_id).code == "malformed_json"


def test_a_parked_message_can_be_driven_again_and_says_the_same_as_before(steward: Steward) -> None:
    crm = sender(steward)
    crm.deliver(b'{"a": 1.5}')
    crm.process()

    steward.runtime.inbox.redrive(steward.tenant, crm.endpoint_id, "msg_1")
    crm.process()

    assert (crm.message().state, crm.message().attempts) == ("parked", 2)


def test_the_same_message_written_otherwise_is_a_duplicate(steward: Steward) -> None:
    crm, forms = sender(steward), sender(steward, "generic-hmac", "forms")
    crm.deliver(CALL)
    assert crm.deliver(json.dumps(CALL, indent=2, sort_keys=True).encode()) == ("msg_1", "duplicate")
    assert crm.deliver(CALL | {"attempt": 2}) == ("msg_1", "duplicate")

    event = {"specversion": "1.0", "id": "e-1", "source": "urn:x", "type": "account.opened", "data": {"name": "A"}}
    assert forms.deliver(event) == ("e-1", "stored")
    assert forms.deliver(event | {"retrycount": 1}) == ("e-1", "duplicate")


@pytest.mark.parametrize(
    "changed", [{"data": {"amount": 1}}, {"type": "interaction.voided"}, {"timestamp": "2026-01-05T09:00:00Z"}]
)
def test_a_generic_senders_other_message_under_the_same_id_is_answered_well_and_parked(
    sqlite_steward: Steward, changed: dict[str, Any]
) -> None:
    forms = sender(sqlite_steward, "generic-hmac")
    first = {"id": "dlv-1", **CALL}
    forms.deliver(first)

    answers = [forms.deliver(first | changed) for _attempt in range(2)]

    assert {answer.status for answer in answers} == {"parked"}
    (message_id,) = {answer.message_id for answer in answers}
    assert forms.message(message_id).code == "message_id_reused"
    assert content(forms, message_id) == raw(first | changed)


def test_bodies_that_are_no_events_are_the_same_only_when_all_of_them_is(sqlite_steward: Steward) -> None:
    shop = sender(sqlite_steward, "generic-hmac")

    statuses = [shop.deliver({"id": 17, "total": total}).status for total in ("1", 1, "1", 2)]

    assert statuses == ["stored", "parked", "duplicate", "parked"]


def test_a_message_is_named_where_its_endpoint_says(sqlite_steward: Steward) -> None:
    shop = sender(sqlite_steward, "generic-hmac", id_pointer="/meta/guid")

    bodies = [{"id": "customer", "meta": {"guid": f"g-{number}"}, "n": number} for number in range(3)]

    assert [shop.deliver(body) for body in bodies] == [(f"g-{number}", "stored") for number in range(3)]


ODD = st.recursive(
    st.sampled_from(["1.5", "1e9", "9" * 40, '"\\ud83d"', '"\\u0000"', "NaN", "null", '"ü"', "7", '"\x7f"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda texts: "[" + ",".join(texts) + "]")
        | st.lists(inner, max_size=3).map(lambda texts: "{" + ",".join(f'"a":{text}' for text in texts) + "}")
    ),
    max_leaves=6,
)


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ODD)
def test_whatever_an_authentic_message_holds_it_is_kept_and_named(sqlite_steward: Steward, value: str) -> None:
    crm = _once(sqlite_steward)
    body = f'{{"type":"interaction.logged","data":{{"x":{value}}}}}'.encode()

    try:
        received = crm.deliver(body, f"m{len(crm.messages())}")
    except (Refused, Malformed) as refusal:
        pytest.fail(f"{refusal.code} for {value}")
    crm.process()

    assert crm.message(received.message_id).state == "parked"
    assert content(crm, received.message_id) == body


def content(crm: Sender, message_id: str) -> bytes | None:
    """The body of a message, as an operator reads it."""
    return crm.steward.runtime.inbox.content(crm.steward.tenant, crm.endpoint_id, message_id)[1].body


def _once(steward: Steward) -> Sender:
    """The one sender of all examples."""
    if not hasattr(steward, "crm"):
        steward.crm = sender(steward)  # type: ignore[attr-defined]
    made: Sender = steward.crm  # type: ignore[attr-defined]
    return made
