"""Run rates: what each account pays a year and what has moved it, over business time and over what was known.

KPIs of recurring revenue are sums over these rows, one for each account at the opening and one at the closing of a period:
because a row carries the totals of all movements so far, the difference of two rows is what moved in between.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import Interval, Schedule
from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections.contract_schedule import TOPICS, advance
from projections.interval_index import node_of
from projections.view import Condition, Key, Partial, Rows, View, account

LARGEST: Final = 2**60
"""The largest amount in a column, so that a sum of a few still fits 64 bits."""
ALL: Final = ""
"""The series of an account over all of its currencies."""


class RunRate(NamedTuple):
    """What an account pays in a currency over [valid_from, valid_to), microseconds; amounts are annual, in 10^-6.

    Rows leave no gap from the first line on; an account that has had several currencies has rows for all of them
    together too, with an empty currency. whole: whether a sum over all currencies counts the row.
    node: of the interval index. held: how many lines are suspended. paid_since: when it first paid anything.
    paying_since: since when it has paid without a lapse; `FOREVER` where it pays nothing.
    since: since when it has been a client, suspensions included; in the row where it ceases to be one, since when it was; else
    `FOREVER`. total_…: the sum of such movements since the first line; …_hold, …_escalator: how much of that came from a
    suspension that began or ended, or was agreed up front.
    large: the amounts do not fit a database's integers and are left out: a sum must be made from the lines themselves.
    The row with a `contract` is a schedule row, from which the others are made.
    """

    account: str
    contract: str
    currency: str
    valid_from: int
    valid_to: int
    node: int | None
    whole: bool
    large: bool = False
    annual: int = 0
    held: int = 0
    paid_since: int = FOREVER
    paying_since: int = FOREVER
    total_new: int = 0
    total_expansion: int = 0
    total_reactivation: int = 0
    total_contraction: int = 0
    total_churn: int = 0
    contraction_hold: int = 0
    expansion_hold: int = 0
    expansion_escalator: int = 0
    since: int = FOREVER
    schedule: Any = None


def is_schedule_row(key: Key) -> bool:
    """Whether a row is a contract's schedule: it names the contract."""
    return bool(key[1])


def _changed(rows: Rows[RunRate], recorded: Recorded, where: ZoneInfo) -> Rows[RunRate]:
    contract = recorded.stream_id
    schedules = {row.contract: row for row in rows.values() if row.contract}
    schedule_row = schedules.get(contract)
    if schedule_row is None:
        if recorded.type != "contract.drafted":
            return rows
        account_id, currency = recorded.data["account"], recorded.data["currency"]
        schedule_row = RunRate(
            account=account_id,
            contract=contract,
            currency=currency,
            valid_from=0,
            valid_to=0,
            node=None,
            whole=False,
            schedule=Schedule(),
        )
    before, after = advance(schedule_row.schedule, recorded, where)
    if after is before:
        return rows
    schedules[contract] = schedule_row._replace(schedule=after)
    made = [*schedules.values(), *_series(schedule_row.account, schedules.values())]
    return {(row.account, row.contract, row.currency, row.valid_from): row for row in made}


def _series(account_id: str, schedules: Iterable[RunRate]) -> Iterator[RunRate]:
    """An account's rows by currency, and over all currencies where it has several."""
    changes: dict[str, Changes] = {}
    for row in schedules:
        if lines := _recurring(Schedule.load(row.schedule)):
            _add(changes.setdefault(row.currency, {}), lines)
            _add(changes.setdefault(ALL, {}), lines)
    one_currency = len(changes) == 2
    for currency, of_currency in changes.items():
        if currency != ALL or not one_currency:
            yield from _levels(account_id, currency, of_currency, whole=one_currency or currency == ALL)


def _recurring(schedule: Schedule) -> list[Interval]:
    """What is paid again and again, or would be if it were not suspended; no trial."""
    return [line for line in schedule.intervals() if line.kind != "one_off" and (line.annual != 0 or line.suspended)]


# --- what changes when ---


class Change:
    """All that changes at an instant: what is paid, how many lines are suspended, and why.

    suspended: the amount of lines that a suspension stops. resumed: the amount of those that it gives back. escalated: by how much
    escalators raised lines.
    """

    __slots__ = ("annual", "escalated", "held", "resumed", "suspended")

    def __init__(self) -> None:
        self.annual = self.held = self.suspended = self.resumed = self.escalated = 0


Changes = dict[int, Change]


