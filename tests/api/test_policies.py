"""Policies over HTTP: drafted, in force from a day, refused by name, and what was in force as it was known."""

from typing import Any

import pytest

from tests.support.server import Client, Server

STRICT = {"kind": "approval", "limits": [{"role": "account_manager", "amount": "100"}], "margin_floor": "0.3"}
LAX = {"kind": "approval", "limits": [{"role": "account_manager"}], "margin_floor": "0"}


def drafted(client: Client, *more: dict[str, Any], **members: Any) -> str:
    """The path of a policy with a strict version and further ones."""
    path = f"/v1/policies/{client.write('/v1/policies', {'rules': STRICT, **members})['id']}"
    for rules in more:
        client.write(f"{path}/versions", {"rules": rules})
    return path


def activate(client: Client, path: str, number: int = 1, **members: Any) -> dict[str, Any]:
    """A version put in force."""
    return client.write(f"{path}/versions/{number}/activation", members)


def refused(client: Client, path: str, body: Any) -> tuple[int, str]:
    """Status and code of a write that must fail; nothing is appended."""
    before = client.see("/v1/events").json()["position"]
    answer = client.post(path, json=body)
    assert client.see("/v1/events").json()["position"] == before
    return answer.status_code, answer.json()["code"]


def versions(client: Client, path: str, **query: Any) -> list[tuple[int, str, str | None, str | None]]:
    """Number, status and days of every version."""
    return [(one["number"], one["status"], one["start"], one["end"]) for one in client.read(path, **query)["versions"]]


# --- a policy's life ---


def test_a_policy_is_drafted_put_in_force_replaced_and_retired(client: Client) -> None:
    path = drafted(client, LAX)
    fresh = client.read(path)
    activate(client, path, start="2026-01-01")
    receipt = activate(client, path, 2, start="2026-06-01", replaces=1)
    client.write(f"{path}/versions/2/retirement", {"end": "2027-01-01", "reason": "a trial"})

    page = client.read(path, as_of="2026-03-01")
    assert [event["type"] for event in receipt["events"]] == ["policy.retired", "policy.activated"]
    assert (fresh["status"], fresh["in_force"], page["status"], page["in_force"]) == ("draft", None, "retired", 1)
    assert page["versions"] == [
        {"number": 1, "name": "approval@default/1", "status": "retired", "start": "2026-01-01", "end": "2026-06-01",
         "rules": STRICT},
        {"number": 2, "name": "approval@default/2", "status": "retired", "start": "2026-06-01", "end": "2027-01-01",
         "rules": LAX},
    ]  # fmt: skip
    assert [client.read(path, as_of=day)["in_force"] for day in ("2025-12-31", "2026-06-01", "2027-01-01")] == [
        None,
        2,
        None,
    ]
    assert client.read("/v1/policies/ref:approval@default")["id"] == page["id"]
    assert client.read(f"{path}/versions/2")["rules"] == LAX


def test_policies_are_listed_by_kind_name_and_status(client: Client) -> None:
    path = drafted(client, LAX)
    drafted(client, name="agency")
    client.write("/v1/policies", {"rules": {"kind": "metric"}})
    activate(client, path, start="2026-01-01")

    def listed(**query: Any) -> list[tuple[str, str, str, int | None]]:
        data = client.read("/v1/policies", as_of="2026-02-01", **query)["data"]
        return [(one["kind"], one["name"], one["status"], one["in_force"]) for one in data]

    agency, default = ("approval", "agency", "draft", None), ("approval", "default", "active", 1)
    metric = ("metric", "default", "draft", None)
    assert [one[1] for one in listed(sort="-name")] == ["default", "default", "agency"]
    assert sorted(listed()) == [agency, default, metric]
    assert listed(kind="approval", name="default") == [default]
    assert listed(status="active") == [default]
    assert sorted(listed(status=["draft", "retired"])) == [agency, metric]
    assert client.see("/v1/policies", kind="weather").status_code == 400
    assert "rules" not in client.read("/v1/policies")["data"][0]["versions"][0]


