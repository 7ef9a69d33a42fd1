"""The two clocks of every answer: when it is true in business, and when it was known."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.domain.kernel.values import MICRO
from tests.api.conftest import Calendar
from tests.api.contract import READS, Operation
from tests.api.sample_agency import SampleAgency, draft, furnish
from tests.support.clock import Clock
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Client, Server

PERIOD = {"from": "2026-01-01", "to": "2026-02-01"}
CLOCKED = [one for one in READS if "known_at" in one.query]
ACCOUNT = {"name": "Northwind", "currency": "EUR", "owner": "anna", "effective_at": "2025-12-01"}


@pytest.fixture
def northwind(calendar: Calendar) -> tuple[Client, str]:
    """An account and its path, on 2026-01-15."""
    client = calendar.client()
    return client, f"/v1/accounts/{client.write('/v1/accounts', ACCOUNT)['id']}"


# --- what was known ---


def append_everything_later(client: Client, world_ids: dict[str, str]) -> None:
    """Events of yesterday, of now and of next year."""
    account, contract = f"/v1/accounts/{world_ids['account']}", f"/v1/contracts/{world_ids['contract']}"
    for moment in ("2025-12-15", None, "2027-06-01"):
        when = {"effective_at": moment} if moment else {}
        client.write(f"{account}/owner", {"owner": f"later {moment}", **when})
        client.write(f"{account}/tier", {"tier": f"later {moment}", **when})
        client.write(f"{account}/country", {"country": "AT", **when})
    client.write(
        f"{account}/interactions", {"channel": "mail", "direction": "outbound", "occurred_at": "2025-12-20T09:00:00Z"}
    )
    client.write(f"{contract}/amendments",
                 {"effective_at": "2026-01-05", "changes": [{"op": "set_line", "line": "main", "unit_price": "9.00"}]})  # fmt: skip
    client.write(f"{contract}/notice", {"effective_at": "2026-06-01"})
    client.write(f"/v1/interactions/{world_ids['interaction']}/void")
    client.write("/v1/accounts", {"name": "Another", "currency": "EUR", "effective_at": "2025-11-01"})


@pytest.fixture(scope="module", params=BACKENDS)
def answers(request: pytest.FixtureRequest, databases: Databases) -> Iterator[dict[str, Any]]:
    """Answers known at a position and an instant, and the same read again when much more is known."""
    clock = Clock("2026-01-25T09:00:00Z")
    with Server(databases.fresh(request.param), clock=clock) as server:
        world = furnish(server.client(), clock=lambda: clock() / MICRO)
        client = world.client
        instant = client.read("/v1/events", after=client.position - 1)["data"][0]["recorded_at"]
        known = {
            "at the time": client.position,
            "at an instant": instant,
            "earlier": client.position // 2,
            "at the beginning": 0,
        }

        def ask(operation: Operation, known_at: object) -> Any:
            base = {**operation.required_query, "known_at": known_at}
            if "as_of" in operation.query:
                base["as_of"] = "2026-01-31"
            answer = client.see(operation.url(world.ids), **base)
            return answer.status_code, {name: value for name, value in answer.json().items() if name != "instance"}

        def ask_all() -> dict[Any, Any]:
            return {(one.name, label): ask(one, at) for one in CLOCKED for label, at in known.items()}

        first = ask_all()
        append_everything_later(client, world.ids)
        clock.set("2027-07-01T09:00:00Z")
        yield {"first": first, "again": ask_all()}


@pytest.mark.parametrize("operation", CLOCKED, ids=lambda one: one.name)
@pytest.mark.parametrize("label", ["at the time", "at an instant", "earlier", "at the beginning"])
def test_what_was_known_never_changes(answers: dict[str, Any], operation: Operation, label: str) -> None:
    assert answers["again"][operation.name, label] == answers["first"][operation.name, label]
    if label.startswith("at the time"):
        assert answers["first"][operation.name, label][0] == 200


def test_what_was_known_at_a_position_is_not_what_is_known_now(northwind: tuple[Client, str]) -> None:
    client, account = northwind
    position = client.position
    client.write(f"{account}/name", {"name": "Contoso", "effective_at": "2025-12-02"})

    assert client.read(account, known_at=position)["name"] == "Northwind"
    assert client.read(account)["name"] == "Contoso"
    assert client.read(account, as_of="2025-12-01")["name"] == "Northwind"
    assert client.read(account, as_of="2025-12-02")["name"] == "Contoso"


def test_a_day_of_knowledge_ends_with_the_day(calendar: Calendar, northwind: tuple[Client, str]) -> None:
    client, account = northwind
    calendar.clock.set("2026-01-16T10:00:00Z")
    client.write(f"{account}/name", {"name": "Contoso"})
    calendar.clock.set("2026-01-18T10:00:00Z")

    assert client.read(account, known_at="2026-01-15")["name"] == "Northwind"
    assert client.read(account, known_at="2026-01-16T09:59:59Z")["name"] == "Northwind"
    assert client.read(account, known_at="2026-01-16")["name"] == "Contoso"
    assert client.see(account, known_at="2026-01-14").status_code == 404
    assert client.read(account, known_at="2026-01-18")["name"] == "Contoso"  # today, whose end has not come, means now
    assert client.see(account, known_at="2026-01-19").json()["code"] == "known_at_ahead"


def test_a_day_is_one_of_the_tenants_zone(calendar: Calendar) -> None:
    tenant = calendar.server.tenant(time_zone="Pacific/Auckland")
    client = calendar.server.client(calendar.server.key(tenant))
    account = f"/v1/accounts/{client.write('/v1/accounts', ACCOUNT)['id']}"  # opened on 1 December in Auckland
    calendar.clock.set("2026-01-20T00:00:00Z")

    assert client.see(account, as_of="2025-11-30").status_code == 404
    assert client.read(account, as_of="2025-12-01")["as_of"] == "2025-12-01T10:59:59.999999Z"
    assert client.see(account, known_at="2026-01-14").status_code == 404
    assert client.see(account, known_at="2026-01-15").status_code == 200


@pytest.fixture(scope="module")
def world(shared_server: Server) -> SampleAgency:
    """A furnished tenant on SQLite."""
    return furnish(shared_server.client(), accounts=1)


@pytest.mark.parametrize("operation", CLOCKED, ids=lambda one: one.name)
def test_knowledge_that_lies_ahead_is_refused(world: SampleAgency, operation: Operation) -> None:
    base = operation.required_query

    for known_at, code in (("999999", "position_ahead"), ("2999-01-01", "known_at_ahead"),
                           ("2999-01-01T00:00:00Z", "known_at_ahead"), ("soon", "invalid_known_at"),
                           ("-1", "invalid_known_at"), ("2026-02-30", "invalid_known_at")):  # fmt: skip
        answer = world.client.see(operation.url(world.ids), known_at=known_at, **base)
        status = 409 if code == "position_ahead" else 400
        assert (answer.status_code, answer.json()["code"]) == (status, code), known_at
        assert status == 400 or answer.json()["head"] < 999999


def test_lists_are_answered_as_they_were_known(northwind: tuple[Client, str]) -> None:
    client, account = northwind
    position = client.position
    client.write("/v1/accounts", {**ACCOUNT, "name": "Contoso"})
    client.write(f"{account}/tier", {"tier": "gold"})

    before = client.read("/v1/accounts", known_at=position)

    assert [(one["name"], one["tier"]) for one in before["data"]] == [("Northwind", None)]
    assert before["position"] == position
    assert (
        client.see("/v1/accounts", known_at=position, tier="gold").json()["code"] == "unknown_tier"
    )  # nobody knew it yet
    assert len(client.read("/v1/accounts", tier="gold")["data"]) == 1


def test_many_who_ask_what_was_known_at_many_positions_are_all_answered(client: Client) -> None:
    first = client.position = client.write("/v1/accounts", {"name": "n0", "currency": "EUR"})["position"]
    for number in range(1, 12):
        client.write("/v1/accounts", {"name": f"n{number}", "currency": "EUR"})
    client.read("/v1/accounts")

    def ask(number: int) -> int:
        known = first + number % 12
        page = client.get("/v1/accounts", params={"known_at": known, "limit": 200})
        assert page.status_code == 200, page.text
        return len(page.json()["data"]) - (known - first + 1)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(96))) == {0}


# --- what is true ---


def test_an_owner_who_takes_over_next_month_is_not_the_owner_today(
    calendar: Calendar, northwind: tuple[Client, str]
) -> None:
    client, account = northwind
    client.write(f"{account}/owner", {"owner": "ben", "effective_at": "2026-02-01"})

    def owners(**params: str) -> list[str]:
        return [one["owner"] for one in client.read("/v1/accounts", **params)["data"]]

    assert client.read(account)["owner"] == "anna"
    assert (owners(), owners(owner="anna"), owners(owner="ben")) == (["anna"], ["anna"], [])
    assert client.read(account, as_of="2026-01-31")["owner"] == "anna"
    assert client.read(account, as_of="2026-02-01")["owner"] == "ben"
    assert (owners(as_of="2026-02-01"), owners(as_of="2026-02-01", owner="anna")) == (["ben"], [])

    calendar.clock.set("2026-02-01T00:00:00Z")
    assert client.read(account)["owner"] == "ben"
    assert (owners(owner="anna"), owners(owner="ben")) == ([], ["ben"])


def test_a_list_keeps_its_order_around_a_name_that_comes_later(calendar: Calendar) -> None:
    client = calendar.client()
    ids = [client.write("/v1/accounts", {"name": name, "currency": "EUR"})["id"] for name in ("a", "b", "c", "d", "e")]
    client.write(f"/v1/accounts/{ids[1]}/name", {"name": "z", "effective_at": "2026-03-01"})
    client.write(f"/v1/accounts/{ids[3]}/name", {"name": "0", "effective_at": "2026-03-01"})

    def walk(sort: str) -> list[str]:
        names, cursor = [], {}
        while True:
            page = client.read("/v1/accounts", sort=sort, limit=2, **cursor)
            names += [one["name"] for one in page["data"]]
            if not page["has_more"]:
                return names
            cursor = {"cursor": page["next_cursor"]}

    assert walk("name") == ["a", "b", "c", "d", "e"]
    assert walk("-name") == ["e", "d", "c", "b", "a"]
    calendar.clock.set("2026-03-01T00:00:00Z")
    assert walk("name") == ["0", "a", "c", "e", "z"]


def test_an_account_that_opens_next_month_is_not_there_today(calendar: Calendar) -> None:
    client = calendar.client()
    account = client.write("/v1/accounts", {**ACCOUNT, "effective_at": "2026-02-01"})["id"]

    assert client.see(f"/v1/accounts/{account}").status_code == 404
    assert client.read("/v1/accounts")["data"] == []
    assert client.read("/v1/accounts", as_of="2026-02-01")["data"][0]["id"] == account
    calendar.clock.set("2026-02-01T00:00:00Z")
    assert client.read(f"/v1/accounts/{account}")["status"] == "open"


def test_a_contract_is_shown_at_the_requested_instant(northwind: tuple[Client, str]) -> None:
    client, account = northwind
    contract = f"/v1/contracts/{client.write(f'{account}/contracts', draft())['id']}"
    client.write(f"{contract}/signature", {"signed_at": "2025-12-20"})
    client.write(f"{contract}/amendments",
                 {"effective_at": "2026-03-01", "changes": [{"op": "set_line", "line": "main", "unit_price": "2000.00"}]})  # fmt: skip

    pages = {
        day: client.read(contract, as_of=day)
        for day in ("2025-12-31", "2026-01-01", "2026-02-28", "2026-03-01", "2027-01-01")
    }

    assert {day: (one["status"], one["mrr"]["amount"]) for day, one in pages.items()} == {
        "2025-12-31": ("signed", "0.00"),
        "2026-01-01": ("active", "1000.00"),
        "2026-02-28": ("active", "1000.00"),
        "2026-03-01": ("active", "2000.00"),
        "2027-01-01": ("expired", "0.00"),
    }


@pytest.mark.parametrize(
    "as_of", ["yesterday", "2026-02-30", "2026-1-1", "2026-01-01 00:00", "20260101T000000Z", "2026-W01-1"]
)
def test_a_moment_that_is_none_is_refused(northwind: tuple[Client, str], as_of: str) -> None:
    client, account = northwind

    answer = client.see(account, as_of=as_of)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_as_of")


# --- reading one's own writes ---


@pytest.fixture
def idle(databases: Any) -> Any:
    """A server that keeps no views, so that they stay behind."""
    with Server(databases.fresh("sqlite"), projector=False) as server:
        yield server


def test_a_reader_may_wait_for_its_own_writes(client: Client) -> None:
    for number in range(20):
        receipt = client.post("/v1/accounts", json={"name": f"n{number}", "currency": "EUR"})
        page = client.get(
            f"/v1/accounts/{receipt.json()['id']}", headers={"Min-Event-Position": receipt.headers["event-position"]}
        )
        assert page.status_code == 200
        assert int(page.headers["projection-position"]) >= receipt.json()["position"]


def test_views_that_stay_behind_are_shown_as_they_are_or_refused_as_the_caller_prefers(idle: Server) -> None:
    client = idle.client()
    position = client.write("/v1/accounts", {"name": "A", "currency": "EUR"})["position"]
    headers = {"Min-Event-Position": str(position)}

    lenient = client.get("/v1/accounts", headers={**headers, "Prefer": "wait=0"})
    said_so = client.get("/v1/accounts", headers={**headers, "Prefer": "handling=lenient, wait=0"})
    strict = client.get("/v1/accounts", headers={**headers, "Prefer": "wait=0; handling=strict"})

    assert (lenient.status_code, lenient.json()["data"], lenient.headers["projection-position"]) == (200, [], "0")
    assert said_so.status_code == 200
    assert (strict.status_code, strict.json()["code"]) == (503, "projection_behind")
    assert strict.headers["retry-after"] == str(strict.json()["retry_after"]) == "1"


@pytest.mark.parametrize("path", ["/v1/accounts", "/v1/events", "/v1/renewals", "/v1/api-keys"])
def test_a_position_that_nobody_has_written_is_not_waited_for(visitor: Client, path: str) -> None:
    answer = visitor.get(path, headers={"Min-Event-Position": "1000000", "Prefer": "wait=30"})

    assert (answer.status_code, answer.json()["code"], answer.json()["head"]) == (409, "position_ahead", 2)


@pytest.mark.parametrize("least", ["-1", "x", "1.5", "9" * 30])
def test_a_position_that_is_none_is_refused(visitor: Client, least: str) -> None:
    answer = visitor.get("/v1/accounts", headers={"Min-Event-Position": least})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")


def test_a_page_asked_for_again_under_both_clocks_is_the_same_to_the_byte_its_cursor_too(calendar: Calendar) -> None:
    client = calendar.client()
    for name in ("a", "b", "c"):
        client.write("/v1/accounts", {"name": name, "currency": "EUR"})
    client.read("/v1/accounts")
    params = {"limit": 2, "known_at": client.position, "as_of": "2030-01-01"}
    page = client.get("/v1/accounts", params=params)

    client.write("/v1/accounts", {"name": "d", "currency": "EUR"})
    client.read("/v1/accounts")

    assert page.json()["has_more"]
    assert client.get("/v1/accounts", params=params).content == page.content
