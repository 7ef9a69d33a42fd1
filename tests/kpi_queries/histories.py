"""Random histories of an application: contracts and what happens to them, owners, policies, and days that pass."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from app.domain.policy.rules import FxRate, FxRules, MetricRules, RenewalRules, Rules

DAYS = [
    "2024-03-01", "2024-10-15", "2024-12-31", "2025-01-01", "2025-02-28", "2025-04-01", "2025-06-30", "2025-07-01", "2025-07-02",
    "2025-10-20", "2025-12-31", "2026-01-01", "2026-05-05",
]  # fmt: skip
"""Few days, so that many things happen at once, and often where a period begins."""
PERIODS = [("2025-01-01", "2025-07-01"), ("2025-07-01", "2026-01-01"), ("2025-01-01", "2026-01-01")]
OWNERS = ["usr_ann", "usr_ben", "usr_cat"]
TIERS = ["gold", "silver"]
INDUSTRIES = ["food", "retail"]
COUNTRIES = ["AT", "DE"]
DAY = st.sampled_from(DAYS)
START = st.sampled_from(["2024-03-01", "2024-03-01", "2024-10-15", *DAYS])
END = st.sampled_from([None, None, None, None, *DAYS[5:]])
PRICE = st.sampled_from([0, 25, 100, 2_501, 25_000, 30_001]).map(lambda cents: f"{Decimal(4 * cents) / 100:.2f}")
"""Divisible by four to the cent, so that a line can be split exactly."""
QUANTITY = st.sampled_from(["1", "1", "1", "3", "0"])
DISCOUNT = st.sampled_from([None, None, None, "10", "12.5", "100"])
CAUSE = st.sampled_from(["negotiation", "escalator"])


@dataclass(frozen=True)
class Opened:
    """A client, with its owner, where it has one."""

    owner: str | None


@dataclass(frozen=True)
class Step:
    """A day from which a line costs something else, or is another number of things."""

    day: str
    price: str | None
    quantity: str | None


@dataclass(frozen=True)
class Deal:
    """A contract to be signed for an account. replaces: the number of the deal that it follows."""

    account: int
    start: str
    end: str | None
    auto_renew: bool
    interval: str
    price: str
    currency: str
    quantity: str = "1"
    kind: str = "recurring"
    discount: str | None = None
    discount_end: str | None = None
    ramp: tuple[Step, ...] = ()
    months: int | None = None
    notice_days: int = 0
    replaces: int | None = None


@dataclass(frozen=True)
class Act:
    """Something that happens to a deal; what the rules refuse does not happen. which: of several events or kinds of terms."""

    deal: int
    kind: str
    day: str
    other: str
    price: str
    cause: str
    quantity: str = "1"
    discount: str | None = None
    yes: bool = False
    which: int = 0


@dataclass(frozen=True)
class Handover:
    """Another owner, tier or country of an account from a day on."""

    account: int
    day: str
    owner: str | None = None
    tier: str | None = None
    country: str | None = None


@dataclass(frozen=True)
class Ruling:
    """A version of a policy drafted and, where it has a start, put in force; or the last one retired."""

    rules: Rules
    start: str | None
    end: str | None
    replaces: bool = False
    retires: bool = False


@dataclass(frozen=True)
class Look:
    """So many days pass, and what is due by then is done."""

    days: int


HistoryStep = Opened | Deal | Act | Handover | Ruling | Look


@dataclass(frozen=True)
class History:
    """What happens, in order."""

    steps: tuple[HistoryStep, ...] = field(default=())

    @property
    def deals(self) -> list[Deal]:
        """What is sold, by number."""
        return [step for step in self.steps if isinstance(step, Deal)]

    def reordered(self) -> "History":
        """The same, first whose accounts are, then one contract after the other, the last one first. Contracts that follow one
        another stay together, and no step moves before or after days that pass between.
        """
        numbers = {id(deal): number for number, deal in enumerate(self.deals)}
        roots: list[int] = []
        for number, deal in enumerate(self.deals):
            roots.append(number if deal.replaces is None else roots[deal.replaces])
        numbered: list[tuple[int, tuple[int, int], HistoryStep]] = []
        segment = 0
        for step in self.steps:
            segment += isinstance(step, Look)
            match step:
                case Look():
                    place = (0, 0)
                case Opened():
                    place = (1, 0)
                case Handover() | Ruling():
                    place = (2, 0)
                case Deal():
                    place = (3, -roots[numbers[id(step)]])
                case Act():
                    place = (3, -roots[step.deal])
            numbered.append((segment, place, step))
        return History(tuple(step for _, _, step in sorted(numbered, key=lambda one: one[:2])))

    def renumbered(self) -> list[int]:
        """The number of each deal of the reordered history in this one; of two that say the same each is itself."""
        numbers = {id(deal): number for number, deal in enumerate(self.deals)}
        return [numbers[id(deal)] for deal in self.reordered().deals]


# --- strategies ---

STEPS = st.lists(st.builds(Step, DAY, PRICE | st.none(), QUANTITY | st.none()), max_size=3).map(tuple)


def sound(deal: Deal) -> Deal:
    """A deal with days in an order that is not refused."""
    end = deal.end if deal.end is None or deal.end > deal.start else None
    days = {step.day: step for step in deal.ramp if step.price or step.quantity}
    ramp = tuple(days[day] for day in sorted(days) if deal.start < day and (end is None or day < end))
    until = deal.discount_end if deal.discount and (deal.discount_end or "") > deal.start else None
    return replace(deal, end=end, ramp=ramp, discount_end=until)


def deals(accounts: int, sold: int = 0) -> st.SearchStrategy[Deal]:
    """A contract for one of so many accounts. Takes: how many were sold before, one of which it may follow."""
    return st.builds(
        Deal, st.integers(0, accounts - 1), START, END, st.booleans(),
        st.sampled_from(["month", "quarter", "year", "week", "two_years"]), PRICE,
        st.sampled_from(["USD", "USD", "USD", "USD", "EUR", "GBP"]),
        quantity=QUANTITY, kind=st.sampled_from(["recurring", "recurring", "recurring", "usage_commit"]),
        discount=DISCOUNT, discount_end=st.none() | DAY, ramp=st.just(()) | STEPS,
        months=st.sampled_from([None, 1, 6, 12]), notice_days=st.sampled_from([0, 30, 90]),
        replaces=st.none() | st.integers(0, sold - 1) if sold else st.none(),
    ).map(sound)  # fmt: skip


KINDS = [
    "amend", "amend", "amend", "quantity", "discount", "discount_end", "add", "remove", "suspend", "suspend", "resume", "terminate",
    "renew", "renew", "late", "notice", "withdraw", "correct", "correct_terms", "correct_terms", "open", "risk", "forecast",
    "defer", "expire", "renew_itself",
]  # fmt: skip


def acts(sold: int) -> st.SearchStrategy[Act]:
    """Something that happens to one of so many deals."""
    return st.builds(
        Act, st.integers(0, sold - 1), st.sampled_from(KINDS), DAY, DAY, PRICE, CAUSE, quantity=QUANTITY,
        discount=DISCOUNT, yes=st.booleans(), which=st.integers(0, 5),
    )  # fmt: skip


def handovers(accounts: int) -> st.SearchStrategy[Handover]:
    """An owner, a tier or a country of one of so many accounts."""
    return st.builds(
        Handover,
        st.integers(0, accounts - 1),
        DAY,
        st.none() | st.sampled_from(OWNERS),
        st.none() | st.sampled_from(TIERS),
        st.none() | st.sampled_from(COUNTRIES),
    )


METRIC = st.builds(
    MetricRules,
    reporting_currency=st.sampled_from([None, None, "USD", "EUR"]), fx=st.sampled_from(["constant", "spot"]),
    customer_from=st.sampled_from(["first_paid_day", "start"]),
    churn_at=st.sampled_from(["effective_end", "notice"]), contract_end=st.sampled_from(["contraction", "churn"]),
    new_and_churned=st.sampled_from(["waterfall", "counted", "ignored"]), reactivation_days=st.sampled_from([None, 1, 90]),
    shortest_gap_days=st.sampled_from([0, 0, 30, 400]), discounts=st.sampled_from(["lasting", "all", "none"]),
    hold=st.sampled_from(["zero", "unchanged"]), usage_commit=st.sampled_from(["counted", "excluded"]),
    netting=st.sampled_from(["instant", "month", "period"]), churn_denominator=st.sampled_from(["start", "start_and_new"]),
    reactivation=st.sampled_from(["separate", "expansion"]), escalators=st.sampled_from(["counted", "stripped"]),
)  # fmt: skip
RATE = st.sampled_from(["1.05", "1.1234567891", "0.97", "2", "0.0062"])


@st.composite
def tables(draw: st.DrawFn) -> FxRules:
    """Rates of euros and pounds in dollars, from a few days on."""
    days = ["2023-01-01", *sorted(set(draw(st.lists(DAY, max_size=3))))]
    return FxRules(
        base="USD",
        rates=tuple(FxRate(date=day, currency=money, rate=draw(RATE)) for day in days for money in ("EUR", "GBP")),
    )


RULES: st.SearchStrategy[Rules] = st.one_of(
    METRIC, st.just(MetricRules()), tables(), st.builds(RenewalRules, grace_days=st.sampled_from([0, 30, 365]))
)
RULINGS = st.builds(
    Ruling, RULES, st.sampled_from([None, "2020-01-01", "2020-01-01", *DAYS]), st.sampled_from([None, None, None, *DAYS[5:]]),
    replaces=st.booleans(), retires=st.sampled_from([False, False, False, True]),
)  # fmt: skip


@st.composite
def histories(draw: st.DrawFn, ruled: bool = False) -> History:
    """A history of a few accounts. Takes: whether the tenant has rules of its own."""
    owners = draw(st.lists(st.sampled_from([*OWNERS, None]), min_size=1, max_size=3))
    steps: list[Any] = [Opened(owner) for owner in owners]
    count = draw(st.integers(2, 5))
    steps += [draw(deals(len(owners), number)) for number in range(count)]
    steps += draw(st.lists(acts(count), min_size=3, max_size=14))
    steps += draw(st.lists(handovers(len(owners)), max_size=3))
    if ruled:
        steps += draw(st.lists(RULINGS, max_size=3))
    return History(tuple(steps))
