"""A furnished tenant: one thing of every noun and more, made over HTTP, with a mark in every text that may bear one."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from app.webhooks.inbound import signing
from tests.support.server import Client

LINE = {"line": "main", "product": "retainer", "quantity": "1", "unit_price": "1000.00", "interval": "month"}


@dataclass
class SampleAgency:
    """A client and what it wrote: ids by the name of the path's parameter, and the ids of all events."""

    client: Client
    mark: str
    ids: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)

    def write(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Writes, and collects the ids of the events."""
        receipt = self.client.write(path, body)
        self.events += [event["id"] for event in receipt["events"]]
        return receipt


def draft(mark: str = "plain", **more: Any) -> dict[str, Any]:
    """The terms of a contract over the year 2026, and the year after where nobody gives notice."""
    line = {**LINE, "product": f"retainer {mark}"}
    return {"currency": "EUR", "start": "2026-01-01", "end": "2027-01-01", "notice_days": 30, "lines": [line], **more}


def furnish(
    client: Client, mark: str = "plain", accounts: int = 2, clock: Callable[[], float] = time.time
) -> SampleAgency:
    """A tenant with everything in it, under the same references whatever the mark. Takes: the server's clock, in seconds."""
    world = SampleAgency(client, mark)
    _plan(world)
    for number in range(accounts, 0, -1):
        _account(world, mark, f"a{number}")
    key = client.write("/v1/api-keys", {"role": "auditor", "label": f"key {mark}"})
    world.ids["api_key"] = key["id"]
    _people(world, mark)
    _agent(world, mark)
    _endpoint(world, mark, clock)
    _certificates(world, mark)
    _policies(world)
    world.ids |= {
        "member": f"member_{mark}",
        "team": "creative",
        "name": "net_revenue_retention",
        "provider": "standard-webhooks",
    }
    return world


def _account(world: SampleAgency, mark: str, ref: str) -> None:
    write = world.write
    opened = write(
        "/v1/accounts",
        {"name": f"Client {mark}", "currency": "EUR", "tier": f"tier {mark}", "owner": f"usr {mark}",
         "industry": f"industry {mark}", "country": "DE", "external_ref": ref, "effective_at": "2025-12-01"},
    )  # fmt: skip
    account = f"/v1/accounts/{opened['id']}"
    write(f"{account}/owner", {"owner": f"new {mark}", "reason": f"because {mark}", "effective_at": "2026-01-10"})
    write(f"{account}/backup", {"backup": f"backup {mark}"})
    write(f"{account}/members", {"member": f"member_{mark}", "function": "specialist"})
    handover = write(f"{account}/handovers", {"receiver": f"receiver {mark}"})["id"]
    write(f"/v1/handovers/{handover}/sections/risks", {"text": f"risks {mark}"})
    promised = {"text": f"promised {mark}", "promises": [{"what": f"promise {mark}", "to": f"name {mark}"}]}
    write(f"/v1/handovers/{handover}/sections/promises_made", promised)
    world.ids |= {"handover": handover, "section": "promises_made"}
    interaction = write(
        f"{account}/interactions",
        {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z", "subject": f"subject {mark}",
         "summary": f"summary {mark}", "participants": [f"name {mark}"], "topics": [f"topic {mark}"], "external_ref": ref},
    )  # fmt: skip
    write(
        f"{account}/interactions", {"channel": "mail", "direction": "outbound", "occurred_at": "2026-01-16T09:00:00Z"}
    )
    drafted = write(f"{account}/contracts", draft(mark, external_ref=ref))
    contract = f"/v1/contracts/{drafted['id']}"
    write(f"{contract}/signature", {"signed_at": "2025-12-20T10:00:00Z"})
    second = write(f"{account}/contracts", draft(mark, start="2026-03-01", end="2027-03-01"))
    write(f"/v1/contracts/{second['id']}/signature", {"signed_at": "2026-02-20T10:00:00Z"})
    renewal = write(f"{contract}/renewal-cycles", {})
    write(f"/v1/renewals/{renewal['id']}/risk", {"risk": "watch", "drivers": [f"driver {mark}"]})
    for category in ("best_case", "commit"):
        write(f"/v1/renewals/{renewal['id']}/forecasts", {"category": category, "expected_value": "12000.00"})
    write(
        f"{contract}/amendments",
        {"effective_at": "2026-02-01", "changes": [{"op": "add_line", **LINE, "line": f"line {mark}"}]},
    )
    write(f"{account}/scope-changes", {"title": f"another {mark}", "request": f"more {mark}"})
    scope_change = write(
        f"{account}/scope-changes",
        {"title": f"title {mark}", "request": f"request {mark}", "contract": f"ref:{ref}", "external_ref": ref},
    )
    write(f"/v1/scope-changes/{scope_change['id']}/consults", {"team": "creative", "question": f"question {mark}"})
    opportunity_receipt = write(
        f"{account}/opportunities",
        {"title": f"more {mark}", "kind": "upsell", "source": "usage", "product": f"product {mark}", "contract": f"ref:{ref}",
         "external_ref": ref},
    )  # fmt: skip
    opportunity = f"/v1/opportunities/{opportunity_receipt['id']}"
    write(f"{opportunity}/qualification", {"need": f"need {mark}", "budget_known": True})
    estimate = {"annual_value": "6000.00", "currency": "EUR", "probability": "0.4", "close_by": "2026-06-30"}
    write(f"{opportunity}/estimate", estimate)
    write(f"{account}/opportunities", {"title": f"other {mark}", "kind": "cross_sell", "source": "review"})
    offer = {"currency": "EUR", "items": [{"item": f"item {mark}", "product": f"product {mark}", "unit_price": "1000.00",
             "interval": "month"}], "valid_until": "2099-01-01"}  # fmt: skip
    proposal = write(
        f"{account}/proposals",
        {**offer, "title": f"offer {mark}", "terms": f"terms {mark}", "cost": "6000.00", "value_evidence": [f"proof {mark}"],
         "contract": f"ref:{ref}", "opportunity": opportunity_receipt["id"], "external_ref": ref},
    )  # fmt: skip
    there = f"/v1/proposals/{proposal['id']}"
    write(f"{there}/client-positions", {"position": f"position {mark}", "wants": [f"want {mark}"]})
    give = {"kind": "price", "value": "100.00", "given": f"gift {mark}", "in_exchange_for": f"thanks {mark}"}
    write(f"{there}/concessions", {**give, "concession": f"give {mark}"})
    write(f"{account}/proposals", offer)
    _budget(world, mark, account, ref)
    _statement(world, mark)
    world.ids |= {
        "proposal": proposal["id"],
        "opportunity": opportunity_receipt["id"],
        "account": opened["id"],
        "interaction": interaction["id"],
        "contract": drafted["id"],
        "renewal": renewal["id"],
        "scope_change": scope_change["id"],
    }


def _people(world: SampleAgency, mark: str) -> None:
    helena = world.write("/v1/users", {"name": f"head {mark}", "external_ref": "helena"})["id"]
    body = {"name": f"user {mark}", "address": f"{mark}@agency.example", "external_ref": "maria"}
    user = world.write("/v1/users", body)["id"]
    login = {"issuer": "https://login.agency.example", "subject": f"subject {mark}"}
    world.write(f"/v1/users/{user}/login", login)
    for role, more in (("account_manager", {}), ("specialist", {"department": f"department {mark}"})):
        world.write(f"/v1/users/{user}/roles", {"role": role, "start": "2025-01-01", **more})
    world.write(f"/v1/users/{helena}/roles", {"role": "account_manager", "start": "2025-01-01"})
    world.write(f"/v1/users/{user}/reporting-line", {"manager": helena, "start": "2025-01-01"})
    issuer = {
        "issuer": "https://login.agency.example",
        "audience": f"audience {mark}".replace(" ", "-"),
        "label": f"label {mark}",
    }
    world.ids["issuer"] = world.write("/v1/issuers", issuer)["id"]
    world.write("/v1/issuers", {"issuer": "https://other.agency.example", "audience": issuer["audience"]})
    account = f"/v1/accounts/{world.ids['account']}"
    for member, function in ((user, "specialist"), (helena, "finance")):
        world.write(f"{account}/members", {"member": member, "function": function})
    world.ids["tenant"] = world.client.read("/v1/me")["tenant"]["id"]
    parent = world.write("/v1/teams", {"name": f"parent {mark}"})["id"]
    team = world.write("/v1/teams", {"name": f"team {mark}", "parent": parent, "external_ref": "a1"})["id"]
    world.write(f"/v1/teams/{team}/members", {"user": user, "start": "2025-01-01"})
    world.ids |= {"user": user, "grant": "1", "team_id": team}


def _agent(world: SampleAgency, mark: str) -> None:
    agent = {"name": f"agent {mark}", "user": world.ids["user"], "purpose": f"purpose {mark}", "external_ref": "a1"}
    registered = world.write("/v1/agents", agent)["id"]
    command = {"path": f"/v1/accounts/{world.ids['account']}/name", "body": {"name": f"suggested {mark}"}}
    suggested = world.write("/v1/suggestions", {"command": command, "reason": f"because {mark}"})["id"]
    world.write("/v1/agents", {**agent, "external_ref": None})
    world.write("/v1/suggestions", {"command": {**command, "body": {"name": f"other {mark}"}}})
    world.ids |= {"agent": registered, "suggestion": suggested}


def _certificates(world: SampleAgency, mark: str) -> None:
    body = {"kpi": "mrr", "as_of": "2026-01-05", "currency": "EUR", "note": f"note {mark}"}
    world.write("/v1/kpi-certificates", {**body, "account": "ref:a1"})
    certified = world.write("/v1/kpi-certificates", {**body, "owner": f"usr {mark}"})
    world.write("/v1/period-closes", {"from": "2025-12-01", "to": "2025-12-15", "kpis": ["mrr", "quick_ratio"]})
    closed = world.write("/v1/period-closes", {"from": "2025-12-15", "to": "2026-01-01", "kpis": ["mrr"]})
    world.ids |= {"kpi_certificate": certified["id"], "period_close": closed["id"]}


def _policies(world: SampleAgency) -> None:
    drafted = world.write("/v1/policies", {"rules": {"kind": "metric"}})
    policy = f"/v1/policies/{drafted['id']}"
    world.write(f"{policy}/versions", {"rules": {"kind": "metric", "discounts": "all"}})
    world.write(f"{policy}/versions/1/activation", {"start": "2026-01-01"})
    world.write(f"{policy}/versions/1/retirement", {"end": "2026-01-02"})
    world.write("/v1/policies", {"name": "house", "rules": {"kind": "approval"}, "external_ref": "a1"})
    world.ids |= {"policy": drafted["id"], "number": "2"}


def _plan(world: SampleAgency) -> None:
    rules = {"kind": "incentive", "rates": [{"rule": "new_business", "percent": "10"}], "clawback_months": 12}
    drafted = world.write("/v1/policies", {"rules": rules})
    world.write(f"/v1/policies/{drafted['id']}/versions/1/activation", {"start": "2025-01-01"})


def _budget(world: SampleAgency, mark: str, account: str, ref: str) -> None:
    terms = {
        "currency": "EUR",
        "start": "2026-01-01",
        "end": "2027-01-01",
        "contract": f"ref:{ref}",
        "external_ref": ref,
    }
    made = world.write(f"{account}/budgets", {"title": f"budget {mark}", "amount": "1000.00", **terms})
    world.write(f"{account}/budgets", {"title": f"another {mark}", "amount": "7.00", **terms, "external_ref": None})
    budget = f"/v1/budgets/{made['id']}"
    for number, amount in enumerate(("300.00", "600.00")):
        spent = {"amount": amount, "document": f"{number} {mark}", "category": f"category {mark}"}
        world.write(f"{budget}/spend", {**spent, "spent_at": "2026-01-05"})
        world.write(f"{budget}/forecasts", {"at_completion": amount})
    world.write(f"{budget}/spend-corrections", {"document": f"0 {mark}", "amount": "250.00"})
    world.write(f"{budget}/revisions", {"amount": "1200.00", "reason": f"because {mark}"})
    world.ids |= {"budget": made["id"]}


def _statement(world: SampleAgency, mark: str) -> None:
    """What the contract that was signed just now brings its account's owner; the one before was paid already."""
    period = {"from": "2025-12-01", "to": "2028-01-01"}
    body = {"plan": "ref:incentive@default", "payee": f"new {mark}", "currency": "EUR", **period}
    made = world.write("/v1/incentive-statements", body)
    statement = f"/v1/incentive-statements/{made['id']}"
    line = world.client.read(statement)["lines"][0]
    world.write(f"{statement}/disputes", {"event": line["event"], "reason": f"reason {mark}"})
    world.ids |= {"incentive_statement": made["id"]}


def _endpoint(world: SampleAgency, mark: str, clock: Callable[[], float]) -> None:
    world.client.write("/v1/webhook-endpoints", {"provider": "standard_webhooks", "label": f"other sender {mark}"})
    made = world.client.write("/v1/webhook-endpoints", {"provider": "standard_webhooks", "label": f"sender {mark}"})
    url = str(world.client.base_url).rstrip("/") + urlsplit(made["url"]).path
    body = json.dumps({"type": "unheard.of", "timestamp": "2026-01-05T08:00:00Z", "data": {"note": mark}}).encode()
    for message_id in (f"first_{mark}", f"msg_{mark}"):
        now = int(clock())
        signature = signing.sign(signing.secret_of(made["secret"]), message_id, now, body)
        headers = {"webhook-id": message_id, "webhook-timestamp": str(now), "webhook-signature": signature}
        answer = httpx.post(url, content=body, headers=headers)
        assert answer.status_code == 202, answer.text
    world.ids |= {"endpoint": made["id"], "endpoint_id": made["id"], "message_id": f"msg_{mark}"}
