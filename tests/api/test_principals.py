"""Who did it, through what, and in which run: every event says it."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.domain.kernel.principal import Principal
from app.domain.kernel.rights import VERSION
from app.read_side.row_queries import matching
from projections.views import timeline
from tests.api.test_events import BATCH, event
from tests.support.application import Steward
from tests.support.databases import Databases
from tests.support.server import Client, Server

CALL = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-10T09:00:00Z"}
FORMS = ("a", "9", "nightly-42", "run_01jd7z5m3sf8x9v0w1y2z3a4b5", "github:1234.5", "x" * 64)
NO_FORMS = ("", "-a", ".a", "a b", "a/b", "x" * 65, "run,other", "é", "a\u00a0b")


def last(client: Client, types: str | None = None) -> dict[str, Any]:
    """The last event of the feed."""
    params = {"types": types} if types else {}
    found: dict[str, Any] = client.read("/v1/events", limit=1000, **params)["data"][-1]
    return found


def key_of(client: Client) -> str:
    """The id of a client's key: its third part."""
    return "key_" + client.headers["authorization"].split("_")[2]


def test_every_way_of_writing_says_the_client_and_the_run(shared_server: Server) -> None:
    client = shared_server.client()
    client.headers["Steward-Run"] = "nightly-42"
    account = client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})["id"]
    written = [last(client)]
    for path, body in (
        (f"/v1/accounts/{account}/interactions", CALL),
        ("/v1/api-keys", {"role": "auditor"}),
        ("/v1/webhook-endpoints", {"provider": "standard_webhooks"}),
        ("/v1/policies", {"rules": {"kind": "metric"}}),
        ("/v1/kpi-certificates", {"kpi": "mrr"}),
    ):
        client.write(path, body)
        written.append(last(client))
    answer = client.post("/v1/events", json=[event(1)], headers={"Content-Type": BATCH})
    client.position = answer.json()["position"]
    written.append(last(client))

    key = key_of(client)
    assert len({one["position"] for one in written}) == 7
    assert {(one["actor"], one["meta"]["client"], one["meta"]["run"]) for one in written} == {(key, key, "nightly-42")}


def test_what_nobody_said_is_left_out(shared_server: Server) -> None:
    client = shared_server.client()
    client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})

    assert last(client)["meta"] == {
        "visibility": "internal",
        "client": key_of(client),
        "authorised_by": {"rule": "service", "version": VERSION},
    }


@pytest.mark.parametrize("query", ["", "?"])
def test_a_run_has_a_form_and_another_is_refused_by_name(shared_server: Server, query: str) -> None:
    client = shared_server.client()

    def sent(path: str, run: str, body: Any) -> httpx.Response:
        headers = [(b"steward-run", run.encode("latin-1"))]
        return client.post(path + query, json=body, headers=headers)  # type: ignore[arg-type]  # httpx takes bytes, too

    for run in FORMS:
        assert sent("/v1/accounts", run, {"name": run, "currency": "EUR"}).status_code == 201
    head = shared_server.runtime.log.head(client.read("/v1/events")["data"][0]["source"].removeprefix("urn:steward:"))
    for run in NO_FORMS:
        for path, body in (("/v1/accounts", {"name": "A", "currency": "EUR"}), ("/v1/events", event(2))):
            refused = sent(path, run, body)
            assert (refused.status_code, refused.json()["code"]) == (422, "invalid_run"), (run, refused.text)
    assert client.read("/v1/events")["position"] == head


def test_a_retry_in_another_run_is_the_same_request(shared_server: Server) -> None:
    client = shared_server.client()
    body = {"name": "Northwind", "currency": "EUR"}

    first = client.write("/v1/accounts", body, Idempotency_Key="once", Steward_Run="r1")
    again = client.write("/v1/accounts", body, Idempotency_Key="once", Steward_Run="r2")

    assert again == first
    assert last(client)["meta"]["run"] == "r1"


def test_nobody_says_in_a_body_for_whom_it_is(shared_server: Server) -> None:
    client = shared_server.client()
    for member in ("on_behalf_of", "client", "run", "actor", "authorised_by"):
        body = {"name": "Northwind", "currency": "EUR", member: "usr_1"}
        assert client.post("/v1/accounts", json=body).status_code == 422
        (item,) = client.post(
            "/v1/events", json=[event(1, data=body)], headers={"Content-Type": BATCH}
        ).json()["results"]  # fmt: skip
        assert item["status"] == "refused"


def test_an_event_says_for_whom_an_actor_acted(steward: Steward) -> None:
    roles = ("account_manager",)
    principal = Principal("usr_1", on_behalf_of="usr_2", client="key_3", run="r-4", roles=roles)

    steward.runtime.ingestion.ingest(steward.tenant, principal, [event(1)])

    (opened,) = steward.events()[1:]
    assert opened.actor == "usr_1"
    assert {name: opened.meta[name] for name in ("on_behalf_of", "client", "run")} == principal.said()


# --- found by who did it ---


def pages(reader: Client, limit: int, /, **params: Any) -> list[dict[str, Any]]:
    """All of a narrowed feed, page by page."""
    events: list[dict[str, Any]] = []
    after = 0
    while True:
        page = reader.read("/v1/events", after=after, limit=limit, **params)
        assert [one["position"] for one in page["data"]] == sorted({one["position"] for one in page["data"]})
        events += page["data"]
        assert page["next_after"] > after or not page["has_more"]
        after = page["next_after"]
        if not page["has_more"]:
            assert after == page["position"] >= reader.position
            return events


