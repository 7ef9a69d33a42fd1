"""Random histories of a house, taken through the real handler: contracts signed, changed, rested, renewed, ended, corrected."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from app import figures
from app.domain import contract_commands
from app.domain.account import OpenAccount, SetAccountOwner
from app.domain.command import Command
from app.domain.errors import DomainError
from app.figures import FigureQuestion, Scope
from projections.kpis import KPIS
from tests.support.house import House

DAYS = [
    "2024-03-01", "2024-10-15", "2024-12-31", "2025-01-01", "2025-02-28", "2025-04-01", "2025-06-30", "2025-07-01", "2025-07-02",
    "2025-10-20", "2025-12-31", "2026-01-01", "2026-05-05",
]  # fmt: skip
"""Few days, so that many things happen at once, and often where a period begins."""
PERIODS = [("2025-01-01", "2025-07-01"), ("2025-07-01", "2026-01-01"), ("2025-01-01", "2026-01-01")]
OWNERS = ["usr_ann", "usr_ben", "usr_cat"]
DAY = st.sampled_from(DAYS)
START = st.sampled_from(["2024-03-01", "2024-03-01", "2024-10-15", *DAYS])
END = st.sampled_from([None, None, None, None, *DAYS[5:]])
PRICE = st.sampled_from([0, 25, 100, 2_501, 25_000, 30_001]).map(lambda cents: f"{Decimal(4 * cents) / 100:.2f}")
"""Divisible by four to the cent, so that a line can be split exactly."""


@dataclass(frozen=True)
class Deal:
    """A contract to be signed for an account."""

    account: int
    start: str
    end: str | None
    auto_renew: bool
    interval: str
    price: str
    currency: str


@dataclass(frozen=True)
class Act:
    """Something that happens to a deal; what the rules refuse does not happen."""

    deal: int
    kind: str
    day: str
    other: str
    price: str
    cause: str


@dataclass(frozen=True)
class History:
    """Accounts by their first owner, deals, acts, and handovers (account, day, owner)."""

    owners: tuple[str, ...]
    deals: tuple[Deal, ...]
    acts: tuple[Act, ...]
    handovers: tuple[tuple[int, str, str], ...]


KINDS = [
    "amend",
    "amend",
    "amend",
    "amend",
    "add",
    "remove",
    "suspend",
    "resume",
    "terminate",
    "renew",
    "notice",
    "correct",
]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A history of a few accounts."""
    owners = tuple(draw(st.lists(st.sampled_from(OWNERS), min_size=1, max_size=3)))
    deal = st.builds(
        Deal, st.integers(0, len(owners) - 1), START, END, st.booleans(),
        st.sampled_from(["month", "quarter", "year", "week", "two_years"]), PRICE, st.sampled_from(["USD", "USD", "USD", "USD", "EUR"]),
    )  # fmt: skip
    deals = tuple(draw(st.lists(deal, min_size=2, max_size=5)))
    act = st.builds(Act, st.integers(0, len(deals) - 1), st.sampled_from(KINDS), DAY, DAY, PRICE,
                    st.sampled_from(["negotiation", "escalator"]))  # fmt: skip
    acts = tuple(draw(st.lists(act, min_size=3, max_size=12)))
    handover = st.tuples(st.integers(0, len(owners) - 1), DAY, st.sampled_from(OWNERS))
    return History(owners, deals, acts, tuple(draw(st.lists(handover, max_size=3))))


