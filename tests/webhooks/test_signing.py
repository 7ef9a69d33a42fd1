"""Standard Webhooks signatures by themselves."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.domain.kernel.errors import Invalid
from app.webhooks.inbound import signing
from tests.webhooks.senders import SECRET, public_key_of
from tests.webhooks.vectors import VECTORS, body_of

PRINTED = [vector for vector in VECTORS if vector["expect"].get("signed_content")]
KEY = signing.secret_of(SECRET)
IDS = st.text("abcXYZ019_-", min_size=1, max_size=40)
TIMES = st.integers(1, 10**11)


def _pair(seed: bytes) -> tuple[str, str]:
    public = (
        Ed25519PrivateKey.from_private_bytes(seed)
        .public_key()
        .public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    )
    signing_key = signing.SIGNING_KEY + base64.b64encode(seed + public).decode()
    return signing_key, public_key_of(signing_key)


@pytest.mark.parametrize("vector", PRINTED, ids=lambda vector: vector["id"])
def test_what_we_sign_is_what_others_sign(vector: dict) -> None:
    headers, config = vector["request"]["headers"], vector["config"]
    message_id, timestamp = headers["webhook-id"], headers["webhook-timestamp"]

    if "signing_key" in config:
        made = signing.sign_asymmetric(
            signing.signing_key_of(config["signing_key"]), message_id, int(timestamp), body_of(vector)
        )
    else:
        made = signing.sign(signing.secret_of(config["secrets"][0]), message_id, int(timestamp), body_of(vector))

    assert signing.signed_content(message_id, timestamp, body_of(vector)).decode() == vector["expect"]["signed_content"]
    assert made == vector["expect"]["signature"]


@given(st.binary(min_size=16, max_size=128), IDS, TIMES, st.binary(max_size=200))
def test_a_signature_is_good_for_its_own_secret(secret: bytes, message_id: str, timestamp: int, body: bytes) -> None:
    header = signing.sign(signing.secret_of(signing.secret_text(secret)), message_id, timestamp, body)

    assert signing.fault(message_id, str(timestamp), header, body, secrets=[secret], public_keys=[]) is None


@given(st.binary(min_size=32, max_size=32), IDS, TIMES, st.binary(max_size=200))
def test_an_asymmetric_signature_is_good_for_its_public_key(
    seed: bytes, message_id: str, timestamp: int, body: bytes
) -> None:
    signing_key, public_key = _pair(seed)
    header = signing.sign_asymmetric(signing.signing_key_of(signing_key), message_id, timestamp, body)
    key = signing.public_key_of(public_key)

    assert signing.fault(message_id, str(timestamp), header, body, secrets=[], public_keys=[key]) is None
    assert (
        signing.fault(message_id, str(timestamp), header, body + b" ", secrets=[], public_keys=[key])
        == "signature_mismatch"
    )


@given(st.binary(min_size=1, max_size=50), st.binary(min_size=1, max_size=50))
def test_a_signature_is_good_for_one_body_only(body: bytes, other: bytes) -> None:
    header = signing.sign(KEY, "msg_1", 1000, body)

    assert (signing.fault("msg_1", "1000", header, other, secrets=[KEY], public_keys=[]) is None) == (body == other)


def test_a_public_key_is_never_the_key_of_an_hmac() -> None:
    """A sender who knows only what everybody knows signs with the public key as if it were a secret."""
    _, public_text = _pair(bytes(32))
    forged = signing.sign(base64.b64decode(public_text.removeprefix("whpk_")), "msg_1", 1000, b"{}")
    key = signing.public_key_of(public_text)

    assert signing.fault("msg_1", "1000", forged, b"{}", secrets=[], public_keys=[key]) == "no_supported_signature"
    assert signing.fault("msg_1", "1000", forged, b"{}", secrets=[KEY], public_keys=[key]) == "signature_mismatch"
    with pytest.raises(Invalid, match="invalid_secret"):
        signing.secret_of(public_text)


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_!!!!", "whsec_c2hvcnQ=", "whsk_" + "A" * 86, "whpk_" + "A" * 43, "whsec_ä" * 9]
)
def test_what_holds_no_secret_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid, match="invalid_secret"):
        signing.secret_of(text)


@pytest.mark.parametrize(
    "text", ["", SECRET, "A" * 43, "whpk_", "whpk_" + "A" * 40, "whpk_" + "ü" * 43, "whsk_" + "A" * 43]
)
def test_what_holds_no_public_key_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid, match="invalid_public_key"):
        signing.public_key_of(text)


@pytest.mark.parametrize("text", ["whsk_", "whsk_" + "A" * 43, SECRET])
def test_what_holds_no_signing_key_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid, match="invalid_signing_key"):
        signing.signing_key_of(text)


def test_a_header_with_too_many_signatures_is_not_worked_through() -> None:
    good = signing.sign(KEY, "msg_1", 1000, b"{}")

    assert signing.fault("msg_1", "1000", " ".join([good] * 16), b"{}", secrets=[KEY], public_keys=[]) is None
    assert (
        signing.fault("msg_1", "1000", " ".join([good] * 17), b"{}", secrets=[KEY], public_keys=[])
        == "signature_malformed"
    )


@given(st.text(st.characters(max_codepoint=127), max_size=120))
def test_no_header_makes_the_check_stumble(header: str) -> None:
    key = signing.public_key_of(_pair(bytes(32))[1])

    assert signing.fault("msg_1", "1000", header, b"{}", secrets=[KEY], public_keys=[key]) in (
        "signature_malformed",
        "no_supported_signature",
        "signature_mismatch",
    )
