"""Tells a random history to a server through its API, keeps what was accepted as the model's facts, and asks what it answers."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.contracts import Fact, day_of, in_order, known, midnight, months_after, read
from tests.oracle.histories import Step
from tests.oracle.renewals import Book, due_days
from tests.support.clock import Clock
from tests.support.server import Client, Server

TOPICS = {
    "renew": "contract.renewed", "terminate": "contract.terminated", "notice": "contract.notice_given",
    "withdraw": "contract.notice_withdrawn", "suspend": "contract.suspended", "resume": "contract.resumed",
    "amend": "contract.amended", "add": "contract.amended", "remove": "contract.amended", "correct": "contract.corrected",
}  # fmt: skip
WORDS = {
    "renew": "renewed", "terminate": "terminated", "notice": "noticed", "withdraw": "withdrawn", "suspend": "suspended",
    "resume": "resumed", "amend": "amended", "add": "amended", "remove": "amended", "correct": "corrected",
}  # fmt: skip


def instant(at: datetime) -> str:
    """An instant as the API takes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def line_of(line: dict[str, Any]) -> dict[str, Any]:
    """A line as the API takes it."""
    given = {name: line[name] for name in ("line", "kind", "quantity")}
    given |= {"product": "retainer", "unit_price": line["price"]}
    if line["kind"] != "one_off":
        given["interval"] = line["interval"]
    return given | ({"discount_percent": line["discount"]} if line["discount"] else {})