@dataclass
class Told:
    """A history told to a house. split: every main line is two lines that sum to it."""

    house: House
    tenant: str
    history: History
    split: bool = False

    def __post_init__(self) -> None:
        self.accounts = [self._opened(owner) for owner in self.history.owners]
        self.contracts: dict[int, str] = {}

    def _opened(self, owner: str) -> str:
        command = OpenAccount(name="Client", currency="USD", owner=owner, effective_at="2024-01-01")
        return self.house.do(command, tenant=self.tenant).id

    def steps(self) -> list[tuple[int, Callable[[], Any]]]:
        """What is told, in order, each with the deal it is about; the handovers come last and are about none."""
        deals = [(at, lambda at=at, deal=deal: self._sign(at, deal)) for at, deal in enumerate(self.history.deals)]
        acts = [(act.deal, lambda act=act: self._act(act)) for act in self.history.acts]
        handovers = [
            (
                -1,
                lambda told=told: self._try(
                    SetAccountOwner(owner=told[2], effective_at=told[1]), account=self.accounts[told[0]]
                ),
            )
            for told in self.history.handovers
        ]
        return [*deals, *acts, *handovers]

    def all(self) -> "Told":
        """Tells everything and lets the views read it."""
        for _, step in self.steps():
            step()
        self.house.catch_up(self.tenant)
        return self

    def by_deal(self) -> "Told":
        """Tells the same, handovers first, then one deal after the other, the last one first."""
        for _, step in sorted(self.steps(), key=lambda told: -told[0] if told[0] >= 0 else -1000):
            step()
        self.house.catch_up(self.tenant)
        return self

    def _try(self, command: Command, **targets: str) -> Any:
        try:
            return self.house.do(command, tenant=self.tenant, **targets)
        except DomainError:
            return None

    def _lines(self, price: str, interval: str) -> tuple[contract_commands.Line, ...]:
        return tuple(
            contract_commands.Line(line=name, product="retainer", unit_price=part, interval=interval)  # type: ignore[arg-type]
            for name, part in self._parts(price)
        )

    def _parts(self, price: str) -> list[tuple[str, str]]:
        if not self.split:
            return [("main", price)]
        quarter = Decimal(price) / 4
        return [("main-a", f"{quarter:.2f}"), ("main-b", f"{Decimal(price) - quarter:.2f}")]

    def _sign(self, at: int, deal: Deal) -> None:
        try:
            command = contract_commands.RecordContract(
                currency=deal.currency, start=deal.start, end=deal.end, auto_renew=deal.auto_renew, signed_at=deal.start,
                effective_at=deal.start, lines=self._lines(deal.price, deal.interval),
            )  # fmt: skip
        except ValueError:
            return
        signed = self._try(command, account=self.accounts[deal.account])
        if signed:
            self.contracts[at] = signed.id

    def _act(self, act: Act) -> None:
        contract = self.contracts.get(act.deal)
        if contract is None:
            return
        deal = self.history.deals[act.deal]
        command: Command | None = None
        match act.kind:
            case "amend":
                command = contract_commands.AmendContract(effective_at=act.day, changes=self._set(act))
            case "add":
                extra = contract_commands.AddLine(
                    op="add_line", line=f"extra {act.day}", product="more", unit_price=act.price, interval="month"
                )
                command = contract_commands.AmendContract(effective_at=act.day, changes=(extra,))
            case "remove":
                gone = tuple(
                    contract_commands.RemoveLine(op="remove_line", line=name) for name, _ in self._parts(act.price)
                )
                command = contract_commands.AmendContract(effective_at=act.day, changes=gone)
            case "suspend":
                end = act.other if act.cause == "escalator" else None
                command = contract_commands.SuspendContract(effective_at=act.day, effective_end=end)
            case "resume":
                command = contract_commands.ResumeContract(effective_at=act.day)
            case "terminate":
                command = contract_commands.TerminateContract(
                    effective_end=act.day, reason="client left", voluntary=True
                )
            case "notice":
                command = contract_commands.GiveNotice(effective_at=act.day)
            case "renew":
                lines = self._lines(act.price, deal.interval) if act.cause == "escalator" else None
                end = act.other if act.other > act.day else None
                command = contract_commands.RenewContract(start=act.day, end=end, lines=lines)
            case "correct":
                amended = [event.event_id for event in self.house.runtime.log.after(self.tenant, 0, 1000, stream_id=contract)
                           if event.type == "contract.amended"]  # fmt: skip
                if amended:
                    command = contract_commands.CorrectContract(corrects=amended[-1], changes=self._set(act))
        if command is not None:
            self._try(command, contract=contract)

    def _set(self, act: Act) -> tuple[contract_commands.SetLine, ...]:
        cause: Any = act.cause
        return tuple(
            contract_commands.SetLine(op="set_line", line=name, unit_price=part, cause=cause)
            for name, part in self._parts(act.price)
        )

    # --- what it comes to ---

    def ask(self, name: str, period: tuple[str, str] | None, method: str | None = None, *, known_at: int | None = None,
            reporting: str | None = None, **scope: Any) -> dict[str, Any]:  # fmt: skip
        """A figure of the history, in dollars unless said otherwise."""
        told: dict[str, Any] = {
            "currency": None if name in ("scope_creep_ratio", "alternative_acceptance") else "USD",
            **scope,
        }
        question = FigureQuestion(name, *(period or (None, None)), method, Scope(**told), reporting_currency=reporting)
        reader = self.house.runtime.reader
        when = reader.when(self.tenant, None if period else "2025-12-31", None if known_at is None else str(known_at))
        return figures.answer(reader, self.tenant, question, when)

    def everything(self, *, known_at: int | None = None, **scope: Any) -> dict[tuple[str, ...], dict[str, Any]]:
        """Every figure by every method over every period."""
        return {
            (kpi.name, method, *(period or ())): self.ask(kpi.name, period, method, known_at=known_at, **scope)
            for kpi in KPIS
            for method in kpi.methods
            for period in (PERIODS if kpi.kind == "period" else [None])
        }


def sums(answers: dict[tuple[str, ...], dict[str, Any]]) -> dict[tuple[str, ...], Any]:
    """Answers without what tells one ledger from another."""
    members = (
        "value", "numerator", "denominator", "rows", "warnings", "null_reason", "currency",
        "observations", "survival", "parameters", "cells", "averages", "herfindahl_index",
    )  # fmt: skip
    return {asked: {name: answer.get(name) for name in members} for asked, answer in answers.items()}
