"""Stories: what happens to one client over the years, one event a step, the same for the same seed."""

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

WHERE: Final = ZoneInfo("UTC")
STARTS: Final = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
ENDS: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
OWNERS: Final = 50
_CHANNELS: Final = ("call", "mail", "mail", "meeting", "chat", "visit", "portal")
_TOPICS: Final = ("campaign", "budget", "briefing", "report", "invoice", "launch", "media plan", "complaint")


@dataclass(frozen=True)
class Step:
    """An event that is next in its stream, and the references that it claims."""

    draft: NewEvent
    claims: tuple[tuple[str, str], ...] = ()


@dataclass
class Story:
    """A client: opened, a contract drafted and signed, then calls and mails, amendments, renewals, wishes; sometimes the end.

    Takes: a random generator of its own, and a maker of ids.
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
    ahead: list[tuple[str, Event]] = field(default_factory=list)

    def step(self, at: int) -> Step:
        """What happens next. Takes: when, in microseconds."""
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
            return self._told(self.contract, ContractSigned(signed_at=instant(at)), at)
        if day_of(at, WHERE) >= add_days(self.ends, -30):
            return self._decided(at)
        if self.ahead:
            stream, event = self.ahead.pop(0)
            return self._told(stream, event, at)
        roll = self.random.random()
        if roll < 0.08:
            return self._amended(at)
        if roll < 0.10:
            return self._wished(at)
        if roll < 0.11:
            return self._handed(at)
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
        return self._told(self.account, event, at, (("account", ref),))

    def _handed(self, at: int) -> Step:
        if self._by_chance(0.5):
            return self._told(self.account, AccountTierSet(tier=self.random.choice("abc")), at)
        return self._told(self.account, AccountOwnerSet(owner=f"manager-{self.random.randrange(OWNERS)}"), at)

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
        return self._told(self.new_id("int"), event, at)

    # --- the contract ---

    def _drafted(self, at: int) -> Step:
        self.contract, self.signed, start = self.new_id("ctr"), False, day_of(at, WHERE)
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
        return self._told(self.contract, event, at)

    def _amended(self, at: int) -> Step:
        name = self.random.choice(list(self.prices))
        self.prices[name] = max(1, int(self.prices[name] * self.random.uniform(0.8, 1.3)))
        self.amendments += 1
        change = LineSet(
            line=name, unit_price=f"{self.prices[name]}.00", cause=self.random.choice(("negotiation", "escalator"))
        )
        return self._told(self.contract, ContractAmended(amendment_no=self.amendments, changes=(change,)), at)

    def _decided(self, at: int) -> Step:
        """The end of the term is near: another one, or none."""
        contract, ended = self.contract, self.ends
        if self._by_chance(0.1):
            self.contract = ""
            termination = ContractTerminated(effective_end=ended, reason="budget", voluntary=self._by_chance(0.8))
            return self._told(contract, termination, at)
        self.ends = add_months(ended, 12)
        timing = "late" if day_of(at, WHERE) > ended else "early"
        renewal = ContractRenewed(
            start=ended, end=self.ends, previous_end=ended, timing=timing, retroactive=timing == "late"
        )
        return self._told(contract, renewal, day_start(ended, WHERE))

    # --- wishes ---

    def _wished(self, at: int) -> Step:
        wish = self.new_id("scr")
        if self._by_chance(0.4):
            self.ahead = [(wish, WorkAbsorbed(hours="3.5", cause="goodwill", approved_by="manager"))]
        else:
            self.ahead = [
                (
                    wish,
                    ResponseSent(
                        kind="decline_with_alternative", alternative="A smaller one now, the rest next quarter"
                    ),
                ),
                (wish, ClientDecided(accepted=self._by_chance(0.7), decided_at=instant(at))),
            ]
        raised = ScopeChangeRaised(
            account=self.account, contract=self.contract, title="One more channel", request="Could you also …"
        )
        return self._told(wish, raised, at)

    # --- telling ---

    def _by_chance(self, share: float) -> bool:
        return self.random.random() < share

    def _told(self, stream: str, event: Event, at: int, claims: tuple[tuple[str, str], ...] = ()) -> Step:
        version = 1
        if not isinstance(event, InteractionLogged):  # which has a stream of its own that nobody comes back to
            version = self.versions[stream] = self.versions.get(stream, 0) + 1
        return Step(NewEvent(event, self.new_id("evt"), stream, version, self.account, at), claims)


class Ids:
    """Ids that look like ours and are the same for the same seed. `at`: the microseconds that they bear."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self.at = STARTS

    def __call__(self, prefix: str) -> str:
        """The next id."""
        number = (self.at // 1000) << 80 | 0x7 << 76 | self._random.getrandbits(12) << 64 | 0b10 << 62
        return typeid(prefix, (number | self._random.getrandbits(62)).to_bytes(16, "big"))
