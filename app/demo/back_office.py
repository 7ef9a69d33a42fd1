"""The books: the rules that the agency sets itself, what it pays its people, the periods it closes and the figures it certifies."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from random import Random
from typing import Any, Final

from app.demo import proposals as offers
from app.demo.account_history import Life
from app.demo.people import DIRECTOR, WORTH
from app.demo.scripted_command import Loss, NewId, Step, Thread, Win
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
"""Which figures stand when a quarter, or a year, is closed."""
Statement = tuple[str, str, str, str]
"""A quarter's first day and the one after its last, the payee and the currency."""


def quarter(day: str) -> tuple[str, str]:
    """The calendar quarter of a day: its first day and the one after its last."""
    first = f"{day[:4]}-{(int(day[5:7]) - 1) // 3 * 3 + 1:02d}-01"
    return first, add_months(first, 3)


class Office(Thread):
    """The director's desk."""

    def __init__(self, rng: Random, start: str, end: str, new_id: NewId) -> None:
        super().__init__(rng, [])
        self.start, self.end = start, end
        self.new_id = new_id

    def say(self, day: str, command: Command, *, new_id: str | None = None, **targets: str) -> Step:
        """Something that the director does."""
        return self.aside(day, DIRECTOR, command, targets, new_id=new_id)

    def aside(self, day: str, actor: str, command: Command, targets: dict[str, str], **said: Any) -> Step:
        """A step that waits for none before it."""
        return Thread(self.rng, self.steps).tell(day, actor, command, targets, role="director", **said)


def write_books(rng: Random, start: str, end: str, currency: str, new_id: NewId, lives: Iterable[Life]) -> list[Step]:
    """What the agency does for itself, over the whole story. Gives: the steps; the first is the story's first."""
    office, lives = Office(rng, start, end, new_id), list(lives)
    _rules(office, currency)
    _pay(office, lives)
    _close(office, {period for life in lives for period in life.restated})
    return office.steps


# --- rules ---


def _rules(office: Office, currency: str) -> None:
    since = f"{int(office.start[:4]) - 1}-01-01"
    counted = {"kind": "metric", "reporting_currency": currency, "gross_margin": "0.45", "discount_rate": "0.08"}
    metric = _set(office, since, counted)
    _set(office, since, {"kind": "approval", "margin_floor": "0.25", "limits": [
        {"role": "manager", "amount": f"{offers.MANAGES}"}, {"role": "senior_manager", "amount": f"{offers.SENIORS}"},
        {"role": "director"}, {"role": "admin"}]})  # fmt: skip
    _set(office, since, {"kind": "renewal", "lead_days": [180, 120, 90], "grace_days": 30})
    _set(office, since, {
        "kind": "incentive", "clawback_months": 12,
        "rates": [{"rule": "new_business", "percent": "5"}, {"rule": "expansion", "percent": "4"}, {"rule": "renewal", "percent": "1.5"}],
        "retention_tiers": [{"at_least": "0.9", "factor": "1.1"}, {"at_least": "0.97", "factor": "1.25"}]})  # fmt: skip
    if currency in WORTH:
        _set(office, since, {"kind": "fx", "base": currency, "rates": list(_rates(office, since, currency))})
    margins = {**counted, "gross_margin": "0.48", "reactivation_days": 365}
    told = add_days(add_months(office.start, 13), 4)
    office.tell(
        told, DIRECTOR, policy_commands.DraftPolicyVersion.model_validate({"rules": margins}), {"policy": metric}
    )
    office.tell(told, DIRECTOR, policy_commands.ActivatePolicy(
        number=2, start=told, replaces=1, reason="Agreed with finance: margins of the last year, and who returns after a year is new."),
        {"policy": metric})  # fmt: skip
    other = {**margins, "churn_at": "notice", "escalators": "stripped"}
    office.tell(
        add_days(office.end, -40),
        DIRECTOR,
        policy_commands.DraftPolicyVersion.model_validate({"rules": other}),
        {"policy": metric},
    )


def _set(office: Office, since: str, rules: dict[str, Any]) -> str:
    """Rules in force from a day on, told on the story's first. Gives: the policy's id."""
    named = office.new_id("pol", rules["kind"])
    office.tell(office.start, DIRECTOR, policy_commands.DraftPolicy.model_validate({"rules": rules}), {}, new_id=named)
    office.tell(office.start, DIRECTOR, policy_commands.ActivatePolicy(number=1, start=since), {"policy": named})
    return named


def _rates(office: Office, since: str, base: str) -> Iterator[dict[str, str]]:
    """Monthly rates, to the story's end and a year beyond, wandering a little."""
    for currency in sorted(WORTH.keys() - {base}):
        rate, day = WORTH[currency] * 10_000 // WORTH[base], since
        while day <= add_months(office.end, 12):
            yield {"date": day, "currency": currency, "rate": f"{rate // 10_000}.{rate % 10_000:04d}"}
            rate += rate * office.rng.randrange(-14, 15) // 1_000
            day = add_months(day, 1)


