"""Keys: how they are made, and who is let in."""

import re
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.auth.keys import ApiKeyAuthenticator, digest, issue
from app.domain.api_key.commands import IssueApiKey, RevokeApiKey
from app.domain.kernel.errors import Invalid, Unauthenticated
from app.domain.kernel.principal import Principal
from app.domain.kernel.roles import SCOPES, scopes_of
from app.domain.kernel.values import micros
from app.store.receipts import Request
from tests.support.application import Steward
from tests.support.campaigns import examples

SHAPE = re.compile(r"stw_[0-9a-z]{26}_[0-9a-z]{26}_[A-Za-z0-9]{43}[0-9a-f]{8}")


def issued(steward: Steward, key: str = "1", **members: Any) -> tuple[str, str]:
    """A new key. Gives: its id and the key itself."""
    receipt, text = issue(
        steward.runtime.handler,
        steward.tenant,
        Principal("test", "admin"),
        IssueApiKey(**{"role": "admin", **members}),
        Request(key, b""),
    )
    assert text is not None
    return receipt.id, text


def authenticator(steward: Steward, seconds: float = 0.0) -> ApiKeyAuthenticator:
    """An authenticator that caches for so many seconds."""
    return ApiKeyAuthenticator(steward.runtime.handler, steward.clock, seconds)


def refused(keys: ApiKeyAuthenticator, key: str) -> str:
    """The words with which a key is refused."""
    with pytest.raises(Unauthenticated) as refusal:
        keys.check(key)
    return f"{refusal.value.code}: {refusal.value.detail}"


def test_a_key_gives_its_principal_and_its_scopes(steward: Steward) -> None:
    key_id, key = issued(steward, role="integration", scopes=("interactions:write",))

    caller = authenticator(steward).check(key)

    assert (caller.tenant_id, caller.principal) == (
        steward.tenant,
        Principal(actor=key_id, role="integration", client=key_id, roles=("integration",), trust="service"),
    )
    assert caller.scopes == {"interactions:write"}


def test_a_key_has_a_shape_that_scanners_find_and_a_checksum_that_refuses_a_typo(
    sqlite_steward: Steward,
) -> None:
    _, key = issued(sqlite_steward)

    assert SHAPE.fullmatch(key)
    assert key[-8:] == f"{zlib.crc32(key[:-8].encode()):08x}"


def test_no_two_keys_share_a_secret(sqlite_steward: Steward) -> None:
    secrets = {issued(sqlite_steward, str(number))[1].rpartition("_")[2] for number in range(50)}

    assert len(secrets) == 50


def test_only_a_digest_of_a_key_is_kept(steward: Steward) -> None:
    _, key = issued(steward)

    stored = b"".join(event.body for event in steward.runtime.log.after(steward.tenant, 0, 100))

    assert key.encode() not in stored
    assert key.rpartition("_")[2].encode() not in stored
    assert digest(key).encode() in stored


def test_the_same_request_makes_no_second_key(steward: Steward) -> None:
    command = IssueApiKey(role="admin")

    first, key = issue(
        steward.runtime.handler, steward.tenant, Principal("test", "admin"), command, Request("same", b"x")
    )
    again, none = issue(
        steward.runtime.handler, steward.tenant, Principal("test", "admin"), command, Request("same", b"x")
    )

    assert (again.id, again.replayed, none) == (first.id, True, None)
    assert key is not None


def test_a_scope_that_does_not_exist_is_not_handed_out(sqlite_steward: Steward) -> None:
    with pytest.raises(Invalid) as refusal:
        issued(sqlite_steward, role="integration", scopes=("accounts:read", "moon:write"))

    assert refusal.value.code == "unknown_scope"


def test_every_way_to_be_wrong_is_refused_with_the_same_words(sqlite_steward: Steward) -> None:
    key_id, key = issued(sqlite_steward)
    revoked_id, revoked = issued(sqlite_steward, "2")
    sqlite_steward.do(RevokeApiKey(), role="admin", api_key=revoked_id)
    _, expired = issued(sqlite_steward, "3", expires_at="2026-01-15T09:00:00Z")
    other_secret = _with_checksum(key[:-51] + "A" * 43)
    other_key = _with_checksum(key[:-8].replace(key_id.partition("_")[2], "01jd7z5m3sf8x9v0w1y2z3a4b5"))
    other_tenant = _with_checksum(
        key[:-8].replace(sqlite_steward.tenant.partition("_")[2], "01jd7z5m3sf8x9v0w1y2z3a4b5")
    )
    mistyped = key[:-1] + ("0" if key[-1] != "0" else "1")
    keys = authenticator(sqlite_steward)

    refusals = {
        refused(keys, wrong)
        for wrong in (revoked, expired, other_secret, other_key, other_tenant, mistyped, "", "stw_", "x" * 1000)
    }

    assert refusals == {"invalid_key: the API key is not valid"}
    assert keys.check(key).principal.client == key_id


def test_a_key_of_another_tenant_with_the_same_id_opens_nothing(steward: Steward) -> None:
    other = steward.new_tenant("Other")
    _, key = issued(steward)
    moved = _with_checksum(key[:-8].replace(steward.tenant.partition("_")[2], other.partition("_")[2]))

    assert refused(authenticator(steward), moved) == "invalid_key: the API key is not valid"


def test_a_key_is_believed_for_a_while_and_no_longer_than_it_lives(sqlite_steward: Steward) -> None:
    keys = authenticator(sqlite_steward, seconds=60)
    issued(sqlite_steward, "another")
    key_id, key = issued(sqlite_steward, expires_at="2026-01-15T10:00:00Z")
    assert keys.cached(key) is None

    caller = keys.check(key)

    assert keys.cached(key) == caller
    sqlite_steward.do(RevokeApiKey(), role="admin", api_key=key_id)
    assert keys.cached(key) == caller  # another process still accepts it, for these seconds
    sqlite_steward.clock.now = micros("2026-01-15T10:00:00Z")
    assert keys.cached(key) is None


def test_a_key_that_is_believed_for_no_time_is_looked_up_every_time(sqlite_steward: Steward) -> None:
    keys = authenticator(sqlite_steward)
    issued(sqlite_steward, "another")
    key_id, key = issued(sqlite_steward)
    keys.check(key)

    assert keys.cached(key) is None
    sqlite_steward.do(RevokeApiKey(), role="admin", api_key=key_id)
    assert refused(keys, key).startswith("invalid_key")


@settings(max_examples=examples(200), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=130) | st.from_regex(SHAPE, fullmatch=True).map(lambda key: _with_checksum(key[:-8])))
def test_nothing_else_opens(sqlite_steward: Steward, key: str) -> None:
    assert refused(authenticator(sqlite_steward), key) == "invalid_key: the API key is not valid"


@given(
    st.sampled_from(["admin", "account_manager", "auditor", "integration", "nobody"]), st.lists(st.text(max_size=20))
)
def test_a_role_brings_its_scopes_and_an_integration_only_real_ones_that_are_named(role: str, named: list[str]) -> None:
    scopes = scopes_of(role, (*named, "accounts:read"))

    assert scopes <= SCOPES
    assert ("accounts:read" in scopes) == (role not in ("nobody", "admin"))  # a person's, who reads no client content
    if role == "integration":
        assert scopes == {"accounts:read", *named} & SCOPES


def _with_checksum(body: str) -> str:
    return f"{body}{zlib.crc32(body.encode()):08x}"
