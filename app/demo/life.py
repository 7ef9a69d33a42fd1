"""A life: what one account goes through, written down as the commands that its people would have given."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from app.demo.cast import Client, Offer
from app.domain import account, contract_commands, renewal
from app.domain.command import Command
from app.domain.values import add_days, add_months, instant, micros

MINUTE: Final = 60_000_000
NewId = Callable[[str, str], str]
"""(prefix, name within the story) -> id, always the same one"""


@dataclass(frozen=True, eq=False)
class Step:
    """A command at a moment of the story.

    at: microseconds, when it was given. corrects: the earlier step whose event is meant; its id is known once it is told.
    """

    at: int
    actor: str
    command: Command
    targets: Mapping[str, str] = field(default_factory=dict)
    new_id: str | None = None
    corrects: "Step | None" = None


class Thread:
    """A chain of steps of which each comes after the one before."""

    def __init__(self, rng: Random, steps: list[Step]) -> None:
        self.rng = rng
        self.steps = steps
        self._last = 0

    def moment(self, day: str) -> int:
        """A working hour of a day, after the thread's last."""
        hour, minute = self.rng.randrange(7, 16), self.rng.randrange(60)
        self._last = max(micros(f"{day}T{hour:02d}:{minute:02d}:00Z"), self._last + MINUTE)
        return self._last

    def tell(
        self,
        day: str,
        actor: str,
        command: Command,
        targets: Mapping[str, str],
        *,
        new_id: str | None = None,
        corrects: Step | None = None,
    ) -> Step:
        """Adds a step; unless it says otherwise, the command is true from the moment on at which it is given."""
        at = self.moment(day)
        if command.effective_at is None:
            command = command.model_copy(update={"effective_at": instant(at)})
        step = Step(at, actor, command, targets, new_id, corrects)
        self.steps.append(step)
        return step


