"""Reach: reads of somebody who reaches a part of the tenant, beside the same reads of a role that reaches all of it.

Ten thousand accounts of three hundred people: each account manager has a three-hundredth, a senior has those of ten mentees besides, and a
director those of a quarter of the agency.
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from app.auth.keys import issue
from app.bootstrap import build
from app.domain.api_key.commands import IssueApiKey
from app.domain.kernel.command import Command
from app.domain.kernel.principal import Principal
from app.domain.user.commands import GrantRole, InviteUser, SetReportingLine
from app.runtime import Runtime
from app.store.receipts import Request
from app.write_side.command_envelope import CommandEnvelope
from bench.environment import Environment, settings_of
from bench.generate import Tenant, catch_up, generated_tenant
from bench.histories import OWNERS
from bench.interleaving import interleaved, median_of
from bench.reads import timed_reads
from bench.results import Goal, Result, compare
from bench.servers import steward
from projections.views import accounts

SINCE: Final = "2023-01-01"
SENIORS: Final = 25
DIRECTORS: Final = 4
WHOLE: Final = "vp"
READS: Final = {
    "accounts": "/v1/accounts",
    "board": "/v1/boards/renewals?limit=20&due.gte=2025-12-01&due.lt=2026-02-01",
    "mrr": "/v1/kpis/mrr",
    "mrr-as-of": "/v1/kpis/mrr?as_of=2025-03-31",
    "nrr": "/v1/kpis/net_revenue_retention?from=2025-01-01&to=2026-01-01",
    "feed": "/v1/events?after=50000",
}
"""What is read, by name; the timeline is of an account that all of them reach."""
TURNS: Final = 3


def reads(environment: Environment, backend: str) -> list[Result]:
    """The p95 of each read, of the slowest of three readers beside a role of the whole tenant."""
    big = generated_tenant(environment, backend, environment.accounts, environment.events // 10)
    url = environment.databases.copy(big.url, f"row_reach_{backend}")
    environment.say("inviting people")
    keys, account = _people(url, big)
    paths = {**READS, "timeline": f"/v1/accounts/{account}/timeline"}
    results = []
    with steward(environment.folder, url, projector=False) as served:
        for name, path in paths.items():
            sides = {
                who: partial(
                    lambda key, path, _turn, seconds: timed_reads(environment, served, key, [path], seconds), key, path
                )
                for who, key in keys.items()
            }
            by_side = interleaved(environment, sides, TURNS, seconds=environment.seconds / len(paths))
            p95 = {who: median_of(loads, lambda load: load.at(0.95)) for who, loads in by_side.items()}
            whole = p95.pop(WHOLE)
            slowest = max(p95, key=p95.__getitem__)
            beside, goal = "the same of a role of the whole tenant", Goal(ratio_to=1.3)
            work = f"{name}, the slowest reader ({slowest}) of three, {environment.accounts:,} accounts of {OWNERS} people, p95"
            results.append(compare(f"reach-{backend}-{name}", work, p95[slowest], "ms", whole, beside, goal))
    environment.databases.drop(url)
    return results


def _people(url: str, tenant: Tenant) -> tuple[dict[str, str], str]:
    """Invites everybody. Gives: the keys of one of each kind, and an account that all of them reach."""
    runtime = build(settings_of(url))
    try:
        people = [
            _do(runtime, tenant, InviteUser(name=f"Person {number}", external_ref=f"manager-{number}"))
            for number in range(OWNERS)
        ]
        heads = {number: _role_of(number) for number in range(OWNERS)}
        for number, user in enumerate(people):
            role, manager = heads[number]
            _do(runtime, tenant, GrantRole(role=role, start=SINCE), user)
            if manager is not None:
                _do(runtime, tenant, SetReportingLine(manager=people[manager], start=SINCE), user)
        keys = dict(_keys(runtime, tenant, people))
        account = next(_accounts(runtime, tenant, f"manager-{OWNERS - 1}"))
    finally:
        runtime.close()
    catch_up(url, tenant.tenant_id, 0)
    return keys, account


def _role_of(number: int) -> tuple[str, int | None]:
    """The role of a person by number, and to whom they report: a vp, then directors, then seniors, then everybody else."""
    if number == 0:
        return WHOLE, None
    if number <= DIRECTORS:
        return "director", 0
    if number <= DIRECTORS + SENIORS:
        return "senior_account_manager", 1 + number % DIRECTORS
    return "account_manager", 1 + DIRECTORS + number % SENIORS


def _keys(runtime: Runtime, tenant: Tenant, people: list[str]) -> Iterator[tuple[str, str]]:
    """A key of the last account manager, of those who lead them, and of the vp."""
    number: int | None = len(people) - 1
    while number is not None:
        role, above = _role_of(number)
        principal, request = Principal("bench", "admin"), Request(f"reach:{number}", b"")
        _, key = issue(runtime.handler, tenant.tenant_id, principal, IssueApiKey(user=people[number]), request)
        if key is None:
            raise RuntimeError("the person has a key already")
        yield role, key
        number = above


def _accounts(runtime: Runtime, tenant: Tenant, owner: str) -> Iterator[str]:
    """The accounts of an owner, as the view has them."""

    when, owned = runtime.reader.when(tenant.tenant_id), accounts.VIEW.table.c.owner == owner
    rows, _ = runtime.reader.select(tenant.tenant_id, accounts.VIEW, [owned], when)
    return (row.account for row in rows)


def _do(runtime: Runtime, tenant: Tenant, command: Command, user: str | None = None) -> str:
    request = Request(f"reach:{runtime.new_id('req')}", b"")
    targets = {} if user is None else {"user": user}
    return runtime.handler.handle(
        CommandEnvelope(tenant.tenant_id, Principal("bench", "admin"), command, request, targets)
    ).id
