"""Plays a history against an application, through its real handler, and reads every figure of it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from app import kpi_queries as figures
from app.domain.account.commands import OpenAccount, SetAccountCountry, SetAccountOwner, SetAccountTier
from app.domain.contract import commands
from app.domain.kernel.command import Command
from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import add_days, instant
from app.domain.policy.commands import ActivatePolicy, DraftPolicy, DraftPolicyVersion, RetirePolicy
from app.domain.renewal.commands import DeferRenewal, OpenRenewal, SetRenewalRisk, SubmitForecast
from app.kpi_queries import KpiQuery, Scope
from projections.kpis import KPIS
from tests.kpi_queries.histories import (
    COUNTRIES,
    INDUSTRIES,
    PERIODS,
    Act,
    Deal,
    Handover,
    History,
    HistoryStep,
    Look,
    Opened,
    Ruling,
    Step,
)
from tests.support.application import Steward

NO_MONEY: Final = ("scope_creep_ratio", "alternative_acceptance")
"""Figures that take no currency."""
CORRECTABLE: Final = {
    "contract.drafted": ("start", "end", "auto_renew", "notice_days"),
    "contract.renewed": ("start", "end"),
    "contract.notice_given": ("effective_end",),
    "contract.terminated": ("effective_end",),
}


class PlayedHistory:
    """A history played against an application. split: every main line is two lines that sum to it.

    numbers: the numbers of its deals in another history of the same, where their order is another one.
    """

    def __init__(
        self,
        steward: Steward,
        tenant: str,
        history: History,
        split: bool = False,
        numbers: list[int] | None = None,
    ) -> None:
        self.application, self.tenant, self.history, self.split = steward, tenant, history, split
        self.accounts: list[str] = []
        self.contracts: dict[int, str] = {}
        self.deals: dict[int, Deal] = {}
        self.policies: dict[str, str] = {}
        self._numbers = numbers

    def steps(self) -> list[Callable[[], None]]:
        """What is to be played, in order."""
        return [lambda step=step: self.play(step) for step in self.history.steps]  # type: ignore[misc]

    def play_all(self) -> "PlayedHistory":
        """Plays every step and lets the views read it."""
        for step in self.history.steps:
            self.play(step)
        self.application.catch_up(self.tenant)
        return self

    def play_again(self, tenant: str, *, split: bool = False, reordered: bool = False) -> "PlayedHistory":
        """The same history played for another tenant."""
        history, numbers = self.history, None
        if reordered:
            history, numbers = self.history.reordered(), self.history.renumbered()
        return PlayedHistory(self.application, tenant, history, split, numbers).play_all()

    def play(self, step: HistoryStep) -> None:
        """Plays one step; what is refused does not happen."""
        match step:
            case Opened(owner):
                number = len(self.accounts)
                industry, country = (*INDUSTRIES, None)[number % 3], (None, *COUNTRIES)[number % 3]
                opened = OpenAccount(
                    name="Client",
                    currency="USD",
                    owner=owner,
                    industry=industry,
                    country=country,
                    effective_at="2024-01-01",
                )
                self.accounts.append(self.application.do(opened, tenant=self.tenant).id)
            case Deal():
                number = len(self.deals)
                self._sign(number if self._numbers is None else self._numbers[number], step)
            case Act():
                self._act(step)
            case Handover():
                self._hand_over(step)
            case Ruling():
                self._rule(step)
            case Look(days):
                self.application.clock.set(instant(self.application.clock.now + days * 86_400_000_000))
                self.application.catch_up(self.tenant)
                self.application.runtime.watcher.run_once(self.tenant)

    def try_(self, make: Callable[[], Command], **targets: str) -> Any:
        """The result of a command; None where its members are invalid, or it is refused."""
        try:
            return self.application.do(make(), tenant=self.tenant, **targets)
        except (DomainError, ValueError):
            return None

    # --- accounts and rules ---

    def _hand_over(self, step: Handover) -> None:
        account = self.accounts[step.account]
        if step.owner:
            owned = SetAccountOwner(owner=step.owner, effective_at=step.day)
            self.try_(lambda: owned, account=account)
        if step.tier:
            tiered = SetAccountTier(tier=step.tier, effective_at=step.day)
            self.try_(lambda: tiered, account=account)
        if step.country:
            moved = SetAccountCountry(country=step.country, effective_at=step.day)
            self.try_(lambda: moved, account=account)

    def _rule(self, ruling: Ruling) -> None:
        kind = ruling.rules.kind  # type: ignore[attr-defined]
        last = self._versions(kind)
        if ruling.retires:
            if last and ruling.end:
                end = ruling.end
                self.try_(lambda: RetirePolicy(number=last, end=end), policy=self.policies[kind])
            return
        if last == 0:
            self.policies[kind] = self.application.do(DraftPolicy(rules=ruling.rules), tenant=self.tenant).id  # type: ignore[arg-type]
        else:
            another = DraftPolicyVersion(rules=ruling.rules)  # type: ignore[arg-type]
            self.application.do(another, tenant=self.tenant, policy=self.policies[kind])
        if ruling.start:
            activation = ActivatePolicy(
                number=last + 1,
                start=ruling.start,
                end=ruling.end,
                replaces=last if ruling.replaces and last else None,
            )
            self.try_(lambda: activation, policy=self.policies[kind])

    def _versions(self, kind: str) -> int:
        """How many versions there are of a policy."""
        policy = self.policies.get(kind)
        events = self.application.runtime.log.stream(self.tenant, policy) if policy else ()
        return sum(event.type == "policy.drafted" for event in events)

    # --- contracts ---

    def _parts(self, price: str) -> list[tuple[str, str]]:
        if not self.split:
            return [("main", price)]
        quarter = Decimal(price) / 4
        return [("main-a", f"{quarter:.2f}"), ("main-b", f"{Decimal(price) - quarter:.2f}")]

    def _ramp(self, steps: tuple[Step, ...], part: int) -> tuple[commands.RampStep, ...] | None:
        return tuple(
            commands.RampStep(
                start=step.day,
                unit_price=None if step.price is None else self._parts(step.price)[part][1],
                quantity=step.quantity,
            )
            for step in steps
        ) or None  # fmt: skip

    def _lines(self, deal: Deal, price: str, *, plain: bool = False) -> tuple[commands.Line, ...]:
        more: dict[str, Any] = {}
        if not plain:
            more = {"discount_percent": deal.discount, "discount_end": deal.discount_end if deal.discount else None}
        return tuple(
            commands.Line(
                line=name, product="retainer", unit_price=part, quantity=deal.quantity, interval=deal.interval,  # type: ignore[arg-type]
                kind=deal.kind, **more, ramp=None if plain else self._ramp(deal.ramp, at),  # type: ignore[arg-type]
            )
            for at, (name, part) in enumerate(self._parts(price))
        )  # fmt: skip

    def _sign(self, number: int, deal: Deal) -> None:
        self.deals[number] = deal
        follows = deal.replaces is not None and self.account_of(deal.replaces) == deal.account
        replaced = self.contracts.get(deal.replaces or 0) if follows else None
        signed = self.try_(
            lambda: commands.RecordContract(
                currency=deal.currency, start=deal.start, end=deal.end, auto_renew=deal.auto_renew, signed_at=deal.start,
                effective_at=deal.start, lines=self._lines(deal, deal.price), renewal_term_months=deal.months,
                notice_days=deal.notice_days, replaces=replaced,
            ),
            account=self.accounts[deal.account],
        )  # fmt: skip
        if signed:
            self.contracts[number] = signed.id

    def account_of(self, number: int) -> int | None:
        """Whose an earlier deal is."""
        return self.deals[number].account if number in self.deals else None

    def _act(self, act: Act) -> None:
        contract = self.contracts.get(act.deal)
        if contract is None:
            return
        if act.kind in CYCLE:
            cycle = next((row.renewal for row in self._cycles(contract) if row.renewal), None)
            if cycle:
                self.try_(lambda: CYCLE[act.kind](act), renewal=cycle)
        else:
            self.try_(lambda: _CONTRACT[act.kind](self, act, contract), contract=contract)

    def _cycles(self, contract: str) -> list[Any]:
        """The renewals of a contract, the newest first."""
        rows = [row for row in self.application.rows("renewals", tenant=self.tenant) if row.contract == contract]
        return sorted(rows, key=lambda row: row.due, reverse=True)

    def amended(self, act: Act, **members: Any) -> Command:
        """An amendment of the main line."""
        return commands.AmendContract(effective_at=act.day, changes=self.set_(act, **members))

    def set_(self, act: Act, **members: Any) -> tuple[commands.SetLine, ...]:
        """The main line set. Takes: what of; its price where nothing is named."""
        return tuple(
            commands.SetLine(op="set_line", line=name, cause=act.cause, **(members or {"unit_price": part}))  # type: ignore[arg-type]
            for name, part in self._parts(act.price)
        )

    def added(self, act: Act) -> Command:
        """A further line, which may have a plan."""
        ramp = (commands.RampStep(start=act.other, unit_price=act.price),) if act.yes else None
        line = commands.AddLine(
            op="add_line", line=f"extra {act.day}", product="more", unit_price=act.price, interval="month",
            quantity=act.quantity, discount_percent=act.discount, discount_end=act.other if act.discount and act.yes else None,
            ramp=ramp,
        )  # fmt: skip
        return commands.AmendContract(effective_at=act.day, changes=(line,))

    def removed(self, act: Act) -> Command:
        """The main line taken off."""
        gone = tuple(commands.RemoveLine(op="remove_line", line=name) for name, _ in self._parts(act.price))
        return commands.AmendContract(effective_at=act.day, changes=gone)

    def renewed(self, act: Act, *, retroactive: bool = False) -> Command:
        """A further term, with other lines or the same; `retroactive`: recorded late and without a gap."""
        lines = self._lines(self.deals[act.deal], act.price, plain=True) if act.cause == "escalator" else None
        end = act.other if act.other > act.day else None
        start = None if act.which == 0 else add_days(act.day, 20) if retroactive else act.day
        return commands.RenewContract(start=start, end=end, lines=lines, retroactive=retroactive)

    def corrected(self, act: Act, contract: str) -> Command:
        """A correction of an amendment, or of the draft, of the main line."""
        wrong = self._event(contract, ("contract.amended", "contract.drafted"), act.which)
        return commands.CorrectContract(corrects=wrong.event_id, changes=self.set_(act))

    def terms_corrected(self, act: Act, contract: str) -> Command:
        """A correction of a draft, a renewal, a notice or a termination."""
        wrong = self._event(contract, tuple(CORRECTABLE), act.which)
        members = CORRECTABLE[wrong.type]
        member = members[act.which % len(members)]
        value: Any = {"auto_renew": act.yes, "notice_days": act.which * 20}.get(member, act.day)
        return commands.CorrectContract(corrects=wrong.event_id, terms=commands.Terms.model_validate({member: value}))

    def _event(self, contract: str, topics: tuple[str, ...], which: int) -> Any:
        events = [event for event in self.application.runtime.log.stream(self.tenant, contract) if event.type in topics]
        return events[which % len(events)]

    # --- its figures ---

    def ask(self, name: str, period: tuple[str, str] | None, method: str | None = None, *, known_at: int | None = None,
            reporting: str | None = None, **scope: Any) -> dict[str, Any]:  # fmt: skip
        """A figure of the history, in dollars unless the scope names another currency."""
        members: dict[str, Any] = {"currency": None if name in NO_MONEY else "USD", **scope}
        query = KpiQuery(name, *(period or (None, None)), method, Scope(**members), reporting_currency=reporting)
        reader = self.application.runtime.reader
        by_now = period is not None and known_at is None
        when = reader.when(self.tenant, None if by_now else "2025-12-31", None if known_at is None else str(known_at))
        return figures.evaluate(reader, self.tenant, query, when)

    def sums(self, name: str, period: tuple[str, str] | None, method: str, **scope: Any) -> tuple[int, int]:
        """Numerator and denominator of a figure in dollars before they are rounded."""
        query = KpiQuery(name, *(period or (None, None)), method, Scope(currency="USD", **scope))
        reader = self.application.runtime.reader
        when = reader.when(self.tenant, None if period else "2025-12-31")
        measured = figures.evaluate_exactly(reader, self.tenant, query, when)[0].measure
        return measured.numerator, measured.denominator

    def every_figure(self, *, known_at: int | None = None, **scope: Any) -> dict[tuple[str, ...], dict[str, Any]]:
        """Every figure by every method over every period."""
        return {
            (kpi.name, method, *(period or ())): self.ask(kpi.name, period, method, known_at=known_at, **scope)
            for kpi in KPIS
            for method in kpi.methods
            for period in (PERIODS if kpi.kind == "period" else [None])
        }


CYCLE: Final[dict[str, Callable[[Act], Command]]] = {
    "risk": lambda act: SetRenewalRisk(risk=("on_track", "watch", "at_risk", "critical")[act.which % 4]),  # type: ignore[arg-type]
    "forecast": lambda act: SubmitForecast(
        category=("commit", "best_case", "at_risk", "lost")[act.which % 4],  # type: ignore[arg-type]
        probability="0.333333" if act.yes else None,
        expected_value=act.price,
    ),
    "defer": lambda act: DeferRenewal(new_due=act.other),
}
"""What may happen to a renewal cycle."""
_CONTRACT: Final[dict[str, Callable[[PlayedHistory, Act, str], Command]]] = {
    "amend": lambda played, act, _: played.amended(act),
    "quantity": lambda played, act, _: played.amended(act, quantity=act.quantity),
    "discount": lambda played, act, _: played.amended(
        act, discount_percent=act.discount or "0", discount_end=act.other if act.discount and act.yes else None
    ),
    "discount_end": lambda played, act, _: played.amended(act, discount_end=act.other),
    "add": lambda played, act, _: played.added(act),
    "remove": lambda played, act, _: played.removed(act),
    "suspend": lambda _played, act, _: commands.SuspendContract(
        effective_at=act.day, effective_end=act.other if act.yes else None
    ),
    "resume": lambda _played, act, _: commands.ResumeContract(effective_at=act.day),
    "terminate": lambda _played, act, _: commands.TerminateContract(
        effective_end=act.day, reason="client left", voluntary=act.yes
    ),
    "notice": lambda _played, act, _: commands.GiveNotice(
        effective_at=act.day, effective_end=act.other if act.yes else None
    ),
    "withdraw": lambda _played, _act, _: commands.WithdrawNotice(),
    "renew": lambda played, act, _: played.renewed(act),
    "late": lambda played, act, _: played.renewed(act, retroactive=True),
    "correct": lambda played, act, contract: played.corrected(act, contract),
    "correct_terms": lambda played, act, contract: played.terms_corrected(act, contract),
    "open": lambda _played, _act, _: OpenRenewal(),
    "expire": lambda _played, _act, _: commands.ExpireContract(),
    "renew_itself": lambda _played, _act, _: commands.RenewAutomatically(),
}
"""What happens to a contract."""


def sums(answers: dict[tuple[str, ...], dict[str, Any]]) -> dict[tuple[str, ...], Any]:
    """Answers without the members that differ from one tenant to another."""
    members = (
        "value", "numerator", "denominator", "rows", "warnings", "null_reason", "currency",
        "observations", "survival", "parameters", "cells", "averages", "herfindahl_index",
    )  # fmt: skip
    return {query: {name: answer.get(name) for name in members} for query, answer in answers.items()}
