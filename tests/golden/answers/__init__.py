"""Golden answers: what every KPI answers about one fixed ledger, by each version of its calculation.

`ledger.ndjson` holds the ledger: three years of an agency, in four currencies, with every kind of event that a KPI reads.
`<kpi>.v<calculation>.ndjson` holds a line for each query: the query, and what it was answered. `python -m tests.golden` writes
the lines that are missing, and refuses as soon as one that is there is answered differently: certificates cite the calculation,
so a changed answer gets a new `calculation` on its KPI, and a file of its own.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import micros
from app.kpi_queries.digests import answer_hash, hashed, inputs_hash
from app.kpi_queries.evaluate import evaluate, evaluate_exactly
from app.kpi_queries.query import KpiQuery, Scope
from app.read_side.clocks import When
from app.read_side.reader import Reader
from app.store.append import AppendRequest
from app.store.canonical import canonical
from app.store.mapper import StoredEnvelope
from app.store.receipts import Request
from projections.kpis import KPIS
from projections.kpis.base import Kpi
from tests.support.application import Steward

FOLDER: Final = Path(__file__).parent
LEDGER: Final = FOLDER / "ledger.ndjson"
NOW: Final = "2026-11-22T09:00:00Z"
ZONE: Final = "Europe/Berlin"
PERIODS: Final = (("2025-01-01", "2026-01-01"), ("2026-08-15", "2027-03-01"))
DAYS: Final = ("2025-12-31", "2026-03-31")
OPTIONS: Final[dict[str, str]] = {
    "top": "3", "granularity": "quarter", "group_by": "owner", "days_before": "60", "horizon": "3", "margin": "0.7",
}  # fmt: skip
"""What queries say besides, of the KPIs that know it."""
LONGEST: Final = 4000
"""From how many characters on an answer is kept as its value and its hash."""


class Variant(NamedTuple):
    """How a query differs from the plain one. policy: the name of a metric policy of the ledger, drafted only for this."""

    currency: str | None = None
    reporting_currency: str | None = None
    policy: str | None = None
    options: bool = False


VARIANTS: Final = (
    Variant(),
    Variant(currency="GBP"),
    Variant(reporting_currency="USD"),
    Variant(policy="all"),
    Variant(policy="some"),
    Variant(options=True),
)
"""`all` varies every rule, `some` only a few."""


class GoldenQuery(NamedTuple):
    """A query, the day that it is answered of where the KPI is of a point in time, and how both are written."""

    query: KpiQuery
    as_of: str | None
    written: dict[str, Any]


def load(steward: Steward) -> None:
    """Appends the ledger to the log of a new tenant, and lets every view read it."""
    versions: dict[str, int] = {}
    appends = []
    for number, line in enumerate(LEDGER.read_text().splitlines()):
        event = json.loads(line)
        stream = event["stream"]
        version = versions[stream] = versions.get(stream, 0) + 1
        envelope = StoredEnvelope(
            originator_id=stream,
            originator_version=version,
            topic=event["type"],
            state=canonical({"data": event["data"], "meta": event.get("meta", {}), "salt": "golden"}),
            event_id=event["id"],
            account_id=event["account"],
            schema_version=event["schema"],
            effective_at=micros(event["effective_at"]),
            actor="golden",
        )
        appends.append(
            AppendRequest(
                tenant_id=steward.tenant,
                stream_id=stream,
                events=(envelope,),
                expects={stream: version - 1},
                request=Request(f"golden-{number}", b""),
            )
        )
    outcomes = steward.runtime.log.append(steward.tenant, appends)
    refused = [outcome for outcome in outcomes if isinstance(outcome, DomainError)]
    if refused:
        raise refused[0]
    steward.catch_up()


def policies() -> dict[str, str]:
    """The ids of the ledger's metric policies, by name."""
    events = map(json.loads, LEDGER.read_text().splitlines())
    return {
        event["data"]["name"]: event["stream"]
        for event in events
        if event["type"] == "policy.drafted" and event["data"]["kind"] == "metric"
    }


def queries(kpi: Kpi) -> Iterator[GoldenQuery]:
    """What a KPI is asked: each method, of two periods or days, in several currencies, by several policies."""
    moments = [(None, None, day) for day in DAYS] if kpi.kind == "point" else [(*days, None) for days in PERIODS]
    ids = policies()
    for method, (start, end, as_of), variant in product(kpi.methods, moments, VARIANTS):
        options = {name: OPTIONS[name] for name in sorted(kpi.options & OPTIONS.keys())} if variant.options else {}
        if variant.options and not options:
            continue
        query = KpiQuery(
            name=kpi.name,
            from_=start,
            to=end,
            method=method,
            scope=Scope(currency=variant.currency),
            options=tuple(options.items()),
            policy=f"{ids[variant.policy]}:1" if variant.policy else None,
            reporting_currency=variant.reporting_currency,
        )
        members = {
            "method": method, "from": start, "to": end, "as_of": as_of, "currency": variant.currency,
            "reporting_currency": variant.reporting_currency, "policy": variant.policy, "options": options,
        }  # fmt: skip
        yield GoldenQuery(query, as_of, {name: value for name, value in members.items() if value})