class Life:
    """An account from its first day on. Takes: the client, a seeded random, the story's first day and the one after its last."""

    def __init__(self, client: Client, rng: Random, start: str, end: str, currency: str, new_id: NewId) -> None:
        self.client = client
        self.rng = rng
        self.start, self.end = start, end
        self.currency = currency
        self.steps: list[Step] = []
        self.plot = Thread(rng, self.steps)
        self.owner = client.owner
        self.account = new_id("acct", client.ref)
        self.contract = ""
        self.cycle = ""
        self.term_start, self.term_end = "", ""
        self.prices: dict[str, int] = {}
        self.served: list[tuple[str, str]] = []
        self.live: list[tuple[str, str, str]] = []
        self._moods = [("0001-01-01", 3)]
        self._owners = [("0001-01-01", client.owner)]
        self._numbers: Counter[str] = Counter()
        self._new_id = new_id

    def new_id(self, prefix: str, name: str = "") -> str:
        """The id of a thing of this account, always the same one; without a name, of its next thing of this kind."""
        if not name:
            self._numbers[prefix] += 1
            name = str(self._numbers[prefix])
        return self._new_id(prefix, f"{self.client.ref}/{name}")

    def do(
        self, day: str, command: Command, *, new_id: str | None = None, corrects: Step | None = None, **targets: str
    ) -> Step:
        """A step of the plot, by the account's owner."""
        return self.plot.tell(day, self.owner, command, targets, new_id=new_id, corrects=corrects)

    def aside(self, day: str, command: Command, **targets: str) -> None:
        """A step beside the plot: nothing else waits for it."""
        Thread(self.rng, self.steps).tell(day, self.owner_on(day), command, targets)

    # --- the account ---

    def open(self, day: str) -> None:
        """Takes the client on."""
        client = self.client
        self.do(
            day,
            account.OpenAccount(
                name=client.name,
                currency=self.currency,
                time_zone="Europe/Berlin",
                industry=client.industry,
                tier=client.tier,
                owner=self.owner,
                external_ref=client.ref,
            ),
            new_id=self.account,
        )
        self.served.append((day, self.end))

    def hand_over(self, day: str, owner: str) -> None:
        """Another account manager takes over."""
        self.aside(
            day,
            account.SetAccountOwner(owner=owner, reason="Portfolios were balanced for the new quarter."),
            account=self.account,
        )
        self.owner = owner
        self._owners.append((add_days(day, 1), owner))

    def set_tier(self, day: str, tier: str) -> None:
        """Another tier."""
        self.aside(day, account.SetAccountTier(tier=tier), account=self.account)

    def rename(self, day: str, name: str) -> None:
        """Another name."""
        self.aside(
            day, account.RenameAccount(name=name, reason="Their new brand was registered."), account=self.account
        )

    def close(self, day: str) -> None:
        """The end of the relationship."""
        self.do(day, account.CloseAccount(reason="Everything is invoiced and handed over."), account=self.account)
        self.served[-1] = (self.served[-1][0], day)

    def reopen(self, day: str) -> None:
        """The relationship again."""
        self.do(day, account.ReopenAccount(reason="They came back on their own."), account=self.account)
        self.served.append((add_days(day, 1), self.end))

    def feels(self, day: str, tenths: int) -> None:
        """How glad the client is from a day on, -10 to 10."""
        self._moods.append((day, tenths))

    def mood(self, day: str) -> int:
        """How glad the client is on a day."""
        return max((since, tenths) for since, tenths in self._moods if since <= day)[1]

    def owner_on(self, day: str) -> str:
        """Who is accountable on a day."""
        return max((since, owner) for since, owner in self._owners if since <= day)[1]

    # --- the contract ---

    def sign(
        self,
        start: str,
        months: int | None,
        lines: Sequence[contract_commands.Line],
        *,
        auto_renew: bool = False,
        notice_days: int = 60,
        renewal_term_months: int | None = None,
        draft_first: bool = False,
    ) -> None:
        """A contract from a day on, over so many months or open-ended."""
        self.contract = self.new_id("ctr")
        self.term_start, self.term_end = start, add_months(start, months) if months else ""
        self.prices = {line.line: int(line.unit_price.partition(".")[0]) for line in lines}
        terms: dict[str, Any] = {
            "currency": self.currency, "start": start, "end": self.term_end or None, "auto_renew": auto_renew,
            "notice_days": notice_days, "renewal_term_months": renewal_term_months, "lines": tuple(lines),
            "external_ref": f"{self.client.ref}-{self._numbers['ctr']}"}  # fmt: skip
        signed = add_days(start, -self.rng.randrange(3, 9))
        digest = f"{self.rng.getrandbits(256):064x}"
        if draft_first:
            self.do(
                add_days(signed, -9),
                contract_commands.DraftContract(**terms),
                new_id=self.contract,
                account=self.account,
            )
            self.do(
                signed, contract_commands.SignContract(signed_at=signed, document_sha256=digest), contract=self.contract
            )
        else:
            self.do(
                signed,
                contract_commands.RecordContract(**terms, signed_at=signed, document_sha256=digest),
                new_id=self.contract,
                account=self.account,
            )
        self.live.append((self.contract, start, self.term_end if self.term_end and not auto_renew else self.end))

    def amend(self, day: str, *changes: Mapping[str, Any], told: str = "") -> Step:
        """Lines changed from a day on."""
        for change in changes:
            if change.get("unit_price"):
                self.prices[change["line"]] = int(change["unit_price"].partition(".")[0])
        return self.do(told or add_days(day, -5), contract_commands.AmendContract(effective_at=day, changes=tuple(changes)),
                       contract=self.contract)  # fmt: skip

    def quiet(self, day: str) -> None:
        """From this day on nobody asks for more under the contract."""
        found, start, end = self.live[-1]
        self.live[-1] = (found, start, min(end, day))

    def lively(self, day: str) -> None:
        """From this day on the contract is worked with again."""
        self.live.append((self.contract, day, self.term_end or self.end))

    def terminate(
        self, told: str, end: str, reason: str, *, voluntary: bool = True, competitor: str | None = None
    ) -> None:
        """The contract's end."""
        self.quiet(told)
        self.do(told, contract_commands.TerminateContract(effective_end=end, reason=reason, voluntary=voluntary, competitor=competitor),
                contract=self.contract)  # fmt: skip

    # --- the renewal ---

    def begin_renewal(self, day: str) -> None:
        """Work on the renewal of the current term."""
        self.cycle = self.new_id("rnw")
        self.do(day, renewal.OpenRenewal(), new_id=self.cycle, contract=self.contract)

    def risk(self, day: str, risk: str, probability: str, *drivers: str) -> None:
        """How likely the renewal is."""
        self.do(day, renewal.SetRenewalRisk.model_validate({"risk": risk, "probability": probability, "drivers": drivers}),
                renewal=self.cycle)  # fmt: skip

    def renew(
        self,
        told: str,
        end: str,
        *,
        start: str = "",
        lines: Sequence[contract_commands.Line] = (),
        retroactive: bool = False,
    ) -> None:
        """A further term."""
        old_end = self.term_end
        command = contract_commands.RenewContract(
            start=start or None, end=end, lines=tuple(lines) or None, retroactive=retroactive
        )
        self.do(told, command, contract=self.contract)
        self.term_start = old_end if retroactive or not start else start
        self.term_end = end
        if lines:
            self.prices = {line.line: int(line.unit_price.partition(".")[0]) for line in lines}
        if self.live[-1][2] == old_end:
            self.live[-1] = (*self.live[-1][:2], end) if told < old_end else self.live[-1]
            if told >= old_end:
                self.lively(max(add_days(told, 1), self.term_start))


def line(name: str, offer: Offer, price: int, **members: Any) -> contract_commands.Line:
    """A recurring line of a contract."""
    return contract_commands.Line.model_validate(
        {"line": name, "product": offer.product, "unit_price": f"{price}.00", "interval": offer.interval, **members}
    )