def test_what_was_known_of_a_policy_stays_answered_when_it_is_dated_back(client: Client) -> None:
    path = drafted(client, LAX)
    activate(client, path, start="2026-01-01")
    before = client.position
    known = client.read(path, known_at=before, as_of="2025-06-01")
    activate(client, path, 2, start="2025-01-01", end="2026-01-01")

    assert client.read(path, as_of="2025-06-01")["in_force"] == 2
    assert client.read(path, as_of="2025-06-01", known_at=before) == known
    assert known["in_force"] is None
    assert [one[1] for one in versions(client, path, known_at=before - 1)] == ["draft", "draft"]
    assert len(versions(client, path, known_at=before - 2)) == 1
    assert client.see(path, known_at=before - 3).json()["code"] == "policy_not_found"
    assert client.see(f"{path}/versions/2", known_at=before - 2).json()["code"] == "unknown_version"
    (listed,) = client.read("/v1/policies", known_at=before, as_of="2025-06-01", kind="approval")["data"]
    assert listed["in_force"] is None


def test_in_force_is_shown_for_the_tenants_own_day(each_server: Server) -> None:
    client = each_server.client(each_server.key(each_server.tenant(time_zone="Pacific/Auckland")))
    path = drafted(client)
    activate(client, path, start="2026-01-16")

    assert client.read(path, as_of="2026-01-15T10:59:59Z")["in_force"] is None
    assert client.read(path, as_of="2026-01-15T11:00:00Z")["in_force"] == 1


# --- what is refused ---


