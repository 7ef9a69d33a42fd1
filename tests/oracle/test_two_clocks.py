"""Every GET under every clock answers what a second ledger answers that never held anything else.

For `known_at` that ledger holds the events up to the position; for `as_of` those that were effective or recorded by the instant,
and the clock of its server stands there. So that a new GET is included at once, the operations are those of the contract.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.domain.kernel.values import MICRO, micros
from projections.kpis import KPIS
from tests.api.contract import PERIOD, READS, Operation
from tests.api.sample_agency import SampleAgency, draft, furnish
from tests.oracle.replaying import both, decided_by, known_at, replayed
from tests.support.clock import Clock
from tests.support.databases import Databases
from tests.support.server import Client, Server

NO_CLOCK = {
    "users.me": "who the caller is now, by the key that it sends",
    "kpis.list": "the catalogue of figures is the program's",
    "webhook_endpoints.messages": "an inbox, which is operation and no ledger",
    "webhook_endpoints.message": "an inbox, which is operation and no ledger",
    "audit.reads": "the log of reads, which is operation and no ledger",
}
"""Operations that have neither clock, and why."""
LOG_ONLY = {"events.list": "the log itself, which has no business time"}
"""Operations that know what was known, and nothing else."""
TWO_POSITIONS = {"boards.forecast": "it compares two positions, the later of which is `to_known_at`"}
"""Operations that name the position in another way."""
CALLED_AT = frozenset({"audit.access"})
"""Operations that call the business instant `at`."""
CLOCKED = [one for one in READS if one.name not in NO_CLOCK | LOG_ONLY | TWO_POSITIONS]
NOW = "2026-09-01T09:00:00Z"
NAMES_THE_QUESTION = frozenset({"as_of", "known_at", "position", "version", "next_cursor", "instance", "explain_url"})
"""Members that name the question, or count what lies in the log."""
AS_OF_TODAY = frozenset({"contracts.list", "contracts.get", "accounts.contracts", "accounts.diff", "kpis.explain"})


WORDS = {"country": ["AT", "none"]}
"""Of a vocabulary that is too large to be asked for whole, or that the contract gives a form only."""


@dataclass(frozen=True)
class Question:
    """A GET with its query, without the clocks."""

    name: str
    operation: Operation
    query: dict[str, Any]
    ids: dict[str, str] = field(default_factory=dict)


def variants() -> Iterator[Question]:
    """Every word that a filter takes, and every figure by every method."""
    for one in CLOCKED:
        for parameter in one.spec.get("parameters", []):
            if parameter["in"] == "query" and parameter["name"] not in ("type", "types"):
                for word in WORDS.get(parameter["name"], words_of(parameter["schema"])):
                    query = one.required_query | {parameter["name"]: word}
                    yield Question(f"{one.name}?{parameter['name']}={word}", one, query)
    figure = next(one for one in READS if one.name == "kpis.get")
    for kpi in KPIS:
        for method in kpi.methods:
            query = {"method": method} | ({} if kpi.kind == "point" else PERIOD)
            yield Question(f"{kpi.name}:{method}", figure, query, {"name": kpi.name})


def words_of(schema: dict[str, Any]) -> list[str]:
    """The closed vocabulary of a parameter, where it has one."""
    if "enum" in schema:
        return list(schema["enum"])
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    return [word for one in inner for word in words_of(one)]


VARIANTS = list(variants())


@dataclass(frozen=True)
class Source:
    """The first ledger: a server, its sample, the tenant, and the key that both ledgers know."""

    server: Server
    clock: Clock
    world: SampleAgency
    tenant: str
    key: str
    backend: str


@pytest.fixture(scope="module", params=["sqlite"])
def source(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Source]:
    """A tenant with everything in it: told at three times, back-dated, at once and ahead, with watchers in between."""
    clock = Clock("2025-11-01T09:00:00Z")
    with Server(databases.fresh(request.param), clock=clock) as server:
        tenant = server.tenant()
        key = server.key(tenant)
        client = server.client(key)
        clock.set("2026-01-25T09:00:00Z")
        world = furnish(client, clock=lambda: clock() / MICRO)
        clock.set("2026-03-10T09:00:00Z")
        tell_more(client, world)
        clock.set("2026-07-15T09:00:00Z")
        client.see("/v1/renewals")
        server.runtime.projector.catch_up(tenant)
        server.runtime.watcher.run_once(tenant)
        client.position = server.runtime.log.head(tenant)
        tell_last(client, world)
        clock.set(NOW)
        server.runtime.projector.catch_up(tenant)
        yield Source(server, clock, world, tenant, key, request.param)


def tell_more(client: Client, world: SampleAgency) -> None:
    """Of each noun something later, some of it effective long before, some long after."""
    account, contract = f"/v1/accounts/{world.ids['account']}", f"/v1/contracts/{world.ids['contract']}"
    for moment in ("2025-12-15", None, "2026-06-01"):
        when = {"effective_at": moment} if moment else {}
        client.write(f"{account}/owner", {"owner": f"later {moment}", **when})
        client.write(f"{account}/tier", {"tier": f"later {moment}", **when})
    client.write(f"{account}/country", {"country": "AT", "effective_at": "2026-02-01"})
    client.write(f"{account}/name", {"name": "Renamed", "effective_at": "2026-04-01"})
    client.write(
        f"{account}/interactions", {"channel": "mail", "direction": "outbound", "occurred_at": "2025-12-20T09:00:00Z"}
    )
    changes = [{"op": "set_line", "line": "main", "unit_price": "900.00"}]
    client.write(f"{contract}/amendments", {"effective_at": "2026-01-05", "changes": changes})
    client.write(f"{contract}/suspension", {"effective_at": "2026-05-01", "effective_end": "2026-06-01"})
    client.write(f"/v1/interactions/{world.ids['interaction']}/void")
    client.write("/v1/accounts", {"name": "Another", "currency": "EUR", "effective_at": "2025-11-01"})
    opened = client.write("/v1/accounts", {"name": "Long ago", "currency": "EUR", "effective_at": "2024-01-01"})
    old = client.write(
        f"/v1/accounts/{opened['id']}/contracts",
        draft(start="2024-01-01", end="2025-01-01", auto_renew=True, effective_at="2024-01-01"),
    )
    client.write(f"/v1/contracts/{old['id']}/signature", {"signed_at": "2024-01-01", "effective_at": "2024-01-01"})
    client.write(f"/v1/renewals/{world.ids['renewal']}/risk", {"risk": "critical", "effective_at": "2026-02-20"})


def tell_last(client: Client, world: SampleAgency) -> None:
    """What decides: a notice and its withdrawal, a renewal, a loss, a lesser budget."""
    contract = f"/v1/contracts/{world.ids['contract']}"
    client.write(f"{contract}/notice", {"effective_at": "2026-07-01"})
    client.write(f"/v1/budgets/{world.ids['budget']}/revisions", {"amount": "900.00", "reason": "less"})
    client.write(f"/v1/renewals/{world.ids['renewal']}/forecasts", {"category": "lost", "expected_value": "0.00"})
    client.write(f"{contract}/notice-withdrawal", {})
    client.write(f"{contract}/renewals", {"start": "2027-01-01", "end": "2028-01-01"})


def questions(head: int) -> dict[str, dict[str, Any]]:
    """Each clock alone, and both."""
    return {
        "known_at an early position": {"known_at": head // 3},
        "known_at a late position": {"known_at": head - 3},
        "known_at an instant": {"known_at": "2026-02-01T00:00:00Z"},
        "as_of a past day": {"as_of": "2026-02-15"},
        "as_of a past instant": {"as_of": "2026-06-01T12:00:00Z"},
        "as_of a day to come": {"as_of": "2027-03-01"},
        "both": {"as_of": "2026-03-10", "known_at": head - 5},
    }


LABELS = list(questions(100))
THOROUGH = ("known_at a late position", "both")
"""The clocks under which every filter and every figure is asked."""
POSITIONS = [label for label in LABELS if "as_of" not in questions(100)[label]]


@pytest.fixture(scope="module")
def answers(source: Source, databases: Databases) -> dict[tuple[str, str], tuple[Any, Any]]:
    """What the first and the second ledger say to every question, by operation and label."""
    client = source.server.client(source.key)
    client.position = head = source.server.runtime.log.head(source.tenant)
    log = source.server.runtime.log.after(source.tenant, 0, 10_000)
    collected: dict[tuple[str, str], tuple[Any, Any]] = {}
    for label, clocks in questions(head).items():
        now, position = NOW, clocks.get("known_at", head)
        if isinstance(position, str):
            position = max(event.position for event in log if event.recorded_at <= micros(position))
        keeps = known_at(position)
        if "as_of" in clocks:
            now = clocks["as_of"]
            now = now if "T" in now else f"{now}T23:59:00Z"
            keeps = both(keeps, decided_by(micros(now)))
        with replayed(databases, source.server, source.backend, source.tenant, source.key, keeps, now) as second:
            asked = [
                Question(one.name, one, one.required_query) for one in READS if one.name not in NO_CLOCK | LOG_ONLY
            ]
            for one in [*asked, *(VARIANTS if label in THOROUGH else ())]:
                ids = source.world.ids | one.ids
                collected[one.name, label] = (ask(client, one, ids, clocks), ask(second, at_that_day(one), ids, {}))
    return collected


def at_that_day(one: Question) -> Question:
    """The question as the second ledger is asked it, whose now is another: attribution as of now is that of the first one's day."""
    if one.query.get("attribution") != "now":
        return one
    return replace(one, query={**one.query, "attribution": NOW[:10]})


