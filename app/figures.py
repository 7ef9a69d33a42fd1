"""Figures: a KPI under both clocks. Loads the rows it is made of at one position, computes, answers and explains."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from app.domain.errors import Invalid, NotFound
from app.domain.values import day_start, instant, plain_day
from app.reader import Reader, When
from projections import accounts, contract_lines, portfolios, renewals, scope_changes
from projections.base import Rows, View
from projections.contract_lines import ContractLine
from projections.kpis import KPIS
from projections.kpis.answers import breakdown, figure
from projections.kpis.base import Kpi, Measure, Method, measure
from projections.kpis.causes import causes, streams
from projections.kpis.renewals import due
from projections.kpis.scope import wishes
from projections.kpis.standings import standings

POLICY_VERSION: Final = "default/1"
CHUNK: Final = 500
"""How many accounts are named in one statement."""
_BY_NAME: Final = {kpi.name: kpi for kpi in KPIS}
_READS: Final[dict[str, View[Any]]] = {
    "contract_lines": contract_lines.VIEW,
    "renewals": renewals.VIEW,
    "scope_changes": scope_changes.VIEW,
}


@dataclass(frozen=True)
class Scope:
    """Which accounts and contracts count. account: an id. attribution: whose an account is, at the period's start or end."""

    owner: str | None = None
    tier: str | None = None
    account: str | None = None
    currency: str | None = None
    attribution: Literal["start", "end"] = "start"

    def told(self) -> dict[str, str]:
        """What narrows the figure."""
        named = {name: value for name, value in asdict(self).items() if value is not None and name != "attribution"}
        return {**named, "attribution": self.attribution} if self.owner or self.tier else named


@dataclass(frozen=True)
class FigureQuestion:
    """What is asked: a KPI by name, its period's days (`to` exclusive) where it has one, a method, a scope."""

    name: str
    from_: str | None = None
    to: str | None = None
    method: str | None = None
    scope: Scope = Scope()


@dataclass(frozen=True)
class _Found:
    """A figure with everything that its answer and its explanation need. [start, end): microseconds; cut: by as_of."""

    kpi: Kpi
    method: str
    measure: Measure
    currency: str | None
    start: int
    end: int
    cut: bool
    position: int
    lines: Sequence[ContractLine]


def views(name: str) -> tuple[View[Any], ...]:
    """The views that a KPI is read from. Raises: NotFound for one that is not in the catalogue."""
    return (_READS[_kpi(name).reads], portfolios.VIEW)


def answer(reader: Reader, tenant_id: str, question: FigureQuestion, when: When) -> dict[str, Any]:
    """A figure as it is answered.

    Raises: NotFound for an unknown KPI or account; Invalid for a period, method or currency that does not fit.
    """
    return _answer(question, when, _find(reader, tenant_id, question, when, explained=False))


def explain(
    reader: Reader, tenant_id: str, question: FigureQuestion, when: When, *, limit: int, after: str | None = None
) -> tuple[dict[str, Any], list[dict[str, Any]], str | None]:
    """A figure, a page of the account rows that sum to it with the events behind each, and where the next page begins.

    Takes: `after`, the last account of the page before. Raises: as `answer`.
    """
    found = _find(reader, tenant_id, question, when, explained=True)
    rows, last = breakdown(found.measure, found.currency, limit=limit, after=after)
    named = {row["account"] for row in rows}
    shares, lines = _by_account((row for row, _ in found.measure.shares), named), _by_account(found.lines, named)
    page = [
        {
            "account": account,
            "name": _account(reader, tenant_id, account, found.position).name,
            **row,
            "events": _events(reader, tenant_id, found, shares[account], lines[account]),
        }
        for row in rows
        for account in [row["account"]]
    ]
    return _answer(question, when, found), page, last


