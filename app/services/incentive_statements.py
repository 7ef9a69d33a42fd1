"""Incentives: what a statement would pay, worked out from the ledger as it is known at a position.

Who is paid: the owner whose an account was at the instant of the event. For what: a contract renewed (the annual value of the
new term), amended (by how much more it is worth a year), signed (its first annual value). Corrections count as if they had been
said at once; what was lost meanwhile is worth nothing. What was paid under a rule before is left out for ever.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from app import kpi_queries as figures
from app.domain.contract import schedule as schedules
from app.domain.contract.schedule import Schedule
from app.domain.incentive_statement import commands as incentive_statement_commands
from app.domain.incentive_statement import decisions as incentive_statement_decisions
from app.domain.incentive_statement.commands import (
    ClawBack,
    IssueStatement,
    RecordClawback,
    RecordStatement,
    StatementLine,
)
from app.domain.incentive_statement.decisions import LARGEST, LINE
from app.domain.incentive_statement.events import Retention
from app.domain.kernel.errors import Invalid, NotFound, Refused
from app.domain.kernel.values import LAST, day_of, day_start, instant, unscaled
from app.domain.policy.aggregate import POLICY
from app.domain.policy.rules import IncentiveRules
from app.domain.policy.state import PolicyState
from app.domain.recorded import Recorded
from app.kpi_queries import KpiQuery, Scope
from app.read_side.reader import Reader, When
from app.store.receipts import Receipt, Request
from app.write_side.handler import CommandEnvelope, Handler
from projections.views import portfolios, timeline

RETENTION: Final = "gross_revenue_retention"
WON: Final[Mapping[str, incentive_statement_commands.Rule]] = {
    "contract.renewed": "renewal",
    "contract.amended": "expansion",
    "contract.signed": "new_business",
}
"""What is paid for, by topic."""
LOST: Final = ("contract.terminated", "contract.expired", "renewal.lost", "account.closed")
"""What takes back what was paid."""
ATTEMPTS: Final = 3
CHUNK: Final = 500
"""How many accounts are named in one statement."""


class StatementRequest(NamedTuple):
    """Whom to pay by which plan for [start, end), days, in which currency; none is the one that there is."""

    plan: str
    payee: str
    start: str
    end: str
    currency: str | None


class Left(NamedTuple):
    """An event that is not paid, and why: paid before (then by which statement), or in another currency."""

    event: str
    rule: str
    account: str
    reason: str
    statement: str | None = None


@dataclass(frozen=True)
class Worked:
    """What a statement would pay. plan: the policy's id; number, version: of what it says; position: of the ledger that was read."""

    asked: StatementRequest
    plan: str
    number: int
    version: str
    position: int
    retention: Retention | None
    lines: tuple[StatementLine, ...]
    left_out: tuple[Left, ...]


# --- working out ---


def preview(handler: Handler, reader: Reader, tenant_id: str, asked: StatementRequest, when: When) -> Worked:
    """What a statement would pay, on both clocks: what had happened by `as_of`, as it was known.

    Raises: NotFound for an unknown plan; Refused for one that is none or not in force; Invalid for amounts out of range.
    """
    position = reader.log.head(tenant_id) if when.known_at is None else when.known_at
    where = handler.zone(tenant_id)
    if asked.start >= asked.end:
        raise Invalid("invalid_period", "from must be before to")
    plan, policy = _policy(handler, reader, tenant_id, asked.plan, position)
    number, rules = incentive_statement_decisions.plan_of(policy, asked.start, asked.end)
    won = _won(reader, tenant_id, asked, When(when.as_of, position, now=False), where)
    asked = asked._replace(currency=asked.currency or _currency(won))
    retention = _retention(reader, tenant_id, asked, position) if rules.retention_tiers else None
    lines, left = _lines(won, rules, retention, asked)
    paid = _paid(reader, tenant_id, lines, position)
    told = [Left(one.event, one.rule, one.account, "paid", paid[one.key]) for one in lines if one.key in paid]
    lines = [line for line in lines if line.key not in paid]
    version = policy.version_name(number)
    return Worked(asked, plan, number, version, position, retention, tuple(lines), (*told, *left))


