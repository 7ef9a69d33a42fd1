"""The webhook endpoint's rules, without a database."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.kernel.context import Context, Decided
from app.domain.kernel.errors import DomainError, Invalid, Refused
from app.domain.webhook_endpoint.commands import (
    MOST_SECRETS,
    AddWebhookSecret,
    CloseWebhookEndpoint,
    RecordWebhookEndpoint,
    RecordWebhookSecret,
    RegisterWebhookEndpoint,
    RetireWebhookSecret,
)
from app.domain.webhook_endpoint.decisions import add_secret, close, register, retire_secret
from app.domain.webhook_endpoint.events import (
    WebhookEndpointClosed,
    WebhookEndpointRegistered,
    WebhookSecretAdded,
    WebhookSecretRetired,
)
from app.domain.webhook_endpoint.state import WebhookEndpointState

CONTEXT = Context("tnt_1", "test", 1_000_000, 5_000_000, ZoneInfo("UTC"), "whe_1", lambda prefix: f"{prefix}_1")
OPEN = WebhookEndpointState(exists=True, provider="standard_webhooks", secrets=("sec_1",))
PUBLIC = "whpk_" + "A" * 43
OTHER_PUBLIC = "whpk_" + "B" * 42 + "A"


def event_of(decided: Sequence[Decided]) -> object:
    """The one event of a decision."""
    (one,) = decided
    return one.event


def test_an_endpoint_names_its_secrets_by_id_and_its_public_keys_by_text() -> None:
    command = RecordWebhookEndpoint(
        provider="standard-webhooks", label="CRM", secrets=("sec_1",), public_keys=(PUBLIC,)
    )

    assert event_of(register(WebhookEndpointState(), command, CONTEXT)) == WebhookEndpointRegistered(
        provider="standard_webhooks", label="CRM", secrets=("sec_1",), public_keys=(PUBLIC,)
    )


def test_an_endpoint_without_anything_to_check_a_signature_with_is_refused() -> None:
    with pytest.raises(Invalid, match="secret_missing"):
        register(WebhookEndpointState(), RecordWebhookEndpoint(provider="standard_webhooks"), CONTEXT)


def test_the_same_public_key_is_not_registered_twice() -> None:
    with pytest.raises(Invalid, match="public_key_twice"):
        register(WebhookEndpointState(), RecordWebhookEndpoint(provider="x", public_keys=(PUBLIC, PUBLIC)), CONTEXT)


def test_a_secret_is_added_beside_the_old_one() -> None:
    assert event_of(add_secret(OPEN, RecordWebhookSecret(secret="sec_2"), CONTEXT)) == WebhookSecretAdded(
        secret="sec_2"
    )
    assert event_of(add_secret(OPEN, RecordWebhookSecret(public_key=PUBLIC), CONTEXT)) == WebhookSecretAdded(
        public_key=PUBLIC
    )


@pytest.mark.parametrize("command", [RecordWebhookSecret(), RecordWebhookSecret(secret="sec_2", public_key=PUBLIC)])
def test_one_thing_is_added_at_a_time(command: RecordWebhookSecret) -> None:
    with pytest.raises(Invalid, match="name_one"):
        add_secret(OPEN, command, CONTEXT)


def test_what_is_accepted_already_is_not_added_again() -> None:
    state = WebhookEndpointState(exists=True, public_keys=(PUBLIC,))

    with pytest.raises(Refused, match="nothing_changes"):
        add_secret(state, RecordWebhookSecret(public_key=PUBLIC), CONTEXT)


def test_an_endpoint_has_room_for_ten_secrets() -> None:
    nine = WebhookEndpointState(exists=True, secrets=tuple(f"sec_{n}" for n in range(MOST_SECRETS - 1)))
    ten = WebhookEndpointState(exists=True, secrets=tuple(f"sec_{n}" for n in range(MOST_SECRETS)))

    assert add_secret(nine, RecordWebhookSecret(secret="sec_new"), CONTEXT)
    with pytest.raises(Refused, match="too_many_secrets"):
        add_secret(ten, RecordWebhookSecret(secret="sec_new"), CONTEXT)
    with pytest.raises(Refused, match="too_many_secrets"):
        register(
            WebhookEndpointState(),
            RecordWebhookEndpoint(provider="x", secrets=ten.secrets, public_keys=(PUBLIC,)),
            CONTEXT,
        )


def test_a_secret_is_retired_as_long_as_another_one_stays() -> None:
    state = WebhookEndpointState(exists=True, secrets=("sec_1",), public_keys=(PUBLIC,))

    assert event_of(retire_secret(state, RetireWebhookSecret(secret="sec_1"), CONTEXT)) == WebhookSecretRetired(
        secret="sec_1"
    )
    assert event_of(retire_secret(state, RetireWebhookSecret(public_key=PUBLIC), CONTEXT)) == WebhookSecretRetired(
        public_key=PUBLIC
    )
    with pytest.raises(Refused, match="last_secret"):
        retire_secret(OPEN, RetireWebhookSecret(secret="sec_1"), CONTEXT)


@pytest.mark.parametrize("command", [RetireWebhookSecret(secret="sec_9"), RetireWebhookSecret(public_key=OTHER_PUBLIC)])
def test_a_secret_that_the_endpoint_has_not_cannot_be_retired(command: RetireWebhookSecret) -> None:
    state = WebhookEndpointState(exists=True, secrets=("sec_1", "sec_2"), public_keys=(PUBLIC,))

    with pytest.raises(Refused, match="secret_unknown"):
        retire_secret(state, command, CONTEXT)


def test_nothing_happens_to_a_closed_endpoint() -> None:
    closed = WebhookEndpointState(exists=True, secrets=("sec_1", "sec_2"), closed=True)

    assert event_of(close(OPEN, CloseWebhookEndpoint(), CONTEXT)) == WebhookEndpointClosed()
    for decide, command in (
        (add_secret, RecordWebhookSecret(secret="sec_3")),
        (retire_secret, RetireWebhookSecret(secret="sec_1")),
        (close, CloseWebhookEndpoint()),
    ):
        with pytest.raises(Refused, match="webhook_endpoint_closed"):
            decide(closed, command, CONTEXT)  # type: ignore[operator]


def test_what_is_done_to_an_endpoint_is_true_when_it_is_done() -> None:
    """Not before and not after, whatever the command says: a signature is checked now."""
    decided = [
        *close(OPEN, CloseWebhookEndpoint(effective_at="2020-01-01"), CONTEXT),
        *add_secret(OPEN, RecordWebhookSecret(secret="sec_2"), CONTEXT),
    ]

    assert {one.effective_at for one in decided} == {CONTEXT.now}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.booleans()), max_size=30))
def test_an_open_endpoint_can_always_check_a_signature(steps: list[tuple[bool, int, bool]]) -> None:
    state = OPEN
    for adding, number, secret in steps:
        named = {"secret": f"sec_{number}"} if secret else {"public_key": f"whpk_{number}" + "A" * 42}
        try:
            if adding:
                add_secret(state, RecordWebhookSecret(**named), CONTEXT)
            else:
                retire_secret(state, RetireWebhookSecret(**named), CONTEXT)
        except DomainError:
            continue
        held = {"secret": state.secrets, "public_key": state.public_keys}
        for member, text in named.items():
            held[member] = (*held[member], text) if adding else tuple(each for each in held[member] if each != text)
        state = WebhookEndpointState(exists=True, secrets=held["secret"], public_keys=held["public_key"])

        assert state.secrets or state.public_keys
        assert len(set(state.secrets)) == len(state.secrets)


def test_a_secret_is_not_shown_by_the_command_that_brings_it() -> None:
    text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    assert text not in repr(
        RegisterWebhookEndpoint.model_validate({"provider": "standard_webhooks", "secrets": [text]})
    )
    assert text not in repr(AddWebhookSecret.model_validate({"secret": text}))


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"provider": ""},
        {"provider": "../etc"},
        {"provider": 5},
        {"provider": "x", "tolerance_seconds": 0},
        {"provider": "x", "tolerance_seconds": "300"},
        {"provider": "x", "header": "bad header"},
        {"provider": "x", "hash": "md5"},
        {"provider": "x", "public_keys": ["whsk_" + "A" * 43]},
        {"provider": "x", "secrets": ["short"]},
        {"provider": "x", "unknown": 1},
    ],
)
def test_a_registration_that_does_not_fit_is_refused(wanted: dict) -> None:
    with pytest.raises(ValidationError):
        RegisterWebhookEndpoint.model_validate(wanted)