def ask(client: Client, one: Question, ids: dict[str, str], clocks: dict[str, Any]) -> Any:
    """A comparable answer."""
    if one.operation.name in TWO_POSITIONS and "known_at" in clocks:
        clocks = {"to_known_at": clocks["known_at"]}
    if one.operation.name in CALLED_AT:
        clocks = {"at" if name == "as_of" else name: value for name, value in clocks.items()}
    answer = client.see(one.operation.url(ids), **one.query, **clocks)
    body = answer.json()
    if body.get("data") == [] or answer.status_code == 404:
        return "nothing"  # of a thing that was not known then nothing is listed
    return answer.status_code, comparable(body)


def comparable(answer: Any) -> Any:
    """An answer without the members that name the question."""
    if isinstance(answer, dict):
        return {name: comparable(value) for name, value in answer.items() if name not in NAMES_THE_QUESTION}
    return [comparable(one) for one in answer] if isinstance(answer, list) else answer


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("operation", CLOCKED, ids=lambda one: one.name)
def test_a_get_answers_what_a_ledger_answers_that_never_held_anything_else(
    answers: dict[tuple[str, str], tuple[Any, Any]], operation: Operation, label: str
) -> None:
    first, second = answers[operation.name, label]
    assert first == second


@pytest.mark.parametrize("label", THOROUGH)
@pytest.mark.parametrize("question", VARIANTS, ids=lambda one: one.name)
def test_a_filter_and_a_figure_are_under_the_clocks_too(
    answers: dict[tuple[str, str], tuple[Any, Any]], question: Question, label: str
) -> None:
    first, second = answers[question.name, label]
    assert first == second