def _policy(handler: Handler, reader: Reader, tenant_id: str, named: str, position: int) -> tuple[str, PolicyState]:
    """A policy as it was known at a position."""
    plan = handler.load(tenant_id, "policy", named)[0]
    events = reader.log.stream(tenant_id, plan)
    state = POLICY.fold(event for event in events if event.position <= position)
    if not state.kind:
        raise NotFound("policy_not_found", "there is no such policy")
    return plan, state


def _retention(reader: Reader, tenant_id: str, asked: StatementRequest, position: int) -> Retention:
    """How much of the payee's book stayed, as the figure answers it."""
    question = KpiQuery(RETENTION, asked.start, asked.end, scope=Scope(owner=asked.payee, currency=asked.currency))
    told = figures.evaluate(reader, tenant_id, question, reader.when(tenant_id, None, str(position)))
    return Retention(
        value=told["value"],
        numerator=told["numerator"],
        denominator=told["denominator"],
        nothing=told.get("null_reason"),
        policy_version=told["policy_version"],
    )


class Won(NamedTuple):
    """An event that may be paid, with what its contract's events up to the position make of it. value: annual, in 10^-6."""

    event: Recorded
    account: str
    currency: str
    value: int


def _currency(won: Iterable[Won]) -> str | None:
    """The currency of what was won, where it is one. Raises: Invalid where there are several."""
    currencies = sorted({one.currency for one in won})
    if len(currencies) > 1:
        raise Invalid("mixed_currencies", f"name one currency: {', '.join(currencies)}")
    return currencies[0] if currencies else None


def _won(reader: Reader, tenant_id: str, asked: StatementRequest, when: When, where: ZoneInfo) -> list[Won]:
    """What happened in the period on accounts that were the payee's at that instant."""
    held = _held(reader, tenant_id, asked.payee, when)
    start, end = day_start(asked.start, where), min(day_start(asked.end, where), when.as_of + 1)
    accounts, contracts = sorted(held), set()
    events: dict[str, str] = {}
    for at in range(0, len(accounts), CHUNK):
        within = timeline.effective_within(accounts[at : at + CHUNK], list(WON), start, end)
        for entry in reader.select(tenant_id, timeline.VIEW, within, when)[0]:
            if _owner(held[entry.account], entry.effective_at) == asked.payee:
                events[entry.event_id] = entry.account
                contracts.add(entry.stream_id)
    found = []
    for stream in reader.log.look_up(tenant_id, (), contracts).streams.values():
        history = [event for event in stream if event.position <= (when.known_at or 0)]
        schedule, currency = schedules.build(history, where), str(history[0].data["currency"])
        found += [
            Won(event, events[event.event_id], currency, worth(event, history, schedule, where))
            for event in history
            if event.event_id in events
        ]
    return sorted(found, key=lambda won: (won.event.effective_at, won.event.position))


def _held(reader: Reader, tenant_id: str, payee: str, when: When) -> dict[str, list[portfolios.Holding]]:
    """Everything that is known of whose those accounts were that were ever the payee's, by account."""
    own, _ = reader.select(tenant_id, portfolios.VIEW, [portfolios.ever_owned_by(payee)], when)
    accounts = sorted({row.account for row in own})
    held: dict[str, list[portfolios.Holding]] = {account: [] for account in accounts}
    for at in range(0, len(accounts), CHUNK):
        all_times = [portfolios.of_accounts(accounts[at : at + CHUNK])]
        for row in reader.select(tenant_id, portfolios.VIEW, all_times, when)[0]:
            held[row.account].append(row)
    return held


