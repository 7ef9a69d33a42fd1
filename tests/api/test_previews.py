"""A preview says what a write would do, and does nothing: run for real right after, it does just that."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.kernel.values import micros
from tests.api.contract import OPEN, OPERATIONS, SECURED, Operation
from tests.api.sample_agency import SampleAgency, draft, furnish
from tests.support.databases import BACKENDS, Databases
from tests.support.server import Client, Server

NOW = micros("2026-11-02T09:00:00Z")
POSTS = [one for one in OPERATIONS if one.writes]
NO_COMMAND = frozenset({"inbound.receive", "webhook_endpoints.redrive"})
"""Posts that decide nothing: a sender's message is kept as it came, or put back among those that a worker is to read."""
PREVIEWABLE = [one for one in POSTS if one.name not in NO_COMMAND]
ID = re.compile(r"\b[a-z]{3,4}_[0-9a-hjkmnp-tv-z]{26}\b")
MADE_THEN = frozenset({"secret_sha256", "public_key_sha256", "known_position", "position"})
"""Members that are made, or counted, when the event is appended."""

PREVIEWED: dict[str, set[int]] = {}
"""What each operation was answered with when it was run for real, by its name."""


class Still:
    """A clock that stands still, so that what is computed for now is the same before and after."""

    def __call__(self) -> int:
        return NOW


@pytest.fixture(scope="module", params=BACKENDS)
def agency(request: pytest.FixtureRequest, databases: Databases) -> Iterator[SampleAgency]:
    """A furnished tenant of a server whose clock stands still."""
    with Server(databases.fresh(request.param), clock=Still()) as server:
        yield furnish(server.client(), clock=lambda: NOW / 1_000_000)


def head(client: Client) -> int:
    """How many events there are."""
    return int(client.read("/v1/events")["position"])


def ask(agency: SampleAgency, operation: Operation, preview: str) -> httpx.Response:
    """Calls an operation with the contract's own body. Takes: whether as a preview, by `Prefer` or by the query."""
    headers = {"Min-Event-Position": str(agency.client.position), "Prefer": "wait=10"}
    if preview == "header":
        headers["Prefer"] = "wait=10, preview"
    if operation.media:
        headers["Content-Type"] = operation.media
    params = {**operation.required_query, **({"preview": "true"} if preview == "query" else {})}
    return agency.client.request(
        operation.method, operation.url(agency.ids), content=operation.body, params=params, headers=headers
    )


def told(events: list[dict[str, Any]], known: str) -> list[Any]:
    """What events say but for what is made only when they are appended. Takes: a text with all ids that are known before."""

    def plain(value: Any, name: str = "") -> Any:
        if name in MADE_THEN:
            return "made then"
        if isinstance(value, dict):
            return {member: plain(each, member) for member, each in value.items()}
        if isinstance(value, list):
            return [plain(each) for each in value]
        if isinstance(value, str):
            return ID.sub(lambda found: found[0] if found[0] in known else found[0][:4], value)
        return value

    names = ("type", "subject", "time", "data", "stream", "version", "schema")
    return [plain({name: event[name] for name in names}) for event in events]


def appended(client: Client, after: int) -> list[dict[str, Any]]:
    """The events behind a position."""
    events: list[dict[str, Any]] = client.read("/v1/events", after=after, limit=1000)["data"]
    return events


def test_every_post_of_the_contract_is_asked_for_a_preview() -> None:
    without = [
        one.name
        for one in PREVIEWABLE
        if "preview" not in one.query or not any(each["name"].lower() == "prefer" for each in one.spec["parameters"])
    ]

    assert {one.name for one in POSTS} - {one.name for one in PREVIEWABLE} == NO_COMMAND
    assert without == []
    assert OPEN.isdisjoint(one.name for one in PREVIEWABLE)


