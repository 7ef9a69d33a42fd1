"""Rows: what a figure is made of, loaded for the pure functions of `projections.kpis`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.kernel.errors import NotFound
from app.domain.kernel.values import FOREVER
from app.domain.policy.rules import MetricRules
from app.domain.recorded import Recorded
from app.kpi_queries import deal_rows as deals
from app.kpi_queries.forecast_rows import outlooks, predictions
from app.kpi_queries.query import Scope
from app.read_side.reader import Reader, When
from projections.kpis.account_movements import AccountMovements, standing, standings
from projections.kpis.amounts import in_one
from projections.kpis.base import DEFAULTS, Kpi
from projections.kpis.calendar import month_of
from projections.kpis.cohorts import granularity, joined
from projections.kpis.concentration import weights
from projections.kpis.conversion import Converted, Exchange, converted
from projections.kpis.counting_rules import DAY, counted, plain
from projections.kpis.customer_lifetimes import CustomerLifetime, lives
from projections.kpis.options import cohort
from projections.kpis.renewals import due
from projections.kpis.scope import wishes
from projections.view import Rows
from projections.views import accounts, contract_lines, portfolios, renewals, scope_changes
from projections.views.contract_lines import ContractLine

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
) -> tuple[list[AccountMovements], list[ContractLine]]:
    """The standings of a few accounts, and the contract lines behind them."""
    clocks, named = When(end - 1, position, now=True), [contract_lines.VIEW.table.c.account.in_(accounts_)]
    lines = _lines(reader, tenant_id, scope, clocks, start, end, named)
    return standings([*lines, *_paid_before(reader, tenant_id, scope, clocks, lines, start)], start, end), lines


class Load(NamedTuple):
    """Rows that are wanted: whose, of which accounts, as known at a position, for [start, end) in microseconds.

    options: what the question says besides. rules: those that count.
    """

    reader: Reader
    tenant_id: str
    scope: Scope
    position: int
    start: int
    end: int
    options: Mapping[str, str] = {}
    rules: MetricRules = DEFAULTS

    @property
    def clocks(self) -> When:
        """Both clocks: the last instant of the period, and what was known."""
        return When(self.end - 1, self.position, now=True)

    def within(self) -> Callable[[str], bool]:
        """Whether an account counts."""
        at = self.start if self.scope.attribution == "start" else self.end
        return within_of(self.reader, self.tenant_id, self.scope, self.position, at)

    @property
    def where(self) -> ZoneInfo:
        """The zone of its days."""
        return self.reader.projector.zone(self.tenant_id)


Loaded = tuple[list[Any], list[ContractLine], set[str]]
"""The rows that a figure is summed from, the contract lines behind them, and the currencies of their amounts."""


def rows_of(load: Load, kpi: Kpi) -> Loaded:
    """The rows of a figure."""
    return LOADERS[kpi.reads](load)


def converted_of(load: Load, kpi: Kpi, exchange: Exchange) -> tuple[list[Any], list[ContractLine], int]:
    """The rows of a figure in one currency, the contract lines behind them, and in how many parts of the usual ones they count.

    Raises: Invalid where there is no rate for a currency and a day.
    """
    return CONVERTERS[kpi.reads](load, kpi, exchange)


def _standings(load: Load) -> Loaded:
    lines, behind = _counted(load)
    return standing(lines, load.start, load.end, load.rules, load.where), behind, _currencies(load, lines)


def _standings_in(load: Load, kpi: Kpi, exchange: Exchange) -> tuple[list[Any], list[ContractLine], int]:
    return _standings_of(load, kpi, exchange, *_counted(load))


def _standings_of(
    load: Load, kpi: Kpi, exchange: Exchange, lines: list[ContractLine], behind: list[ContractLine]
) -> tuple[list[Any], list[ContractLine], int]:
    spot = kpi.unit == "rows" and load.rules.fx == "spot"  # ratios compare at constant rates, whatever the rules
    worth = Converted(lines, load.start, load.end, exchange, spot=spot)
    return standing(lines, load.start, load.end, load.rules, load.where, worth), behind, worth.per


def of_accounts_in(load: Load, kpi: Kpi, exchange: Exchange, named: Sequence[str]) -> tuple[list[Any], int]:
    """The rows of some accounts in one currency, counted by the house's rules, and in how many parts of the usual ones."""
    lines: list[ContractLine] = []
    column = contract_lines.VIEW.table.c.account
    for at in range(0, len(named), CHUNK):
        also = [column.in_(named[at : at + CHUNK])]
        lines += _lines(load.reader, load.tenant_id, load.scope, load.clocks, load.start, load.end, also)
    past = _paid_before(load.reader, load.tenant_id, load.scope, load.clocks, lines, load.start)
    rows, _, per = _standings_of(load, kpi, exchange, counted([*lines, *past], load.rules), lines)
    return rows, per


def _counted(load: Load) -> tuple[list[ContractLine], list[ContractLine]]:
    """The lines that count, and of all of them those that were in force within the period or just before."""
    reader, tenant_id, scope, within, clocks = load.reader, load.tenant_id, load.scope, load.within(), load.clocks
    if plain(load.rules):
        told = _lines(reader, tenant_id, scope, clocks, load.start, load.end)
        lines = [line for line in told if within(line.account)]
        past = _paid_before(reader, tenant_id, scope, clocks, lines, load.start)
        return counted([*lines, *past], load.rules), lines
    horizon = load.end + load.rules.shortest_gap_days * DAY  # who returns so soon after the period was never gone
    table = contract_lines.VIEW.table
    clauses = [*_narrowed(table, scope), table.c.kind != "one_off", table.c.valid_from < horizon]
    lines = [row for row in reader.select(tenant_id, contract_lines.VIEW, clauses, clocks)[0] if within(row.account)]
    found = counted(lines, load.rules)
    return found, _behind(lines, found, load.start, load.end)


