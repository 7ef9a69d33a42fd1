"""From what senders say to the one format that is taken in."""

from typing import Any

import pytest

from app.webhooks.inbound.translation import cloud_event

ENDPOINT = "whe_01jd7z5m3qf8x9v0w1y2z3a4b5"
ACCOUNT = "acct_01jd7z5m3qf8x9v0w1y2z3a4b5"


def test_a_cloud_event_stays_as_it_is() -> None:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "urn:crm",
        "type": "account.opened",
        "data": {"account": {"external_id": "x"}},
    }

    assert cloud_event(ENDPOINT, "msg_1", event) == event


def test_a_standard_webhook_becomes_an_event_of_its_endpoint() -> None:
    body = {
        "type": "interaction.logged",
        "timestamp": "2026-01-05T08:00:30Z",
        "data": {
            "account": {"provider": "crm", "external_id": "northwind"},
            "channel": "call",
            "subject": "Late again",
        },
    }

    assert cloud_event(ENDPOINT, "msg_1", body) == {
        "specversion": "1.0",
        "id": "msg_1",
        "source": f"urn:steward:webhook:{ENDPOINT}",
        "type": "interaction.logged",
        "time": "2026-01-05T08:00:30Z",
        "subject": "ref:northwind",
        "data": {"channel": "call", "subject": "Late again"},
    }


@pytest.mark.parametrize(
    ("data", "subject", "rest"),
    [
        ({"account": ACCOUNT}, ACCOUNT, {}),
        ({"account": "ref:northwind"}, "ref:northwind", {}),
        ({"account": {"external_id": "northwind"}}, "ref:northwind", {}),
        ({"subject": ACCOUNT}, ACCOUNT, {}),
        ({"subject": {"provider": "crm", "external_id": "northwind"}}, "ref:northwind", {}),
        ({"subject": "ref: your mail", "account": ACCOUNT}, ACCOUNT, {"subject": "ref: your mail"}),
        ({"subject": "A second campaign"}, None, {"subject": "A second campaign"}),
        ({"account": {"external_id": "x", "name": "X"}}, None, {"account": {"external_id": "x", "name": "X"}}),
        ({"account": {"external_id": 5}}, None, {"account": {"external_id": 5}}),
        ({"account": ACCOUNT, "contract": {"external_id": "c-1"}}, ACCOUNT, {"contract": "ref:c-1"}),
    ],
)
def test_the_account_is_found_where_it_is_named_without_doubt(data: Any, subject: str | None, rest: Any) -> None:
    event = cloud_event(ENDPOINT, "msg_1", {"type": "interaction.logged", "data": data})

    assert (event.get("subject"), event["data"]) == (subject, rest)
    assert "time" not in event


@pytest.mark.parametrize("body", [None, 5, "text", [], [{"specversion": "1.0"}]])
def test_what_is_no_object_is_left_to_be_refused(body: Any) -> None:
    assert cloud_event(ENDPOINT, "msg_1", body) == body


def test_an_object_of_another_kind_is_left_to_be_refused() -> None:
    event = cloud_event(ENDPOINT, "msg_1", {"data": [1, 2]})

    assert (event["type"], event["data"]) == (None, [1, 2])