def answers(steward: Steward, kpi: Kpi) -> dict[str, str]:
    """A line for each query, by the query as it is written. Raises: ValueError where an explanation answers another value."""
    reader, tenant_id = steward.runtime.reader, steward.tenant
    lines = {}
    for query, as_of, written in queries(kpi):
        when = _clocks(reader, tenant_id, as_of)
        try:
            result, explained = evaluate_exactly(reader, tenant_id, query, when, explained=True)
            if answer_hash(evaluate(reader, tenant_id, query, when)) != answer_hash(explained):
                raise ValueError(f"{kpi.name} {written} is explained otherwise than it is answered")
            said: dict[str, Any] = {"answer": _shortened(explained), "inputs_hash": inputs_hash(result)}
        except DomainError as refusal:
            said = {"refused": refusal.code}
        key = json.dumps(written, sort_keys=True)
        lines[key] = json.dumps({"query": written, **said}, sort_keys=True, ensure_ascii=False)
    return lines


def _clocks(reader: Reader, tenant_id: str, as_of: str | None) -> When:
    """The clocks of a query. Its present is always the same instant, however often the clock was read before."""
    when = reader.when(tenant_id, as_of, None)
    return when if as_of is not None else replace(when, as_of=micros(NOW))


def unlike(steward: Steward, kpi: Kpi) -> list[str]:
    """The queries that are answered otherwise than their lines say, without what an explanation adds: quick, for a second database."""
    reader, tenant_id, lines = steward.runtime.reader, steward.tenant, stored(kpi)
    differing = []
    for query, as_of, written in queries(kpi):
        line = json.loads(lines[json.dumps(written, sort_keys=True)])
        try:
            said: Any = _shortened(evaluate(reader, tenant_id, query, _clocks(reader, tenant_id, as_of)))
        except DomainError as refusal:
            said = refusal.code
        if said != line.get("answer", line.get("refused")):
            differing.append(f"{kpi.name}: {written}")
    return differing


def _shortened(whole: dict[str, Any]) -> dict[str, Any]:
    """An answer as it is kept."""
    if len(json.dumps(hashed(whole))) <= LONGEST:
        return hashed(whole)
    return {"answer_hash": answer_hash(whole)} | {name: whole[name] for name in ("value", "numerator", "denominator")}


def file_of(kpi: Kpi, folder: Path = FOLDER) -> Path:
    """The file of a KPI's present calculation."""
    return folder / f"{kpi.name}.v{kpi.calculation}.ndjson"


def stored(kpi: Kpi, folder: Path = FOLDER) -> dict[str, str]:
    """The lines of that file, by the query as it is written."""
    path = file_of(kpi, folder)
    lines = path.read_text().splitlines() if path.exists() else []
    return {json.dumps(json.loads(line)["query"], sort_keys=True): line for line in lines}


def changed(kpi: Kpi, lines: dict[str, str], folder: Path = FOLDER) -> list[str]:
    """The queries that were once answered differently by the same calculation, or that nobody can ask any more."""
    return [f"{kpi.name}: {key}" for key, line in stored(kpi, folder).items() if lines.get(key) != line]


def missing(kpi: Kpi, lines: dict[str, str], folder: Path = FOLDER) -> list[str]:
    """The queries that have no line yet."""
    return [key for key in lines if key not in stored(kpi, folder)]


def add_answers(
    lines_of: Callable[[Kpi], dict[str, str]], kpis: Iterable[Kpi] = KPIS, folder: Path = FOLDER
) -> list[str]:
    """Writes the lines that are missing. Gives: the files that they were written to.

    Raises: ValueError where a query is answered differently by the same calculation; then nothing is written.
    """
    all_lines = [(kpi, lines_of(kpi)) for kpi in kpis]
    if problems := [problem for kpi, lines in all_lines for problem in changed(kpi, lines, folder)]:
        raise ValueError(f"answered differently, which needs a new calculation: {'; '.join(problems)}")
    written = []
    for kpi, lines in all_lines:
        if missing(kpi, lines, folder):
            file_of(kpi, folder).write_text("".join(f"{line}\n" for line in lines.values()))
            written.append(file_of(kpi, folder).name)
    return written
