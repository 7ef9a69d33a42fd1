"""Endpoints on real databases: secrets that are there before they are named, and shown once."""

from typing import Any

import pytest
from sqlalchemy import func, select

from app.bootstrap import build
from app.domain.kernel.errors import Invalid, NotFound, Refused, Unauthenticated, Unavailable
from app.domain.kernel.principal import Principal
from app.domain.webhook_endpoint.commands import AddWebhookSecret, CloseWebhookEndpoint, RetireWebhookSecret
from app.store.receipts import Request
from app.store.tables import endpoints, secrets
from app.webhooks.inbound.endpoints import Closed
from app.write_side.command_envelope import CommandEnvelope
from tests.support.application import Steward
from tests.webhooks.senders import GENERIC, OTHER_SECRET, SECRET, Sender, public_key_of, register, sender

SIGNING_KEY = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
BODY = {"type": "note", "data": {}}


def add(steward: Steward, endpoint_id: str, key: str = "add", **members: Any) -> tuple[str | None, str | None]:
    """One more secret. Gives: its id and its text."""
    command = AddWebhookSecret.model_validate(members)
    _, secret_id, secret = steward.runtime.endpoints.add_secret(
        steward.tenant, Principal("test"), endpoint_id, command, Request(key, b"")
    )
    return secret_id, secret


def retire(steward: Steward, endpoint_id: str, key: str = "retire", **members: Any) -> None:
    """One secret less."""
    command = RetireWebhookSecret.model_validate(members)
    steward.runtime.endpoints.retire_secret(steward.tenant, Principal("test"), endpoint_id, command, Request(key, b""))


def count(steward: Steward, table: Any) -> int:
    """How many rows of the tenant a table has."""
    with steward.runtime.database.read(steward.tenant) as connection:
        query = select(func.count()).select_from(table).where(table.c.tenant_id == steward.tenant)
        return connection.execute(query).scalar_one()


def test_a_secret_is_made_and_shown_once(steward: Steward) -> None:
    endpoint_id, secret, url = register(steward)
    again_id, nothing, same_url = register(steward)

    assert secret is not None
    assert secret.startswith("whsec_")
    assert url == same_url == f"http://127.0.0.1:8000/v1/inbound/standard-webhooks/{endpoint_id}"
    assert (again_id, nothing) == (endpoint_id, None)
    assert (count(steward, endpoints), count(steward, secrets)) == (1, 1)
    assert Sender(steward, "standard-webhooks", endpoint_id, secret).deliver(BODY) == ("msg_1", "stored")


def test_a_secret_stands_in_no_event_and_is_encrypted_in_its_table(steward: Steward) -> None:
    endpoint_id, _, _ = register(steward, secrets=[SECRET])
    add(steward, endpoint_id, secret=OTHER_SECRET)

    bodies = b"".join(event.body for event in steward.runtime.log.after(steward.tenant, 0, 100))
    with steward.runtime.database.read(steward.tenant) as connection:
        wrapped = b"".join(bytes(row.wrapped) for row in connection.execute(select(secrets)))
    for text in (SECRET, OTHER_SECRET):
        assert text.removeprefix("whsec_").encode() not in bodies + wrapped
    assert steward.runtime.endpoints.secrets(steward.runtime.endpoints.find("standard-webhooks", endpoint_id)) == [
        SECRET,
        OTHER_SECRET,
    ]


def test_a_secret_rotates_without_a_gap(steward: Steward) -> None:
    crm = sender(steward)
    old_id = steward.runtime.endpoints.find(crm.path, crm.endpoint_id).state.secrets[0]

    _, new = add(steward, crm.endpoint_id)
    assert new is not None
    crm.deliver(BODY, "msg_old")
    crm.deliver(BODY, "msg_new", secret=new)
    retire(steward, crm.endpoint_id, secret=old_id)

    assert crm.deliver(BODY, "msg_later", secret=new) == ("msg_later", "stored")
    with pytest.raises(Unauthenticated):
        crm.deliver(BODY, "msg_too_late")
    assert count(steward, secrets) == 1


def test_what_another_process_takes_away_is_gone_here_at_once(steward: Steward) -> None:
    crm, shop = sender(steward, key="crm"), sender(steward, key="shop")
    (old_id,) = steward.runtime.endpoints.find(crm.path, crm.endpoint_id).state.secrets
    steward.runtime.endpoints.find(shop.path, shop.endpoint_id)
    other = build(steward.settings, clock=steward.clock)
    try:
        retired, added, closed = RetireWebhookSecret(secret=old_id), AddWebhookSecret(), CloseWebhookEndpoint()
        other.endpoints.add_secret(steward.tenant, Principal("test"), crm.endpoint_id, added, Request("add", b""))
        other.endpoints.retire_secret(
            steward.tenant, Principal("test"), crm.endpoint_id, retired, Request("retire", b"")
        )
        targets = {"webhook_endpoint": shop.endpoint_id}
        other.handler.handle(CommandEnvelope(steward.tenant, Principal("test"), closed, Request("close", b""), targets))
    finally:
        other.close()

    with pytest.raises(Unauthenticated):
        crm.deliver(BODY)
    with pytest.raises(Closed):
        shop.deliver(BODY)


def test_the_last_secret_stays(steward: Steward) -> None:
    crm = sender(steward)
    only = steward.runtime.endpoints.find(crm.path, crm.endpoint_id).state.secrets[0]

    with pytest.raises(Refused, match="last_secret"):
        retire(steward, crm.endpoint_id, secret=only)
    assert crm.deliver(BODY) == ("msg_1", "stored")


