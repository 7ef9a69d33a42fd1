"""Writes the examples of the contract's answers, each taken from a real one. Run as `make examples`.

A server whose clock stands still answers each operation once: first those that read, then those that write, with the contract's own bodies.
An example is a good answer, its lists cut to their first item. An operation that gave none shows that of one with the same answer.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import httpx

from tests.api.contract import OPERATIONS, READS, SECURED, Operation
from tests.api.sample_agency import LINE, SampleAgency, furnish
from tests.support.clock import Clock
from tests.support.databases import Databases
from tests.support.server import Server

FILE: Final = Path(__file__).parents[2] / "app" / "api" / "http" / "answers.json"
NOW: Final = "2026-11-02T09:00:00Z"


def shortened(value: Any) -> Any:
    """A value whose lists have one item at the most."""
    if isinstance(value, list):
        return [shortened(item) for item in value[:1]]
    return {name: shortened(member) for name, member in value.items()} if isinstance(value, dict) else value


class Recorder:
    """Keeps the first good answer of each operation that a client calls."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self._paths = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", one.path)), one) for one in OPERATIONS]

    def __call__(self, answer: httpx.Response) -> None:
        """Looks at an answer."""
        path, method = answer.request.url.path, answer.request.method
        called = [one for pattern, one in self._paths if one.method == method and pattern.fullmatch(path)]
        if called and answer.is_success:
            exact = min(called, key=lambda one: len(one.params))
            status = str(answer.status_code)
            self.answers.setdefault(exact.name, {}).setdefault(status, shortened(json.loads(answer.read())))


def call(world: SampleAgency, operation: Operation) -> None:
    """Calls an operation with the contract's own body."""
    url = operation.url(world.ids)
    if operation in READS:
        world.client.see(url, **operation.required_query)
    elif operation.media:
        world.client.post(url, content=operation.body, headers={"Content-Type": operation.media})
    else:
        world.client.post(url, headers={"Min-Event-Position": str(world.client.position), "Prefer": "wait=10"})


def more(world: SampleAgency) -> None:
    """What the contract's own bodies cannot show on the sample, because of what happened to it before."""
    account = world.write("/v1/accounts", {"name": "Northwind", "currency": "EUR", "effective_at": "2025-01-01"})["id"]
    terms = {"currency": "EUR", "start": "2025-11-01", "end": "2026-11-01", "lines": [LINE]}
    running = world.write(f"/v1/accounts/{account}/contracts", {**terms, "end": "2027-11-01"})["id"]
    world.write(f"/v1/contracts/{running}/signature", {"signed_at": "2025-10-20"})
    dearer = {"effective_at": "2026-12-01", "changes": [{"op": "set_line", "line": "main", "unit_price": "1200.00"}]}
    world.client.post(f"/v1/contracts/{running}/amendments", json=dearer, headers={"Prefer": "preview"})
    for step, auto_renew in (("expiry", False), ("automatic-renewal", True)):
        drafted = world.write(f"/v1/accounts/{account}/contracts", {**terms, "auto_renew": auto_renew})["id"]
        world.write(f"/v1/contracts/{drafted}/signature", {"signed_at": "2025-10-20"})
        world.client.post(f"/v1/contracts/{drafted}/{step}", json={})
    asked = world.write(f"/v1/accounts/{account}/scope-changes", {"title": "More", "request": "More, please"})["id"]
    world.write(f"/v1/scope-changes/{asked}/consults", {"team": "creative"})
    world.client.post(f"/v1/scope-changes/{asked}/consults/creative/waiver", json={"reason": "On leave"})
    world.client.post(f"/v1/scope-changes/{asked}/withdrawal", json={})
    event = {"specversion": "1.0", "id": "crm-4711", "source": "urn:example:crm", "type": "interaction.logged",
             "subject": account, "time": "2026-01-15T09:00:00Z", "data": {"channel": "call", "direction": "inbound",
             "occurred_at": "2026-01-15T09:00:00Z"}}  # fmt: skip
    world.client.post("/v1/events", json=event, headers={"Content-Type": "application/cloudevents+json"})
    other = world.write("/v1/accounts", {"name": "Contoso", "currency": "EUR"})["id"]
    world.write(f"/v1/accounts/{other}/closure", {"reason": "It was bought"})
    world.write(f"/v1/accounts/{other}/reopening", {})


def recorded() -> dict[str, dict[str, Any]]:
    """An answer of every operation that gave one, by its name and its status."""
    clock = Clock(NOW)
    databases = Databases()
    with Server(databases.fresh("sqlite"), clock=clock) as server:
        recorder, client = Recorder(), server.client()
        client.event_hooks = {"response": [recorder]}
        world = furnish(client, clock=lambda: clock() / 1_000_000)
        for operation in [one for one in SECURED if one in READS or one.media in (None, "application/json")]:
            call(world, operation)
        more(world)
        world.write("/v1/issuers", {"issuer": "https://login.harbour-pine.example"})
        metadata, tenant = "/.well-known/oauth-protected-resource", client.read("/v1/me")["tenant"]["id"]
        for path in ("/livez", "/readyz", metadata, f"{metadata}/tenants/{tenant}"):
            client.get(path)
    databases.close()
    return recorder.answers


def main() -> None:
    """Writes the file."""
    answers = recorded()
    missing = [one.name for one in OPERATIONS if one.name not in answers]
    FILE.write_text(json.dumps(answers, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    print(f"{len(answers)} answers; without: {', '.join(missing)}")  # noqa: T201 - a command's own words


if __name__ == "__main__":
    main()
