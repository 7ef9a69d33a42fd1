"""What was read can be written back: the members of an answer that its command knows make the same thing again."""

import re
from typing import Any, NamedTuple

import pytest

from tests.api.contract import LISTS, OPERATIONS, SCHEMA, resolved
from tests.api.sample_agency import LINE
from tests.support.server import Client, Server

SCHEMAS: dict[str, dict[str, Any]] = SCHEMA["components"]["schemas"]


class Noun(NamedTuple):
    """A thing that is created: its command, where it is posted and read, and a body. things: none where only its list shows it."""

    command: str
    collection: str
    things: str | None
    body: dict[str, Any]
    once: bool = False
    """Whether a tenant has it once, so that another one takes what was read."""


RETAINER = {**LINE, "quantity": "2.5", "unit_price": {"amount": "310.25", "currency": "EUR"}, "interval": "week",
            "interval_count": 2, "discount_percent": "7.5", "discount_end": "2026-11-01",
            "ramp": [{"start": "2026-05-01", "unit_price": "320"}, {"start": "2026-09-01", "quantity": "3"}]}  # fmt: skip
SETUP = {"line": "setup", "product": "setup", "kind": "one_off", "unit_price": "900.10", "start": "2026-02-01"}
NOUNS = (
    Noun(
        "OpenAccount",
        "/v1/accounts",
        "/v1/accounts",
        {"name": "Fabrikam", "currency": "CHF", "time_zone": "Europe/Zurich", "tier": "gold", "owner": "maria",
         "industry": "tools", "country": "CH"},
    ),
    Noun(
        "LogInteraction",
        "/v1/accounts/ref:home/interactions",
        "/v1/interactions",
        {"channel": "visit", "direction": "outbound", "occurred_at": "2026-01-03T10:00:00+02:00", "subject": "Plans",
         "summary": "They want more", "participants": ["Ada", {"name": "Bo", "role": "buyer"}], "sentiment": "-0.25",
         "topics": ["plans"], "duration_seconds": 1800, "visibility": "client"},
    ),
    Noun(
        "DraftContract",
        "/v1/accounts/ref:home/contracts",
        "/v1/contracts",
        {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "auto_renew": True, "notice_days": 45,
         "renewal_term_months": 6, "lines": [RETAINER, SETUP]},
    ),
    Noun(
        "RaiseScopeChange",
        "/v1/accounts/ref:home/scope-changes",
        "/v1/scope-changes",
        {"title": "A second language", "request": "In French, too", "needed_by": "2026-12-01"},
    ),
    Noun(
        "SetBudget",
        "/v1/accounts/ref:home/budgets",
        "/v1/budgets",
        {"title": "Spring", "currency": "EUR", "amount": {"amount": "24000.50", "currency": "EUR"},
         "start": "2026-01-01", "end": "2026-07-01", "thresholds": [40, 90]},
    ),
    Noun(
        "IdentifyOpportunity",
        "/v1/accounts/ref:home/opportunities",
        "/v1/opportunities",
        {"title": "Shop", "kind": "upsell", "source": "usage", "product": "shop"},
    ),
    Noun(
        "DraftProposal",
        "/v1/accounts/ref:home/proposals",
        "/v1/proposals",
        {"title": "Care", "currency": "EUR", "cost": {"amount": "500.00", "currency": "EUR"}, "terms": "30 days",
         "value_evidence": ["leads"], "valid_until": "2099-01-01",
         "items": [{"item": "care", "product": "care", "unit_price": "99.99", "interval": "quarter"}]},
    ),
    Noun("DraftPolicy", "/v1/policies", "/v1/policies", {"name": "house", "rules": {"kind": "metric"}}),
    Noun(
        "RegisterWebhookEndpoint",
        "/v1/webhook-endpoints",
        "/v1/webhook-endpoints",
        {"provider": "generic_hmac", "label": "crm", "tolerance_seconds": 60, "hash": "sha512", "encoding": "base64",
         "header": "X-Sign", "style": "plain", "signed_content_template": "{body}", "id_pointer": "/event/id"},
    ),
    Noun("InviteUser", "/v1/users", "/v1/users", {"name": "Maria Lindqvist", "address": "maria@harbour-pine.example"}),
    Noun(
        "RegisterIssuer",
        "/v1/issuers",
        "/v1/issuers",
        {"issuer": "https://login.harbour-pine.example", "claim": "email", "algorithms": ["ES256"], "plain_jwt": True,
         "jwks_url": "https://login.harbour-pine.example/keys", "dpop_required": True, "label": "staff",
         "audience": "https://steward.harbour-pine.example"},
    ),
    Noun(
        "RegisterAgent",
        "/v1/agents",
        "/v1/agents",
        {"name": "Renewals", "user": "ref:maria", "purpose": "Drafts", "may_execute": ["interactions.log"],
         "may_suggest": ["contracts.amend"], "ends_at": "2099-01-01T00:00:00.000000Z",
         "ceilings": {"commands_per_day": 50, "money_per_command": {"amount": "500.00", "currency": "EUR"},
                      "hours": {"from": "08:00", "to": "18:00", "days": [1, 2]}}},
    ),
    Noun(
        "MakeSuggestion",
        "/v1/suggestions",
        "/v1/suggestions",
        {"command": {"path": "/v1/accounts/ref:home/tier", "body": {"tier": "gold"}}, "cites": [], "reason": "They asked",
         "expires_at": "2099-01-01T00:00:00Z"},
    ),
    Noun("FormTeam", "/v1/teams", "/v1/teams", {"name": "Retail"}),
    Noun(
        "IssueApiKey",
        "/v1/api-keys",
        "/v1/api-keys",
        {"role": "integration", "scopes": ["accounts:read", "kpis:read"], "label": "crm", "expires_at": "2099-01-01T00:00:00Z"},
    ),
    Noun(
        "IssueKpiCertificate",
        "/v1/kpi-certificates",
        "/v1/kpi-certificates",
        {"kpi": "mrr", "as_of": "2026-01-31", "method": "point_in_time", "currency": "EUR", "known_at": 7, "note": "For the bank",
         "scope": {"owner": "maria", "attribution": "start"}, "policy": None, "options": {}},
    ),
    Noun(
        "IssueKpiCertificate",
        "/v1/kpi-certificates",
        "/v1/kpi-certificates",
        {"kpi": "pipeline_value", "as_of": "2026-03-31", "scope": {"currency": "EUR"}, "note": None},
    ),
    Noun(
        "IssueKpiCertificate",
        "/v1/kpi-certificates",
        "/v1/kpi-certificates",
        {"kpi": "net_revenue_retention", "period": {"from": "2026-01-01", "to": "2026-04-01"}, "scope": {"account": "ref:home"}},
    ),
    Noun(
        "ClosePeriod",
        "/v1/period-closes",
        "/v1/period-closes",
        {"period": {"from": "2026-01-01", "to": "2026-04-01"}, "currency": "EUR", "kpis": ["mrr", "quick_ratio"]},
        once=True,
    ),
    Noun(
        "IssueStatement",
        "/v1/incentive-statements",
        "/v1/incentive-statements",
        {"plan": "ref:incentive@default", "payee": "maria", "period": {"from": "2025-11-01", "to": "2026-02-01"}, "currency": "EUR"},
        once=True,
    ),
    Noun(
        "RecordSpend",
        "/v1/budgets/ref:money/spend",
        None,
        {"amount": {"amount": "12.34", "currency": "EUR"}, "document": "INV-1", "spent_at": "2026-01-20", "category": "ads",
         "late": False},
    ),
    Noun("RecordForecast", "/v1/budgets/ref:money/forecasts", None, {"at_completion": {"amount": "99.90", "currency": "EUR"}}),
    Noun(
        "SubmitForecast",
        "/v1/renewals/{renewal}/forecasts",
        None,
        {"category": "best_case", "expected_value": {"amount": "11000.50", "currency": "EUR"}, "probability": "0.65"},
    ),
)  # fmt: skip
COLLECTED = {one.path for one in LISTS} & {one.path for one in OPERATIONS if one.method == "POST"} - {"/v1/events"}
"""Where things are both listed and created; what is sent to the feed of events is read under its own noun."""
OTHER_NAMES: dict[str, dict[str, Any]] = {
    "DraftPolicy": {"name": "other"},
    "RegisterIssuer": {"audience": "https://other.harbour-pine.example"},
    "RecordSpend": {"document": "INV-2"},
    "IssueStatement": {"plan": "ref:incentive@default"},
}
"""What only one thing may be called, or has another id at the taker."""