class Telling:
    """A tenant of its own that is told a history. facts: what was accepted, as the model takes it; log: what was told, to be read."""

    def __init__(self, server: Server, clock: Clock, first: Step) -> None:
        self.server, self.clock = server, clock
        self.zone = ZoneInfo(first["zone"])
        self.tenant = server.tenant(time_zone=first["zone"])
        self.client: Client = server.client(server.key(self.tenant))
        self.facts: list[Fact] = []
        self.contracts: dict[int, Fact] = {}
        self.log: list[str] = []
        self.told = self.head = 0
        self._set(midnight(date.fromisoformat(first["day"]), self.zone) + timedelta(hours=9))
        self.rules: dict[str, int] = {}
        for number in range(2):
            self._send("account.opened", {"name": f"Client {number}", "currency": "USD", "external_ref": f"a{number}"},
                       account=number, at=datetime(2020, 1, 1, tzinfo=UTC))  # fmt: skip
        if first["grace_days"] is not None:
            self.rules["grace_days"] = first["grace_days"]
            drafted = self.client.write("/v1/policies", {"rules": {"kind": "renewal", **self.rules}})
            self.client.write(f"/v1/policies/{drafted['id']}/versions/1/activation", {"start": "2020-01-01"})

    # --- time ---

    def _set(self, at: datetime) -> None:
        self.now = at
        self.clock.set(instant(at))

    @property
    def today(self) -> date:
        """The tenant's day."""
        return day_of(self.now, self.zone)

    # --- telling ---

    def play(self, step: Step) -> None:
        """Plays a step; what is refused does not happen."""
        match step["do"]:
            case "pass":
                until = self.now + timedelta(days=step["days"])
                while step["watch"] and self.now < until:
                    self._set(min(self.now + timedelta(days=50), until))
                    self._watch()
                if self.now < until:
                    self._set(until)  # never back: what was recorded just now is not ahead of the clock
            case "sign":
                self._sign(step)
            case "defer":
                if contract := self.contracts.get(step["which"]):
                    self._defer(step, contract)
            case kind:
                contract = self.contracts.get(step["which"])
                if contract:
                    self._prepare(step, contract)
                if contract and (made := self._made(step, contract)):
                    data, fact, day = made
                    own = {"kind": WORDS[kind], "contract": contract["contract"], **fact}
                    self._tell(TOPICS[kind], data, own, contract["number"], day, step["when"])

    def _prepare(self, step: Step, contract: Fact) -> None:
        """What must be there to be taken back: a notice before its withdrawal, a suspension before its end."""
        before = {"withdraw": "notice", "resume": "suspend"}.get(step["do"])
        if before and not any(
            fact["kind"] == WORDS[before] and fact["contract"] == contract["contract"] for fact in self.facts
        ):
            self.play({**step, "do": before, "offset": step["offset"] - 40})

    def _watch(self) -> None:
        runtime = self.server.runtime
        runtime.projector.catch_up(self.tenant)
        result = runtime.watcher.run_once(self.tenant)
        self.head = runtime.log.head(self.tenant)
        if result.appended or result.refusals:
            self.log.append(f"{self.today} watchers: {result.appended} appended, refused {result.refusals}")

    def _sign(self, step: Step) -> None:
        number = len(self.contracts)
        replaced = self.contracts.get(step["replaces"]) if step["replaces"] is not None else None
        account = replaced["number"] if replaced else step["account"]
        data = {
            "currency": "USD", "start": str(step["start"]), "auto_renew": step["auto_renew"], "notice_days": step["notice_days"],
            "signed_at": str(step["start"]), "lines": [line_of(line) for line in step["lines"]],
            **({"end": str(step["end"])} if step["end"] else {}),
            **({"renewal_term_months": step["months"]} if step["months"] else {}),
            **({"replaces": f"ref:{replaced['contract']}"} if replaced else {}),
        }  # fmt: skip
        name = f"c{number}"
        fact = {name: step[name] for name in ("start", "end", "auto_renew", "months", "notice_days", "lines")}
        fact |= {"kind": "signed", "dated": midnight(step["start"], self.zone), "contract": name, "account": f"a{account}",
                 "number": account, "replaces": replaced["contract"] if replaced else None}  # fmt: skip
        told = self._tell(
            "contract.signed", {"contract": f"ref:{name}", **data}, fact, account, step["start"], step["when"]
        )
        # A contract that is refused keeps its number, so that the acts on it are left out.
        self.contracts[number] = fact if told else {}

    def _made(self, step: Step, contract: Fact) -> tuple[dict[str, Any], Fact, date] | None:
        """An act's data, its fact, and its own day."""
        facts = [fact for fact in known(self.facts) if fact["contract"] == contract["contract"]]
        current = read(in_order(facts), self.zone)
        assert current is not None
        day = self._day(step, current)
        name = {"contract": f"ref:{contract['contract']}"}
        span = day + timedelta(days=step["span"]) if step["span"] else None
        match step["do"]:
            case "renew":
                end = months_after(day, step["months"]) if step["months"] else None
                more = {"lines": [line_of(line) for line in step["lines"]]} if step["lines"] else {}
                more |= {"end": str(end)} if end else {}
                return {**name, "start": str(day), **more}, {"start": day, "end": end, "lines": step["lines"]}, day
            case "terminate":
                data = {**name, "effective_end": str(day), "reason": "left", "voluntary": True}
                return data, {"end": day}, day
            case "notice":
                end = span if step["number"] % 2 else None
                said = {"effective_end": str(end)} if end else {}
                at = self._effective(day, step["when"])
                end = end or notice_end(current, day_of(at, self.zone))
                return {**name, **said}, {"end": end, "said": bool(said)}, day
            case "withdraw":
                return name, {}, day
            case "suspend":
                return {**name, **({"effective_end": str(span)} if span else {})}, {"until": span}, day
            case "resume":
                return name, {}, day
            case "amend":
                changed = {"unit_price": step["price"]} if step["number"] % 2 else {"quantity": str(step["number"])}
                own = {"price": step["price"]} if step["number"] % 2 else {"quantity": str(step["number"])}
                changes = [{"op": "set_line", "line": "main", **changed}]
                return {**name, "changes": changes}, {"changes": [("set", {"line": "main", **own})]}, day
            case "add":
                line = {"line": f"extra {self.told}", "kind": "recurring", "quantity": "1", "price": step["price"],
                        "interval": "month", "discount": None}  # fmt: skip
                return {**name, "changes": [{"op": "add_line", **line_of(line)}]}, {"changes": [("add", line)]}, day
            case "remove":
                changes = [{"op": "remove_line", "line": "main"}]
                return {**name, "changes": changes}, {"changes": [("remove", {"line": "main"})]}, day
        return self._correction(step, facts, name)

    def _correction(
        self, step: Step, facts: list[Fact], name: dict[str, str]
    ) -> tuple[dict[str, Any], Fact, date] | None:
        right: Fact
        wrong = facts[step["number"] % len(facts)]
        shift = timedelta(days=step["offset"])
        data: dict[str, Any]
        match wrong["kind"]:
            case "signed" | "renewed":
                member = ("end", "start")[step["anchor"] % 2]
                if wrong["kind"] == "signed" and step["anchor"] == 4:
                    right = {"auto_renew": not wrong["auto_renew"]}
                elif wrong[member] is None:
                    return None
                else:
                    right = {member: wrong[member] + shift}
                data = {
                    "terms": {key: value if isinstance(value, bool) else str(value) for key, value in right.items()}
                }
            case "noticed" | "terminated":
                right = {"end": wrong["end"] + shift}
                data = {"terms": {"effective_end": str(right["end"])}}
            case "amended" if wrong["changes"][0][0] == "set":
                right = {"changes": [("set", {"line": "main", "price": step["price"]})]}
                data = {"changes": [{"op": "set_line", "line": "main", "unit_price": step["price"]}]}
            case _:
                return None
        return {**name, "corrects": wrong["id"], **data}, {"corrects": wrong["id"], "right": right}, self.today

    def _day(self, step: Step, current: Fact) -> date:
        """The day of an act: so many days from its anchor."""
        last = current["periods"][-1]
        coming = [due for due, _ in zip(due_days(last, current), range(40), strict=False)]
        ahead = [due for due in coming if due > self.today]
        anchors = [
            self.today,
            coming[0] if coming else current["start"],
            last["start"],
            ahead[0] if ahead else (coming[-1] if coming else self.today),
            coming[min(1, len(coming) - 1)] if coming else self.today,
        ]
        return anchors[step["anchor"]] + timedelta(days=step["offset"])

    def _effective(self, day: date, when: int | None) -> datetime:
        return self.now if when is None else midnight(day + timedelta(days=when), self.zone)

    def _tell(self, topic: str, data: dict[str, Any], fact: Fact, account: int, day: date, when: int | None) -> bool:
        own_day = topic in ("contract.amended", "contract.suspended", "contract.resumed")
        at = midnight(day, self.zone) if own_day else self._effective(day, when)
        at = midnight(day_of(at, self.zone), self.zone) if topic == "contract.notice_given" else at
        event = self._send(topic, data, account=account, at=None if topic == "contract.corrected" else at)
        if event is None:
            return False
        recorded = datetime.fromtimestamp(event.recorded_at / 10**6, UTC)
        effective = datetime.fromtimestamp(event.effective_at / 10**6, UTC)
        place = event.position + (topic == "contract.signed")  # what is told as one is a draft and its signature
        self.facts.append(
            {"effective": effective, **fact, "recorded": recorded, "position": place, "id": event.event_id}
        )
        if topic == "contract.notice_given" and not fact["said"]:
            assert event.data["effective_end"] == str(fact["end"]), (
                "notice ends",
                event.data["effective_end"],
                fact["end"],
            )
        return True

    def _defer(self, step: Step, contract: Fact) -> None:
        self._send("renewal.opened", {"contract": f"ref:{contract['contract']}"}, account=contract["number"], at=None)
        stream = self.server.runtime.handler.resolve(self.tenant, "contract", f"ref:{contract['contract']}")
        events = self.server.runtime.log.after(self.tenant, 0, 10_000)
        dues = [
            event.data["due"] for event in events if event.type == "renewal.opened" and event.data["contract"] == stream
        ]
        if not dues:
            return
        due = date.fromisoformat(dues[-1])
        new_due = due + timedelta(days=step["span"] or 20)
        data = {"renewal": f"ref:{stream}@{due}", "new_due": str(new_due)}
        fact = {"kind": "deferred", "contract": contract["contract"], "due": due, "new_due": new_due}
        self._tell("renewal.deferred", data, fact, contract["number"], due, step["when"])

    def _send(self, topic: str, data: dict[str, Any], *, account: int, at: datetime | None) -> Any:
        """Tells an event. Gives: the first one that was appended, or None where it was refused."""
        self.told += 1
        event = {"specversion": "1.0", "id": f"e{self.told}", "source": "urn:oracle", "type": topic,
                 "subject": f"ref:a{account}", "data": data, **({"time": instant(at)} if at else {})}  # fmt: skip
        if topic == "account.opened":
            del event["subject"]
        answer = self.client.post(
            "/v1/events", json=[event], headers={"Content-Type": "application/cloudevents-batch+json"}
        )
        assert answer.status_code < 300, answer.text
        [result] = answer.json()["results"]
        said = result["status"] if result["status"] != "refused" else f"refused {result['problem']['code']}"
        self.log.append(f"{self.today} {topic} {data} at {at and instant(at)}: {said}")
        if result["status"] == "refused":
            return None
        self.client.position = head = self.server.runtime.log.head(self.tenant)
        self.head, before = head, self.head
        return next(
            event
            for event in self.server.runtime.log.after(self.tenant, before, 100)
            if event.type.startswith(first_word(topic))
        )

    # --- asking ---

    def book(self, position: int | None = None) -> Book:
        """The model of what was known at a position."""
        return Book(known(self.facts, position), self.zone, self.rules)


def first_word(topic: str) -> str:
    """The beginning of the types of events that a topic leads to; a signature begins with its draft."""
    return topic.split(".")[0]


def notice_end(current: Fact, day: date) -> date:
    """Where a notice ends a contract that says nothing else: with the term that it can still be given for."""
    dues = [due for one in current["periods"][-1:] for due in limited(due_days(one, current))]
    if not dues:
        return day + timedelta(days=current["notice_days"])
    if not current["auto_renew"]:
        return dues[0]
    return next(due for due in dues if due > day and due - timedelta(days=current["notice_days"]) >= day)


def limited(dues: Iterator[date]) -> Iterator[date]:
    """The first due days."""
    for due, _ in zip(dues, range(400), strict=False):
        yield due