def _add(changes: Changes, lines: Iterable[Interval]) -> None:
    """Adds the beginnings and ends of one contract's lines."""
    ended: dict[tuple[str, int], Interval] = {}
    for line in lines:
        begins = changes.setdefault(line.start, Change())
        begins.annual += line.annual
        begins.held += line.suspended
        if (before := ended.get((line.line, line.start))) is not None:
            if line.suspended:
                begins.suspended += before.annual
            if before.suspended:
                begins.resumed += line.annual
            elif line.cause == "escalator":
                begins.escalated += max(0, line.annual - before.annual)
        if line.end != FOREVER:
            ends = changes.setdefault(line.end, Change())
            ends.annual -= line.annual
            ends.held -= line.suspended
            ended[line.line, line.end] = line


def _levels(account_id: str, currency: str, changes: Changes, *, whole: bool) -> Iterator[RunRate]:
    """A row from each change to the next. Which movement is which is the rule of `kpis.account_movements`, in plain words there."""
    instants = sorted(changes)
    annual = held = new = expansion = reactivation = contraction = churn = 0
    contraction_hold = expansion_hold = expansion_escalator = 0
    paid_since = paying_since = client = FOREVER
    for at, until in zip(instants, [*instants[1:], FOREVER], strict=True):
        change, before, was_suspended = changes[at], annual, held > 0
        annual, held = annual + change.annual, held + change.held
        moved = annual - before
        if moved < 0 and (annual or held):
            contraction -= moved
            contraction_hold += min(-moved, change.suspended)
        elif moved < 0:
            churn -= moved
        elif moved and paid_since == FOREVER:
            new += moved
        elif moved and (before or was_suspended):
            hold = min(moved, change.resumed)
            expansion, expansion_hold = expansion + moved, expansion_hold + hold
            expansion_escalator += min(moved - hold, change.escalated)
        elif moved:
            reactivation += moved
        if annual and paid_since == FOREVER:
            paid_since = at
        paying_since = FOREVER if not annual else paying_since if before else at
        if annual and client == FOREVER:
            client = at
        since = client
        if not annual and not held:
            client = FOREVER
        node = node_of(at, until)
        if max(annual, new, expansion, reactivation, contraction, churn, contraction_hold, expansion_hold) > LARGEST:
            yield RunRate(
                account=account_id, contract="", currency=currency, valid_from=at, valid_to=until, node=node, whole=whole, large=True
            )  # fmt: skip
            continue
        # By position, the only such call: by keywords it takes four times as long, for every level at every event of a contract.
        # `test_rows` compares it member by member.
        yield RunRate(
            account_id, "", currency, at, until, node, whole, False, annual, held, paid_since, paying_since,
            new, expansion, reactivation, contraction, churn, contraction_hold, expansion_hold, expansion_escalator, since,
        )  # fmt: skip


SUMMED: Final = ("valid_from", "valid_to", "account", "pos_from", *RunRate._fields[RunRate._fields.index("whole") : -1])
"""The columns that a sum reads, so that an index answers alone."""
LAPSED: Final = f"contract = '' AND annual = 0 AND held = 0 AND since < {FOREVER} AND pos_to = {FOREVER}"
"""Where an account ceases to be a client."""
_NEWEST: Final = f"contract = '' AND pos_to = {FOREVER}"

VIEW = View(
    name="run_rates",
    version=5,
    row=RunRate,
    keys=("account", "contract", "currency", "valid_from"),
    on=dict.fromkeys(TOPICS, _changed),
    group_of=account,
    history=True,
    aged=True,
    many=True,
    unversioned=is_schedule_row,
    schedule=True,
    indexes=(
        Partial("until", ("currency", "node", "valid_to", *(name for name in SUMMED if name != "valid_to")), _NEWEST),
        Partial(
            "since", ("currency", "node", "valid_from", *(name for name in SUMMED if name != "valid_from")), _NEWEST
        ),
        Partial(
            "account",
            ("account", "currency", "valid_to", "valid_from", "pos_to", "pos_from", "annual"),
            "contract = '' AND annual > 0",
        ),
        Partial("lapses", ("currency", "valid_from", "since", "whole"), LAPSED),
        Partial(
            "past",
            ("currency", "age", "pos_from", "pos_to", *(name for name in SUMMED if name != "pos_from")),
            f"contract = '' AND pos_to < {FOREVER}",
        ),
    ),
)


def of_account(account_id: str) -> list[Condition]:
    """The rows of an account."""
    return [VIEW.table.c.account == account_id]
