"""The timeline: every event as one row: who did it, and for those of an account a sentence that a person can read.

It also finds events by who did them, through what and in which run, so that the feed need not read the whole log for that.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func

from app.domain.catalogue import CATALOGUE
from app.domain.recorded import Recorded
from projections.view import Condition, Partial, View


class Entry(NamedTuple):
    """An event. account: empty where it has none; effective_at, recorded_at: microseconds; sentence: from open members only."""

    event_id: str
    position: int
    account: str
    type: str
    stream_id: str
    effective_at: int
    recorded_at: int
    actor: str
    visibility: str
    sentence: str
    client: str | None
    on_behalf_of: str | None
    run: str | None


def _days(data: dict[str, Any]) -> str:
    return f"from {data['start']} to {data['end']}" if data.get("end") else f"from {data['start']}, open-ended"


def _changes(data: dict[str, Any]) -> str:
    return "; ".join(_change(change) for change in data["changes"])


def _change(change: dict[str, Any]) -> str:
    if change["op"] == "add_line":
        return f"{change['line']} added, {change['quantity']} x {change['unit_price']} {change['product']}"
    if change["op"] == "remove_line":
        return f"{change['line']} removed"
    parts = [
        f"{label} {change[name]}"
        for name, label in (("quantity", "quantity"), ("unit_price", "price"), ("discount_percent", "discount"))
        if change.get(name)
    ]
    if change.get("discount_end"):
        parts.append(f"a discount that ends on {change['discount_end']}")
    cause = f" ({change['cause']})" if change.get("cause") else ""
    return f"{change['line']} to {' and '.join(parts)}{cause}"


_TERMS: Final = (
    ("start", "start"), ("end", "end"), ("effective_end", "end"), ("auto_renew", "renews itself"), ("notice_days", "days of notice"),
)  # fmt: skip


@cache
def _contact(channel: str, direction: str) -> str:
    """A channel and a direction in words; there are few of both."""
    where = {"inbound": "from the client", "outbound": "to the client", "internal": "in the house"}[direction]
    return f"{channel.capitalize()} {where}"


def _because(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _title(data: dict[str, Any]) -> str:
    return f"{data['title']}, " if data.get("title") else ""


def _approved(data: dict[str, Any]) -> str:
    """What an approval is for."""
    return f"concession {data['concession']}" if data.get("concession") else "the version's margin"


Sentence = Callable[[dict[str, Any]], str]
SENTENCES: Final[dict[str, Sentence]] = {
    "suggestion.made": lambda d: f"Suggested: {d['operation']}",
    "suggestion.approved": lambda d: f"A suggestion approved{', with changes' if d['edited'] else ''}",
    "suggestion.rejected": lambda _: "A suggestion rejected",
    "suggestion.withdrawn": lambda _: "A suggestion withdrawn",
    "suggestion.expired": lambda _: "A suggestion expired",
    "account.opened": lambda d: (
        f"{d['name']} became a client" + (f", cared for by {d['owner']}" if d.get("owner") else "")
    ),
    "account.renamed": lambda d: f"Renamed to {d['name']}",
    "account.tier_set": lambda d: f"Moved to tier {d['tier']}" if d.get("tier") else "Taken out of its tier",
    "account.owner_set": lambda d: f"{d['owner']} took over" + (f" from {d['previous']}" if d.get("previous") else ""),
    "account.backup_set": lambda d: (
        f"{d['backup']} stands in for the owner" if d.get("backup") else "Nobody stands in for the owner"
    ),
    "account.member_assigned": lambda d: f"{d['member']} joined as {d['function'].replace('_', ' ')}",
    "account.member_released": lambda d: f"{d['member']} left as {d['function'].replace('_', ' ')}",
    "account.key_account_set": lambda d: "Became a key account" if d["key_account"] else "Is a key account no more",
    "account.country_set": lambda d: (
        f"Has its seat in {d['country']} now" if d.get("country") else "Where it has its seat is not known any more"
    ),
    "account.closed": lambda _: "The relationship ended",
    "account.reopened": lambda _: "The relationship was taken up again",
    "handover.started": lambda d: (
        f"To be handed over to {d['receiver']}" + (f" by {d['giver']}" if d.get("giver") else "")
    ),
    "handover.section_filled": lambda d: f"Handover: {d['section'].replace('_', ' ')} written down",
    "handover.submitted": lambda _: "Handover submitted",
    "handover.accepted": lambda d: f"Handover accepted by {d['receiver']}",
    "handover.rejected": lambda _: "Handover rejected",
    "handover.client_introduced": lambda d: f"The client met the new owner on {d['day']}",
    "interaction.logged": lambda d: (
        _contact(d["channel"], d["direction"]) + (f" about {', '.join(d['topics'])}" if d["topics"] else "")
    ),
    "interaction.voided": lambda _: "An interaction was marked as wrong",
    "contract.drafted": lambda d: (
        f"Contract drafted {_days(d)} in {d['currency']}, {len(d['lines'])} line{'s' * (len(d['lines']) != 1)}"
    ),
    "contract.signed": lambda _: "Contract signed",
    "contract.amended": lambda d: f"Amendment {d['amendment_no']}: {_changes(d)}",
    "contract.corrected": lambda d: f"Contract corrected: {_changes(d)}",
    "contract.notice_given": lambda d: (
        ("The client" if d["by"] == "client" else "We")
        + f" gave notice, to end on {d['effective_end']}"
        + (", after the deadline" if d["late"] else "")
    ),
    "contract.notice_withdrawn": lambda _: "Notice withdrawn",
    "contract.suspended": lambda d: (
        "Contract suspended" + (f" until {d['effective_end']}" if d.get("effective_end") else "")
    ),
    "contract.resumed": lambda _: "Contract resumed",
    "contract.renewed": lambda d: (
        f"Contract renewed {_days(d)}" + {"early": ", early", "late": ", late"}.get(d["timing"], "")
    ),
    "contract.terms_corrected": lambda d: (
        "Contract terms corrected: "
        + ", ".join(f"{label} {d[name]}" for name, label in _TERMS if d.get(name) is not None)
    ),
    "contract.expired": lambda d: f"Contract expired on {d['end']}",
    "contract.terminated": lambda d: (
        f"Contract ends on {d['effective_end']}: {d['reason']}"
        + (f", lost to {d['competitor']}" if d.get("competitor") else "")
    ),
    "renewal.opened": lambda d: f"Renewal due on {d['due']} opened, {d['atr']} {d['currency']} a year at stake",
    "renewal.risk_set": lambda d: f"Renewal risk: {d['risk'].replace('_', ' ')}" + _because(", ".join(d["drivers"])),
    "renewal.deferred": lambda d: f"Renewal put off to {d['new_due']}",
    "renewal.milestone_reached": lambda d: f"Renewal due on {d['due']}: {d['days']} days left",
    "renewal.forecast_submitted": lambda d: (
        f"Renewal forecast: {d['category'].replace('_', ' ')}, {d['expected_value']} {d['currency']} a year"
    ),
    "renewal.won": lambda d: f"Renewal won at {d['value']} a year",
    "renewal.lost": lambda d: f"Renewal lost, {d['value']} a year" + _because(d.get("reason")),
    "scope_change.raised": lambda d: f"Scope change asked for: {d['title']}",
    "scope_change.consult_requested": lambda d: f"{d['team'].capitalize()} consulted",
    "scope_change.consult_answered": lambda d: (
        f"{d['team'].capitalize()} answered: "
        + ("feasible" if d["feasible"] else "not feasible")
        + (f", {d['effort_hours']} hours" if d.get("effort_hours") else "")
    ),
    "scope_change.consult_waived": lambda d: f"{d['team'].capitalize()} done without: {d['reason']}",
    "scope_change.assessed": lambda d: (
        f"Impact assessed: {d['effort_hours']} hours"
        + (f", price {d['price']} {d.get('currency') or ''}".rstrip() if d.get("price") else "")
        + (f", {d['timeline_shift_days']} days later" if d.get("timeline_shift_days") else "")
    ),
    "scope_change.approved": lambda _: "Scope change approved in the house",
    "scope_change.responded": lambda d: "Client answered: " + d["kind"].replace("_", " "),
    "scope_change.decided": lambda d: (
        "Client "
        + ("accepted" if d["accepted"] else "declined")
        + (f" option {d['option']}" if d.get("option") else "")
    ),
    "scope_change.absorbed": lambda d: f"{d['hours']} hours absorbed: {d['cause']}",
    "scope_change.amended": lambda d: (
        f"Scope change became amendment {d['amendment_no']}, {d['mrr_delta']} {d['currency']} a month"
    ),
    "scope_change.withdrawn": lambda _: "Scope change withdrawn",
    "scope_change.delivered": lambda d: (
        "Scope change delivered" + (f" in {d['hours']} hours" if d.get("hours") else "")
    ),
    "proposal.versioned": lambda d: (
        f"Proposal {_title(d)}version {d['version']}: {d['value']} {d['currency']} a year"
        + (f" and {d['one_off']} once" if d["one_off"] != "0" else "")
    ),
    "proposal.submitted": lambda d: f"Proposal version {d['version']} sent to the client",
    "proposal.client_position_recorded": lambda d: "Client's position" + _because(", ".join(d["wants"])),
    "proposal.concession_offered": lambda d: (
        f"Concession {d['concession']} of {d['value']} {d['currency']} a year: {d['given']}"
        + (f", for {d['in_exchange_for']}" if d.get("in_exchange_for") else ", for nothing")
        + (", waits for approval" if d["awaiting_approval"] else "")
    ),
    "proposal.approval_requested": lambda d: (
        f"Approval asked for {_approved(d)}, because of the {' and the '.join(d['needs'])}"
    ),
    "proposal.approval_granted": lambda d: f"Approval granted for {_approved(d)}",
    "proposal.approval_rejected": lambda d: f"Concession {d['concession']} not made",
    "proposal.accepted": lambda d: (
        f"Client accepted proposal version {d['version']} at {d['annual_value']} {d['currency']} a year"
    ),
    "proposal.declined": lambda d: "Proposal declined" + _because(d["reason"]),
    "proposal.expired": lambda d: f"Proposal version {d['version']} expired",
    "proposal.contracted": lambda d: (
        f"Proposal version {d['version']} became a contract at {d['annual_value']} {d['currency']} a year"
    ),
    "opportunity.identified": lambda d: (
        f"Opportunity seen: {d['title']} ({d['kind'].replace('_', '-')}, from {d['source'].replace('_', ' ')})"
    ),
    "opportunity.qualified": lambda _: "Opportunity qualified",
    "opportunity.estimated": lambda d: (
        f"Opportunity estimated at {d['annual_value']} {d['currency']} a year, probability {d['probability']}, "
        f"by {d['close_by']}"
    ),
    "opportunity.advanced": lambda d: f"Opportunity moved from {d['previous']} to {d['stage']}",
    "opportunity.parked": lambda d: f"Opportunity parked until {d['until']}" + _because(d["reason"]),
    "opportunity.won": lambda d: f"Opportunity won, {d['value']} {d['currency']} more a year",
    "opportunity.lost": lambda d: (
        "Opportunity lost" + _because(d["reason"]) + (f", to {d['competitor']}" if d.get("competitor") else "")
    ),
    "budget.set": lambda d: f"Budget of {d['amount']} {d['currency']} set {_days(d)}: {d['title']}",
    "budget.revised": lambda d: f"Budget revised from {d['previous']} to {d['amount']}",
    "budget.spend_recorded": lambda d: f"{d['amount']} spent, {d['document']}" + (", late" if d.get("late") else ""),
    "budget.spend_corrected": lambda d: f"{d['document']} corrected from {d['previous']} to {d['amount']}",
    "budget.forecast_recorded": lambda d: f"Budget expected to need {d['at_completion']} in all",
    "budget.threshold_crossed": lambda d: (
        f"{d['percent']} percent of the budget spent, {d['spent']} of {d['amount']}, on course for {d['projected_at_end']}"
    ),
    "budget.closed": lambda _: "Budget closed",
    "kpi_certificate.issued": lambda d: (
        f"{d['kpi'].replace('_', ' ').capitalize()} certified "
        + (f"at {d['value']}" if d.get("value") is not None else "as without a value")
        + (f" {d['currency']}" if d.get("currency") and d["unit"] == "money" else "")
    ),
}
"""A sentence for every topic of an event that belongs to an account. Sealed members are never part of one."""


def sentence_of(topic: str, data: dict[str, Any]) -> str:
    """The sentence of an event that belongs to an account. Takes: its data, with other texts for what is not to be told."""
    sentence = SENTENCES.get(topic)
    return sentence(data) if sentence else ""


TAKEN_BACK_BY: Final = {
    "interaction.logged": "interaction.voided",
    "contract.notice_given": "contract.notice_withdrawn",
}
"""By which later event of its stream an event is taken back: it stays in the timeline and counts for nothing."""
_TAKING_BACK: Final = ", ".join(f"'{topic}'" for topic in TAKEN_BACK_BY.values())


def _entry(_row: Entry | None, recorded: Recorded, _where: ZoneInfo) -> Entry:
    meta, sentence = recorded.meta, SENTENCES.get(recorded.type)
    # By position, the only such call: every event makes one, and keywords take four times as long. `test_rows` compares all members.
    return Entry(
        recorded.event_id,
        recorded.position,
        recorded.account_id or "",
        recorded.type,
        recorded.stream_id,
        recorded.effective_at,
        recorded.recorded_at,
        recorded.actor,
        meta.get("visibility", "internal"),
        sentence(recorded.data) if sentence and recorded.account_id else "",
        meta.get("client"),
        meta.get("on_behalf_of"),
        meta.get("run"),
    )


def _group(recorded: Recorded) -> str | None:
    return recorded.event_id


VIEW = View(
    name="timeline",
    version=3,
    row=Entry,
    keys=("event_id",),
    on=dict.fromkeys(CATALOGUE, _entry),
    group_of=_group,
    facts=True,
    indexes=(
        ("account", "position"),
        ("account", "effective_at", "position"),
        ("actor", "position"),
        *(
            Partial(member, (member, "position"), f"{member} IS NOT NULL")
            for member in ("client", "on_behalf_of", "run")
        ),
        Partial("taking_back", ("stream_id", "position"), f"type IN ({_TAKING_BACK})"),
    ),
    noun="event",
)


# --- queries ---


class Knowledge(NamedTuple):
    """A point of both clocks: the log up to a position, of it what is effective up to an instant, microseconds."""

    position: int
    as_of: int


WHO: Final = ("actor", "client", "on_behalf_of", "run")
"""The members that say who did something, through what and in which run."""
_FEWEST_FIRST: Final = ("run", "on_behalf_of", "account", "client", "actor")
BY_POSITION: Final = ("position",)
"""In the order of the log."""


def taking_back(streams: Sequence[str]) -> list[Condition]:
    """The events of some streams that take others back."""
    table = VIEW.table
    return [table.c.stream_id.in_(streams), table.c.type.in_(TAKEN_BACK_BY.values())]


def behind(position: int) -> Condition:
    """The events behind a position."""
    return VIEW.table.c.position > position


def done_by(who: Mapping[str, str], types: Sequence[str], account: str | None) -> list[Condition]:
    """The events that say these of the members of `WHO`, of some topics and of an account where these are named.

    Only the member that is said by the fewest is left to an index: without statistics a database might take that of another.
    """
    table, named = VIEW.table, {**who, **({} if account is None else {"account": account})}
    found_by, *others = (member for member in _FEWEST_FIRST if member in named)
    conditions = [table.c[found_by] == named[found_by]]
    conditions += [func.coalesce(table.c[member], "") == named[member] for member in others]
    return [*conditions, table.c.type.in_(types)] if types else conditions


def in_one_of(account: str, before: Knowledge, after: Knowledge) -> list[Condition]:
    """An account's events that belong to one of two points of both clocks, and not to the other."""
    return [VIEW.table.c.account == account, _within(before) != _within(after)]


def effective_within(accounts: Sequence[str], topics: Sequence[str], start: int, end: int) -> list[Condition]:
    """Events of some accounts and topics that are effective over [start, end), microseconds."""
    table = VIEW.table
    return [
        table.c.account.in_(accounts),
        table.c.type.in_(topics),
        table.c.effective_at >= start,
        table.c.effective_at < end,
    ]


def _within(point: Knowledge) -> Condition:
    table = VIEW.table
    return (table.c.position <= point.position) & (table.c.effective_at <= point.as_of)
