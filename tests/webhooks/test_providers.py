"""Each provider by itself: known answers, and headers that nobody would send in good faith."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.kernel.errors import Invalid, Unauthenticated
from app.domain.webhook_endpoint.commands import RegisterWebhookEndpoint
from app.domain.webhook_endpoint.state import WebhookEndpointState
from app.webhooks.inbound import forgiving_json
from app.webhooks.inbound.provider import Delivery
from app.webhooks.inbound.providers import PROVIDERS, provider_named
from tests.webhooks.senders import GENERIC, OTHER_SECRET, SECRET, signed
from tests.webhooks.vectors import VECTORS, body_of, terms_of

NOW = 1_614_265_330
BODY = b'{"test": 2432232314}'
STANDARD = WebhookEndpointState(exists=True, provider="standard_webhooks")
PLAIN = WebhookEndpointState(exists=True, provider="generic_hmac", **GENERIC)
TIMED = WebhookEndpointState(
    exists=True, provider="generic_hmac", **{**GENERIC, "style": "t_v1", "signed_content_template": "{t}.{body}"}
)


def reason(
    endpoint: WebhookEndpointState,
    headers: Sequence[tuple[bytes, bytes]],
    *,
    secrets: Sequence[str] = (SECRET,),
    body: bytes = BODY,
    now: int = NOW,
) -> str | None:
    """Why a delivery is refused, or None when it is not."""
    try:
        provider_named(endpoint.provider).verify(endpoint, secrets, Delivery(headers, body), now)
    except Unauthenticated as refusal:
        return str(refusal.members["reason"])
    return None


def timed(timestamp: str, *, secret: str = SECRET, body: bytes = BODY) -> str:
    """A header of the style t_v1."""
    return f"t={timestamp},v1={hmac.digest(secret.encode(), f'{timestamp}.'.encode() + body, hashlib.sha256).hex()}"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_known_answers(vector: dict[str, Any]) -> None:
    terms = terms_of(vector)
    secrets = terms.pop("secrets", ())
    endpoint = WebhookEndpointState(exists=True, **terms)
    headers = [(name.encode(), value.encode()) for name, value in vector["request"]["headers"].items()]

    assert (
        reason(endpoint, headers, secrets=secrets, body=body_of(vector), now=vector["now"])
        == vector["expect"]["reason"]
    )


@pytest.mark.parametrize(
    ("off", "expected"), [(-301, "timestamp_too_new"), (-300, None), (0, None), (300, None), (301, "timestamp_too_old")]
)
def test_a_timestamp_may_be_five_minutes_off_either_way(off: int, expected: str | None) -> None:
    assert reason(STANDARD, signed(SECRET, "msg_1", NOW, BODY), now=NOW + off) == expected
    assert reason(TIMED, [(b"x-signature", timed(str(NOW)).encode())], now=NOW + off) == expected


@pytest.mark.parametrize(
    "timestamp", ["-1614265330", "1614265330.0", "0", "01614265330", "١٦١٤٢٦٥٣٣٠", "1614265330 ", "1e9", "0x60"]
)
def test_a_timestamp_is_digits_and_nothing_else(timestamp: str) -> None:
    headers = [
        (name, timestamp.encode() if name == b"Webhook-Timestamp" else value)
        for name, value in signed(SECRET, "msg_1", NOW, BODY)
    ]

    assert reason(STANDARD, headers) == "timestamp_malformed"


@pytest.mark.parametrize("message_id", ["evt:1", "orders/17?x=#2", "msg 1", "a" * 129, "~", "%00"])
def test_a_message_with_a_good_signature_is_kept_whatever_its_id_looks_like(message_id: str) -> None:
    headers = signed(SECRET, message_id, NOW, BODY)

    assert reason(STANDARD, headers) is None
    name, again, other = (
        provider_named("standard_webhooks").identify(STANDARD, Delivery(signed(SECRET, one, NOW, body), body), None)
        for one, body in ((message_id, BODY), (message_id, b"{}"), ("evt:2", BODY))
    )
    assert name == again != other
    assert re.fullmatch(r"[0-9a-f]{64}", name)


@pytest.mark.parametrize("message_id", ["msg.1", ".", "müll"])
def test_an_id_that_makes_the_signed_text_ambiguous_is_refused(message_id: str) -> None:
    assert reason(STANDARD, signed(SECRET, message_id, NOW, BODY)) == "id_malformed"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"webhook-id", "id_malformed"),
        (b"webhook-timestamp", "timestamp_malformed"),
        (b"WEBHOOK-SIGNATURE", "signature_malformed"),
    ],
)
def test_a_header_of_the_signature_that_comes_twice_is_refused(name: bytes, expected: str) -> None:
    headers = signed(SECRET, "msg_1", NOW, BODY)
    again = next(value for header, value in headers if header.lower() == name.lower())

    assert reason(STANDARD, [*headers, (name, again)]) == expected


@pytest.mark.parametrize("name", [b"Webhook-Id", b"Webhook-Timestamp", b"Webhook-Signature"])
def test_a_header_of_the_signature_that_is_missing_or_empty_is_named(name: bytes) -> None:
    headers = signed(SECRET, "msg_1", NOW, BODY)

    assert reason(STANDARD, [header for header in headers if header[0] != name]) == "missing_header"
    assert reason(STANDARD, [header if header[0] != name else (name, b"") for header in headers]) == "missing_header"


def test_a_signature_that_is_not_ascii_is_refused_before_it_is_compared() -> None:
    headers = [
        (name, "v1,ÄÖÜ".encode("latin-1") if name == b"Webhook-Signature" else value)
        for name, value in signed(SECRET, "msg_1", NOW, BODY)
    ]

    assert reason(STANDARD, headers) == "signature_malformed"
    assert reason(PLAIN, [(b"x-signature", "ä".encode())]) == "signature_malformed"


def test_any_live_secret_opens_and_no_other() -> None:
    headers = signed(OTHER_SECRET, "msg_1", NOW, BODY)

    assert reason(STANDARD, headers, secrets=(SECRET, OTHER_SECRET)) is None
    assert reason(STANDARD, headers, secrets=(SECRET,)) == "signature_mismatch"
    assert reason(STANDARD, headers, secrets=()) == "no_supported_signature"


def test_an_hmac_may_be_written_in_base64() -> None:
    endpoint = WebhookEndpointState(
        exists=True, provider="generic_hmac", **{**GENERIC, "encoding": "base64", "hash": "sha512"}
    )
    signature = base64.b64encode(hmac.digest(SECRET.encode(), BODY, hashlib.sha512))

    assert reason(endpoint, [(b"X-Signature", signature)]) is None
    assert reason(endpoint, [(b"X-Signature", signature.swapcase())]) == "signature_mismatch"


def test_hexadecimal_may_be_written_in_capitals() -> None:
    signature = hmac.digest(SECRET.encode(), BODY, hashlib.sha256).hex()

    assert reason(PLAIN, [(b"x-signature", signature.upper().encode())]) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("nothing of the kind", "signature_malformed"),
        ("v1=00", "signature_malformed"),
        (f"t={NOW}", "no_supported_signature"),
        (f"t={NOW},v0=00", "no_supported_signature"),
        (f"t={NOW},t={NOW},v1=00", "signature_malformed"),
        ("t=soon,v1=00", "timestamp_malformed"),
        ("t=" + "9" * 30 + ",v1=00", "timestamp_too_new"),
        (f"t={NOW}" + ",v1=00" * 17, "signature_malformed"),
    ],
)
def test_a_header_of_time_and_signatures_is_read_strictly(header: str, expected: str) -> None:
    assert reason(TIMED, [(b"x-signature", header.encode())]) == expected


def test_one_good_signature_among_several_is_enough() -> None:
    assert reason(TIMED, [(b"x-signature", timed(str(NOW)).replace(",v1", ",v1=00,v1").encode())]) is None


MAC = hmac.digest(SECRET.encode(), BODY, hashlib.sha256)


@pytest.mark.parametrize("around", ["{}", "sha256={}", "SHA256={}", "v1={}", "v1,{}", "  {} ", "bad, {}", "{},bad", "=, {}",
                                    "sha1=00 sha256={}", "ÄÖ {}", "v0=zz;v1={}"])  # fmt: skip
def test_a_signature_may_stand_behind_a_label_and_beside_broken_ones(around: str) -> None:
    base64_endpoint = replace(PLAIN, encoding="base64")
    in_base64 = base64.b64encode(MAC).decode()

    for endpoint, text in ((PLAIN, MAC.hex()), (PLAIN, MAC.hex().upper()), (base64_endpoint, in_base64)):
        assert reason(endpoint, [(b"x-signature", around.format(text).encode())]) is None
        assert reason(endpoint, [(b"x-signature", around.format(text[1:]).encode())]) == "signature_mismatch"


@pytest.mark.parametrize("beside", ["garbage", "v1", "v1,", "v1,ÄÖ", ",", "v9,zz", "v1a,AAAA"])
def test_a_broken_signature_beside_a_good_one_hides_nothing(beside: str) -> None:
    headers = signed(SECRET, "msg_1", NOW, BODY)
    good = next(value for name, value in headers if name == b"Webhook-Signature").decode()

    for together in (f"{beside} {good}", f"{good} {beside}", f"{good}  {beside} "):
        assert reason(STANDARD, [*headers[:2], (b"webhook-signature", together.encode())]) is None


@pytest.mark.parametrize("beside", ["v1", "v1=", "v1=ÄÖ", "garbage", "", " v0=1"])
def test_a_broken_part_beside_a_good_time_and_signature_hides_nothing(beside: str) -> None:
    good = timed(str(NOW))

    for together in (f"{good},{beside}", f"{beside},{good}", f"{good} , {beside}"):
        assert reason(TIMED, [(b"x-signature", together.encode())]) is None


HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"x-signature", b"X-SIGNATURE"]),
        st.one_of(
            st.binary(max_size=60), st.sampled_from([b"v1,", b"v1a,AAAA", b"msg_1", str(NOW).encode(), b"t=1,v1=2"])
        ),
    ),
    max_size=6,
)


@given(HEADERS, st.binary(max_size=40), st.sampled_from([STANDARD, PLAIN, TIMED]))
def test_no_bytes_make_a_provider_stumble_or_let_a_stranger_in(
    headers: list[tuple[bytes, bytes]], body: bytes, endpoint: WebhookEndpointState
) -> None:
    assert reason(endpoint, headers, body=body) is not None


def test_a_message_of_standard_webhooks_is_called_as_its_sender_says() -> None:
    delivery = Delivery(signed(SECRET, "msg_7", NOW, BODY), BODY)

    assert provider_named("standard_webhooks").identify(STANDARD, delivery, {}) == "msg_7"


def called(body: bytes, *headers: tuple[bytes, bytes], **members: Any) -> str:
    """What a message of a generic sender is called; `the digest` for that of its body."""
    endpoint = replace(PLAIN, **members)
    name = provider_named("generic_hmac").identify(endpoint, Delivery(headers, body), forgiving_json.read(body))
    return "the digest" if name == hashlib.sha256(body).hexdigest() else name


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"test": 1}', "the digest"),
        (b'{"specversion": "1.0", "id": "crm-4711"}', "crm-4711"),
        (b'{"specversion": "1.0", "event_id": "b"}', "the digest"),
        (b'{"specversion": "1.0", "id": "a/b"}', "the digest"),
        (b'{"id": "dlv_7", "attempt": 3}', "dlv_7"),
        (b'{"id": 1152921504606846977}', "1152921504606846977"),
        (b'{"event_id": "e-1", "id": "customer"}', "e-1"),
        (b'{"delivery_id": "d-1", "id": 5, "price": 1.5}', "d-1"),
        (b'{"id": "cut \\ud83d"}', "the digest"),
        (b'{"id": {"nested": 1}}', "the digest"),
        (b"[1, 2]", "the digest"),
        (b"5", "the digest"),
    ],
)
def test_a_message_whose_sender_signs_only_its_body_is_called_by_its_body(body: bytes, name: str) -> None:
    assert called(body) == name
    assert called(body, (b"webhook-id", b"whatever a replay puts here")) == name


@pytest.mark.parametrize(
    ("pointer", "name"),
    [
        ("/event/id", "deep"),
        ("/a~1b", "slash"),
        ("/m~0n", "tilde"),
        ("/list/1/n", "12"),
        ("/list/9", "the digest"),
        ("/list/x", "the digest"),
        ("/nobody", "the digest"),
        ("/id/0", "the digest"),
    ],
)
def test_an_endpoint_can_say_where_the_body_names_the_message(pointer: str, name: str) -> None:
    body = b'{"id": "top", "event": {"id": "deep"}, "a/b": "slash", "m~n": "tilde", "list": [{}, {"n": 12}]}'

    assert called(body, id_pointer=pointer) == name


def test_an_endpoint_can_say_which_header_names_the_message() -> None:
    body, header = b'{"id": "top"}', (b"X-Delivery-Guid", b"72d3162e-cc78")

    assert called(body, header, id_header="x-delivery-guid") == "72d3162e-cc78"
    assert called(body, id_header="x-delivery-guid") == "the digest"
    assert called(body, (b"x-delivery-guid", b"\xff \x01"), id_header="x-delivery-guid") == "the digest"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"provider": "standard_webhooks", "hash": "sha256"}, "member_not_allowed"),
        ({"provider": "generic_hmac"}, "member_missing"),
        ({"provider": "generic_hmac", **GENERIC, "style": "t_v1"}, "template_mismatch"),
        ({"provider": "generic_hmac", **GENERIC, "signed_content_template": "{t}.{body}"}, "template_mismatch"),
        ({"provider": "generic_hmac", **GENERIC, "id_header": "X-Id", "id_pointer": "/id"}, "name_one"),
        ({"provider": "standard_webhooks", "id_pointer": "/id"}, "member_not_allowed"),
    ],
)
def test_an_endpoint_that_a_provider_cannot_serve_is_refused(members: dict[str, Any], code: str) -> None:
    command = RegisterWebhookEndpoint.model_validate(members)

    with pytest.raises(Invalid, match=code):
        provider_named(command.provider).check(command)


def test_an_hmac_is_never_made_with_a_key_that_is_no_secret() -> None:
    generic = provider_named("generic_hmac")

    for text in ("whpk_" + "A" * 43, "whsk_" + "A" * 86):
        with pytest.raises(Invalid, match="invalid_secret"):
            generic.check_secret(text)
    with pytest.raises(Invalid, match="member_not_allowed"):
        generic.check_public_key("whpk_" + "A" * 43)


def test_every_provider_has_a_name_and_an_address_of_its_own() -> None:
    assert (
        len({provider.name for provider in PROVIDERS})
        == len({provider.path for provider in PROVIDERS})
        == len(PROVIDERS)
    )
    with pytest.raises(Invalid, match="unknown_provider"):
        provider_named("carrier_pigeon")