def _owner(holdings: Iterable[portfolios.Holding], at: int) -> str | None:
    """Whose an account was at an instant, or first of all where it had not been opened yet."""
    ordered = sorted(holdings, key=lambda row: row.valid_from)
    held = next((row for row in ordered if row.valid_from <= at < row.valid_to), ordered[0])
    return held.owner


def _lines(
    won: Sequence[Won], rules: IncentiveRules, retention: Retention | None, asked: StatementRequest
) -> tuple[list[StatementLine], list[Left]]:
    """What each event pays by the plan, and what is left out because it is of another currency."""
    rates = {one.rule: one.percent for one in rules.rates}
    factor = incentive_statement_decisions.factor_of(rules, retention.value if retention else None)
    lines, left = [], []
    for event, account, currency, value in won:
        rule = WON[event.type]
        percent = rates.get(rule)
        if percent is None or value <= 0:
            continue
        if currency != asked.currency:
            left.append(Left(event.event_id, rule, account, "other_currency"))
            continue
        times = factor if rule == "renewal" else "1"
        amount = incentive_statement_decisions.pay(value, percent, times, currency)
        if max(amount, value) > LARGEST:
            raise Invalid("amount_out_of_range", "a line pays no more than 10^12")
        if amount:
            lines.append(
                StatementLine(
                    event=event.event_id,
                    rule=rule,
                    account=account,
                    contract=event.stream_id,
                    at=instant(event.effective_at),
                    value=unscaled(value),
                    percent=percent,
                    factor=times,
                    amount=unscaled(amount),
                )
            )
    return lines, left


def _paid(
    reader: Reader, tenant_id: str, lines: Iterable[StatementLine], position: int
) -> dict[incentive_statement_commands.Key, str]:
    """The lines that a statement up to a position has paid, each with that statement."""
    wanted = {(LINE, f"{line.rule}/{line.event}"): line.key for line in lines}
    found = reader.log.look_up(tenant_id, wanted.keys(), ())
    known = {stream for stream, events in found.streams.items() if events[0].position <= position}
    return {wanted[claim]: stream for claim, stream in found.refs.items() if stream in known}


# --- what an event is worth ---


def worth(event: Recorded, history: Sequence[Recorded], schedule: Schedule, where: ZoneInfo) -> int:
    """The annual value that an event brought, in 10^-6, corrections of it as if it had said them.

    Takes: the contract's events, and what they make of it.
    """
    match event.type:
        case "contract.signed":
            first = _without(schedule, history, lambda other: other.type == "contract.amended")
            return first.annual_at(schedule.terms.periods[0][0])
        case "contract.renewed":
            agreed = _without(
                schedule, history, lambda other: other.type == "contract.amended" and other.version > event.version
            )
            return agreed.annual_at(day_start(_start(event, history), where))
        case _:
            return _growth(event, history, schedule)


def _without(schedule: Schedule, history: Sequence[Recorded], which: Callable[[Recorded], bool]) -> Schedule:
    """A schedule as if some events, and what corrects them, had never been."""
    for other in history:
        if which(other):
            for source in _said_by(other, history):
                schedule = schedule.without(source)
    return schedule


def _said_by(event: Recorded, history: Sequence[Recorded]) -> set[str]:
    """An event, and the corrections of it and of those."""
    found = {event.event_id}
    for other in history:
        if other.type == "contract.corrected" and other.data["corrects"] in found:
            found.add(other.event_id)
    return found


def _start(renewal: Recorded, history: Sequence[Recorded]) -> str:
    """The first day of the term that a renewal agreed on, as the newest correction of it says."""
    said = [
        other.data["start"]
        for other in history
        if other.data.get("corrects") == renewal.event_id and other.data.get("start")
    ]
    return str(said[-1] if said else renewal.data["start"])