@pytest.mark.parametrize("operation", [one for one in PREVIEWABLE if one in SECURED], ids=lambda one: one.name)
def test_a_preview_appends_nothing_and_is_what_happens_right_after(agency: SampleAgency, operation: Operation) -> None:
    client = agency.client
    before = head(client)
    known = json.dumps([agency.ids, appended(client, 0), operation.body.decode() if operation.body else ""])

    previews = [ask(agency, operation, how) for how in ("header", "query")]

    assert head(client) == before
    real = ask(agency, operation, "no")
    PREVIEWED.setdefault(operation.name, set()).add(real.status_code)
    client.position = max(client.position, int(real.headers.get("Event-Position", 0)))
    for preview in previews:
        assert preview.status_code == (200 if real.is_success else real.status_code), (preview.text, real.text)
        if not real.is_success:
            assert preview.json()["code"] == real.json()["code"]
            continue
        assert preview.headers["preference-applied"] == "preview"
        assert preview.json()["position"] == before
        assert told(preview.json()["events"], known) == told(appended(client, before), known)


def test_most_previews_are_followed_by_events() -> None:
    refused = sorted(name for name, statuses in PREVIEWED.items() if min(statuses) > 201)

    assert len(refused) * 2 < len(PREVIEWED), refused


def test_a_preview_uses_no_key_up_and_no_key_answers_for_it(agency: SampleAgency) -> None:
    client, key = agency.client, {"Idempotency-Key": "once"}
    body = {"name": "Previewed", "currency": "EUR"}
    first = client.post("/v1/accounts", json=body, headers={**key, "Prefer": "preview"})
    written = client.post("/v1/accounts", json=body, headers=key)

    again = client.post("/v1/accounts", json=body, headers={**key, "Prefer": "preview"})

    assert (first.status_code, written.status_code, again.status_code) == (200, 201, 200)
    assert "idempotency-replayed" not in written.headers
    assert again.json()["id"] != written.json()["id"]


def test_a_refusal_is_the_problem_that_the_write_would_be_answered(agency: SampleAgency) -> None:
    client, taken = agency.client, {"name": "Twin", "currency": "EUR", "external_ref": "a1"}
    contract = f"/v1/contracts/{agency.ids['contract']}/amendments"
    unfit = {"effective_at": "2026-12-01", "changes": []}

    answers = [
        client.post("/v1/accounts", json=taken, headers={"Prefer": "preview"}),
        client.post(contract, json=unfit, headers={"Prefer": "preview"}),
        client.post("/v1/accounts/ref:nobody/name", json={"name": "X"}, headers={"Prefer": "preview"}),
    ]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [
        (409, "external_ref_taken"), (422, "invalid_body"), (404, "account_not_found")
    ]  # fmt: skip


def test_what_an_amendment_would_move_is_what_the_figure_is_afterwards(agency: SampleAgency) -> None:
    client = agency.client
    account = client.write("/v1/accounts", {"name": "Moved", "currency": "EUR"})["id"]
    contract = client.write(f"/v1/accounts/{account}/contracts", draft())["id"]
    client.write(f"/v1/contracts/{contract}/signature", {"signed_at": "2025-12-20"})
    body = {"effective_at": "2026-11-15", "changes": [{"op": "set_line", "line": "main", "unit_price": "1700.00"}]}
    path = f"/v1/contracts/{contract}/amendments"

    figures = client.post(path, json=body, headers={"Prefer": "preview"}).json()["figures"]

    query = {"account": account, "currency": "EUR", "as_of": "2026-11-15T00:00:00.000000Z"}
    before = client.read("/v1/kpis/mrr", **query)["value"]
    client.write(path, body)
    after = client.read("/v1/kpis/mrr", **query)["value"]
    assert before != after
    assert figures == [
        {"name": "mrr", "of": account, "currency": "EUR", "as_of": query["as_of"], "before": before, "after": after}
    ]


# --- any command ---

