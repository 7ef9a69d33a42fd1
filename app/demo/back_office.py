"""The back office: the rules of the agency, the incentives it pays, the periods it closes and the KPIs it certifies."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from random import Random
from typing import Any, Final

from app.demo import proposals
from app.demo.account_history import AccountHistory
from app.demo.people import DIRECTOR, EXCHANGE_VALUES
from app.demo.scripted_command import CommandChain, Loss, NewId, ScriptedCommand, Win
from app.domain.incentive_statement import commands as incentive_statement_commands
from app.domain.kernel.command import Command
from app.domain.kernel.values import add_days, add_months
from app.domain.kpi_certificate.commands import IssueKpiCertificate
from app.domain.period_close.commands import ClosePeriod, RestatePeriod
from app.domain.policy import commands as policy_commands

PLAN: Final = "ref:incentive@default"
CERTIFIED: Final = ("net_revenue_retention", "gross_revenue_retention", "arr")
CLOSED: Final = {
    3: ("net_revenue_retention", "gross_revenue_retention", "mrr"),
    12: ("client_retention_rate", "net_revenue_retention", "gross_revenue_retention", "mrr_waterfall", "arr"),
}
"""Which KPIs are kept when a quarter, or a year, is closed."""
Statement = tuple[str, str, str, str]
"""A quarter's first day and the one after its last, the payee and the currency."""


def quarter(day: str) -> tuple[str, str]:
    """The calendar quarter of a day: its first day and the one after its last."""
    first = f"{day[:4]}-{(int(day[5:7]) - 1) // 3 * 3 + 1:02d}-01"
    return first, add_months(first, 3)


class BackOffice(CommandChain):
    """The commands that the director gives."""

    def __init__(self, rng: Random, start: str, end: str, new_id: NewId) -> None:
        super().__init__(rng, [])
        self.start, self.end = start, end
        self.new_id = new_id

    def do(self, day: str, command: Command, *, new_id: str | None = None, **targets: str) -> ScriptedCommand:
        """A command by the director."""
        return self.do_apart(day, DIRECTOR, command, targets, new_id=new_id)

    def do_apart(
        self, day: str, actor: str, command: Command, targets: dict[str, str], **members: Any
    ) -> ScriptedCommand:
        """A command that does not wait for the one before it."""
        return CommandChain(self.rng, self.commands).add(day, actor, command, targets, role="director", **members)


def write_back_office(
    rng: Random, start: str, end: str, currency: str, new_id: NewId, histories: Iterable[AccountHistory]
) -> list[ScriptedCommand]:
    """What the agency does for itself, over the whole story. Gives: the commands; the first is the story's first."""
    office, histories = BackOffice(rng, start, end, new_id), list(histories)
    _rules(office, currency)
    _incentives(office, histories)
    _close(office, {period for history in histories for period in history.restatements})
    return office.commands


# --- rules ---


def _rules(office: BackOffice, currency: str) -> None:
    since = f"{int(office.start[:4]) - 1}-01-01"
    counted = {"kind": "metric", "reporting_currency": currency, "gross_margin": "0.45", "discount_rate": "0.08"}
    metric = _set(office, since, counted)
    _set(office, since, {"kind": "approval", "margin_floor": "0.25", "limits": [
        {"role": "account_manager", "amount": f"{proposals.MANAGES}"}, {"role": "senior_account_manager", "amount": f"{proposals.SENIORS}"},
        {"role": "director"}, {"role": "admin"}]})  # fmt: skip
    _set(office, since, {"kind": "renewal", "lead_days": [180, 120, 90], "grace_days": 30})
    _set(office, since, {
        "kind": "incentive", "clawback_months": 12,
        "rates": [{"rule": "new_business", "percent": "5"}, {"rule": "expansion", "percent": "4"}, {"rule": "renewal", "percent": "1.5"}],
        "retention_tiers": [{"at_least": "0.9", "factor": "1.1"}, {"at_least": "0.97", "factor": "1.25"}]})  # fmt: skip
    if currency in EXCHANGE_VALUES:
        _set(office, since, {"kind": "fx", "base": currency, "rates": list(_rates(office, since, currency))})
    margins = {**counted, "gross_margin": "0.48", "reactivation_days": 365}
    recorded_on = add_days(add_months(office.start, 13), 4)
    office.add(
        recorded_on, DIRECTOR, policy_commands.DraftPolicyVersion.model_validate({"rules": margins}), {"policy": metric}
    )
    office.add(recorded_on, DIRECTOR, policy_commands.ActivatePolicy(
        number=2, start=recorded_on, replaces=1,
        reason="Agreed with finance: margins of the last year, and who returns after a year is new."),
        {"policy": metric})  # fmt: skip
    other = {**margins, "churn_at": "notice", "escalators": "stripped"}
    office.add(
        add_days(office.end, -40),
        DIRECTOR,
        policy_commands.DraftPolicyVersion.model_validate({"rules": other}),
        {"policy": metric},
    )


def _set(office: BackOffice, since: str, rules: dict[str, Any]) -> str:
    """Rules in force from a day on, set on the first day of the story. Gives: the policy's id."""
    named = office.new_id("pol", rules["kind"])
    office.add(office.start, DIRECTOR, policy_commands.DraftPolicy.model_validate({"rules": rules}), {}, new_id=named)
    office.add(office.start, DIRECTOR, policy_commands.ActivatePolicy(number=1, start=since), {"policy": named})
    return named