def _growth(event: Recorded, history: Sequence[Recorded], schedule: Schedule) -> int:
    """By how much an amendment raised what its lines pay a year, each from when it first does; what it only corrected aside."""
    sources = _said_by(event, history)
    before = _without(schedule, history, lambda other: other is event)
    grown = 0
    for change in event.data["changes"]:
        steps = [step.at for step in schedule.lines.get(change["line"], ()) if step.source in sources]
        if steps and change.get("cause") != "correction":
            at = min(steps)
            grown += _pays(schedule, change["line"], at) - _pays(before, change["line"], at)
    return grown


def _pays(schedule: Schedule, line: str, at: int) -> int:
    return schedule._replace(lines={line: schedule.lines[line]} if line in schedule.lines else {}).annual_at(at)


# --- writing ---


def issue(
    handler: Handler,
    reader: Reader,
    tenant_id: str,
    actor: str,
    role: str,
    wanted: IssueStatement,
    request: Request,
) -> Receipt:
    """A statement of everything that is known now and was not paid yet.

    Raises: as `preview`; Refused where there is nothing to pay; Unavailable while views are behind.
    """
    if (earlier := handler.log.replay(tenant_id, request)) is not None:
        return earlier
    asked = StatementRequest(wanted.plan, wanted.payee, wanted.from_, wanted.to, wanted.currency)
    worked: Worked | None = None
    for attempt in range(ATTEMPTS):
        before, worked = worked, preview(handler, reader, tenant_id, asked, reader.when(tenant_id))
        same = before is not None and before.lines == worked.lines
        command = RecordStatement(
            **wanted.model_dump(include={"payee", "currency", "external_ref", "effective_at", "reason", "visibility"}),
            start=wanted.from_,
            end=wanted.to,
            number=worked.number,
            position=worked.position,
            lines=worked.lines,
            retention=worked.retention,
        )
        try:
            return handler.handle(
                CommandEnvelope(tenant_id, actor, command, request, {"policy": worked.plan}, role=role)
            )
        except Refused as refusal:
            # Another statement may have paid a line meanwhile: what is left is worked out anew.
            if refusal.code != "external_ref_taken" or same or attempt + 1 == ATTEMPTS:
                raise
    raise AssertionError("every attempt ends in a receipt or a refusal")


def claw_back(
    handler: Handler,
    reader: Reader,
    tenant_id: str,
    actor: str,
    role: str,
    statement: str,
    wanted: ClawBack,
    request: Request,
    if_match: int | None = None,
) -> Receipt:
    """What a loss takes back of a statement. Raises: NotFound for an unknown statement; Refused for an event that is no loss."""
    handler.load(tenant_id, incentive_statement_decisions.NOUN, statement)
    loss = _event(reader, tenant_id, wanted.event)
    if loss is None:
        raise Refused("unknown_event", "no account has met such an event")
    if loss.type not in LOST:
        raise Refused(
            "not_a_loss", "only an end of a contract, a lost renewal or a closed account takes something back"
        )
    told = loss.data
    command = RecordClawback(
        **wanted.model_dump(include={"effective_at", "reason", "visibility"}),
        loss=loss.event_id,
        account=loss.account_id or "",
        contract=loss.stream_id if loss.type.startswith("contract.") else told.get("contract"),
        lost_on=told.get("effective_end") or told.get("end") or day_of(loss.effective_at, handler.zone(tenant_id)),
    )
    return handler.handle(
        CommandEnvelope(
            tenant_id, actor, command, request, {incentive_statement_decisions.NOUN: statement}, if_match, role=role
        )
    )


def _event(reader: Reader, tenant_id: str, event_id: str) -> Recorded | None:
    """An event of an account, if there is one."""
    head = reader.log.head(tenant_id)
    rows, _ = reader.group(tenant_id, timeline.VIEW, event_id, When(LAST, head, now=False))
    streams = (reader.log.stream(tenant_id, entry.stream_id) for entry in rows)
    return next((one for stream in streams for one in stream if one.event_id == event_id), None)
