"""Row sources: where the rows of a figure come from. Each reads its views, loads rows, converts them, and sums in SQL if it can."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from app.domain.kernel.errors import NotFound
from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from app.kpi_queries.query import Scope
from app.kpi_queries.sql.sql_query import SqlQuery
from app.read_side.clocks import When
from app.read_side.reader import Reader
from projections.kpis.amounts import in_one
from projections.kpis.base import Kpi, KpiContext, Measure, Method
from projections.kpis.conversion import Exchange
from projections.kpis.presentation import Contribution
from projections.view import Rows, View
from projections.views import accounts, closures, portfolios
from projections.views.contract_lines import ContractLine


@dataclass(frozen=True, kw_only=True)
class RowRequest:
    """The rows that a method of a KPI needs: of which accounts, as known at a position, in a context.

    product: the only one whose lines count, where one is named.
    """

    reader: Reader
    tenant_id: str
    kpi: Kpi
    method: Method
    scope: Scope
    position: int
    context: KpiContext
    product: str | None = None

    @property
    def clocks(self) -> When:
        """Both clocks: the last instant of the period, and what was known."""
        return When(self.context.end - 1, self.position, now=True)

    @property
    def held_at(self) -> int:
        """The instant before which it counts whose and what an account is."""
        return self.scope.attributed_at(self.context.start, self.context.end, self.context.zone)

    def within(self) -> Callable[[str], bool]:
        """Whether an account is in the scope."""
        return accounts_within(self.reader, self.tenant_id, self.scope, self.position, self.held_at)

    def select(self, view: View[Any], clauses: Sequence[Any], order: Sequence[Any] = ()) -> list[Any]:
        """A view's rows that match."""
        return self.reader.select(self.tenant_id, view, clauses, self.clocks, order=order)[0]

    def narrowed(self, table: Any, *names: str) -> list[Any]:
        """The scope's account or currency, as conditions on columns of the same name."""
        return [table.c[name] == value for name in names if (value := getattr(self.scope, name)) is not None]


class LoadedRows(NamedTuple):
    """The rows that a figure is summed from, the contract lines behind them, and the currencies of their amounts."""

    rows: list[Any]
    lines: list[ContractLine]
    currencies: set[str]


class ConvertedRows(NamedTuple):
    """The same in one currency. scale_factor: in how many parts of the usual ones their amounts are counted."""

    rows: list[Any]
    lines: list[ContractLine]
    scale_factor: int


class SummedFigure(NamedTuple):
    """A figure from sums, and the currencies of its amounts. contributions: what each account gives, where it is explained."""

    measure: Measure
    currencies: Collection[str]
    contributions: Sequence[Contribution] | None = None


class SqlSums(Protocol):
    """What the database summed for a figure."""

    def figure(self, request: RowRequest, exchange: Exchange | None) -> SummedFigure | None:
        """The figure, in one currency where there is an exchange; None where sums do not suffice. Raises: Invalid without a rate."""


class RowSource(ABC):
    """One kind of row. views: those that it is read from. has_currency: whether its rows can be narrowed to a currency.

    of_others: whether what became of other accounts moves an account's own figure.
    """

    views: ClassVar[tuple[View[Any], ...]]
    has_currency: ClassVar[bool] = True
    of_others: ClassVar[bool] = False

    @abstractmethod
    def load(self, request: RowRequest) -> LoadedRows:
        """The rows."""

    def convert(self, request: RowRequest, exchange: Exchange) -> ConvertedRows:
        """The rows in one currency. Raises: Invalid where there is no rate for a currency and a day.

        Amounts are compared at the rates of the last instant before the period, as all ratios are; a point's are its own.
        """
        rows, lines, _ = self.load(request)
        converted, scale_factor = in_one(rows, request.context.start - 1, exchange)
        return ConvertedRows(converted, lines, scale_factor)

    def tally(self, _request: RowRequest) -> Any:
        """What rows were counted to that the figure needs beside its own; None where it needs no others."""
        return None

    def sums(self, _query: SqlQuery, *, explained: bool) -> SqlSums | None:  # noqa: ARG002 - the name is that of the method it takes the place of
        """What the database sums; None where rows have to be read. Takes: `explained`, whether what each account gives is needed."""
        return None


def account_of(events: Iterable[Recorded], position: int, zone: ZoneInfo, as_of: int = FOREVER) -> accounts.Account:
    """An account as it was known, whatever is recorded later, by the view's own fold of its events. Raises: NotFound.

    Takes: `as_of`, the instant after which nothing counts that changes an account once it is opened.
    """
    rows: Rows[accounts.Account] = {}
    for event in events:
        if event.position <= position and event.type in accounts.VIEW.on and (event.effective_at <= as_of or not rows):
            rows = accounts.VIEW.fold(rows, event, zone)
    if not rows:
        raise NotFound("account_not_found", "there is no such account")
    return next(iter(rows.values()))


def accounts_within(reader: Reader, tenant_id: str, scope: Scope, position: int, at: int) -> Callable[[str], bool]:
    """Whether an account is in a scope: by its holding at the last instant before `at`, or its first one when it had none yet."""
    if not scope.held:
        return lambda _account: True
    holdings = holdings_at(reader, tenant_id, position, at, scope.account)
    within = {account for account, row in holdings.items() if scope.holds(row)}
    return within.__contains__


def open_accounts(reader: Reader, tenant_id: str, position: int, at: int) -> Callable[[str], bool]:
    """Whether an account was open at an instant: what is undecided of a closed one can neither be won nor spent."""
    when = When(at, position, now=True)
    closed = {row.account for row in reader.select(tenant_id, closures.VIEW, closures.closed_at(at), when)[0]}
    return lambda account: account not in closed


def holdings_at(
    reader: Reader, tenant_id: str, position: int, at: int, account: str | None = None
) -> dict[str, portfolios.Holding]:
    """Who owns each account: at the last instant before `at`, or at first where there was no owner yet."""
    table = portfolios.VIEW.table
    clauses = [table.c.valid_to >= at, *([table.c.account == account] if account else [])]
    first: dict[str, portfolios.Holding] = {}
    for row in reader.select(tenant_id, portfolios.VIEW, clauses, When(at, position, now=True))[0]:
        if row.account not in first or row.valid_from < first[row.account].valid_from:
            first[row.account] = row
    return first