def _rates(office: BackOffice, since: str, base: str) -> Iterator[dict[str, str]]:
    """Monthly rates, to the story's end and a year beyond, wandering a little."""
    for currency in sorted(EXCHANGE_VALUES.keys() - {base}):
        rate, day = EXCHANGE_VALUES[currency] * 10_000 // EXCHANGE_VALUES[base], since
        while day <= add_months(office.end, 12):
            yield {"date": day, "currency": currency, "rate": f"{rate // 10_000}.{rate % 10_000:04d}"}
            rate += rate * office.rng.randrange(-14, 15) // 1_000
            day = add_months(day, 1)


# --- pay ---


def _incentives(office: BackOffice, histories: list[AccountHistory]) -> None:
    """A statement for everybody who won something, quarter by quarter; what is lost too soon is clawed back."""
    statements: dict[Statement, list[Win]] = {}
    for history in histories:
        for win in history.won:
            if _beyond_doubt(win, history) and win.day >= office.start:
                statements.setdefault((*quarter(win.day), win.owner, win.currency), []).append(win)
    for number, (statement, wins) in enumerate(sorted(statements.items(), key=lambda one: one[0])):
        first, last, payee, currency = statement
        if first < office.start or last > office.end:
            continue
        recorded_on = add_days(last, 8 + number % 3)
        issue = {"plan": PLAN, "payee": payee, "from": first, "to": last, "currency": currency}
        office.do(
            recorded_on,
            incentive_statement_commands.IssueStatement.model_validate(
                {**issue, "external_ref": _reference(statement)}
            ),
        )
        latest = add_months(last, 3) > office.end
        if latest or number % 7 == 1:
            _dispute(office, recorded_on, statement, wins[0], changed=number % 2 == 0, still_open=latest)
    for loss in (loss for history in histories for loss in history.lost):
        paid = next((statement for statement, wins in statements.items() if loss.won in wins), None)
        if paid is not None and paid[0] >= office.start and paid[1] <= office.end:
            _claw_back(office, loss, paid)


def _beyond_doubt(win: Win, history: AccountHistory) -> bool:
    """Whether a win lies in one quarter and with one owner in every time zone."""
    before, after = add_days(win.day, -3), add_days(win.day, 3)
    return quarter(before) == quarter(after) and history.owner_on(before) == win.owner == history.owner_on(after)


def _reference(statement: Statement) -> str:
    first, _last, payee, currency = statement
    return f"{payee}-{first[:4]}-q{int(first[5:7]) // 3 + 1}-{currency.lower()}"


def _dispute(
    office: BackOffice, recorded_on: str, statement: Statement, win: Win, *, changed: bool, still_open: bool
) -> None:
    """The payee says that a line is wrong; the director looks into it."""
    targets = {"incentive_statement": f"ref:{_reference(statement)}"}
    line = {"event": "evt_", "rule": "new_business" if win.topic == "contract.signed" else "renewal"}
    desk = CommandChain(office.rng, office.commands)
    wrong = {**line, "reason": "This one was mine; the notes of the first meeting say so."}
    cites = (win.scripted, win.topic)
    desk.add(
        add_days(recorded_on, 4),
        statement[2],
        incentive_statement_commands.DisputeLine.model_validate(wrong),
        targets,
        cites=cites,
    )
    if still_open:
        return
    # Half of the line, once it is known what it pays: `app.demo.computed` says how much.
    end = {"outcome": "changed", "amount": "0"} if changed else {"outcome": "kept"}
    resolve = incentive_statement_commands.ResolveDispute.model_validate(
        {
            **line,
            **end,
            "reason": "The notes say who was there; they share it."
            if changed
            else "The account was handed over before.",
        }
    )
    desk.add(add_days(recorded_on, 17), DIRECTOR, resolve, targets, cites=cites, role="director")


def _claw_back(office: BackOffice, loss: Loss, statement: Statement) -> None:
    """What was paid for a contract that was lost within the plan's months."""
    if loss.day >= add_months(loss.won.day, 11):
        return
    topic = "contract.expired" if loss.scripted.actor.startswith("system:") else "contract.terminated"
    recorded_on = max(add_days(loss.day, 6), add_days(statement[1], 14))
    targets = {"incentive_statement": f"ref:{_reference(statement)}"}
    office.do_apart(
        recorded_on,
        DIRECTOR,
        incentive_statement_commands.ClawBack(event="evt_"),
        targets,
        cites=(loss.scripted, topic),
    )


# --- closing ---


def _close(office: BackOffice, restatements: set[tuple[str, str, str]]) -> None:
    """Every quarter and every year that the story holds whole; some are restated once a mistake was found."""
    closed = set()
    for months in (3, 12):
        first = f"{office.start[:4]}-01-01"
        while (last := add_months(first, months)) <= office.end:
            if first >= office.start:
                closed.add((first, last))
                _close_period(office, first, last, months)
            first = last
    for (first, last), days in groupby(sorted(restatements), key=lambda one: one[:2]):
        if (first, last) in closed:
            again = RestatePeriod(reason="An amendment was typed in wrongly; the auditors found it.")
            office.do(max(recorded_on for _, _, recorded_on in days), again, period_close=f"ref:{first}/{last}")


def _close_period(office: BackOffice, first: str, last: str, months: int) -> None:
    recorded_on = add_days(last, 14 if months == 3 else 20)
    closed = {"from": first, "to": last, "kpis": CLOSED[months], "reason": "Closed with the accounts."}
    office.do(recorded_on, ClosePeriod.model_validate(closed))
    for kpi in CERTIFIED[:1] if months == 3 else CERTIFIED:
        period = {"as_of": add_days(last, -1)} if kpi == "arr" else {"from": first, "to": last}
        members = {"kpi": kpi, "note": "For the bank." if months == 12 else "For the owners' meeting.", **period}
        office.do(add_days(recorded_on, 1), IssueKpiCertificate.model_validate(members))
