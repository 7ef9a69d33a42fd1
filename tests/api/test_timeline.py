"""The timeline: every event of an account with a sentence, and nothing in it that is sealed."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.domain.catalogue import CATALOGUE
from app.domain.kernel.values import Classification, classification, nested
from projections.views.timeline import SENTENCES
from tests.api.sample_agency import SampleAgency, furnish
from tests.support.server import Client, Server

WITHOUT_ACCOUNT = (
    "tenant", "api_key", "webhook_endpoint", "policy", "incentive_statement", "period_close", "user", "role", "team", "agent",
    "issuer",
)  # fmt: skip
"""Nouns that are no client's."""
OF_ACCOUNTS = {topic: kind for topic, kind in CATALOGUE.items() if topic.partition(".")[0] not in WITHOUT_ACCOUNT}
CHOICES = {"interaction.logged": {"channel": "call", "direction": "inbound"}}
"""Members of which the samples bear no value that a command would take."""
GOLDEN = Path(__file__).parents[1] / "golden" / "events"


def samples() -> list[tuple[str, dict[str, Any]]]:
    """The golden samples of events that an account can meet."""
    files = (
        (re.sub(r"\.v\d+\.json$", "", path.name), json.loads(path.read_text()))
        for path in sorted(GOLDEN.glob("*.json"))
    )
    return [(topic, {**data, **CHOICES.get(topic, {})}) for topic, data in files if topic in OF_ACCOUNTS]


def sealed(kind: type[Any]) -> set[str]:
    """The members of an event that are sealed, those of what is in it too."""
    names = set()
    for name, field in kind.model_fields.items():
        if classification(field) in (Classification.PERSONAL, Classification.FREE_TEXT):
            names.add(name)
        for inner in nested(field):
            names |= {f"{name}.{member}" for member in sealed(inner)}
    return names


@pytest.fixture(scope="module")
def world(shared_server: Server) -> SampleAgency:
    """A tenant whose every text bears a mark."""
    return furnish(shared_server.client(), "canary", accounts=1)


def test_every_event_that_an_account_can_meet_has_a_sentence() -> None:
    assert SENTENCES.keys() == OF_ACCOUNTS.keys()


@pytest.mark.parametrize("topic", sorted(OF_ACCOUNTS))
def test_a_sentence_reads_only_members_that_are_open(topic: str) -> None:
    kind = OF_ACCOUNTS[topic]
    names_read: list[str] = []

    class Data(dict[str, Any]):
        """Members that say when they are read."""

        def __getitem__(self, name: str) -> Any:
            names_read.append(name)
            return super().__getitem__(name)

        def get(self, name: str, default: Any = None) -> Any:
            names_read.append(name)
            return super().get(name, default)

    for sample_topic, data in samples():
        if sample_topic == topic:
            sentence = SENTENCES[topic](Data(data))
            assert sentence
            assert sentence == sentence.strip()
            assert "None" not in sentence
            assert not re.search(r"[{}\[\]]", sentence)
    assert names_read == [name for name in names_read if name in kind.model_fields]
    assert not {name for name in names_read if name in sealed(kind)}


def test_every_topic_of_an_account_has_a_sample() -> None:
    assert {topic for topic, _ in samples()} == set(OF_ACCOUNTS)


def test_every_event_of_an_account_is_listed_once_latest_first(world: SampleAgency) -> None:
    path = f"/v1/accounts/{world.ids['account']}"

    entries = world.client.read(f"{path}/timeline", limit=200)["data"]
    events = world.client.read("/v1/events", account=world.ids["account"], limit=1000)["data"]

    assert [one["id"] for one in entries] == [one["id"] for one in events][::-1]
    assert [
        (one["type"], one["position"], one["subject"], one["effective_at"], one["recorded_at"], one["actor"])
        for one in entries
    ] == [
        (one["type"], one["position"], one["stream"], one["time"], one["recorded_at"], one["actor"])
        for one in events[::-1]
    ]
    assert all(one["sentence"] for one in entries)


def test_no_sealed_word_is_in_any_sentence(world: SampleAgency) -> None:
    entries = world.client.read(f"/v1/accounts/{world.ids['account']}/timeline", limit=200)["data"]
    text = json.dumps([one["sentence"] for one in entries])

    assert "title canary" in text
    for word in (
        "subject canary",
        "summary canary",
        "name canary",
        "request canary",
        "question canary",
        "because canary",
    ):
        assert word not in text


def test_a_timeline_can_be_narrowed_and_turned_round(world: SampleAgency) -> None:
    path = f"/v1/accounts/{world.ids['account']}/timeline"

    def kinds(**query: Any) -> list[str]:
        return [one["type"] for one in world.client.read(path, limit=200, **query)["data"]]

    assert kinds(type="account.opened") == ["account.opened"]
    assert set(kinds(type=["interaction.logged", "contract.signed"])) == {"interaction.logged", "contract.signed"}
    assert kinds(sort="position") == kinds()[::-1]
    assert kinds(sort="effective_at")[0] == "account.opened"
    assert kinds(actor="nobody") == kinds(visibility="client") == []
    assert kinds(visibility="internal") == kinds()


def test_what_lies_ahead_is_not_listed_yet(visitor: Client) -> None:
    account = f"/v1/accounts/{visitor.write('/v1/accounts', {'name': 'A', 'currency': 'EUR'})['id']}"
    visitor.write(f"{account}/owner", {"owner": "ben", "effective_at": "2999-01-01"})

    assert [one["type"] for one in visitor.read(f"{account}/timeline")["data"]] == ["account.opened"]
    assert len(visitor.read(f"{account}/timeline", as_of="2999-01-01")["data"]) == 2


def test_visibility_stands_beside_the_sentence(visitor: Client) -> None:
    account = f"/v1/accounts/{visitor.write('/v1/accounts', {'name': 'A', 'currency': 'EUR'})['id']}"
    visitor.write(f"{account}/tier", {"tier": "gold", "visibility": "client"})

    assert [(one["sentence"], one["visibility"]) for one in visitor.read(f"{account}/timeline")["data"]] == [
        ("Moved to tier gold", "client"), ("A became a client", "internal")]  # fmt: skip


def test_an_entry_that_was_taken_back_says_so_and_did_not_before(visitor: Client) -> None:
    account = f"/v1/accounts/{visitor.write('/v1/accounts', {'name': 'A', 'currency': 'EUR'})['id']}"
    call = {"channel": "call", "direction": "inbound", "occurred_at": "2025-03-01T10:00:00Z"}
    wrong, _right = (visitor.write(f"{account}/interactions", call)["id"] for _ in range(2))
    known = visitor.position
    visitor.write(f"/v1/interactions/{wrong}/void", {})

    def taken_back(**query: Any) -> list[tuple[str, bool]]:
        entries = visitor.read(f"{account}/timeline", sort="position", **query)["data"]
        return [(entry["type"], entry["taken_back"]) for entry in entries]

    opened, logged = ("account.opened", False), ("interaction.logged", False)
    assert taken_back() == [opened, ("interaction.logged", True), logged, ("interaction.voided", False)]
    assert taken_back(known_at=known) == [opened, logged, logged]
    assert taken_back(type="interaction.logged") == [("interaction.logged", True), logged]
