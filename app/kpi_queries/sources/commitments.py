"""Commitments: what each contract is committed to at an instant, by what was decided by then."""

from collections.abc import Collection, Sequence
from typing import Final

from app.domain.contract.facts import as_corrected
from app.domain.contract.terms import ContractTerms
from app.domain.kernel.values import FOREVER, micros
from app.kpi_queries.sources.base import LoadedRows, RowRequest, RowSource
from projections.kpis.committed import Commitment
from projections.kpis.counting_rules import counted
from projections.view import Rows
from projections.views import contract_lines, contracts
from projections.views.contract_lines import ContractLine
from projections.views.contracts import Contract

_LINES: Final = contract_lines.VIEW.table
_AGREED: Final = frozenset({"contract.drafted", "contract.signed"})
"""What a contract has from its signature on, whose day it names."""


class CommitmentRows(RowSource):
    """Commitments, from contract lines and the terms of contracts."""

    views = (contract_lines.VIEW, contracts.VIEW)

    def load(self, request: RowRequest) -> LoadedRows:
        """A row for each contract that pays, or that is signed and has not begun, or is a trial so far."""
        at = request.context.end - 1
        signed = _signed(request, at)
        terms = {row.contract: ContractTerms.load(row.frame).before(at) for row in signed}
        ends = {name for name, own in terms.items() if own.until < FOREVER} | {row.replaces for row in signed}
        running = _by_contract(_running(request, at))
        ahead = {
            name
            for name, own in terms.items()
            if name not in ends and (_not_begun(own, at) or _in_trial(running.get(name, ())))
        }
        beginning = _by_contract(_beginning(request, ahead, at))
        rows = []
        for row in signed:
            in_force = sum(line.annual for line in running.get(row.contract, ()))
            not_started = sum(line.annual for line in beginning.get(row.contract, ()))
            ending = in_force if row.contract in ends else 0
            if in_force or not_started:
                rows.append(Commitment(row.contract, row.account, row.currency, in_force, not_started, ending))
        lines = [line for own in (*running.values(), *beginning.values()) for line in own]
        return LoadedRows(rows, lines, {row.currency for row in rows})


SOURCE: Final = CommitmentRows()


def _signed(request: RowRequest, at: int) -> list[Contract]:
    """The contracts in the scope that were signed by an instant."""
    own, within = request.narrowed(contracts.VIEW.table, "account", "currency"), request.within()
    rows: list[Contract] = request.select(contracts.VIEW, own, order=("account", "contract"))
    return [row for row in rows if row.signed_at and micros(row.signed_at) <= at and within(row.account)]


def _not_begun(terms: ContractTerms, at: int) -> bool:
    """Whether a contract is not in force at an instant, and will be."""
    windows = terms.windows()
    return any(at < start for start, _ in windows) and not any(start <= at < end for start, end in windows)


def _in_trial(lines: Sequence[ContractLine]) -> bool:
    """Whether nothing has been paid yet for any of the lines that a contract has."""
    return bool(lines) and all(line.trial is not None and not line.annual for line in lines)


def _running(request: RowRequest, at: int) -> list[ContractLine]:
    """The lines that are in force at an instant."""
    own = request.narrowed(_LINES, "account", "currency")
    return _counted(request, request.select(contract_lines.VIEW, [*own, *contract_lines.in_force(at)]))


def _beginning(request: RowRequest, ahead: Collection[str], at: int) -> list[ContractLine]:
    """The lines of contracts that have not begun, on the first day on which they recur, by what was decided by an instant."""
    first: list[ContractLine] = []
    streams = request.reader.log.look_up(request.tenant_id, (), ahead).streams
    for contract in sorted(ahead):
        rows: Rows[ContractLine] = {}
        for event in as_corrected(event for event in streams[contract] if event.position <= request.position):
            if event.type in _AGREED or min(event.effective_at, event.recorded_at) <= at:
                rows = contract_lines.VIEW.fold(rows, event, request.context.zone)
        lines = [line for line in _counted(request, list(rows.values())) if line.annual and line.valid_from > at]
        begins = min((line.valid_from for line in lines), default=None)
        first += [line for line in lines if line.valid_from == begins]
    return first


def _counted(request: RowRequest, lines: Sequence[ContractLine]) -> list[ContractLine]:
    """The lines that count, by the rules in force; a gap is no matter of a commitment."""
    rules = request.context.rules.model_copy(update={"shortest_gap_days": 0})
    return [line for line in counted(lines, rules) if request.product in (None, line.product)]


def _by_contract(lines: Sequence[ContractLine]) -> dict[str, list[ContractLine]]:
    """Lines by contract."""
    by_contract: dict[str, list[ContractLine]] = {}
    for line in lines:
        by_contract.setdefault(line.contract, []).append(line)
    return by_contract