def test_the_feed_is_narrowed_by_who_did_it_through_what_and_in_which_run(each_server: Server) -> None:
    client = each_server.client()
    tenant = client.read("/v1/events")["data"][0]["source"].removeprefix("urn:steward:")
    other = each_server.client(each_server.key(tenant))
    for number in range(9):
        writer = (client, other)[number % 2]
        headers = {"Steward_Run": f"r{number % 3}"} if number % 4 else {}
        account = writer.write("/v1/accounts", {"name": f"n{number}", "currency": "EUR"}, **headers)["id"]
    agent = Principal("agt_1", on_behalf_of="usr_2", client=key_of(other), run="r1", roles=("account_manager",))
    each_server.runtime.ingestion.ingest(tenant, agent, [event(number) for number in range(3)])
    client.position = each_server.runtime.log.head(tenant)
    every = pages(client, 1000)

    def said(one: dict[str, Any], member: str) -> Any:
        return one["actor"] if member == "actor" else one["meta"].get(member)

    narrowings: tuple[dict[str, str], ...] = (
        {"actor": key_of(client)}, {"actor": "test"}, {"client": key_of(other)}, {"run": "r1"}, {"on_behalf_of": "usr_2"},
        {"client": key_of(other), "run": "r1"}, {"actor": "agt_1", "run": "r0"}, {"run": "nobody"}, {"client": "cli:import"},
    )  # fmt: skip
    for who in narrowings:
        expected = [one for one in every if all(said(one, member) == value for member, value in who.items())]
        for limit in (1, 2, 1000):
            assert pages(client, limit, **who) == expected, who
    with_type = pages(client, 2, client=key_of(client), types="account.opened", account=account)
    assert [one["subject"] for one in with_type] == [account]
    assert pages(client, 2, run="r1", types="account.closed") == []
    known = client.read("/v1/events", run="r1", known_at=every[5]["position"])
    assert known["data"] == [one for one in every[:6] if one["meta"].get("run") == "r1"]
    assert known["position"] == every[5]["position"]


def test_nothing_is_missed_while_the_view_that_finds_it_is_behind(databases: Databases) -> None:
    with Server(databases.fresh("sqlite"), projector=False) as still:
        client = still.client()
        tenant = client.get("/v1/events").json()["data"][0]["source"].removeprefix("urn:steward:")
        client.write("/v1/accounts", {"name": "A", "currency": "EUR"}, Steward_Run="r")
        still.runtime.projector.catch_up(tenant)
        client.write("/v1/accounts", {"name": "B", "currency": "EUR"}, Steward_Run="r")

        first = client.get("/v1/events", params={"run": "r"}).json()
        ahead = client.get("/v1/events", params={"run": "r", "after": 4}).json()
        strict = client.get(
            "/v1/events",
            params={"run": "r"},
            headers={"Min-Event-Position": "4", "Prefer": "handling=strict, wait=0"},
        )
        still.runtime.projector.catch_up(tenant)
        then = client.get("/v1/events", params={"run": "r", "after": first["next_after"]}).json()

        assert ([one["position"] for one in first["data"]], first["next_after"], first["position"]) == ([3], 3, 3)
        assert (ahead["data"], ahead["next_after"], ahead["position"]) == ([], 4, 4)
        assert (strict.status_code, strict.json()["code"]) == (503, "projection_behind")
        assert ([one["position"] for one in then["data"]], then["next_after"], then["position"]) == ([4], 4, 4)


def test_a_run_is_found_by_an_index(steward: Steward) -> None:
    database, plans = steward.runtime.database, []
    explain = "EXPLAIN " if database.postgres else "EXPLAIN QUERY PLAN "
    whole = dict.fromkeys(timeline.WHO, "x")
    narrowings = [*({member: "x"} for member in timeline.WHO), whole]
    for who in narrowings:
        conditions = [timeline.behind(5), *timeline.done_by(who, ("account.opened",), None)]
        query = matching(timeline.VIEW, steward.tenant, conditions, 1, newest=True).order_by("position").limit(101)
        with database.read(steward.tenant) as connection:
            if database.postgres:
                connection.execute(text("SET LOCAL enable_seqscan = off"))
            sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
            plans.append(" ".join(str(row[-1]) for row in connection.execute(text(explain + sql))))

    name = timeline.VIEW.follower
    for member, plan in zip((*timeline.WHO, "run"), plans, strict=True):
        assert f"{name}_{member}" in plan, plan
        assert "Sort" not in plan
        assert "TEMP B-TREE" not in plan


def test_the_timeline_says_who_did_it_and_is_narrowed_by_it(shared_server: Server) -> None:
    client = shared_server.client()
    account = client.write("/v1/accounts", {"name": "Northwind", "currency": "EUR"})["id"]
    client.write(f"/v1/accounts/{account}/interactions", CALL, Steward_Run="r1")
    path = f"/v1/accounts/{account}/timeline"

    in_run, opened = client.read(path)["data"]

    key = key_of(client)
    assert [in_run[member] for member in timeline.WHO] == [key, key, None, "r1"]
    assert [opened[member] for member in timeline.WHO] == [key, key, None, None]
    assert client.read(path, run="r1")["data"] == [in_run]
    assert client.read(path, client=key)["data"] == [in_run, opened]
    assert client.read(path, on_behalf_of="usr_1")["data"] == []
    for shown, who in ((1, key), (0, "key_other")):
        assert len(client.read("/v1/interactions", actor=who)["data"]) == shown
        assert client.read("/v1/kpi-certificates", issued_by=who)["data"] == []
        assert client.read("/v1/period-closes", closed_by=who)["data"] == []
