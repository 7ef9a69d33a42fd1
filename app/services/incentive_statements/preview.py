"""Preview: what a statement would pay, worked out from the ledger as it is known at a position.

Who is paid: the owner of the account at the instant of the event. For what: a contract renewed (the annual value of the
new term), amended (the growth of its annual value), signed (its first annual value). A correction counts as if the event
had contained it; what was lost meanwhile has no value. An event that a rule has paid once is never paid by that rule again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from app import kpi_queries
from app.domain.incentive_statement.commands import Key, StatementLine
from app.domain.incentive_statement.decisions import LARGEST, LINE, factor_of, pay, plan_of
from app.domain.incentive_statement.events import Retention
from app.domain.kernel.errors import Invalid, NotFound
from app.domain.kernel.values import instant, unscaled
from app.domain.policy.aggregate import POLICY
from app.domain.policy.rules import IncentiveRules
from app.domain.policy.state import PolicyState
from app.kpi_queries import KpiQuery, Scope
from app.read_side.clocks import When
from app.read_side.reader import Reader
from app.services.incentive_statements.eligible_events import RULES, EligibleEvent, eligible_events
from app.write_side.handler import Handler

RETENTION: Final = "gross_revenue_retention"


class StatementRequest(NamedTuple):
    """Whom to pay by which plan for [start, end), days, in which currency; None means the only one that there is."""

    plan: str
    payee: str
    start: str
    end: str
    currency: str | None


class LeftOut(NamedTuple):
    """An event that is not paid, and why: paid before (then by which statement), or in another currency."""

    event: str
    rule: str
    account: str
    reason: str
    statement: str | None = None


@dataclass(frozen=True, kw_only=True)
class StatementPreview:
    """What a statement would pay. plan: the policy's id; number, version: of its rules; position: of the ledger that was read."""

    request: StatementRequest
    plan: str
    number: int
    version: str
    position: int
    retention: Retention | None
    lines: tuple[StatementLine, ...]
    left_out: tuple[LeftOut, ...]


def preview(
    handler: Handler, reader: Reader, tenant_id: str, request: StatementRequest, when: When
) -> StatementPreview:
    """What a statement would pay, on both clocks: what had happened by `as_of`, as it was known.

    Raises: NotFound for an unknown plan; Refused for one that is none or not in force; Invalid for amounts out of range.
    """
    position = reader.aim(tenant_id) if when.known_at is None else when.known_at
    if request.start >= request.end:
        raise Invalid("invalid_period", "from must be before to")
    plan, policy = _policy(handler, reader, tenant_id, request.plan, position)
    number, rules = plan_of(policy, request.start, request.end)
    events = eligible_events(
        reader,
        tenant_id,
        payee=request.payee,
        start=request.start,
        end=request.end,
        when=When(when.as_of, position, now=False),
        zone=handler.zone(tenant_id),
    )
    request = request._replace(currency=request.currency or _currency(events))
    retention = _retention(reader, tenant_id, request, position) if rules.retention_tiers else None
    lines, in_other_currency = _lines(events, rules, retention, request)
    statement_of = _paid(reader, tenant_id, lines, position)
    paid = [
        LeftOut(line.event, line.rule, line.account, "paid", statement_of[line.key])
        for line in lines
        if line.key in statement_of
    ]
    return StatementPreview(
        request=request,
        plan=plan,
        number=number,
        version=policy.version_name(number),
        position=position,
        retention=retention,
        lines=tuple(line for line in lines if line.key not in statement_of),
        left_out=(*paid, *in_other_currency),
    )


def _policy(handler: Handler, reader: Reader, tenant_id: str, reference: str, position: int) -> tuple[str, PolicyState]:
    """A policy's id and state, as it was known at a position."""
    policy_id = handler.load(tenant_id, "policy", reference)[0]
    events = reader.log.stream(tenant_id, policy_id)
    state = POLICY.fold(event for event in events if event.position <= position)
    if not state.kind:
        raise NotFound("policy_not_found", "there is no such policy")
    return policy_id, state


def _retention(reader: Reader, tenant_id: str, request: StatementRequest, position: int) -> Retention:
    """The gross revenue retention of the payee's accounts, as the KPI is answered."""
    scope = Scope(owner=request.payee, currency=request.currency)
    query = KpiQuery(RETENTION, request.start, request.end, scope=scope)
    answer = kpi_queries.evaluate(reader, tenant_id, query, reader.when(tenant_id, None, str(position)))
    return Retention(
        value=answer["value"],
        numerator=answer["numerator"],
        denominator=answer["denominator"],
        nothing=answer.get("null_reason"),
        policy_version=answer["policy_version"],
    )


def _currency(events: Iterable[EligibleEvent]) -> str | None:
    """The currency of all events. Raises: Invalid where there are several."""
    currencies = sorted({row.currency for row in events})
    if len(currencies) > 1:
        raise Invalid("mixed_currencies", f"name one currency: {', '.join(currencies)}")
    return currencies[0] if currencies else None


def _lines(
    events: Sequence[EligibleEvent], rules: IncentiveRules, retention: Retention | None, request: StatementRequest
) -> tuple[list[StatementLine], list[LeftOut]]:
    """What each event pays by the plan, and the events that are left out because they are of another currency."""
    rates = {rate.rule: rate.percent for rate in rules.rates}
    retention_factor = factor_of(rules, retention.value if retention else None)
    lines, left_out = [], []
    for event, account, currency, annual_value in events:
        rule = RULES[event.type]
        percent = rates.get(rule)
        if percent is None or annual_value <= 0:
            continue
        if currency != request.currency:
            left_out.append(LeftOut(event.event_id, rule, account, "other_currency"))
            continue
        factor = retention_factor if rule == "renewal" else "1"
        amount = pay(annual_value, percent, factor, currency)
        if max(amount, annual_value) > LARGEST:
            raise Invalid("amount_out_of_range", "a line pays no more than 10^12")
        if amount:
            lines.append(
                StatementLine(
                    event=event.event_id,
                    rule=rule,
                    account=account,
                    contract=event.stream_id,
                    at=instant(event.effective_at),
                    value=unscaled(annual_value),
                    percent=percent,
                    factor=factor,
                    amount=unscaled(amount),
                )
            )
    return lines, left_out


def _paid(reader: Reader, tenant_id: str, lines: Iterable[StatementLine], position: int) -> dict[Key, str]:
    """The lines that a statement up to a position has paid, each with the id of that statement."""
    keys = {(LINE, f"{line.rule}/{line.event}"): line.key for line in lines}
    claims = reader.log.look_up(tenant_id, keys.keys(), ())
    known = {stream for stream, events in claims.streams.items() if events[0].position <= position}
    return {keys[claim]: stream for claim, stream in claims.refs.items() if stream in known}
