"""Groups: a figure by what accounts have (owner, tier, industry, country), by currency or product, a loss by how contracts ended.

The groups are the whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from app.domain.kernel.errors import Invalid
from app.kpi_queries.sources.base import RowRequest, RowSource, SummedFigure, holdings_at
from projections.kpis.base import Measure, RowKind, measure
from projections.kpis.contract_ends import contract_end
from projections.kpis.conversion import Exchange
from projections.kpis.groups import Group, in_order
from projections.kpis.sharing import ENDS, HELD, OPTION, share_out

Key = str | None


class Given(NamedTuple):
    """What a part of a figure gives to both of its sums, and the rows behind it."""

    numerator: int
    denominator: int
    rows: Sequence[Any] = ()


def group_by(request: RowRequest) -> str | None:
    """What the figure is grouped by here; None where it is not, or groups itself. Raises: Invalid for what nothing is grouped by."""
    by = request.context.options.get(OPTION)
    if by is not None and by not in request.kpi.groups:
        raise Invalid("invalid_option", f"{request.kpi.name} knows {OPTION}={', '.join(request.kpi.groups)}")
    return None if request.method.compute is not None else by


def suffice(request: RowRequest, summed: SummedFigure | None, by: str) -> bool:
    """Whether what each account gives, as the database summed it, is enough to group by."""
    return summed is not None and summed.contributions is not None and by in HELD and request.kpi.unit != "rows"


def groups_of(
    source: RowSource, request: RowRequest, exchange: Exchange | None, summed: SummedFigure, by: str
) -> list[Group]:
    """The groups of a figure.

    Takes: the figure, with what each account gives or its rows. Raises: Invalid where it cannot be shared out so that groups are the whole.
    """
    if by in HELD:
        return _by_holding(request, summed, by)
    if by in ENDS:
        return _by_end(request, summed.measure, by)
    if by == "product" and request.kpi.reads is RowKind.RENEWALS:
        return _shared_out(request, summed.measure)
    if by == "currency":
        rows, lines, _ = source.load(request)
        names = (
            {line.currency for line in lines}
            if request.kpi.reads is RowKind.ACCOUNT_MOVEMENTS
            else {row.currency for row in rows}
        )
        parts = ((name, replace(request, scope=replace(request.scope, currency=name))) for name in sorted(names))
    else:
        names = {line.product for line in source.load(request).lines}
        parts = ((name, replace(request, product=name)) for name in sorted(names))
    return _narrowed(source, exchange, summed.measure, parts, by)


def _by_holding(request: RowRequest, summed: SummedFigure, by: str) -> list[Group]:
    """By what accounts have one of, as their holders are counted: at the period's start or end."""
    at = request.held_at
    holdings = holdings_at(request.reader, request.tenant_id, request.position, at, request.scope.account)

    def name(account: str) -> Key:
        return getattr(holdings[account], by) if account in holdings else None

    if summed.contributions is not None:
        given = ((name(one.account), Given(one.numerator, one.denominator)) for one in summed.contributions)
    else:
        given = ((name(row.account), Given(*share, (row,))) for row, share in summed.measure.shares)
    return _added(given)


def _by_end(request: RowRequest, whole: Measure, by: str) -> list[Group]:
    """A churn by how the contracts ended that ended in it, each by what it paid."""
    movements = [movement for row, _ in whole.shares for movement in row.movements if movement.kind == "churn"]
    contracts = {line.contract for movement in movements for line in movement.ended}
    streams = request.reader.log.look_up(request.tenant_id, (), contracts).streams
    histories = {
        contract: [event for event in streams[contract] if event.position <= request.position] for contract in contracts
    }
    ends = {
        (line.contract, line.at): contract_end(histories[line.contract], line.at, request.context.zone)
        for movement in movements
        for line in movement.ended
    }
    given: list[tuple[Key, Given]] = []
    for movement in movements:
        paid: dict[Key, int] = {}
        for line in movement.ended:
            name = ends[line.contract, line.at].named(by)
            paid[name] = paid.get(name, 0) + line.amount
        shares = share_out((movement.amount,), paid)
        given += [(name, Given(amount, 0)) for name, (amount,) in shares.items()]
    return _added(given)


def _shared_out(request: RowRequest, whole: Measure) -> list[Group]:
    """Amounts of what falls due, each shared out by what its products recur at."""
    if not request.method.numerator.money:
        raise _refused("product")
    return _added(
        (name, Given(amounts[0], amounts[1]))
        for row, share in whole.shares
        for name, amounts in share_out(share, row.products).items()
    )


def _narrowed(
    source: RowSource, exchange: Exchange | None, whole: Measure, parts: Iterable[tuple[str, RowRequest]], by: str
) -> list[Group]:
    """Each part as it is alone. Refused where parts are not the whole, as where one account belongs to several and is counted once."""
    groups = []
    for name, request in parts:
        if exchange is None:
            part = measure(request.method, source.load(request).rows)
        else:
            rows, _, scale_factor = source.convert(request, exchange)
            part = measure(request.method, rows, scale_factor)
        factor = whole.scale_factor // part.scale_factor
        numerator = part.numerator * (factor if whole.method.numerator.money else 1)
        denominator = part.denominator * (factor if whole.method.denominator_money else 1)
        groups.append(Group(name, numerator, denominator, [row for row, _ in part.shares]))
    numerator, denominator = sum(group.numerator for group in groups), sum(group.denominator for group in groups)
    if (numerator, denominator) != (whole.numerator, whole.denominator):
        raise _refused(by)
    return in_order([group for group in groups if group.numerator or group.denominator])


def _added(given: Iterable[tuple[Key, Given]]) -> list[Group]:
    sums: dict[Key, Given] = {}
    for name, one in given:
        so_far = sums.get(name, Given(0, 0))
        sums[name] = Given(
            so_far.numerator + one.numerator, so_far.denominator + one.denominator, (*so_far.rows, *one.rows)
        )
    return in_order([Group(name, *one) for name, one in sums.items()])


def _refused(by: str) -> Invalid:
    return Invalid(
        "groups_do_not_sum", f"this figure counts accounts or contracts, some of which have more than one {by}"
    )
