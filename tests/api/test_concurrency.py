"""Two who write the same thing: versions, tags and who wins."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.conftest import Calendar
from tests.api.sample_agency import draft
from tests.support.server import Client


@pytest.fixture
def account(client: Client) -> str:
    """The path of an account."""
    return f"/v1/accounts/{client.write('/v1/accounts', {'name': 'Northwind', 'currency': 'EUR'})['id']}"


def test_a_write_that_saw_the_latest_version_is_taken(client: Client, account: str) -> None:
    first = client.post(f"{account}/tier", json={"tier": "gold"}, headers={"If-Match": '"1"'})
    second = client.post(f"{account}/tier", json={"tier": "silver"}, headers={"If-Match": first.headers["etag"]})

    assert (first.headers["etag"], second.headers["etag"]) == ('"2"', '"3"')


def test_a_write_that_saw_an_older_version_is_refused_with_the_current_one(client: Client, account: str) -> None:
    client.write(f"{account}/tier", {"tier": "gold"})

    answer = client.post(f"{account}/tier", json={"tier": "silver"}, headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.json()["code"]) == (412, "version_conflict")
    assert answer.json()["current_version"] == 2
    assert client.read(account)["tier"] == "gold"


@pytest.mark.parametrize("tag", ['"7"', '"0"'])
def test_a_version_that_never_was_is_refused(client: Client, account: str, tag: str) -> None:
    answer = client.post(f"{account}/tier", json={"tier": "silver"}, headers={"If-Match": tag})

    assert (answer.status_code, answer.json()["current_version"]) == (412, 1)


@pytest.mark.parametrize("tag", ["*", "1"])
def test_any_version_and_a_bare_number_are_understood(client: Client, account: str, tag: str) -> None:
    assert client.post(f"{account}/tier", json={"tier": "x"}, headers={"If-Match": tag}).status_code == 201


def test_the_tag_of_what_was_read_can_be_matched(client: Client, account: str) -> None:
    client.write(
        f"{account}/interactions", {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z"}
    )
    tag = client.see(account).headers["etag"]

    taken = client.post(f"{account}/tier", json={"tier": "gold"}, headers={"If-Match": tag})
    stale = client.post(f"{account}/tier", json={"tier": "silver"}, headers={"If-Match": tag})

    assert (taken.status_code, stale.status_code) == (201, 412)


def test_what_is_only_now_begun_has_no_version_to_match(client: Client, account: str) -> None:
    bodies = {
        "/v1/accounts": {"name": "Contoso", "currency": "EUR"},
        f"{account}/interactions": {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z"},
        f"{account}/contracts": draft(),
        "/v1/api-keys": {"role": "auditor"},
    }

    for path, body in bodies.items():
        answer = client.post(path, json=body, headers={"If-Match": '"1"'})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_if_match"), path


def test_one_of_sixteen_who_saw_the_same_version_wins(client: Client, account: str) -> None:
    def write(number: int) -> int:
        return client.post(f"{account}/tier", json={"tier": f"t{number}"}, headers={"If-Match": '"1"'}).status_code

    with ThreadPoolExecutor(16) as pool:
        statuses = sorted(pool.map(write, range(16)))

    assert statuses == [201] + [412] * 15
    client.position = client.read("/v1/events")["position"]
    assert client.see(account).headers["etag"] == '"2"'


def test_forty_who_match_nothing_are_all_heard_in_some_order(client: Client, account: str) -> None:
    def write(number: int) -> tuple[int, str]:
        answer = client.post(f"{account}/tier", json={"tier": f"t{number}"})
        return answer.status_code, answer.headers.get("etag", "")

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(write, range(40)))

    assert {status for status, _ in answers} == {201}
    assert {tag for _, tag in answers} == {f'"{version}"' for version in range(2, 42)}


# --- tags ---


def test_a_reader_who_has_it_already_is_answered_not_modified(client: Client, account: str) -> None:
    first = client.see(account)

    again = client.get(account, headers={"If-None-Match": first.headers["etag"]})
    listed = client.get(account, headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})

    assert first.headers["etag"] == '"1"'
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", '"1"')
    assert int(again.headers["projection-position"]) >= client.position
    assert listed.status_code == 304


def test_a_tag_changes_with_what_is_shown_although_the_version_stays(client: Client, account: str) -> None:
    tags = [client.see(account).headers["etag"]]
    client.write(
        f"{account}/interactions", {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z"}
    )
    tags.append(client.see(account).headers["etag"])
    contract = client.write(f"{account}/contracts", draft())["id"]
    client.write(f"/v1/contracts/{contract}/signature", {"signed_at": "2025-12-20"})
    tags.append(client.see(account).headers["etag"])

    assert len(set(tags)) == 3
    assert [tag.strip('"').partition("-")[0] for tag in tags] == ["1", "1", "1"]
    assert [client.get(account, headers={"If-None-Match": tag}).status_code for tag in tags] == [200, 200, 304]


def test_a_tag_changes_when_a_term_ends_by_itself(calendar: Calendar) -> None:
    client = calendar.client()
    account = client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR", "effective_at": "2025-12-01"})["id"]
    contract = client.write(f"/v1/accounts/{account}/contracts", draft())["id"]
    client.write(f"/v1/contracts/{contract}/signature", {"signed_at": "2025-12-20"})
    tag = client.see(f"/v1/contracts/{contract}").headers["etag"]
    assert client.get(f"/v1/contracts/{contract}", headers={"If-None-Match": tag}).status_code == 304

    calendar.clock.set("2027-01-01T00:00:00Z")
    later = client.get(f"/v1/contracts/{contract}", headers={"If-None-Match": tag})

    assert (later.status_code, later.json()["status"], later.json()["version"]) == (200, "expired", 2)


def test_the_version_that_is_shown_can_be_matched_although_a_change_lies_ahead(calendar: Calendar) -> None:
    client = calendar.client()
    account = (
        f"/v1/accounts/{client.write('/v1/accounts', {'name': 'Northwind', 'currency': 'EUR', 'owner': 'anna'})['id']}"
    )
    client.write(f"{account}/owner", {"owner": "ben", "effective_at": "2026-03-01"})

    page = client.see(account)
    taken = client.post(f"{account}/tier", json={"tier": "gold"}, headers={"If-Match": page.headers["etag"]})

    assert (page.json()["owner"], page.json()["version"]) == ("anna", 2)
    assert taken.status_code == 201