@pytest.mark.parametrize("label", POSITIONS)
@pytest.mark.parametrize("name", TWO_POSITIONS)
def test_what_compares_two_positions_knows_nothing_after_the_later_one(
    answers: dict[tuple[str, str], tuple[Any, Any]], name: str, label: str
) -> None:
    first, second = answers[name, label]
    assert first == second


def test_every_get_says_which_clocks_it_has() -> None:
    assert all({"at" if one.name in CALLED_AT else "as_of", "known_at"} <= set(one.query) for one in CLOCKED)
    assert {one.name for one in READS if "known_at" not in one.query} == NO_CLOCK.keys() | TWO_POSITIONS.keys()
    assert {one.name for one in READS if "as_of" not in one.query and "known_at" in one.query} == (
        LOG_ONLY.keys() | CALLED_AT
    )


@pytest.mark.parametrize(
    "operation", [one for one in READS if one.name in NO_CLOCK | LOG_ONLY | TWO_POSITIONS], ids=lambda one: one.name
)
def test_a_get_without_a_clock_refuses_the_clock(source: Source, operation: Operation) -> None:
    client = source.server.client(source.key)
    for name in {"as_of", "known_at"} - set(operation.query):
        answer = client.see(operation.url(source.world.ids), **operation.required_query, **{name: "2026-02-01"})
        assert (answer.status_code, answer.json()["code"]) == (400, "unknown_parameter")
