"""Eligible events: what happened in a period on accounts that belonged to a payee at that instant."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract import schedule as schedules
from app.domain.incentive_statement.commands import Rule
from app.domain.kernel.values import day_start
from app.domain.recorded import Recorded
from app.read_side.clocks import When
from app.read_side.reader import Reader
from app.services.incentive_statements.event_values import annual_value
from projections.views import portfolios, timeline

RULES: Final[Mapping[str, Rule]] = {
    "contract.renewed": "renewal",
    "contract.amended": "expansion",
    "contract.signed": "new_business",
}
"""The rule by which an event is paid, by topic."""
CHUNK: Final = 500
"""How many accounts are named in one statement of SQL."""


class EligibleEvent(NamedTuple):
    """An event that may be paid. annual_value: what the contract's events up to the position make of it, in 10^-6."""

    event: Recorded
    account: str
    currency: str
    annual_value: int


def eligible_events(
    reader: Reader, tenant_id: str, *, payee: str, start: str, end: str, when: When, zone: ZoneInfo
) -> list[EligibleEvent]:
    """The events of [start, end), days, that happened on accounts of the payee, in the order in which they took effect."""
    holdings = _holdings(reader, tenant_id, payee, when)
    first, last = day_start(start, zone), min(day_start(end, zone), when.as_of + 1)
    names, contracts = sorted(holdings), set()
    account_of: dict[str, str] = {}
    for at in range(0, len(names), CHUNK):
        within = timeline.effective_within(names[at : at + CHUNK], list(RULES), first, last)
        for entry in reader.select(tenant_id, timeline.VIEW, within, when)[0]:
            if _owner_at(holdings[entry.account], entry.effective_at) == payee:
                account_of[entry.event_id] = entry.account
                contracts.add(entry.stream_id)
    eligible = []
    for stream in reader.log.look_up(tenant_id, (), contracts).streams.values():
        history = [event for event in stream if event.position <= (when.known_at or 0)]
        schedule, currency = schedules.build(history, zone), str(history[0].data["currency"])
        eligible += [
            EligibleEvent(event, account_of[event.event_id], currency, annual_value(event, history, schedule, zone))
            for event in history
            if event.event_id in account_of
        ]
    return sorted(eligible, key=lambda row: (row.event.effective_at, row.event.position))


def _holdings(reader: Reader, tenant_id: str, payee: str, when: When) -> dict[str, list[portfolios.Holding]]:
    """Every holding, by account, of the accounts that belonged to the payee at any time."""
    own, _ = reader.select(tenant_id, portfolios.VIEW, [portfolios.ever_with("owner", payee)], when)
    names = sorted({row.account for row in own})
    holdings: dict[str, list[portfolios.Holding]] = {account: [] for account in names}
    for at in range(0, len(names), CHUNK):
        of_accounts = [portfolios.of_accounts(names[at : at + CHUNK])]
        for row in reader.select(tenant_id, portfolios.VIEW, of_accounts, when)[0]:
            holdings[row.account].append(row)
    return holdings


def _owner_at(holdings: Iterable[portfolios.Holding], at: int) -> str | None:
    """The owner of an account at an instant, or its first owner where it had not been opened yet."""
    ordered = sorted(holdings, key=lambda row: row.valid_from)
    holding = next((row for row in ordered if row.valid_from <= at < row.valid_to), ordered[0])
    return holding.owner