def furnish(client: Client) -> dict[str, str]:
    """What the things belong to: an account of somebody's with a contract that runs, a budget, a plan of incentives. Gives: ids."""
    client.write("/v1/accounts", {"name": "Home", "currency": "EUR", "external_ref": "home", "owner": "maria",
                                  "effective_at": "2025-12-01"})  # fmt: skip
    terms = {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "lines": [LINE], "external_ref": "home"}
    client.write("/v1/accounts/ref:home/contracts", {**terms, "effective_at": "2025-12-01"})
    client.write("/v1/contracts/ref:home/signature", {"signed_at": "2025-12-01", "effective_at": "2025-12-01"})
    renewal = client.write("/v1/contracts/ref:home/renewal-cycles", {})["id"]
    budget = {"title": "B", "currency": "EUR", "amount": "500", "start": "2026-01-01", "end": "2027-01-01"}
    client.write("/v1/accounts/ref:home/budgets", {**budget, "external_ref": "money"})
    rules = {"kind": "incentive", "rates": [{"rule": "new_business", "percent": "5"}]}
    plan = client.write("/v1/policies", {"rules": rules})["id"]
    client.write(f"/v1/policies/{plan}/versions/1/activation", {"start": "2025-01-01"})
    return {"renewal": renewal}


def known(schema: dict[str, Any], value: Any) -> Any:
    """What of an answer a body may say: the members that its schema has, all the way down."""
    schema = resolved(schema)
    options = [option for option in schema.get("anyOf", schema.get("oneOf", ())) if option != {"type": "null"}]
    if isinstance(value, list):
        items = schema.get("items") or next((one["items"] for one in options if "items" in one), {})
        return [known(items, item) for item in value]
    if not isinstance(value, dict):
        return value
    members = [schema, *map(resolved, options)]
    properties = next((one["properties"] for one in members if "properties" in one), None)
    if properties is None:
        return value
    return {name: known(properties[name], member) for name, member in value.items() if name in properties}


