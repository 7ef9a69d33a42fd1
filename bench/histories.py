"""Histories: the events of one client over three years, one event a step. The same seed gives the same history."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from app.domain.account.events import AccountOpened, AccountOwnerSet, AccountTierSet
from app.domain.contract.events import (
    ContractAmended,
    ContractDrafted,
    ContractRenewed,
    ContractSigned,
    ContractTerminated,
    Line,
    LineSet,
)
from app.domain.interaction.events import InteractionLogged, Participant
from app.domain.kernel.event import Event
from app.domain.kernel.values import add_days, add_months, day_of, day_start, instant, typeid
from app.domain.scope_change.events import ClientDecided, ResponseSent, ScopeChangeRaised, WorkAbsorbed
from app.store.new_event import NewEvent

ZONE: Final = ZoneInfo("UTC")
STARTS: Final = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
ENDS: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
OWNERS: Final = 300
_CHANNELS: Final = ("call", "mail", "mail", "meeting", "chat", "visit", "portal")
_TOPICS: Final = ("campaign", "budget", "briefing", "report", "invoice", "launch", "media plan", "complaint")


@dataclass(frozen=True)
class Step:
    """The next event of a stream, and the external references that it claims."""

    draft: NewEvent
    claims: tuple[tuple[str, str], ...] = ()


@dataclass
class History:
    """One client: opened, a contract drafted and signed, then interactions, amendments, renewals, scope changes; sometimes the end.

    Takes: a random generator, and a function that makes ids.
    """

    number: int
    random: random.Random
    new_id: Callable[[str], str]
    account: str = ""
    contract: str = ""
    signed: bool = False
    ends: str = ""
    amendments: int = 0
    prices: dict[str, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    follow_ups: list[tuple[str, Event]] = field(default_factory=list)

    def step(self, at: int) -> Step:
        """The next event. Takes: when it happens, in microseconds."""
        if not self.account:
            return self._opened(at)
        if not self.contract:
            return (
                self._drafted(at)
                if self.versions.get("contracts", 0) == 0 or self._by_chance(0.1)
                else self._logged(at)
            )
        if not self.signed:
            self.signed = True
            return self._step(self.contract, ContractSigned(signed_at=instant(at)), at)
        if day_of(at, ZONE) >= add_days(self.ends, -30):
            return self._term_ended(at)
        if self.follow_ups:
            stream, event = self.follow_ups.pop(0)
            return self._step(stream, event, at)
        roll = self.random.random()
        if roll < 0.08:
            return self._amended(at)
        if roll < 0.10:
            return self._scope_change_raised(at)
        if roll < 0.11:
            return self._tier_or_owner_set(at)
        return self._logged(at)

    # --- the account ---

    def _opened(self, at: int) -> Step:
        self.account, ref = self.new_id("acct"), f"client-{self.number}"
        event = AccountOpened(
            name=f"Client {self.number:05d}",
            currency="EUR",
            time_zone="UTC",
            industry=self.random.choice(("retail", "travel", "software", "food")),
            tier=self.random.choice("abc"),
            owner=f"manager-{self.number % OWNERS}",
            external_ref=ref,
        )
        return self._step(self.account, event, at, (("account", ref),))

    def _tier_or_owner_set(self, at: int) -> Step:
        if self._by_chance(0.5):
            return self._step(self.account, AccountTierSet(tier=self.random.choice("abc")), at)
        return self._step(self.account, AccountOwnerSet(owner=f"manager-{self.random.randrange(OWNERS)}"), at)

    def _logged(self, at: int) -> Step:
        event = InteractionLogged(
            account=self.account,
            channel=self.random.choice(_CHANNELS),
            direction=self.random.choice(("inbound", "outbound")),
            occurred_at=instant(at),
            subject="About the campaign of next month" if self._by_chance(0.1) else None,
            participants=(Participant(stakeholder=f"contact-{self.number}-{self.random.randrange(3)}", role="client"),),
            sentiment=self.random.choice((None, None, "0.5", "-0.25")),
            topics=tuple(self.random.sample(_TOPICS, self.random.randrange(3))),
            duration_seconds=self.random.randrange(60, 3600),
        )
        return self._step(self.new_id("int"), event, at)

    # --- the contract ---

    def _drafted(self, at: int) -> Step:
        self.contract, self.signed, start = self.new_id("ctr"), False, day_of(at, ZONE)
        self.versions["contracts"] = self.versions.get("contracts", 0) + 1
        self.ends, self.amendments = add_months(start, 12), 0
        self.prices = {"retainer": self.random.randrange(500, 5000), "media": self.random.randrange(100, 20_000)}
        lines = tuple(
            Line(line=name, product=name, kind="recurring", quantity="1", unit_price=f"{price}.00", interval="month")
            for name, price in self.prices.items()
        )
        event = ContractDrafted(
            account=self.account,
            currency="EUR",
            start=start,
            end=self.ends,
            auto_renew=self._by_chance(0.8),
            notice_days=30,
            renewal_term_months=12,
            lines=lines,
        )
        return self._step(self.contract, event, at)

    def _amended(self, at: int) -> Step:
        name = self.random.choice(list(self.prices))
        self.prices[name] = max(1, int(self.prices[name] * self.random.uniform(0.8, 1.3)))
        self.amendments += 1
        change = LineSet(
            line=name, unit_price=f"{self.prices[name]}.00", cause=self.random.choice(("negotiation", "escalator"))
        )
        return self._step(self.contract, ContractAmended(amendment_no=self.amendments, changes=(change,)), at)

    def _term_ended(self, at: int) -> Step:
        """At the end of a term: renewed, or terminated."""
        contract, ended = self.contract, self.ends
        if self._by_chance(0.1):
            self.contract = ""
            termination = ContractTerminated(effective_end=ended, reason="budget", voluntary=self._by_chance(0.8))
            return self._step(contract, termination, at)
        self.ends = add_months(ended, 12)
        timing = "late" if day_of(at, ZONE) > ended else "early"
        renewal = ContractRenewed(
            start=ended, end=self.ends, previous_end=ended, timing=timing, retroactive=timing == "late"
        )
        return self._step(contract, renewal, day_start(ended, ZONE))

    # --- scope changes ---

    def _scope_change_raised(self, at: int) -> Step:
        scope_change = self.new_id("scr")
        if self._by_chance(0.4):
            self.follow_ups = [(scope_change, WorkAbsorbed(hours="3.5", cause="goodwill", approved_by="manager"))]
        else:
            self.follow_ups = [
                (
                    scope_change,
                    ResponseSent(
                        kind="decline_with_alternative", alternative="A smaller one now, the rest next quarter"
                    ),
                ),
                (scope_change, ClientDecided(accepted=self._by_chance(0.7), decided_at=instant(at))),
            ]
        raised = ScopeChangeRaised(
            account=self.account, contract=self.contract, title="One more channel", request="Could you also …"
        )
        return self._step(scope_change, raised, at)

    # --- steps ---

    def _by_chance(self, share: float) -> bool:
        return self.random.random() < share

    def _step(self, stream: str, event: Event, at: int, claims: tuple[tuple[str, str], ...] = ()) -> Step:
        version = 1
        if not isinstance(event, InteractionLogged):  # each interaction is a stream of one event
            version = self.versions[stream] = self.versions.get(stream, 0) + 1
        return Step(NewEvent(event, self.new_id("evt"), stream, version, self.account, at), claims)


class Ids:
    """Ids of the same form as the application's, the same for the same seed. `at`: the microseconds in them."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self.at = STARTS

    def __call__(self, prefix: str) -> str:
        """The next id."""
        number = (self.at // 1000) << 80 | 0x7 << 76 | self._random.getrandbits(12) << 64 | 0b10 << 62
        return typeid(prefix, (number | self._random.getrandbits(62)).to_bytes(16, "big"))
