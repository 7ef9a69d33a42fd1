"""Parameters: whatever a read declares, it takes rightly; what it does not declare, or what cannot be, it refuses by name."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.api.contract import OPERATIONS, Operation, resolved
from tests.api.sample_agency import SampleAgency, furnish
from tests.support.server import Client, Server

ASKED = [one for one in OPERATIONS if one.method == "GET"]
OPEN_TEXTS = frozenset({
    "account", "actor", "author", "backup", "by", "category", "client", "closed_by", "contract", "external_ref", "giver", "industry",
    "issued_by", "issuer", "name", "on_behalf_of", "opportunity", "owner", "payee", "person", "plan", "policy", "receiver", "renewal",
    "subject", "tier", "user",
})  # fmt: skip
"""What a tenant names itself: any text may be one, or is looked up. Every other parameter has a type, a form or a vocabulary."""


@pytest.fixture(scope="module")
def world(shared_server: Server) -> SampleAgency:
    """A furnished tenant."""
    return furnish(shared_server.client(), accounts=1)


def parameters(operation: Operation) -> dict[str, tuple[dict[str, Any], bool]]:
    """The schema of a value of each parameter, and whether it takes several."""
    declared = {}
    for one in operation.spec.get("parameters", ()):
        if one["in"] == "query":
            schema = resolved(one["schema"])
            several = schema.get("type") == "array"
            declared[one["name"]] = (resolved(schema["items"]) if several else schema, several)
    return declared


def refused(client: Client, path: str, query: list[tuple[str, str]]) -> tuple[int, str, str]:
    """Gives: the status, the code and the detail of a problem."""
    answer = client.get(f"{path}?{urlencode(query)}")
    problem = answer.json() if answer.headers["content-type"] == "application/problem+json" else {}
    return answer.status_code, problem.get("code", ""), problem.get("detail", "")


@pytest.mark.parametrize("operation", ASKED, ids=lambda one: one.name)
def test_every_parameter_is_taken_once_in_its_form_and_from_its_vocabulary(
    world: SampleAgency, operation: Operation
) -> None:
    client, path = world.client, quote(operation.url(world.ids))
    base = list(operation.required_query.items())

    assert refused(client, path, [*base, ("unheard_of", "1")])[:2] == (400, "unknown_parameter")
    for name, (schema, several) in parameters(operation).items():
        rest = [pair for pair in base if pair[0] != name]
        if not several:
            status, code, detail = refused(client, path, [*rest, (name, "x"), (name, "y")])
            assert (status, code) == (400, "parameter_repeated"), name
            assert detail.startswith(name), name
        assert refused(client, path, [*rest, (name, " ")])[:2] == (400, "invalid_parameter"), name
        status, code, detail = refused(client, path, [*rest, (name, "n\u00f6pe!")])
        if name in OPEN_TEXTS:
            assert status in (200, 400, 404), (name, code)
        else:
            assert status == 400, (name, code)
        if "enum" in schema or schema.get("format") == "date" or schema.get("type") in ("integer", "boolean"):
            assert code == "invalid_parameter", name
            assert detail.startswith(f"{name}: "), name
            assert all(word in detail for word in schema.get("enum", ())[:3]), name
        status, code, _ = refused(client, path, [*rest, (name, "")])
        assert status in ({200, 400, 404} if name in OPEN_TEXTS else {400}), (name, code)


PERIOD = {"from": "2026-01-01", "to": "2026-02-01"}
NARROWED: dict[str, dict[str, str]] = {
    "/v1/kpis/mrr": {}, "/v1/kpis/mrr/explain": {}, "/v1/boards/renewals": {}, "/v1/boards/pipeline": {}, "/v1/boards/cohorts": {},
    "/v1/boards/forecast": {"from": "2026-12-01", "to": "2027-06-01"}, "/v1/boards/waterfall": PERIOD,
}  # fmt: skip
"""Figures and boards, which are narrowed to some accounts."""


def test_a_figure_is_refused_for_an_owner_whom_no_account_ever_had(world: SampleAgency) -> None:
    client = world.client

    for path, params in NARROWED.items():
        for owner, status in (("new plain", 200), ("usr plain", 200), ("usr_nobody", 400), ("New plain", 400)):
            answer = client.see(path, owner=owner, **params)
            assert answer.status_code == status, (path, owner)
            assert status == 200 or answer.json()["code"] == "unknown_owner"
    opened = client.read("/v1/events", types="account.opened")["data"][0]["position"]
    assert client.see("/v1/kpis/mrr", owner="usr plain", known_at=opened).status_code == 200
    assert client.see("/v1/kpis/mrr", owner="new plain", known_at=opened).json()["code"] == "unknown_owner"


@pytest.mark.parametrize("path", [*NARROWED, "/v1/accounts"])
def test_a_tier_and_an_industry_that_no_account_ever_had_are_refused_as_an_owner_is(
    world: SampleAgency, path: str
) -> None:
    client, params = world.client, NARROWED.get(path, {})

    for member in ("owner", "tier", "industry"):
        for value in (f"no {member}", "None", "GOLD "):
            answer = client.see(path, **{member: value}, **params)
            assert (answer.status_code, answer.json()["code"]) == (400, f"unknown_{member}"), (member, value)
        assert client.see(path, **{member: "none"}, **params).status_code == 200
    table = client.get(path, params={"tier": "gould", **params}, headers={"Accept": "text/csv"})
    assert (table.status_code, table.json()["code"]) == (400, "unknown_tier")


def test_a_certificate_of_a_tier_that_no_account_ever_had_is_refused(world: SampleAgency) -> None:
    for member in ("owner", "tier", "industry"):
        answer = world.client.post("/v1/kpi-certificates", json={"kpi": "mrr", "scope": {member: "nobody's"}})
        assert (answer.status_code, answer.json()["code"]) == (422, f"unknown_{member}")


def test_a_figure_of_a_country_and_an_industry_is_the_whole_where_all_accounts_have_them(world: SampleAgency) -> None:
    client, apart = world.client, {"scope", "explain_url", "figure", "as_of", "position"}

    def told(path: str, **query: str) -> dict[str, Any]:
        return {name: value for name, value in client.read(path, **query).items() if name not in apart}

    for path, params in NARROWED.items():
        whole, nothing = told(path, **params), told(path, country="none", **params)
        assert told(path, country="DE", industry="industry plain", **params) == whole != nothing, path
        assert told(path, country="AT", **params) == told(path, industry="none", **params) == nothing, path
        for slip in ("UK", "de", "None", "XX"):
            status, code, detail = refused(client, path, [*params.items(), ("country", slip)])
            assert (status, code, detail.partition(":")[0]) == (400, "invalid_parameter", "country"), (path, slip)


def test_a_range_takes_in_the_whole_of_the_day_that_it_names(shared_server: Server) -> None:
    client = shared_server.client(shared_server.key(shared_server.tenant(time_zone="America/New_York")))
    account = f"/v1/accounts/{client.write('/v1/accounts', {'name': 'A', 'currency': 'USD'})['id']}/interactions"
    for number, at in enumerate(
        ("2026-03-01T04:59:59Z", "2026-03-01T05:00:00Z", "2026-03-02T04:59:59.5Z", "2026-03-02T05:00:00Z")
    ):
        said = {"channel": "call", "direction": "inbound", "occurred_at": at, "external_ref": str(number)}
        client.write(account, said)

    def refs(**bounds: str) -> str:
        query = {f"occurred_at.{bound}": value for bound, value in bounds.items()}
        return "".join(one["external_ref"] for one in client.read(account, sort="occurred_at", **query)["data"])

    assert refs(gte="2026-03-01", lte="2026-03-01") == refs(gte="2026-03-01", lt="2026-03-02") == "12"
    assert refs(gt="2026-03-01") == "3"
    assert refs(lt="2026-03-01") == "0"
    assert refs(gte="2026-03-01T05:00:00Z", lt="2026-03-02T04:59:59.5Z") == "1"
    assert refs(gt="2026-03-01T05:00:00Z", lte="2026-03-02T04:59:59.5Z") == "2"
    assert client.see(account, **{"occurred_at.gte": "9999-12-31"}).status_code in (200, 400)
    assert (
        client.see("/v1/renewals", **{"due_from": "2026-01-01", "due.gte": "2026-01-01"}).json()["code"]
        == "parameter_repeated"
    )
