"""Keys: how they are made, and who is let in."""

import re
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.auth.keys import ApiKeyAuthenticator, digest, issue
from app.auth.roles import SCOPES, scopes_of
from app.domain.api_key.commands import IssueApiKey, RevokeApiKey
from app.domain.kernel.errors import Invalid, Unauthenticated
from app.domain.kernel.values import micros
from app.store.receipts import Request
from tests.support.applications import House

SHAPE = re.compile(r"stw_[0-9a-z]{26}_[0-9a-z]{26}_[A-Za-z0-9]{43}[0-9a-f]{8}")


def made(house: House, key: str = "1", **wanted: Any) -> tuple[str, str]:
    """A new key. Gives: its id and the key itself."""
    receipt, text = issue(
        house.runtime.handler, house.tenant, "test", IssueApiKey(**{"role": "admin", **wanted}), Request(key, b"")
    )
    assert text is not None
    return receipt.id, text


def gate(house: House, seconds: float = 0.0) -> ApiKeyAuthenticator:
    """A gate that believes for so long."""
    return ApiKeyAuthenticator(house.runtime.handler, house.clock, seconds)


def refused(gate: ApiKeyAuthenticator, key: str) -> str:
    """The words with which a key is refused."""
    with pytest.raises(Unauthenticated) as refusal:
        gate.check(key)
    return f"{refusal.value.code}: {refusal.value.detail}"


def test_a_key_tells_whose_it_is_and_what_it_may_do(house: House) -> None:
    key_id, key = made(house, role="integration", scopes=("interactions:write",))

    principal = gate(house).check(key)

    assert (principal.tenant_id, principal.key_id, principal.role) == (house.tenant, key_id, "integration")
    assert principal.scopes == {"interactions:write"}


def test_a_key_has_a_shape_that_scanners_find_and_a_checksum_that_refuses_a_typo(cottage: House) -> None:
    _, key = made(cottage)

    assert SHAPE.fullmatch(key)
    assert key[-8:] == f"{zlib.crc32(key[:-8].encode()):08x}"


def test_no_two_keys_share_a_secret(cottage: House) -> None:
    secrets = {made(cottage, str(number))[1].rpartition("_")[2] for number in range(50)}

    assert len(secrets) == 50


def test_only_a_digest_of_a_key_is_kept(house: House) -> None:
    _, key = made(house)

    stored = b"".join(event.body for event in house.runtime.log.after(house.tenant, 0, 100))

    assert key.encode() not in stored
    assert key.rpartition("_")[2].encode() not in stored
    assert digest(key).encode() in stored


def test_the_same_request_makes_no_second_key(house: House) -> None:
    wanted = IssueApiKey(role="admin")

    first, key = issue(house.runtime.handler, house.tenant, "test", wanted, Request("same", b"x"))
    again, none = issue(house.runtime.handler, house.tenant, "test", wanted, Request("same", b"x"))

    assert (again.id, again.replayed, none) == (first.id, True, None)
    assert key is not None


def test_a_scope_that_does_not_exist_is_not_handed_out(cottage: House) -> None:
    with pytest.raises(Invalid) as refusal:
        made(cottage, role="integration", scopes=("accounts:read", "moon:write"))

    assert refusal.value.code == "unknown_scope"


def test_every_way_to_be_wrong_is_refused_with_the_same_words(cottage: House) -> None:
    key_id, key = made(cottage)
    revoked_id, revoked = made(cottage, "2")
    cottage.do(RevokeApiKey(), api_key=revoked_id)
    _, expired = made(cottage, "3", expires_at="2026-01-15T09:00:00Z")
    other_secret = _with_checksum(key[:-51] + "A" * 43)
    other_key = _with_checksum(key[:-8].replace(key_id.partition("_")[2], "01jd7z5m3sf8x9v0w1y2z3a4b5"))
    other_tenant = _with_checksum(key[:-8].replace(cottage.tenant.partition("_")[2], "01jd7z5m3sf8x9v0w1y2z3a4b5"))
    mistyped = key[:-1] + ("0" if key[-1] != "0" else "1")
    guard = gate(cottage)

    told = {
        refused(guard, wrong)
        for wrong in (revoked, expired, other_secret, other_key, other_tenant, mistyped, "", "stw_", "x" * 1000)
    }

    assert told == {"invalid_key: the API key is not valid"}
    assert guard.check(key).key_id == key_id


def test_a_key_of_another_tenant_with_the_same_id_opens_nothing(house: House) -> None:
    other = house.new_tenant("Other")
    _, key = made(house)
    moved = _with_checksum(key[:-8].replace(house.tenant.partition("_")[2], other.partition("_")[2]))

    assert refused(gate(house), moved) == "invalid_key: the API key is not valid"


def test_a_key_is_believed_for_a_while_and_no_longer_than_it_lives(cottage: House) -> None:
    guard = gate(cottage, seconds=60)
    key_id, key = made(cottage, expires_at="2026-01-15T10:00:00Z")
    assert guard.known(key) is None

    principal = guard.check(key)

    assert guard.known(key) == principal
    cottage.do(RevokeApiKey(), api_key=key_id)
    assert guard.known(key) == principal  # another process would still believe it: for these seconds
    cottage.clock.now = micros("2026-01-15T10:00:00Z")
    assert guard.known(key) is None


def test_a_key_that_is_believed_for_no_time_is_looked_up_every_time(cottage: House) -> None:
    guard = gate(cottage)
    key_id, key = made(cottage)
    guard.check(key)

    assert guard.known(key) is None
    cottage.do(RevokeApiKey(), api_key=key_id)
    assert refused(guard, key).startswith("invalid_key")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=130) | st.from_regex(SHAPE, fullmatch=True).map(lambda key: _with_checksum(key[:-8])))
def test_nothing_else_opens(cottage: House, key: str) -> None:
    assert refused(gate(cottage), key) == "invalid_key: the API key is not valid"


@given(st.sampled_from(["admin", "manager", "auditor", "integration", "nobody"]), st.lists(st.text(max_size=20)))
def test_a_role_brings_its_scopes_and_an_integration_only_real_ones_that_are_named(role: str, named: list[str]) -> None:
    scopes = scopes_of(role, (*named, "accounts:read"))

    assert scopes <= SCOPES
    assert ("accounts:read" in scopes) == (role != "nobody")
    if role == "integration":
        assert scopes == {"accounts:read", *named} & SCOPES


def _with_checksum(body: str) -> str:
    return f"{body}{zlib.crc32(body.encode()):08x}"