def test_two_versions_in_force_on_one_day_are_refused_and_the_other_is_named(client: Client) -> None:
    path = drafted(client, LAX)
    activate(client, path, start="2026-01-01", end="2027-01-01")

    assert refused(client, f"{path}/versions/2/activation", {"start": "2026-12-31"}) == (409, "policies_overlap")
    problem = client.post(f"{path}/versions/2/activation", json={"start": "2026-12-31"}).json()
    assert problem["detail"] == "approval@default/1 is in force from 2026-01-01 to 2027-01-01"
    assert versions(client, path) == [(1, "active", "2026-01-01", "2027-01-01"), (2, "draft", None, None)]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("", {"rules": STRICT}, 409, "external_ref_taken"),
        ("", {"rules": STRICT, "name": "other", "external_ref": "fx@default"}, 422, "reserved_ref"),
        ("", {"rules": STRICT, "name": "Two Words"}, 422, "invalid_body"),
        ("", {"rules": {"kind": "weather"}}, 422, "invalid_body"),
        ("", {"rules": {**STRICT, "kind": "metric"}}, 422, "invalid_body"),
        ("", {"rules": None}, 422, "invalid_body"),
        ("", {"rules": {"kind": "metric", "gross_margin": 1}}, 422, "invalid_body"),
        ("", {"rules": {"kind": "metric", "reactivation_days": 10**30}}, 422, "integer_too_large"),
        ("/versions", {"rules": {"kind": "metric"}}, 409, "other_kind"),
        ("/versions/1/activation", {"start": "2027-01-01"}, 409, "policy_active"),
        ("/versions/2/activation", {"start": "2026-02-01", "end": "2026-02-01"}, 422, "end_before_start"),
        ("/versions/2/activation", {"start": "2026-02-30"}, 422, "invalid_body"),
        ("/versions/2/activation", {"replaces": 9}, 404, "unknown_version"),
        ("/versions/2/activation", {"replaces": 0}, 422, "invalid_body"),
        ("/versions/9/activation", {}, 404, "unknown_version"),
        ("/versions/0/activation", {}, 404, "not_found"),
        ("/versions/99999999999999999999/activation", {}, 404, "not_found"),
        ("/versions/one/activation", {}, 404, "not_found"),
        ("/versions/1/retirement", {}, 422, "invalid_body"),
        ("/versions/1/retirement", {"end": "2025-12-31"}, 422, "end_before_start"),
        ("/versions/1/retirement", {"end": "2026-02-01"}, 409, "retirement_lengthens"),
        ("/versions/2/retirement", {"end": "2026-01-15"}, 409, "policy_not_active"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(visitor: Client, path: str, body: Any, status: int, code: str) -> None:
    policy = drafted(visitor, LAX)
    activate(visitor, policy, start="2026-01-01", end="2026-02-01")

    assert refused(visitor, f"{policy}{path}" if path else "/v1/policies", body) == (status, code)


@pytest.mark.parametrize(
    ("rules", "pointer", "code", "detail"),
    [
        (
            {"kind": "fx", "base": "EUR", "rates": [
                {"date": "2026-01-01", "currency": "USD", "rate": "0.9"},
                {"date": "2026-01-01", "currency": "CHF", "rate": "1.05"},
                {"date": "2026-02-01", "currency": "CHF", "rate": "1.06"},
            ]},
            "#/rules", "fx_rate_missing", "no rate for USD on 2026-02-01",
        ),
        (
            {"kind": "fx", "base": "EUR", "rates": [{"date": "2026-01-01", "currency": "USD", "rate": "0.9"}] * 2},
            "#/rules", "fx_rate_twice", "two rates for USD on 2026-01-01",
        ),
        (
            {"kind": "fx", "base": "EUR", "rates": [{"date": "2026-01-01", "currency": "USD", "rate": "1e5"}]},
            "#/rules/rates/0/rate", "string_pattern_mismatch", None,
        ),
        (
            {"kind": "fx", "base": "EUR", "rates": [{"date": "2026-01-01", "currency": "USD", "rate": "1\u0662"}]},
            "#/rules/rates/0/rate", "string_pattern_mismatch", None,
        ),
        ({"kind": "metric", "discount_rate": "-1"}, "#/rules/discount_rate", "value_error", None),
        ({"kind": "approval", "limits": [{"role": "admin"}] * 2}, "#/rules", "approval_limit_twice", None),
        ({"kind": "renewal", "lead_days": [90, 90]}, "#/rules", "lead_days_not_falling", None),
        ({"kind": "incentive", "rates": [{"rule": "renewal", "percent": "1"}] * 2}, "#/rules", "incentive_rate_twice", None),
    ],
)  # fmt: skip
def test_rules_that_do_not_hold_together_are_refused_with_what_is_wrong(
    visitor: Client, rules: Any, pointer: str, code: str, detail: str | None
) -> None:
    before = visitor.see("/v1/events").json()["position"]

    answer = visitor.post("/v1/policies", json={"rules": rules})

    (fault,) = answer.json()["errors"]
    assert (answer.status_code, fault["pointer"], fault["code"]) == (422, pointer, code)
    assert detail is None or fault["detail"] == detail
    assert visitor.see("/v1/events").json()["position"] == before


def test_who_only_manages_reads_policies_and_sets_none(each_server: Server) -> None:
    tenant = each_server.tenant()
    admin, manager = (
        each_server.client(each_server.key(tenant)),
        each_server.client(each_server.key(tenant, "account_manager")),
    )
    path = drafted(admin)
    manager.position = admin.position

    assert manager.read(path)["status"] == "draft"
    for where, body in (("/v1/policies", {"rules": LAX, "name": "mine"}), (f"{path}/versions/1/activation", {})):
        assert refused(manager, where, body) == (403, "scope_missing")


def test_no_policy_comes_in_as_an_event_past_the_right_to_set_it(each_server: Server) -> None:
    manager = each_server.client(each_server.key(each_server.tenant(), "account_manager"))
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "policy.drafted", "data": {"rules": LAX}}

    answer = manager.post("/v1/events", json=event, headers={"Content-Type": "application/cloudevents+json"})

    assert answer.json()["results"][0]["problem"]["code"] == "unknown_type"


def test_a_large_table_of_rates_is_stored_and_answered_whole(client: Client) -> None:
    days = [f"20{year:02d}-{month:02d}-01" for year in range(26) for month in range(1, 13)]
    rates = [{"date": day, "currency": one, "rate": "0.9"} for day in days for one in ("USD", "CHF", "GBP", "JPY")]

    policy = client.write("/v1/policies", {"rules": {"kind": "fx", "base": "EUR", "rates": rates}})["id"]

    assert client.read(f"/v1/policies/{policy}/versions/1")["rules"]["rates"] == rates
