"""The history of one account, written as the commands that its people would have given."""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from app.demo.people import Client, Offer, country_of
from app.demo.scripted_command import CommandChain, Due, Loss, NewId, ScriptedCommand, Win
from app.domain.account import commands as account_commands
from app.domain.contract import commands as contract_commands
from app.domain.contract import schedule as schedules
from app.domain.kernel.command import Command
from app.domain.kernel.values import MICRO, add_days, add_months
from app.domain.renewal import commands as renewal_commands


class AccountHistory:
    """An account from its first day on. Takes: the client, a seeded random, the story's first day and the day after its last."""

    def __init__(self, client: Client, rng: Random, start: str, end: str, currency: str, new_id: NewId) -> None:
        self.client = client
        self.rng = rng
        self.start, self.end = start, end
        self.currency = currency
        self.commands: list[ScriptedCommand] = []
        self.chain = CommandChain(rng, self.commands)
        self.owner = client.owner
        self.account = new_id("acct", client.ref)
        self.contract = ""
        self.renewal = ""
        self.term_start, self.term_end = "", ""
        self.paid_in: dict[str, str] = {}
        self.prices: dict[str, int] = {}
        self.lines: dict[str, contract_commands.Line] = {}
        self.won: list[Win] = []
        self.lost: list[Loss] = []
        self.due: list[Due] = []
        self.increases: list[tuple[str, str, int]] = []
        self.repriced: list[tuple[str, str]] = []
        self.restatements: set[tuple[str, str, str]] = set()
        self.service_periods: list[tuple[str, str]] = []
        self.active: list[tuple[str, str, str]] = []
        self.suspensions: list[tuple[str, str]] = []
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
        self,
        day: str,
        command: Command,
        *,
        new_id: str | None = None,
        cites: tuple[ScriptedCommand, str] | None = None,
        **targets: str,
    ) -> ScriptedCommand:
        """A command by the account's owner, after the one before it."""
        return self.chain.add(day, self.owner, command, targets, new_id=new_id, cites=cites)

    def do_apart(self, day: str, command: Command, **targets: str) -> None:
        """A command for which no other waits."""
        CommandChain(self.rng, self.commands).add(day, self.owner_on(day), command, targets)

    # --- the account ---

    def open(self, day: str) -> None:
        """Takes the client on."""
        client = self.client
        self.do(
            day,
            account_commands.OpenAccount(
                name=client.name,
                currency=self.currency,
                time_zone="Europe/Berlin",
                industry=client.industry,
                country=country_of(client.number, self.currency),
                tier=client.tier,
                owner=self.owner,
                external_ref=client.ref,
            ),
            new_id=self.account,
        )
        self.service_periods.append((day, self.end))

    def hand_over(self, day: str, owner: str) -> None:
        """Another account manager takes over, on a day on which they accept."""
        self.owner = owner
        self._owners.append((add_days(day, 1), owner))

    def set_tier(self, day: str, tier: str) -> None:
        """Another tier."""
        self.do_apart(day, account_commands.SetAccountTier(tier=tier), account=self.account)

    def rename(self, day: str, name: str) -> None:
        """Another name."""
        self.do_apart(
            day,
            account_commands.RenameAccount(name=name, reason="Their new brand was registered."),
            account=self.account,
        )

    def move(self, day: str, country: str) -> None:
        """A seat in another country."""
        self.do_apart(day, account_commands.SetAccountCountry(country=country), account=self.account)

    def close(self, day: str) -> None:
        """The end of the relationship."""
        self.do(
            day, account_commands.CloseAccount(reason="Everything is invoiced and handed over."), account=self.account
        )
        self.service_periods[-1] = (self.service_periods[-1][0], day)

    def reopen(self, day: str) -> None:
        """The relationship again."""
        self.do(day, account_commands.ReopenAccount(reason="They came back on their own."), account=self.account)
        self.service_periods.append((add_days(day, 1), self.end))

    def set_mood(self, day: str, tenths: int) -> None:
        """Sets how satisfied the client is from a day on, -10 to 10."""
        self._moods.append((day, tenths))

    def mood(self, day: str) -> int:
        """How satisfied the client is on a day."""
        return max((since, tenths) for since, tenths in self._moods if since <= day)[1]

    def is_suspended(self, day: str) -> bool:
        """Whether the contract is suspended on a day, or about then."""
        return any(start <= day < end for start, end in self.suspensions)

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
        replaces: str | None = None,
    ) -> ScriptedCommand:
        """A contract from a day on, over so many months or open-ended. Gives: the command that records its terms."""
        self.contract = self.new_id("ctr")
        self.paid_in[self.contract] = self.currency
        self.term_start, self.term_end = start, add_months(start, months) if months else ""
        self._agreed(lines)
        terms: dict[str, Any] = {
            "currency": self.currency, "start": start, "end": self.term_end or None, "auto_renew": auto_renew,
            "notice_days": notice_days, "renewal_term_months": renewal_term_months, "lines": tuple(lines),
            "external_ref": f"{self.client.ref}-{self._numbers['ctr']}", "replaces": replaces}  # fmt: skip
        signed = add_days(start, -self.rng.randrange(3, 9))
        digest = f"{self.rng.getrandbits(256):064x}"
        if draft_first:
            drafted = self.do(
                add_days(signed, -9),
                contract_commands.DraftContract(**terms),
                new_id=self.contract,
                account=self.account,
            )
            sign = contract_commands.SignContract(signed_at=signed, document_sha256=digest)
            bound = self.do(signed, sign, contract=self.contract)
        else:
            drafted = bound = self.do(
                signed,
                contract_commands.RecordContract(**terms, signed_at=signed, document_sha256=digest),
                new_id=self.contract,
                account=self.account,
            )
        self.win(signed, bound, "contract.signed")
        self.active.append((self.contract, start, self.term_end if self.term_end and not auto_renew else self.end))
        return drafted

    def win(self, day: str, scripted: ScriptedCommand, topic: str) -> None:
        """Notes that somebody won or renewed a contract."""
        self.won.append(Win(scripted, topic, day, self.owner, self.currency))

    def annual(self) -> int:
        """What its lines pay a year, in whole units, without what `add_increase` adds."""
        return (
            sum(schedules.annual(one.quantity, one.unit_price, one.interval or "year") for one in self.lines.values())
            // MICRO
        )

    def add_increase(self, contract: str, day: str, price: str, interval: str) -> None:
        """Notes that a contract pays more from a day on, until its lines are agreed on again."""
        self.increases.append((contract, day, schedules.annual("1", price, interval) // MICRO))

    def _agreed(self, lines: Sequence[contract_commands.Line]) -> None:
        self.prices = {line.line: _whole(line) for line in lines}
        self.lines = {line.line: line for line in lines if line.kind != "one_off"}

    def amend(self, day: str, *changes: Mapping[str, Any], recorded_on: str = "") -> ScriptedCommand:
        """Lines changed from a day on."""
        for change in changes:
            if change.get("unit_price"):
                self.prices[change["line"]] = int(change["unit_price"].partition(".")[0])
            members = {name: value for name, value in change.items() if name in contract_commands.Line.model_fields}
            if change["op"] == "add_line":
                self.lines[change["line"]] = contract_commands.Line.model_validate(members)
            elif change["line"] in self.lines:
                self.lines[change["line"]] = self.lines[change["line"]].model_copy(update=members)
        return self.do(recorded_on or add_days(day, -5), contract_commands.AmendContract(effective_at=day, changes=tuple(changes)),
                       contract=self.contract)  # fmt: skip

    def stop_requests(self, day: str) -> None:
        """From this day on the contract gets no scope changes, budgets or opportunities."""
        contract, start, end = self.active[-1]
        self.active[-1] = (contract, start, min(end, day))

    def resume_requests(self, day: str) -> None:
        """From this day on it gets them again."""
        self.active.append((self.contract, day, self.term_end or self.end))

    def terminate(
        self, recorded_on: str, end: str, reason: str, *, voluntary: bool = True, competitor: str | None = None
    ) -> None:
        """The contract's end."""
        self.stop_requests(recorded_on)
        ended = self.do(recorded_on, contract_commands.TerminateContract(effective_end=end, reason=reason, voluntary=voluntary,
                                                                  competitor=competitor), contract=self.contract)  # fmt: skip
        self.lost.append(Loss(ended, end, self.won[-1]))

    # --- the renewal ---

    def risk(self, day: str, risk: str, probability: str, *drivers: str) -> None:
        """How likely the renewal is."""
        self.do(day, renewal_commands.SetRenewalRisk.model_validate({"risk": risk, "probability": probability, "drivers": drivers}),
                renewal=self.renewal)  # fmt: skip

    def renew(
        self,
        recorded_on: str,
        end: str,
        *,
        start: str = "",
        lines: Sequence[contract_commands.Line] = (),
        retroactive: bool = False,
    ) -> ScriptedCommand:
        """A further term."""
        old_end = self.term_end
        command = contract_commands.RenewContract(
            start=start or None, end=end, lines=tuple(lines) or None, retroactive=retroactive
        )
        renewed = self.do(recorded_on, command, contract=self.contract)
        self.win(recorded_on, renewed, "contract.renewed")
        self.term_start = old_end if retroactive or not start else start
        self.term_end = end
        if lines:
            self._agreed(lines)
            self.repriced.append((self.contract, self.term_start))
        if self.active[-1][2] == old_end:
            self.active[-1] = (*self.active[-1][:2], end) if recorded_on < old_end else self.active[-1]
            if recorded_on >= old_end:
                self.resume_requests(max(add_days(recorded_on, 1), self.term_start))
        return renewed


def line(name: str, offer: Offer, price: int, **members: Any) -> contract_commands.Line:
    """A recurring line of a contract."""
    return contract_commands.Line.model_validate(
        {"line": name, "product": offer.product, "unit_price": f"{price}.00", "interval": offer.interval, **members}
    )


def _whole(one: contract_commands.Line) -> int:
    """A line's price in whole units."""
    return int(one.unit_price.partition(".")[0])
