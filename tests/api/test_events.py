"""The feed of all events, and the taking in of events from elsewhere."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.sample_agency import draft
from tests.support.server import Client, Server

SINGLE, BATCH, LINES = "application/cloudevents+json", "application/cloudevents-batch+json", "application/x-ndjson"


def event(number: int, kind: str = "account.opened", **more: Any) -> dict[str, Any]:
    """A CloudEvent; the account of a number by default."""
    data = {"name": f"n{number}", "currency": "EUR", "external_ref": f"a{number}"}
    return {"specversion": "1.0", "id": f"e{number}", "source": "urn:crm", "type": kind, "data": data} | more


def ingest(client: Client, events: Any, media: str = BATCH) -> httpx.Response:
    """Posts events; a list becomes lines."""
    content = "\n".join(json.dumps(one) for one in events) if media == LINES else json.dumps(events)
    answer = client.post("/v1/events", content=content, headers={"Content-Type": media})
    client.position = max(client.position, int(answer.headers.get("event-position", 0)))
    return answer


def statuses(answer: httpx.Response) -> list[str]:
    """What became of each."""
    assert answer.status_code == 200, answer.text
    return [one["status"] for one in answer.json()["results"]]


def feed(client: Client, **params: Any) -> list[dict[str, Any]]:
    """All of the feed, page by page."""
    events, after = [], 0
    while True:
        page = client.read("/v1/events", after=after, **params)
        events += page["data"]
        after = page["next_after"]
        if not page["has_more"]:
            assert after == page["position"]
            return events


# --- the feed ---


def test_the_feed_has_every_event_once_in_order(client: Client) -> None:
    for number in range(7):
        client.write("/v1/accounts", {"name": f"n{number}", "currency": "EUR"})

    for limit in (1, 3, 1000):
        events = feed(client, limit=limit)
        assert [one["position"] for one in events] == list(range(1, client.position + 1))
    assert [one["type"] for one in events] == ["tenant.created", "api_key.issued"] + ["account.opened"] * 7


def test_the_feed_has_no_gap_while_many_write(client: Client) -> None:
    def write(number: int) -> int:
        return client.post("/v1/accounts", json={"name": f"n{number}", "currency": "EUR"}).status_code

    seen: list[int] = []
    stop = threading.Event()

    def follow() -> None:
        after = 0
        while True:
            last = stop.is_set()
            page = client.get("/v1/events", params={"after": after, "limit": 7}).json()
            seen.extend(one["position"] for one in page["data"])
            after = page["next_after"]
            if last and not page["has_more"]:
                return

    follower = threading.Thread(target=follow)
    follower.start()
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(write, range(150)))
    stop.set()
    follower.join()

    assert set(written) == {201}
    assert seen == list(range(1, 153))


def test_an_event_stands_in_the_feed_as_a_cloud_event(client: Client) -> None:
    account = client.write(
        "/v1/accounts", {"name": "A", "currency": "EUR", "effective_at": "2026-01-01", "reason": "why"}
    )

    events = client.read("/v1/events", after=account["position"] - 1)["data"]

    assert len(events) == 1
    event = events[0]
    assert event["id"] == account["events"][0]["id"]
    assert (event["specversion"], event["type"], event["subject"]) == ("1.0", "account.opened", account["id"])
    assert (event["time"], event["stream"], event["version"], event["schema"]) == (
        "2026-01-01T00:00:00.000000Z",
        account["id"],
        1,
        2,
    )
    assert event["data"] == {"name": "A", "currency": "EUR", "time_zone": "UTC"}
    assert event["meta"]["reason"] == "why"
    assert event["actor"].startswith("key_")


def test_the_feed_can_be_narrowed_to_types_and_to_an_account(client: Client) -> None:
    ids = [
        client.write("/v1/accounts", {"name": f"n{number}", "currency": "EUR", "external_ref": f"a{number}"})["id"]
        for number in (1, 2)
    ]
    for account in (*ids, *ids):
        client.write(f"/v1/accounts/{account}/tier", {"tier": "gold"})

    def positions(**params: Any) -> list[int]:
        return [one["position"] for one in feed(client, limit=2, **params)]

    assert positions(types="account.tier_set") == [5, 6, 7, 8]
    assert positions(types="account.tier_set,account.opened") == [3, 4, 5, 6, 7, 8]
    assert positions(types=["account.tier_set", "account.opened"], account="ref:a1") == [3, 5, 7]
    assert positions(account=ids[1]) == [4, 6, 8]
    for types in ("unheard.of", "account.opened,contract.signd", "account.opened,", ""):
        answer = client.see("/v1/events", types=types)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter"), types
        assert answer.json()["errors"][0]["pointer"] == "types"


def test_the_next_page_begins_behind_what_was_looked_at_also_when_nothing_matched(client: Client) -> None:
    for number in range(5):
        client.write("/v1/accounts", {"name": f"n{number}", "currency": "EUR"})
    head = client.position

    none = client.read("/v1/events", types="contract.signed")
    some = client.read("/v1/events", types="account.opened", limit=2)
    at_the_end = client.read("/v1/events", after=head)
    beyond = client.see("/v1/events", after=head + 1)
    page_of_the_end = client.read("/v1/events", after=head - 2, limit=2)

    assert (none["data"], none["has_more"], none["next_after"]) == ([], False, head)
    assert (len(some["data"]), some["has_more"], some["next_after"]) == (2, True, some["data"][-1]["position"])
    assert (at_the_end["data"], at_the_end["has_more"], at_the_end["next_after"]) == ([], False, head)
    assert (beyond.status_code, beyond.json()["code"], beyond.json()["head"]) == (409, "position_ahead", head)
    assert (len(page_of_the_end["data"]), page_of_the_end["has_more"], page_of_the_end["next_after"]) == (
        2,
        False,
        head,
    )


def test_the_feed_ends_where_the_knowledge_that_is_asked_for_ends(client: Client) -> None:
    for number in range(4):
        client.write("/v1/accounts", {"name": f"n{number}", "currency": "EUR"})

    page = client.read("/v1/events", known_at=4)

    assert ([one["position"] for one in page["data"]], page["next_after"], page["position"]) == ([1, 2, 3, 4], 4, 4)
    assert client.see("/v1/events", as_of="2026-01-01").json()["code"] == "unknown_parameter"  # the log has one clock


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=-1", "after=x", f"after={2**60}"])
def test_a_question_beyond_the_bounds_is_refused(visitor: Client, query: str) -> None:
    answer = visitor.get(f"/v1/events?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")


# --- taking in ---


def test_one_event_is_taken_in_once_and_for_ever(client: Client) -> None:
    first, again = ingest(client, event(1), SINGLE), ingest(client, event(1), SINGLE)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["results"][0] | {"status": "duplicate"} == again.json()["results"][0]
    assert first.headers["event-position"] == again.headers["event-position"] == str(first.json()["position"])
    assert len(client.read("/v1/accounts")["data"]) == 1


@pytest.mark.parametrize("media", [BATCH, LINES])
def test_many_are_taken_in_together_each_with_its_own_result(client: Client, media: str) -> None:
    events = [event(1), event(2), event(1), event(3, type="unheard.of"), event(4)]

    first, again = ingest(client, events, media), ingest(client, events, media)

    assert statuses(first) == ["accepted", "accepted", "duplicate", "refused", "accepted"]
    assert statuses(again) == ["duplicate", "duplicate", "duplicate", "refused", "duplicate"]
    summary = first.json()
    assert (summary["accepted"], summary["duplicate"], summary["refused"]) == (3, 1, 1)
    assert summary["position"] == max(one["position"] for one in summary["results"] if "position" in one)
    assert [one["index"] for one in summary["results"]] == [0, 1, 2, 3, 4]
    assert summary["results"][3]["problem"] == {
        "status": 422, "code": "unknown_type", "detail": "this type is not one that can be taken in"}  # fmt: skip
    assert [one["name"] for one in client.read("/v1/accounts", sort="name")["data"]] == ["n1", "n2", "n4"]


def test_the_same_event_with_another_content_is_refused(client: Client) -> None:
    ingest(client, event(1), SINGLE)

    answer = ingest(client, event(1, data={"name": "other", "currency": "EUR"}), SINGLE)
    both = ingest(client, [event(2), event(2, data={"name": "other", "currency": "EUR"})])

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert statuses(both) == ["accepted", "refused"]


def test_the_same_id_of_another_source_is_another_event(client: Client) -> None:
    events = [event(1), event(1, source="urn:erp", data={"name": "other", "currency": "EUR"})]

    assert statuses(ingest(client, events)) == ["accepted", "accepted"]


def test_ids_of_the_greatest_length_are_distinguished(client: Client) -> None:
    long = "".join(chr(0x10000 + 97 * number % 0x2000) for number in range(499))
    events = [event(number, id=long + letter, source=long + "s") for number, letter in enumerate("ab")]

    assert statuses(ingest(client, events)) == ["accepted", "accepted"]
    assert statuses(ingest(client, events)) == ["duplicate", "duplicate"]


def test_one_bad_line_costs_no_other(client: Client) -> None:
    lines = [
        json.dumps(event(1)),
        "{",
        '{"a":1,"a":2}',
        "",
        json.dumps(event(2)),
        "7",
        "x" * 300_000,
        json.dumps(event(3)),
    ]

    answer = client.post("/v1/events", content="\r\n".join(lines) + "\n", headers={"Content-Type": LINES})

    assert statuses(answer) == ["accepted", "refused", "refused", "accepted", "refused", "refused", "accepted"]
    codes = [one["problem"]["code"] for one in answer.json()["results"] if "problem" in one]
    assert codes == ["malformed_json", "duplicate_key", "invalid_event", "event_too_large"]


def test_a_refused_event_can_be_sent_again_once_it_fits(client: Client) -> None:
    call = event(2, "interaction.logged", subject="ref:a1",
                 data={"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z"})  # fmt: skip

    too_early, both = ingest(client, [call]), ingest(client, [event(1), call])

    assert statuses(too_early) == ["refused"]
    assert too_early.json()["results"][0]["problem"]["code"] == "account_not_found"
    assert statuses(both) == ["accepted", "accepted"]


def test_events_see_what_the_events_before_them_did(client: Client) -> None:
    contract = {**draft(), "contract": "ref:c1", "signed_at": "2025-12-20"}
    events = [
        event(1),
        event(2, "contract.signed", subject="ref:a1", data=contract),
        event(3, "contract.amended", subject="ref:a1", time="2026-02-01T00:00:00Z",
              data={"contract": "ref:c1", "changes": [{"op": "set_line", "line": "main", "unit_price": "7.00"}]}),
        event(4, "account.country_set", subject="ref:a1", data={"country": "NL"}),
        event(5, "account.closed", subject="ref:a1", time="2027-01-01T00:00:00Z", data={}),  # when the contract has ended
        event(6, "account.tier_set", subject="ref:a1", data={"tier": "gold"}),
    ]  # fmt: skip

    answer = ingest(client, events)

    assert statuses(answer) == ["accepted"] * 5 + ["refused"]
    assert client.read("/v1/accounts/ref:a1")["country"] == "NL"
    assert client.read("/v1/contracts/ref:c1", as_of="2026-02-01")["mrr"]["amount"] == "7.00"


def test_an_integration_takes_in_only_what_its_scopes_name(each_server: Server, client: Client) -> None:
    tenant = client.read("/v1/events")["data"][0]["source"].removeprefix("urn:steward:")
    integration = each_server.client(each_server.key(tenant, "integration", ("interactions:write",)))
    ingest(client, [event(1)])
    call = event(2, "interaction.logged", subject="ref:a1",
                 data={"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z"})  # fmt: skip

    answer = ingest(integration, [event(3), call, event(4)])

    assert statuses(answer) == ["refused", "accepted", "refused"]
    assert answer.json()["results"][0]["problem"]["status"] == 403


def test_the_sender_stands_beside_what_it_sent(client: Client) -> None:
    position = ingest(client, event(1), SINGLE).json()["position"]

    meta = client.read("/v1/events", after=position - 1)["data"][0]["meta"]

    assert (meta["source"], meta["external_id"]) == ("urn:crm", "e1")


@pytest.mark.parametrize("media", [BATCH, LINES])
def test_ten_thousand_events_are_taken_and_no_more(visitor: Client, media: str) -> None:
    events: Sequence[Any] = [{"id": str(number)} for number in range(10_001)]

    too_many, enough = ingest(visitor, events, media), ingest(visitor, events[:-1], media)

    assert (too_many.status_code, too_many.json()["code"]) == (413, "too_many_events")
    assert enough.json()["refused"] == 10_000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"specversion": "0.3"}, "unsupported_specversion"),
        ({"specversion": None}, "invalid_event"),
        ({"id": ""}, "invalid_event"),
        ({"id": 7}, "invalid_event"),
        ({"id": "x" * 501}, "invalid_event"),
        ({"source": ""}, "invalid_event"),
        ({"type": None}, "invalid_event"),
        ({"subject": 7}, "invalid_event"),
        ({"time": "yesterday"}, "invalid_event"),
        ({"time": "2026-01-01"}, "invalid_event"),
        ({"data": []}, "invalid_event"),
        ({"data": None}, "invalid_command"),
        ({"data": {"name": "A"}}, "invalid_command"),
        ({"dataschema": {"ü": 1}}, "invalid_event"),
        ({"type": "contract.signed", "subject": "ref:a", "data": {"contract": 7}}, "invalid_member"),
        ({"type": "contract.signed", "subject": "ref:a", "data": {"contract": "c1"}}, "invalid_member"),
        ({"type": "tenant.created"}, "unknown_type"),
        ({"type": "api_key.issued"}, "unknown_type"),
    ],
)
def test_an_event_that_does_not_fit_is_refused_by_name(visitor: Client, change: dict[str, Any], code: str) -> None:
    answer = ingest(visitor, event(1, **change), SINGLE)

    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_empty_batch_is_nothing(visitor: Client) -> None:
    answer = ingest(visitor, [])

    assert (answer.status_code, answer.json()) == (
        200, {"accepted": 0, "duplicate": 0, "refused": 0, "position": None, "results": []})  # fmt: skip
    assert "event-position" not in answer.headers
