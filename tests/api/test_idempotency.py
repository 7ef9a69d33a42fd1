"""A write that comes again is answered again, and done once."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.support.server import Client, Server

BODY = {"name": "Northwind", "currency": "EUR"}


def post(
    client: Client, key: str | None, body: object = BODY, path: str = "/v1/accounts", **headers: str
) -> httpx.Response:
    """A write under an idempotency key."""
    sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        path, json=body, headers={**sent_headers, **({"Idempotency-Key": key} if key is not None else {})}
    )


def head(client: Client) -> int:
    """How many events there are."""
    return int(client.read("/v1/events")["position"])


def test_the_same_request_gets_the_same_answer_and_is_done_once(client: Client) -> None:
    first = post(client, "k-1")
    before = head(client)

    again = post(client, "k-1")

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert [again.headers[name] for name in ("location", "etag", "event-position", "idempotency-key")] == [
        first.headers[name] for name in ("location", "etag", "event-position", "idempotency-key")
    ]
    assert head(client) == before


def test_the_first_answer_stays_whatever_happens_to_the_thing_afterwards(client: Client) -> None:
    first = post(client, "k-1")
    client.write(f"/v1/accounts/{first.json()['id']}/closure")

    again = post(client, "k-1")

    assert again.json() == first.json()
    assert again.headers["etag"] == '"1"'


@pytest.mark.parametrize("path", ["/v1/accounts", "/v1/accounts/{id}/name"])
def test_a_key_is_not_taken_for_another_request(client: Client, path: str) -> None:
    account = post(client, "k-1").json()["id"]
    before = head(client)

    answer = post(client, "k-1", {"name": "Contoso", "currency": "EUR"} if path.endswith("s") else {"name": "Northwind 2"},
                  path.format(id=account))  # fmt: skip

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert head(client) == before


def test_a_key_in_quotes_is_the_same_key(client: Client) -> None:
    first, again = post(client, '"k-1"'), post(client, "k-1")

    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


def test_a_caller_without_an_idempotency_key_learns_the_generated_one(client: Client) -> None:
    first = post(client, None)

    again = post(client, first.headers["idempotency-key"])
    another = post(client, None)

    assert again.json() == first.json()
    assert another.json()["id"] != first.json()["id"]


def test_a_refusal_is_not_kept_so_that_the_same_request_may_succeed_later(client: Client) -> None:
    account = post(client, None).json()["id"]
    client.write(f"/v1/accounts/{account}/closure")

    refused = post(client, "k-2", {"tier": "gold"}, f"/v1/accounts/{account}/tier")
    client.write(f"/v1/accounts/{account}/reopening")
    taken = post(client, "k-2", {"tier": "gold"}, f"/v1/accounts/{account}/tier")

    assert (refused.status_code, refused.json()["code"]) == (409, "account_closed")
    assert taken.status_code == 201
    assert "idempotency-replayed" not in taken.headers


def test_two_keys_of_one_tenant_do_not_share_their_idempotency_keys(each_server: Server) -> None:
    tenant = each_server.tenant()
    one, other = (
        each_server.client(each_server.key(tenant)),
        each_server.client(each_server.key(tenant)),
    )

    assert post(one, "k-1").json()["id"] != post(other, "k-1").json()["id"]


def test_twenty_at_once_make_one_account(client: Client) -> None:
    before = head(client)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: post(client, "k-1"), range(20)))
    settled = post(client, "k-1")

    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "request_in_flight"
            assert answer.headers["retry-after"] == "1"
        else:
            assert (answer.status_code, answer.json()) == (201, settled.json())
    assert any(answer.status_code == 201 for answer in answers)
    assert head(client) == before + 1


def test_a_replay_is_answered_before_a_version_is_compared(client: Client) -> None:
    account = post(client, None).json()["id"]
    path = f"/v1/accounts/{account}/tier"

    first = post(client, "k-3", {"tier": "gold"}, path, If_Match='"1"')
    again = post(client, "k-3", {"tier": "gold"}, path, If_Match='"1"')

    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()


def test_a_server_that_was_started_anew_remembers(database_url: str) -> None:
    with Server(database_url) as before:
        key = before.key(before.tenant())
        first = post(before.client(key), "k-1")
    with Server(database_url) as after:
        again = post(after.client(key), "k-1")

    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