def test_an_endpoint_may_live_on_a_public_key_alone(steward: Steward) -> None:
    endpoint_id, secret, _ = register(steward, public_keys=[public_key_of(SIGNING_KEY)])

    assert secret is None
    assert count(steward, secrets) == 0
    with pytest.raises(Unauthenticated) as refusal:
        Sender(steward, "standard-webhooks", endpoint_id, SECRET).deliver(BODY)
    assert refusal.value.members["reason"] == "no_supported_signature"


def test_a_closed_endpoint_is_gone(steward: Steward) -> None:
    crm = sender(steward)
    close, request = CloseWebhookEndpoint(), Request("close", b"")
    for _ in range(2):
        steward.runtime.endpoints.close(steward.tenant, Principal("test"), crm.endpoint_id, close, request)

    with pytest.raises(Closed):
        crm.deliver(BODY)
    with pytest.raises(Refused, match="webhook_endpoint_closed"):
        add(steward, crm.endpoint_id)
    assert count(steward, secrets) == 0
    assert steward.rows("webhook_endpoints")[0].status == "closed"


@pytest.mark.parametrize(
    ("path", "endpoint_id"),
    [
        ("generic-hmac", None),
        ("carrier-pigeon", None),
        ("", None),
        ("standard-webhooks", "whe_00000000000000000000000000"),
        ("standard-webhooks", "../../etc"),
        ("standard-webhooks", "whe_\x00"),
        ("standard-webhooks", "ref:x"),
    ],
)
def test_an_address_that_is_none_looks_the_same_whatever_is_wrong(
    steward: Steward, path: str, endpoint_id: str | None
) -> None:
    crm = sender(steward)

    with pytest.raises(NotFound, match="webhook_endpoint_not_found: there is no such webhook endpoint"):
        steward.runtime.endpoints.find(path, endpoint_id or crm.endpoint_id)


def test_a_crash_before_the_event_leaves_no_endpoint(steward: Steward) -> None:
    """Secrets come first; what stays behind opens nothing."""
    steward.runtime.committer.close()
    with pytest.raises(Unavailable):
        register(steward)
    assert (count(steward, endpoints), count(steward, secrets)) == (1, 1)
    with steward.runtime.database.read(steward.tenant) as connection:
        orphan = connection.execute(select(endpoints.c.endpoint_id)).scalar_one()

    with pytest.raises(NotFound):
        steward.runtime.endpoints.find("standard-webhooks", orphan)


def test_a_refused_registration_leaves_nothing_behind(steward: Steward) -> None:
    register(steward, key="same")

    with pytest.raises(Invalid, match="idempotency_key_reused"):
        register(steward, key="same", label="another")
    for members, code in (
        ({"provider": "carrier_pigeon"}, "unknown_provider"),
        ({"secrets": ["whsec_nothing!"]}, "invalid_secret"),
        ({"provider": "generic_hmac", **GENERIC, "public_keys": [public_key_of(SIGNING_KEY)]}, "member_not_allowed"),
    ):
        with pytest.raises(Invalid, match=code):
            register(steward, key=code, **members)
    assert (count(steward, endpoints), count(steward, secrets)) == (1, 1)


def test_a_lost_reply_of_the_database_costs_no_secret(steward: Steward, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit is done and its reply lost: the second try answers as a replay, and yet the secrets are this request's."""
    append, lost = steward.runtime.log.append, []

    def lossy(tenant_id: str, batch: Any) -> Any:
        outcomes = append(tenant_id, batch)
        if not lost:
            lost.append(True)
            raise Unavailable("store_unavailable", "the reply was lost")
        return outcomes

    monkeypatch.setattr(steward.runtime.committer, "_append", lossy)
    endpoint_id, secret, _ = register(steward)

    assert lost
    assert secret is not None
    assert Sender(steward, "standard-webhooks", endpoint_id, secret).deliver(BODY) == ("msg_1", "stored")


def test_the_view_shows_an_endpoint_and_the_ids_of_its_secrets(steward: Steward) -> None:
    endpoint_id, _, _ = register(steward, provider="generic-hmac", label="Forms", **GENERIC)
    first = steward.rows("webhook_endpoints")[0]
    secret_id, _ = add(steward, endpoint_id, secret="plain-text-secret")
    retire(steward, endpoint_id, secret=first.secrets[0])

    row = steward.rows("webhook_endpoints")[0]
    assert (first.provider, first.label, first.status, first.header, first.style) == (
        "generic_hmac",
        "Forms",
        "open",
        "X-Signature",
        "plain",
    )
    assert (row.secrets, row.version, row.registered_at) == ([secret_id], 3, first.registered_at)
    assert steward.rows("webhook_endpoints", known_at=str(steward.runtime.log.head(steward.tenant) - 2)) == [first]


def test_an_endpoint_of_another_tenant_is_not_there(steward: Steward) -> None:
    crm = sender(steward)
    other_tenant = steward.new_tenant("Other")

    with pytest.raises(NotFound):
        steward.runtime.endpoints.add_secret(
            other_tenant, Principal("test"), crm.endpoint_id, AddWebhookSecret(), Request("add", b"")
        )
    with pytest.raises(NotFound):
        steward.do(CloseWebhookEndpoint(), tenant=other_tenant, webhook_endpoint=crm.endpoint_id)
    assert steward.rows("webhook_endpoints", tenant=other_tenant) == []