DAYS = st.sampled_from(
    ["2026-01-01", "2026-06-15", "2026-11-02", "2026-11-30", "2027-01-01", "2027-06-01", "2028-01-01"]
)
PRICES = st.sampled_from(["0", "250.00", "1000.00", "1333.33"])
CHANGES = st.one_of(
    st.builds(lambda price: {"op": "set_line", "line": "main", "unit_price": price}, PRICES),
    st.builds(lambda name: {"op": "remove_line", "line": name}, st.sampled_from(["main", "other"])),
    st.builds(
        lambda price: {
            "op": "add_line",
            "line": "other",
            "product": "p",
            "quantity": "2",
            "unit_price": price,
            "interval": "month",
        },
        PRICES,
    ),
)
COMMANDS = st.one_of(
    st.builds(lambda at, changes: ("/v1/contracts/{contract}/amendments", {"effective_at": at, "changes": changes}),
              DAYS, st.lists(CHANGES, min_size=1, max_size=2)),
    st.builds(lambda at: ("/v1/contracts/{contract}/signature", {"signed_at": at}), DAYS),
    st.builds(lambda at, end: ("/v1/contracts/{contract}/notice", {"effective_at": at, "effective_end": end, "by": "client"}),
              DAYS, DAYS),
    st.builds(lambda at, end: ("/v1/contracts/{contract}/suspension", {"effective_at": at, "effective_end": end, "by": "client"}),
              DAYS, DAYS),
    st.builds(lambda at: ("/v1/contracts/{contract}/resumption", {"effective_at": at}), DAYS),
    st.builds(lambda end: ("/v1/contracts/{contract}/termination",
                           {"effective_end": end, "reason": "price", "voluntary": True}), DAYS),
    st.builds(lambda start, end: ("/v1/contracts/{contract}/renewals", {"start": start, "end": end}), DAYS, DAYS),
    st.builds(lambda team: ("/v1/scope-changes/{scope_change}/consults", {"team": team}), st.sampled_from(["creative", "web"])),
    st.builds(lambda team: ("/v1/scope-changes/{scope_change}/consults/" + team + "/answer", {"feasible": True, "effort_hours": "3"}),
              st.sampled_from(["creative", "web"])),
    st.builds(lambda price: ("/v1/scope-changes/{scope_change}/assessment",
                             {"effort_hours": "4", "cost": "100.00", "price": price}), PRICES),
    st.builds(lambda kind: ("/v1/scope-changes/{scope_change}/response", {"kind": kind, "message": "as asked"}),
              st.sampled_from(["accept", "decline", "absorb"])),
    st.builds(lambda accepted: ("/v1/scope-changes/{scope_change}/decision", {"accepted": accepted}), st.booleans()),
    st.builds(lambda hours: ("/v1/scope-changes/{scope_change}/absorption", {"hours": hours, "cause": "ours"}),
              st.sampled_from(["1", "9"])),
    st.just(("/v1/scope-changes/{scope_change}/withdrawal", {})),
    st.just(("/v1/scope-changes/{scope_change}/delivery", {"hours": "5"})),
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commands=st.lists(COMMANDS, min_size=1, max_size=8))
def test_any_command_on_a_contract_or_a_scope_change_does_what_its_preview_says(
    agency: SampleAgency, commands: list[tuple[str, dict[str, Any]]]
) -> None:
    client = agency.client
    account = client.write("/v1/accounts", {"name": "Any", "currency": "EUR"})["id"]
    ids = {
        "contract": client.write(f"/v1/accounts/{account}/contracts", draft())["id"],
        "scope_change": client.write(f"/v1/accounts/{account}/scope-changes", {"title": "More", "request": "More"})[
            "id"
        ],
    }
    for path, body in commands:
        before = head(client)
        preview = client.post(path.format_map(ids), json=body, headers={"Prefer": "preview"})
        assert head(client) == before
        real = client.post(path.format_map(ids), json=body)
        events = appended(client, before)
        if not real.is_success:
            assert (preview.status_code, preview.json()["code"]) == (real.status_code, real.json()["code"])
            continue
        client.position = int(real.headers["Event-Position"])
        known = json.dumps([ids, account])
        assert told(preview.json()["events"], known) == told(events, known)
        for figure in preview.json()["figures"]:
            now = client.read("/v1/kpis/mrr", account=account, currency=figure["currency"], as_of=figure["as_of"])
            assert (figure["of"], figure["after"]) == (account, now["value"])
            then = client.read(
                "/v1/kpis/mrr", account=account, currency=figure["currency"], as_of=figure["as_of"], known_at=before
            )
            assert figure["before"] in (None, then["value"])
