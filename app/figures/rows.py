"""Rows: what a figure is made of, loaded for the pure functions of `projections.kpis`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.errors import NotFound
from app.domain.recorded import Recorded
from app.figures.forecasts import outlooks, predictions
from app.figures.questions import Scope
from app.reader import Reader, When
from projections import accounts, contract_lines, portfolios, renewals, scope_changes
from projections.base import Rows
from projections.contract_lines import ContractLine
from projections.kpis.base import Kpi
from projections.kpis.renewals import due
from projections.kpis.scope import wishes
from projections.kpis.standings import Standing, standings

CHUNK: Final = 500
"""How many accounts are named in one statement."""


def account_of(events: Iterable[Recorded], position: int, where: ZoneInfo) -> accounts.Account:
    """An account as it was known, whatever lies ahead of it, by the view's own fold of its events. Raises: NotFound."""
    rows: Rows[accounts.Account] = {}
    for event in events:
        if event.position <= position and event.type in accounts.VIEW.on:
            rows = accounts.VIEW.fold(rows, event, where)
    if not rows:
        raise NotFound("account_not_found", "there is no such account")
    return next(iter(rows.values()))


def within_of(reader: Reader, tenant_id: str, scope: Scope, position: int, at: int) -> Callable[[str], bool]:
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


def lines_of(
    reader: Reader, tenant_id: str, scope: Scope, position: int, start: int, end: int, accounts_: Sequence[str]
) -> tuple[list[Standing], list[ContractLine]]:
    """The standings of a few accounts, and the contract lines behind them."""
    clocks, named = When(end - 1, position, now=True), [contract_lines.VIEW.table.c.account.in_(accounts_)]
    lines = _lines(reader, tenant_id, scope, clocks, start, end, named)
    return standings([*lines, *_paid_before(reader, tenant_id, scope, clocks, lines, start)], start, end), lines


class Load(NamedTuple):
    """Rows that are wanted: whose, of which accounts, as known at a position, for [start, end) in microseconds.

    options: what the question says besides.
    """

    reader: Reader
    tenant_id: str
    scope: Scope
    position: int
    start: int
    end: int
    options: Mapping[str, str] = {}

    @property
    def clocks(self) -> When:
        """Both clocks: the last instant of the period, and what was known."""
        return When(self.end - 1, self.position, now=True)

    def within(self) -> Callable[[str], bool]:
        """Whether an account counts."""
        at = self.start if self.scope.attribution == "start" else self.end
        return within_of(self.reader, self.tenant_id, self.scope, self.position, at)


Loaded = tuple[list[Any], list[ContractLine], set[str]]
"""The rows that a figure is summed from, the contract lines behind them, and the currencies of their amounts."""


def rows_of(load: Load, kpi: Kpi) -> Loaded:
    """The rows of a figure."""
    return LOADERS[kpi.reads](load)


def _standings(load: Load) -> Loaded:
    reader, tenant_id, scope, _, start, end, _ = load
    within = load.within()
    lines = [line for line in _lines(reader, tenant_id, scope, load.clocks, start, end) if within(line.account)]
    past = _paid_before(reader, tenant_id, scope, load.clocks, lines, start)
    return standings([*lines, *past], start, end), lines, {line.currency for line in lines if line.annual}


def _fallen(load: Load) -> Loaded:
    reader, tenant_id, scope, _, start, end, _ = load
    fallen, within = due(_renewals(reader, tenant_id, scope, load.clocks, start, end), start, end), load.within()
    rows = [row for row in fallen if within(row.account)]
    return rows, [], {row.currency for row in rows}


def _wished(load: Load) -> Loaded:
    wished = wishes(_scope_changes(load.reader, load.tenant_id, load.scope, load.clocks), load.start, load.end)
    within = load.within()
    return [row for row in wished if within(row.account)], [], set()


def _outlooks(load: Load) -> Loaded:
    rows, lines, currencies = _fallen(load)
    return list(outlooks(load, rows)), lines, currencies


def _predictions(load: Load) -> Loaded:
    rows, lines, currencies = _fallen(load)
    return list(predictions(load, rows)), lines, currencies


LOADERS: Final[Mapping[str, Callable[[Load], Loaded]]] = {
    "contract_lines": _standings,
    "renewals": _fallen,
    "scope_changes": _wished,
    "outlooks": _outlooks,
    "predictions": _predictions,
}
"""By what a KPI reads."""


def _lines(
    reader: Reader, tenant_id: str, scope: Scope, clocks: When, start: int, end: int, also: Sequence[Any] = ()
) -> list[ContractLine]:
    """The lines in force at some instant from the last before `start` to the last before `end`."""
    table = contract_lines.VIEW.table
    clauses = [
        *_narrowed(table, scope),
        *also,
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
    table = scope_changes.VIEW.table
    clauses = [table.c.account == scope.account] if scope.account else []
    return reader.select(tenant_id, scope_changes.VIEW, clauses, clocks)[0]


def _narrowed(table: Any, scope: Scope) -> list[Any]:
    named = {"account": scope.account, "currency": scope.currency}
    return [table.c[name] == value for name, value in named.items() if value is not None]