def said(client: Client, noun: Noun, receipt: dict[str, Any]) -> dict[str, Any]:
    """The members of a thing that its command knows; what is told in versions is that of the live one."""
    then = {"as_of": "2026-01-20"} if noun.command == "DraftContract" else {}  # while its lines are as they began
    if noun.things is None:
        (answer,) = (one for one in client.read(noun.collection)["data"] if one["event"] == receipt["events"][0]["id"])
    else:
        answer = client.read(f"{noun.things}/{receipt['id']}", **then)
    live = answer["versions"][-1] if "versions" in answer else {}
    if noun.command == "MakeSuggestion":  # the write that it bears is shown as its path and its body
        live = {"command": {name: answer[name] for name in ("path", "body")}}
    members: dict[str, Any] = known(SCHEMAS[noun.command], {**live, **answer})
    return {name: member for name, member in members.items() if name not in ("external_ref", "secrets", "public_keys")}


def test_every_noun_that_is_both_listed_and_created_is_written_back_here() -> None:
    tried = {re.sub(r"ref:[^/]+|\{\w+\}", "{}", noun.collection) for noun in NOUNS}

    assert tried == {re.sub(r"\{\w+\}", "{}", path) for path in COLLECTED}


@pytest.mark.parametrize("noun", NOUNS, ids=[noun.command for noun in NOUNS])
def test_what_was_read_can_be_written_back_and_is_the_same_again(
    visitor: Client, shared_server: Server, noun: Noun
) -> None:
    noun = noun._replace(collection=noun.collection.format(**furnish(visitor)))
    first = written(visitor, noun, noun.body)
    read = said(visitor, noun, first)

    taker = shared_server.client() if noun.once else visitor
    if noun.once:
        furnish(taker)
    other = OTHER_NAMES.get(noun.command, {})
    again = written(taker, noun, {**read, **other})

    assert set(noun.body) <= set(read)
    assert {**said(taker, noun, again), **other} == {**read, **other}