# --- pay ---


def _pay(office: Office, lives: list[Life]) -> None:
    """A statement for everybody who won something, quarter by quarter; what is lost too soon is taken back."""
    made: dict[Statement, list[Win]] = {}
    for life in lives:
        for win in life.won:
            if _clear(win, life) and win.day >= office.start:
                made.setdefault((*quarter(win.day), win.owner, win.currency), []).append(win)
    for number, (statement, wins) in enumerate(sorted(made.items(), key=lambda one: one[0])):
        first, last, payee, currency = statement
        if first < office.start or last > office.end:
            continue
        told = add_days(last, 8 + number % 3)
        issue = {"plan": PLAN, "payee": payee, "from": first, "to": last, "currency": currency}
        office.say(
            told,
            incentive_statement_commands.IssueStatement.model_validate({**issue, "external_ref": _called(statement)}),
        )
        latest = add_months(last, 3) > office.end
        if latest or number % 7 == 1:
            _dispute(office, told, statement, wins[0], changed=number % 2 == 0, still_open=latest)
    for loss in (loss for life in lives for loss in life.lost):
        paid = next((statement for statement, wins in made.items() if loss.won in wins), None)
        if paid is not None and paid[0] >= office.start and paid[1] <= office.end:
            _claw_back(office, loss, paid)


def _clear(win: Win, life: Life) -> bool:
    """Whether it is beyond doubt, in any time zone, in which quarter something was won and whose it was."""
    before, after = add_days(win.day, -3), add_days(win.day, 3)
    return quarter(before) == quarter(after) and life.owner_on(before) == win.owner == life.owner_on(after)


def _called(statement: Statement) -> str:
    first, _last, payee, currency = statement
    return f"{payee}-{first[:4]}-q{int(first[5:7]) // 3 + 1}-{currency.lower()}"


def _dispute(office: Office, told: str, statement: Statement, win: Win, *, changed: bool, still_open: bool) -> None:
    """The payee says that a line is wrong; the director looks into it."""
    about = {"incentive_statement": f"ref:{_called(statement)}"}
    line = {"event": "evt_", "rule": "new_business" if win.topic == "contract.signed" else "renewal"}
    desk = Thread(office.rng, office.steps)
    wrong = {**line, "reason": "This one was mine; the notes of the first meeting say so."}
    cites = (win.step, win.topic)
    desk.tell(
        add_days(told, 4),
        statement[2],
        incentive_statement_commands.DisputeLine.model_validate(wrong),
        about,
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
    desk.tell(add_days(told, 17), DIRECTOR, resolve, about, cites=cites, role="director")


def _claw_back(office: Office, loss: Loss, statement: Statement) -> None:
    """What was paid for a contract that was lost within the plan's months."""
    if loss.day >= add_months(loss.won.day, 11):
        return
    topic = "contract.expired" if loss.step.actor.startswith("system:") else "contract.terminated"
    told = max(add_days(loss.day, 6), add_days(statement[1], 14))
    about = {"incentive_statement": f"ref:{_called(statement)}"}
    office.aside(told, DIRECTOR, incentive_statement_commands.ClawBack(event="evt_"), about, cites=(loss.step, topic))


# --- closing ---


def _close(office: Office, restated: set[tuple[str, str, str]]) -> None:
    """Every quarter and every year that the story holds whole; some are said anew once a mistake was found."""
    closed = set()
    for months in (3, 12):
        first = f"{office.start[:4]}-01-01"
        while (last := add_months(first, months)) <= office.end:
            if first >= office.start:
                closed.add((first, last))
                _one(office, first, last, months)
            first = last
    for (first, last), found in groupby(sorted(restated), key=lambda one: one[:2]):
        if (first, last) in closed:
            again = RestatePeriod(reason="An amendment was typed in wrongly; the auditors found it.")
            office.say(max(told for _, _, told in found), again, period_close=f"ref:{first}/{last}")


def _one(office: Office, first: str, last: str, months: int) -> None:
    told = add_days(last, 14 if months == 3 else 20)
    closed = {"from": first, "to": last, "kpis": CLOSED[months], "reason": "Closed with the accounts."}
    office.say(told, ClosePeriod.model_validate(closed))
    for kpi in CERTIFIED[:1] if months == 3 else CERTIFIED:
        asked = {"as_of": add_days(last, -1)} if kpi == "arr" else {"from": first, "to": last}
        said = {"kpi": kpi, "note": "For the bank." if months == 12 else "For the owners' meeting.", **asked}
        office.say(add_days(told, 1), IssueKpiCertificate.model_validate(said))
