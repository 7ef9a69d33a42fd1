"""A history told to an application through its real handler, and every figure of it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from app import kpi_queries as figures
from app.domain.account.commands import OpenAccount, SetAccountOwner, SetAccountTier
from app.domain.contract import commands
from app.domain.kernel.command import Command
from app.domain.kernel.errors import DomainError
from app.domain.kernel.values import add_days, instant
from app.domain.policy.commands import ActivatePolicy, DraftPolicy, DraftPolicyVersion, RetirePolicy
from app.domain.renewal.commands import DeferRenewal, OpenRenewal, SetRenewalRisk, SubmitForecast
from app.kpi_queries import KpiQuery, Scope
from projections.kpis import KPIS
from tests.kpi_queries.histories import PERIODS, Act, Deal, Handover, History, Look, Opened, Ruling, Step
from tests.kpi_queries.histories import Told as Tellable
from tests.support.application import Steward

NO_MONEY: Final = ("scope_creep_ratio", "alternative_acceptance")
"""Figures that take no currency."""
CORRECTABLE: Final = {
    "contract.drafted": ("start", "end", "auto_renew", "notice_days"),
    "contract.renewed": ("start", "end"),
    "contract.notice_given": ("effective_end",),
    "contract.terminated": ("effective_end",),
}


class Told:
    """A history that is told to an application. split: every main line is two lines that sum to it.

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
        """What is told, in order."""
        return [lambda step=step: self.tell(step) for step in self.history.steps]  # type: ignore[misc]

    def all(self) -> "Told":
        """Tells everything and lets the views read it."""
        for step in self.history.steps:
            self.tell(step)
        self.application.catch_up(self.tenant)
        return self

    def again(self, tenant: str, *, split: bool = False, reordered: bool = False) -> "Told":
        """The same history told to another tenant."""
        history, numbers = self.history, None
        if reordered:
            history, numbers = self.history.reordered(), self.history.renumbered()
        return Told(self.application, tenant, history, split, numbers).all()

    def tell(self, step: Tellable) -> None:
        """Tells one step; what is refused does not happen."""
        match step:
            case Opened(owner):
                opened = OpenAccount(name="Client", currency="USD", owner=owner, effective_at="2024-01-01")
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
        """What a command came to; None where what it says makes no sense, or is refused."""
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
        told = self.application.runtime.log.stream(self.tenant, policy) if policy else ()
        return sum(event.type == "policy.drafted" for event in told)

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
        """Whose a deal is that was told before."""
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

    def amended(self, act: Act, **told: Any) -> Command:
        """An amendment of the main line."""
        return commands.AmendContract(effective_at=act.day, changes=self.set_(act, **told))

    def set_(self, act: Act, **told: Any) -> tuple[commands.SetLine, ...]:
        """The main line set. Takes: what of; its price where nothing is named."""
        return tuple(
            commands.SetLine(op="set_line", line=name, cause=act.cause, **(told or {"unit_price": part}))  # type: ignore[arg-type]
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
        """A further term, with other lines or the same, late and without a gap where it is said."""
        lines = self._lines(self.deals[act.deal], act.price, plain=True) if act.cause == "escalator" else None
        end = act.other if act.other > act.day else None
        start = None if act.which == 0 else add_days(act.day, 20) if retroactive else act.day
        return commands.RenewContract(start=start, end=end, lines=lines, retroactive=retroactive)

    def corrected(self, act: Act, contract: str) -> Command:
        """What an amendment, or the draft, should have said of the main line."""
        wrong = self._event(contract, ("contract.amended", "contract.drafted"), act.which)
        return commands.CorrectContract(corrects=wrong.event_id, changes=self.set_(act))

    def terms_corrected(self, act: Act, contract: str) -> Command:
        """What a draft, a renewal, a notice or a termination should have said."""
        wrong = self._event(contract, tuple(CORRECTABLE), act.which)
        members = CORRECTABLE[wrong.type]
        member = members[act.which % len(members)]
        value: Any = {"auto_renew": act.yes, "notice_days": act.which * 20}.get(member, act.day)
        return commands.CorrectContract(corrects=wrong.event_id, terms=commands.Terms.model_validate({member: value}))

    def _event(self, contract: str, topics: tuple[str, ...], which: int) -> Any:
        found = [event for event in self.application.runtime.log.stream(self.tenant, contract) if event.type in topics]
        return found[which % len(found)]

    # --- what it comes to ---

    def ask(self, name: str, period: tuple[str, str] | None, method: str | None = None, *, known_at: int | None = None,
            reporting: str | None = None, **scope: Any) -> dict[str, Any]:  # fmt: skip
        """A figure of the history, in dollars unless said otherwise."""
        told: dict[str, Any] = {"currency": None if name in NO_MONEY else "USD", **scope}
        question = KpiQuery(name, *(period or (None, None)), method, Scope(**told), reporting_currency=reporting)
        reader = self.application.runtime.reader
        when = reader.when(self.tenant, None if period else "2025-12-31", None if known_at is None else str(known_at))
        return figures.evaluate(reader, self.tenant, question, when)

    def everything(self, *, known_at: int | None = None, **scope: Any) -> dict[tuple[str, ...], dict[str, Any]]:
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
"""What is said of a renewal cycle."""
_CONTRACT: Final[dict[str, Callable[[Told, Act, str], Command]]] = {
    "amend": lambda told, act, _: told.amended(act),
    "quantity": lambda told, act, _: told.amended(act, quantity=act.quantity),
    "discount": lambda told, act, _: told.amended(
        act, discount_percent=act.discount or "0", discount_end=act.other if act.discount and act.yes else None
    ),
    "discount_end": lambda told, act, _: told.amended(act, discount_end=act.other),
    "add": lambda told, act, _: told.added(act),
    "remove": lambda told, act, _: told.removed(act),
    "suspend": lambda _told, act, _: commands.SuspendContract(
        effective_at=act.day, effective_end=act.other if act.yes else None
    ),
    "resume": lambda _told, act, _: commands.ResumeContract(effective_at=act.day),
    "terminate": lambda _told, act, _: commands.TerminateContract(
        effective_end=act.day, reason="client left", voluntary=act.yes
    ),
    "notice": lambda _told, act, _: commands.GiveNotice(
        effective_at=act.day, effective_end=act.other if act.yes else None
    ),
    "withdraw": lambda _told, _act, _: commands.WithdrawNotice(),
    "renew": lambda told, act, _: told.renewed(act),
    "late": lambda told, act, _: told.renewed(act, retroactive=True),
    "correct": lambda told, act, contract: told.corrected(act, contract),
    "correct_terms": lambda told, act, contract: told.terms_corrected(act, contract),
    "open": lambda _told, _act, _: OpenRenewal(),
    "expire": lambda _told, _act, _: commands.ExpireContract(),
    "renew_itself": lambda _told, _act, _: commands.RenewAutomatically(),
}
"""What happens to a contract."""


def sums(answers: dict[tuple[str, ...], dict[str, Any]]) -> dict[tuple[str, ...], Any]:
    """Answers without what tells one ledger from another."""
    members = (
        "value", "numerator", "denominator", "rows", "warnings", "null_reason", "currency",
        "observations", "survival", "parameters", "cells", "averages", "herfindahl_index",
    )  # fmt: skip
    return {asked: {name: answer.get(name) for name in members} for asked, answer in answers.items()}