def written(client: Client, noun: Noun, body: dict[str, Any]) -> dict[str, Any]:
    """The receipt of a thing that is written; a contract is signed, too."""
    receipt: dict[str, Any] = client.write(noun.collection, body)
    if noun.command == "DraftContract":
        client.write(f"{noun.things}/{receipt['id']}/signature", {"signed_at": "2025-12-01"})
    return receipt


AMOUNT = {"amount": "10.00", "currency": "USD"}
"""In another currency than everything here."""
ANOTHER = (
    ("/v1/accounts/ref:home/contracts", {"currency": "EUR", "start": "2026-01-01", "lines": [{**LINE, "unit_price": AMOUNT}]}),
    ("{contract}/amendments", {"effective_at": "2026-02-01", "changes": [{"op": "set_line", "line": "main", "unit_price": AMOUNT}]}),
    ("{contract}/amendments", {"effective_at": "2026-02-01", "changes": [{"op": "add_line", **SETUP, "unit_price": AMOUNT}]}),
    ("{contract}/corrections", {"corrects": "{signed}", "effective_at": "2026-02-01",
                                "changes": [{"op": "set_line", "line": "main", "unit_price": AMOUNT}]}),
    ("{contract}/renewals", {"end": "2028-01-01", "lines": [{**LINE, "unit_price": AMOUNT}]}),
    ("/v1/accounts/ref:home/budgets", {"title": "B", "currency": "EUR", "amount": AMOUNT, "start": "2026-01-01", "end": "2026-02-01"}),
    ("/v1/accounts/ref:home/proposals", {"currency": "EUR", "valid_until": "2099-01-01", "cost": AMOUNT,
                                         "items": [{"item": "i", "product": "p", "unit_price": "1", "interval": "year"}]}),
    ("/v1/accounts/ref:home/proposals", {"currency": "EUR", "valid_until": "2099-01-01",
                                         "items": [{"item": "i", "product": "p", "unit_price": AMOUNT, "interval": "year"}]}),
    ("{scope_change}/assessment", {"effort_hours": "1", "currency": "EUR", "price": AMOUNT}),
    ("{scope_change}/assessment", {"effort_hours": "1", "cost": {**AMOUNT, "currency": "EUR"}, "price": AMOUNT}),
)  # fmt: skip


def test_an_amount_in_another_currency_than_its_own_is_refused_by_name(visitor: Client) -> None:
    visitor.write("/v1/accounts", {"name": "Home", "currency": "EUR", "external_ref": "home"})
    terms = {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "lines": [LINE]}
    contract = f"/v1/contracts/{visitor.write('/v1/accounts/ref:home/contracts', terms)['id']}"
    drafted = visitor.write(f"{contract}/signature", {"signed_at": "2025-12-01"})["events"][0]["id"]
    raised = visitor.write("/v1/accounts/ref:home/scope-changes", {"title": "T", "request": "R"})["id"]
    names = {"{contract}": contract, "{scope_change}": f"/v1/scope-changes/{raised}"}

    for path, body in ANOTHER:
        for name, there in names.items():
            path = path.replace(name, there)
        body = {**body, "corrects": drafted} if "corrects" in body else body
        answer = visitor.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "other_currency"), (path, answer.text)


def test_an_assessment_takes_its_currency_from_its_amounts(visitor: Client) -> None:
    visitor.write("/v1/accounts", {"name": "Home", "currency": "EUR", "external_ref": "home"})
    raised = f"/v1/scope-changes/{visitor.write('/v1/accounts/ref:home/scope-changes', {'title': 'T', 'request': 'R'})['id']}"

    visitor.write(f"{raised}/assessment", {"effort_hours": "1", "price": AMOUNT})

    assessed = visitor.read(raised)["assessment"]
    assert (assessed["currency"], assessed["price"]) == ("USD", AMOUNT)
