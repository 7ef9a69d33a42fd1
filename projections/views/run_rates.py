"""Run rates: what each account pays a year and what has moved it, over business time and over what was known.

Figures of recurring revenue are sums over these rows, one for each account at the opening and one at the closing of a
period: because a row carries the totals of all movements so far, the difference of two is what moved in between.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from app.domain.contract.schedule import Interval, Schedule
from app.domain.kernel.values import FOREVER
from app.domain.recorded import Recorded
from projections.contract_schedule import TOPICS, moved
from projections.interval_index import node_of
from projections.view import Key, Partial, Rows, View, account

LARGEST: Final = 2**60
"""What a column may hold at the most, so that sums of a few still fit 64 bits."""
ALL: Final = ""
"""The series of an account over all of its currencies."""


class RunRate(NamedTuple):
    """What an account pays in a currency over [valid_from, valid_to), microseconds; amounts are annual, in 10^-6.

    Rows leave no gap from the first line on; an account that has had several currencies has rows for all of them
    together too, under no currency. whole: whether the row counts where currencies are not told apart.
    node: where the interval stands among spans. held: how many lines rest. paid_since: when it first paid anything.
    paying_since: since when it has paid without a lapse, never where it pays nothing.
    since: since when it has been a client, rests included; where it ceases to be one, since when it was, and never otherwise.
    total_…: what moved so until now, since the first line; …_hold, …_escalator: how much of that was a rest that began or
    ended, or was agreed up front.
    large: the amounts do not fit a database's integers and are left out: who sums must read the lines themselves.
    The row with a `contract` is a contract's schedule, from which the others are made.
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


def is_anchor(key: Key) -> bool:
    """Whether a row is a contract's schedule."""
    return bool(key[1])


def _changed(rows: Rows[RunRate], recorded: Recorded, where: ZoneInfo) -> Rows[RunRate]:
    contract = recorded.stream_id
    anchors = {row.contract: row for row in rows.values() if row.contract}
    anchor = anchors.get(contract)
    if anchor is None:
        if recorded.type != "contract.drafted":
            return rows
        account_, currency = recorded.data["account"], recorded.data["currency"]
        anchor = RunRate(account_, contract, currency, 0, 0, None, whole=False, schedule=Schedule())
    before, after = moved(anchor.schedule, recorded, where)
    if after is before:
        return rows
    anchors[contract] = anchor._replace(schedule=after)
    made = [*anchors.values(), *_series(anchor.account, anchors.values())]
    return {(row.account, row.contract, row.currency, row.valid_from): row for row in made}


def _series(name: str, anchors: Iterable[RunRate]) -> Iterator[RunRate]:
    """An account's rows by currency, and over all currencies where it has several."""
    changes: dict[str, Changes] = {}
    for anchor in anchors:
        if lines := _counted(Schedule.load(anchor.schedule)):
            _add(changes.setdefault(anchor.currency, {}), lines)
            _add(changes.setdefault(ALL, {}), lines)
    alone = len(changes) == 2
    for currency, found in changes.items():
        if currency != ALL or not alone:
            yield from _levels(name, currency, found, whole=alone or currency == ALL)


def _counted(schedule: Schedule) -> list[Interval]:
    """What is paid again and again, or would be if it did not rest."""
    return [one for one in schedule.intervals() if one.kind != "one_off" and (one.annual > 0 or one.held)]


# --- what changes when ---


class Change:
    """All that changes at an instant: what is paid, how many lines rest, and why.

    rested: what began to rest. released: what came back from a rest. raised: by how much escalators went up.
    """

    __slots__ = ("annual", "held", "raised", "released", "rested")

    def __init__(self) -> None:
        self.annual = self.held = self.rested = self.released = self.raised = 0


Changes = dict[int, Change]


def _add(changes: Changes, lines: Iterable[Interval]) -> None:
    """Adds the beginnings and ends of one contract's lines."""
    ended: dict[tuple[str, int], Interval] = {}
    for one in lines:
        begins = changes.setdefault(one.start, Change())
        begins.annual += one.annual
        begins.held += one.held
        if (before := ended.get((one.line, one.start))) is not None:
            if one.held:
                begins.rested += before.annual
            if before.held:
                begins.released += one.annual
            elif one.cause == "escalator":
                begins.raised += max(0, one.annual - before.annual)
        if one.end != FOREVER:
            ends = changes.setdefault(one.end, Change())
            ends.annual -= one.annual
            ends.held -= one.held
            ended[one.line, one.end] = one


def _levels(name: str, currency: str, changes: Changes, *, whole: bool) -> Iterator[RunRate]:
    """A row from each change to the next. What a movement is called is `kpis.standings`' rule, told there in plain words."""
    instants = sorted(changes)
    annual = held = new = expansion = reactivation = contraction = churn = 0
    contraction_hold = expansion_hold = expansion_escalator = 0
    paid_since = paying_since = client = FOREVER
    for at, until in zip(instants, [*instants[1:], FOREVER], strict=True):
        change, before, rested = changes[at], annual, held > 0
        annual, held = annual + change.annual, held + change.held
        moved = annual - before
        if moved < 0 and (annual or held):
            contraction -= moved
            contraction_hold += min(-moved, change.rested)
        elif moved < 0:
            churn -= moved
        elif moved and paid_since == FOREVER:
            new += moved
        elif moved and (before or rested):
            hold = min(moved, change.released)
            expansion, expansion_hold = expansion + moved, expansion_hold + hold
            expansion_escalator += min(moved - hold, change.raised)
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
        amounts = (new, expansion, reactivation, contraction, churn, contraction_hold, expansion_hold)
        place = (name, "", currency, at, until, node_of(at, until), whole)
        if max(annual, *amounts) > LARGEST:
            yield RunRate(*place, large=True)
        else:
            yield RunRate(*place, False, annual, held, paid_since, paying_since, *amounts, expansion_escalator, since)


SUMMED: Final = ("valid_from", "valid_to", "account", "pos_from", *RunRate._fields[RunRate._fields.index("whole") : -1])
"""What a sum reads, so that an index answers alone."""
LAPSED: Final = f"contract = '' AND annual = 0 AND held = 0 AND since < {FOREVER} AND pos_to = {FOREVER}"
"""Where an account ceases to be a client."""
_TRUE: Final = f"contract = '' AND pos_to = {FOREVER}"

VIEW = View(
    name="run_rates",
    version=3,
    row=RunRate,
    keys=("account", "contract", "currency", "valid_from"),
    on=dict.fromkeys(TOPICS, _changed),
    group_of=account,
    history=True,
    aged=True,
    many=True,
    anchor=is_anchor,
    schedule=True,
    indexes=(
        Partial("until", ("currency", "node", "valid_to", *(name for name in SUMMED if name != "valid_to")), _TRUE),
        Partial("since", ("currency", "node", "valid_from", *(name for name in SUMMED if name != "valid_from")), _TRUE),
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
