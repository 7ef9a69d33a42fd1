"""Contract lines: those that count in a period by the rules in force, read for the sources that are made of them."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from app.domain.kernel.values import FOREVER
from app.kpi_queries.sources.base import RowRequest
from projections.kpis.counting_rules import DAY, counted, counts_by_default
from projections.views import contract_lines, run_rates
from projections.views.contract_lines import ContractLine

VIEWS: Final = (run_rates.VIEW, contract_lines.VIEW)
CHUNK: Final = 500
"""How many accounts are named in one statement."""
_TABLE: Final = contract_lines.VIEW.table


def counted_lines(request: RowRequest) -> tuple[list[ContractLine], list[ContractLine]]:
    """The lines that count, and of all of them those that were in force within the period or just before."""
    within, rules, end = request.within(), request.context.rules, request.context.end
    if counts_by_default(rules):
        lines = [line for line in lines_in_force(request) if within(line.account)]
        return counted([*lines, *paid_before(request, lines)], rules), lines
    horizon = end + rules.shortest_gap_days * DAY  # who returns so soon after the period was never gone
    lines = _select(request, [_TABLE.c.valid_from < horizon])
    lines = [line for line in lines if within(line.account)]
    counting = counted(lines, rules)
    return counting, _behind(lines, counting, request.context.start, end)


def lines_ever(request: RowRequest) -> tuple[list[ContractLine], list[ContractLine]]:
    """The lines of all time that count, and of all of them those that began before the end."""
    within, rules, end = request.within(), request.context.rules, request.context.end
    horizon = end + rules.shortest_gap_days * DAY  # who returns so soon was never gone
    paid = [(_TABLE.c.annual != 0) | _TABLE.c.held] if counts_by_default(rules) else []
    lines = [line for line in _select(request, [_TABLE.c.valid_from < horizon, *paid]) if within(line.account)]
    counting = counted(lines, rules)
    return counting, _behind(lines, counting, -FOREVER, end)


def lines_in_force(request: RowRequest, clauses: Sequence[Any] = ()) -> list[ContractLine]:
    """The lines in force at some instant from the last before the period to the last of it."""
    paid = (_TABLE.c.annual != 0) | _TABLE.c.held
    at = [_TABLE.c.valid_to >= request.context.start, _TABLE.c.valid_from < request.context.end]
    return _select(request, [*clauses, paid, *at])


def lines_of_accounts(request: RowRequest, accounts: Sequence[str]) -> tuple[list[ContractLine], list[ContractLine]]:
    """The lines of some accounts that count, and those of them in force."""
    lines: list[ContractLine] = []
    for at in range(0, len(accounts), CHUNK):
        lines += lines_in_force(request, [_TABLE.c.account.in_(accounts[at : at + CHUNK])])
    return counted([*lines, *paid_before(request, lines)], request.context.rules), lines


def paid_before(request: RowRequest, lines: Sequence[ContractLine]) -> list[ContractLine]:
    """The earlier lines of those accounts of which it is not known yet whether they had paid before."""
    start = request.context.start
    known = {line.account for line in lines if line.annual and line.valid_from < start}
    unknown = sorted({line.account for line in lines if line.annual} - known)
    earlier: list[ContractLine] = []
    for at in range(0, len(unknown), CHUNK):
        chunk = _TABLE.c.account.in_(unknown[at : at + CHUNK])
        earlier += _select(request, [chunk, _TABLE.c.annual != 0, _TABLE.c.valid_to < start])
    return earlier


def _select(request: RowRequest, clauses: Sequence[Any]) -> list[ContractLine]:
    own = [*request.narrowed(_TABLE, "account", "currency"), _TABLE.c.kind != "one_off"]
    own += [] if request.product is None else [_TABLE.c.product == request.product]
    return request.select(contract_lines.VIEW, [*own, *clauses])


def _behind(
    lines: Sequence[ContractLine], counting: Iterable[ContractLine], start: int, end: int
) -> list[ContractLine]:
    """The lines behind what counts in [start, end): as they were agreed and as they count, for a notice may end one and a
    gap be bridged. Over a gap these are the line before it and the one after, which may begin after the end.
    """
    agreed = [line for line in lines if line.valid_to >= start and line.valid_from < end]
    spans = {line[:4] for line in lines}
    otherwise = [
        line for line in counting if line.valid_to >= start and line.valid_from < end and line[:4] not in spans
    ]
    reached = {(line.account, line.valid_to) for line in otherwise if line.valid_to >= end}
    return agreed + otherwise + [line for line in lines if (line.account, line.valid_from) in reached]