def _behind(lines: Sequence[ContractLine], found: Iterable[ContractLine], start: int, end: int) -> list[ContractLine]:
    """The lines behind what counts in [start, end): as they were agreed and as they count, for a notice may end one and a
    gap be bridged. Over a gap these are the line before it and the one after, which may lie behind the end.
    """
    agreed = [line for line in lines if line.valid_to >= start and line.valid_from < end]
    spans = {line[:4] for line in lines}
    otherwise = [line for line in found if line.valid_to >= start and line.valid_from < end and line[:4] not in spans]
    reached = {(line.account, line.valid_to) for line in otherwise if line.valid_to >= end}
    return agreed + otherwise + [line for line in lines if (line.account, line.valid_from) in reached]


def _currencies(load: Load, lines: Iterable[ContractLine]) -> set[str]:
    """The currencies of what was paid within the period or just before."""
    return {
        line.currency for line in lines if line.annual and line.valid_to >= load.start and line.valid_from < load.end
    }


def _fallen(load: Load) -> Loaded:
    told = _renewals(load.reader, load.tenant_id, load.scope, load.clocks, load.start, load.end)
    fallen, within = due(told, load.start, load.end), load.within()
    rows = [row for row in fallen if within(row.account)]
    return rows, [], {row.currency for row in rows}


def _told_in(load: Load, kpi: Kpi, exchange: Exchange) -> tuple[list[Any], list[ContractLine], int]:
    """Values are compared at the rates of the last instant before the period, as all ratios are; a point's are its own."""
    rows, behind, _ = rows_of(load, kpi)
    told, per = in_one(rows, load.start - 1, exchange)
    return told, behind, per


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


def _ever(load: Load) -> tuple[list[ContractLine], list[ContractLine]]:
    """The lines of all time that count, and of all of them those that began within it."""
    within, table = load.within(), contract_lines.VIEW.table
    horizon = load.end + load.rules.shortest_gap_days * DAY  # who returns so soon was never gone
    paid = [(table.c.annual > 0) | table.c.held] if plain(load.rules) else []
    clauses = [*_narrowed(table, load.scope), table.c.kind != "one_off", table.c.valid_from < horizon, *paid]
    told = load.reader.select(load.tenant_id, contract_lines.VIEW, clauses, load.clocks)[0]
    lines = [line for line in told if within(line.account)]
    found = counted(lines, load.rules)
    return found, _behind(lines, found, -FOREVER, load.end)


def _of_cohort(load: Load, lines: Iterable[ContractLine]) -> list[CustomerLifetime]:
    """Every account that ever paid, or those of a cohort."""
    rows, wanted = lives(lines, load.end), cohort(load.options)
    return rows if wanted is None else [row for row in rows if month_of(row.since, load.where) in wanted]


def _lives(load: Load) -> Loaded:
    lines, behind = _ever(load)
    rows = _of_cohort(load, lines)
    kept = {row.account for row in rows}
    return rows, behind, {line.currency for line in behind if line.annual and line.account in kept}


def _lives_in(load: Load, _kpi: Kpi, exchange: Exchange) -> tuple[list[Any], list[ContractLine], int]:
    """All that was ever paid is compared at the rates of the last instant: no rate makes an account larger as it grows older."""
    lines, behind = _ever(load)
    paid = [line for line in lines if line.annual]
    found, per = converted([(line.currency, line.annual) for line in paid], load.end - 1, exchange)
    same = [line._replace(annual=annual) for line, annual in zip(paid, found, strict=True)]
    same += [line for line in lines if not line.annual]
    return _of_cohort(load, same), behind, per


def _cohorts(load: Load) -> Loaded:
    rows, lines, currencies = _lives(load)
    return list(joined(rows, granularity(load.options), load.where)), lines, currencies


def _cohorts_in(load: Load, kpi: Kpi, exchange: Exchange) -> tuple[list[Any], list[ContractLine], int]:
    rows, lines, per = _lives_in(load, kpi, exchange)
    return list(joined(rows, granularity(load.options), load.where)), lines, per


def _weights(load: Load) -> Loaded:
    rows, lines, currencies = _standings(load)
    return list(weights(rows, load.options)), lines, currencies


def _weights_in(load: Load, kpi: Kpi, exchange: Exchange) -> tuple[list[Any], list[ContractLine], int]:
    rows, lines, per = _standings_in(load, kpi, exchange)
    return list(weights(rows, load.options)), lines, per


LOADERS: Final[Mapping[str, Callable[[Load], Loaded]]] = {
    "contract_lines": _standings,
    "renewals": _fallen,
    "lives": _lives,
    "cohorts": _cohorts,
    "weights": _weights,
    "scope_changes": _wished,
    "outlooks": _outlooks,
    "predictions": _predictions,
    "pipeline": deals.pipeline,
    "decided_opportunities": deals.decided,
    "accepted_proposals": deals.agreed,
    "budgets": deals.open_budgets,
    "incentive_statements": deals.paid,
}
"""By what a KPI reads."""
CONVERTERS: Final[Mapping[str, Callable[[Load, Kpi, Exchange], tuple[list[Any], list[ContractLine], int]]]] = {
    "contract_lines": _standings_in,
    "lives": _lives_in,
    "cohorts": _cohorts_in,
    "weights": _weights_in,
    **dict.fromkeys(
        (
            "renewals",
            "outlooks",
            "predictions",
            "pipeline",
            "decided_opportunities",
            "accepted_proposals",
            "budgets",
            "incentive_statements",
        ),
        _told_in,
    ),
}
"""The same in one currency, for all that counts money."""


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