def _by_account(rows: Iterable[Any], named: Collection[str]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {account: [] for account in named}
    for row in rows:
        if row.account in named:
            grouped[row.account].append(row)
    return grouped


# --- asking ---


def _kpi(name: str) -> Kpi:
    if name not in _BY_NAME:
        raise NotFound("kpi_not_found", "there is no such KPI; GET /v1/kpis lists them")
    return _BY_NAME[name]


def _find(reader: Reader, tenant_id: str, question: FigureQuestion, when: When, *, explained: bool) -> _Found:
    kpi, scope = _kpi(question.name), question.scope
    name = question.method or kpi.default
    if name not in kpi.methods:
        raise Invalid("unknown_method", f"{kpi.name} knows {', '.join(kpi.methods)}")
    method = kpi.methods[name]
    start, end, cut = _period(kpi, question, when, reader.projector.zone(tenant_id))
    position = when.known_at
    if position is None:
        reached = reader.projector.positions(tenant_id)
        position = min(reached[view.name] for view in views(kpi.name))
    if scope.account is not None:
        _account(reader, tenant_id, scope.account, position)
    within = _within(reader, tenant_id, scope, position, start if scope.attribution == "start" else end)
    clocks = When(end - 1, position, now=True)
    lines: list[ContractLine] = []
    rows: Sequence[Any]
    if kpi.reads == "contract_lines":
        lines = [line for line in _lines(reader, tenant_id, scope, clocks, start, end) if within(line.account)]
        past = _paid_before(reader, tenant_id, scope, clocks, lines, start) if method.looks_back or explained else []
        rows = standings([*lines, *past], start, end)
        currencies = {line.currency for line in lines if line.annual}
    elif kpi.reads == "renewals":
        rows = [
            row
            for row in due(_renewals(reader, tenant_id, scope, clocks, start, end), start, end)
            if within(row.account)
        ]
        currencies = {row.currency for row in rows}
    else:
        rows = [
            row for row in wishes(_scope_changes(reader, tenant_id, scope, clocks), start, end) if within(row.account)
        ]
        currencies = set()
    currency = _currency(method, scope, currencies)
    return _Found(kpi, name, measure(method, rows), currency, start, end, cut, position, lines)


def _period(kpi: Kpi, question: FigureQuestion, when: When, where: ZoneInfo) -> tuple[int, int, bool]:
    """The period in microseconds, and whether `as_of` cuts it; that of a point has no length: it opens with what it closes with."""
    if kpi.kind == "point":
        if question.from_ is not None or question.to is not None:
            raise Invalid("period_not_allowed", f"{kpi.name} is a figure of a point in time; ask with as_of")
        return _answerable(when.as_of + 1), when.as_of + 1, False
    if question.from_ is None or question.to is None:
        raise Invalid("period_missing", f"{kpi.name} is a figure of a period; name from and to")
    try:
        start, end = day_start(plain_day(question.from_), where), day_start(plain_day(question.to), where)
    except ValueError as error:
        raise Invalid("invalid_period", "from and to are dates such as 2026-01-31") from error
    if start >= end:
        raise Invalid("invalid_period", "from must be before to")
    if when.now or when.as_of + 1 >= end:
        return start, end, False
    if when.as_of < start:
        raise Invalid("invalid_period", "as_of must not be before from")
    return start, when.as_of + 1, True


def _answerable(moment: int) -> int:
    try:
        instant(moment)
    except OverflowError as error:
        raise Invalid("invalid_as_of", "as_of is beyond the calendar") from error
    return moment


def _currency(method: Method, scope: Scope, currencies: Collection[str]) -> str | None:
    """The one currency of the amounts; None where there is none, or where several are only counted."""
    if scope.currency is not None:
        return scope.currency
    if len(currencies) > 1 and method.money:
        raise Invalid("mixed_currencies", f"name one currency: {', '.join(sorted(currencies))}")
    return next(iter(currencies)) if len(currencies) == 1 else None


# --- loading ---


def _account(reader: Reader, tenant_id: str, account: str, position: int) -> accounts.Account:
    """An account as it was known, whatever lies ahead of it, by the view's own fold. Raises: NotFound."""
    rows: Rows[accounts.Account] = {}
    where = reader.projector.zone(tenant_id)
    for event in reader.log.stream(tenant_id, account):
        if event.position <= position and event.type in accounts.VIEW.on:
            rows = accounts.VIEW.fold(rows, event, where)
    if not rows:
        raise NotFound("account_not_found", "there is no such account")
    return next(iter(rows.values()))


def _within(reader: Reader, tenant_id: str, scope: Scope, position: int, at: int) -> Callable[[str], bool]:
    """Whether an account counts: by its holding at the last instant before `at`, or its first one when it had none yet."""
    if scope.owner is None and scope.tier is None:
        return lambda _account: True
    table = portfolios.VIEW.table
    clauses = [table.c.valid_to >= at, *([table.c.account == scope.account] if scope.account else [])]
    rows, _ = reader.select(tenant_id, portfolios.VIEW, clauses, When(at, position, now=True))
    first: dict[str, portfolios.Holding] = {}
    for row in rows:
        if row.account not in first or row.valid_from < first[row.account].valid_from:
            first[row.account] = row
    held = {
        account for account, row in first.items() if scope.owner in (None, row.owner) and scope.tier in (None, row.tier)
    }
    return held.__contains__


def _lines(reader: Reader, tenant_id: str, scope: Scope, clocks: When, start: int, end: int) -> list[ContractLine]:
    """The lines in force at some instant from the last before `start` to the last before `end`."""
    table = contract_lines.VIEW.table
    clauses = [
        *_narrowed(table, scope),
        table.c.kind != "one_off",
        (table.c.annual > 0) | table.c.held,
        table.c.valid_to >= start,
        table.c.valid_from < end,
    ]
    return reader.select(tenant_id, contract_lines.VIEW, clauses, clocks)[0]


def _paid_before(
    reader: Reader, tenant_id: str, scope: Scope, clocks: When, lines: Sequence[ContractLine], start: int
) -> list[ContractLine]:
    """The earlier lines of those accounts of which it is not known yet whether they had paid before."""
    known = {line.account for line in lines if line.annual and line.valid_from < start}
    asked = sorted({line.account for line in lines if line.annual} - known)
    table = contract_lines.VIEW.table
    found: list[ContractLine] = []
    for at in range(0, len(asked), CHUNK):
        clauses = [
            *_narrowed(table, scope),
            table.c.account.in_(asked[at : at + CHUNK]),
            table.c.annual > 0,
            table.c.kind != "one_off",
            table.c.valid_to < start,
        ]
        found += reader.select(tenant_id, contract_lines.VIEW, clauses, clocks)[0]
    return found


def _renewals(
    reader: Reader, tenant_id: str, scope: Scope, clocks: When, start: int, end: int
) -> list[renewals.Renewal]:
    table = renewals.VIEW.table
    clauses = [*_narrowed(table, scope), table.c.due != "", table.c.due_at >= start, table.c.due_at < end]
    return reader.select(tenant_id, renewals.VIEW, clauses, clocks)[0]


def _scope_changes(reader: Reader, tenant_id: str, scope: Scope, clocks: When) -> list[scope_changes.ScopeChange]:
    if scope.currency is not None:
        raise Invalid("currency_not_allowed", "this figure counts no money")
    table = scope_changes.VIEW.table
    clauses = [table.c.account == scope.account] if scope.account else []
    return reader.select(tenant_id, scope_changes.VIEW, clauses, clocks)[0]


def _narrowed(table: Any, scope: Scope) -> list[Any]:
    named = {"account": scope.account, "currency": scope.currency}
    return [table.c[name] == value for name, value in named.items() if value is not None]


# --- answering ---


def _answer(question: FigureQuestion, when: When, found: _Found) -> dict[str, Any]:
    kpi, scope = found.kpi, question.scope
    period = None if kpi.kind == "point" else {"from": question.from_, "to": question.to}
    closing = instant(found.end - 1)
    asked: dict[str, str] = {"method": found.method, **scope.told(), "known_at": str(found.position)}
    if period:
        asked |= {"from": str(question.from_), "to": str(question.to)}
    if not period or not when.now:
        asked["as_of"] = closing
    told = figure(kpi, found.measure, found.currency)
    if period and found.cut:
        told["warnings"].append({"code": "period_cut_at_as_of", "count": None})
    return {
        "name": kpi.name,
        "value": told.pop("value"),
        "unit": kpi.unit,
        "currency": found.currency if found.measure.method.money else None,
        **told,
        "period": period,
        "scope": scope.told(),
        "method": found.method,
        "as_of": closing,
        "known_at": when.known_at,
        "position": found.position,
        "policy_version": POLICY_VERSION,
        "fx_version": None,
        "coverage": "1",
        "explain_url": f"/v1/kpis/{kpi.name}/explain?{urlencode(asked)}",
    }


def _events(
    reader: Reader, tenant_id: str, found: _Found, rows: Sequence[Any], lines: Sequence[ContractLine]
) -> list[dict[str, Any]]:
    """The events that made an account's rows what they are, as far as they were known."""
    behind = causes(rows, lines, found.start, found.end, reader.projector.zone(tenant_id))
    told = [
        event
        for stream in streams(rows, lines)
        for event in reader.log.stream(tenant_id, stream)
        if event.position <= found.position and behind(event)
    ]
    return [
        {"id": one.event_id, "type": one.type, "position": one.position, "effective_at": instant(one.effective_at)}
        for one in sorted(told, key=lambda event: event.position)
    ]
