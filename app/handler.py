"""The corridor: command -> state -> decision -> append -> receipt.

Everything that changes a ledger comes through here, whether from a door, a webhook, an import or the command line.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.domain import values
from app.domain.command import Command, Creation
from app.domain.context import Context, Decided
from app.domain.decisions import DECISIONS, NOUNS, Decision, Noun, noun_of
from app.domain.errors import Conflict, DomainError, Invalid, NotFound, Refused, Unavailable
from app.domain.recorded import Recorded
from app.states import Flights, Held, Overlay, States
from app.store import receipts
from app.store.append import Append, Outcome
from app.store.committer import Committer
from app.store.log import Draft, Log
from app.store.receipts import Receipt, Request

ATTEMPTS: Final = 3
"""How often a command without If-Match is decided anew when somebody else was faster."""


@dataclass(frozen=True)
class Intent:
    """A command on its way: for whom, about what, and how it may be recognised when it comes again.

    targets: noun to id, or to `ref:` and the caller's reference. if_match: the version that the caller saw.
    """

    tenant_id: str
    actor: str
    command: Command
    request: Request
    targets: Mapping[str, str] = field(default_factory=dict)
    if_match: int | None = None
    new_id: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


class Handler:
    """Handles commands. Takes: the log, its committer, a clock of microseconds, a maker of ids."""

    def __init__(self, log: Log, committer: Committer, clock: Callable[[], int], new_id: Callable[[str], str]) -> None:
        self.log = log
        self.committer = committer
        self.clock = clock
        self.new_id = new_id
        self.states = States()
        self._refs: dict[tuple[str, str, str], str] = {}
        self._flights = Flights()

    # --- one command ---

    def handle(self, intent: Intent) -> Receipt:
        """Handles a command and waits for the disk.

        Raises: a DomainError by its name; Unavailable when it is not known to be stored and may be sent again.
        """
        with self._flights.board((intent.tenant_id, intent.request.key)):
            known = self._known(intent)
            attempt = 0
            while known is None:
                attempt += 1
                append = self._plan(intent, Overlay())
                known = self._settle(intent, append, self.committer.submit([append]).result()[0], attempt)
            return known

    async def handle_async(self, intent: Intent) -> Receipt:
        """The same without a thread that waits."""
        with self._flights.board((intent.tenant_id, intent.request.key)):
            known = None if intent.request.fresh else await asyncio.to_thread(self._known, intent)
            attempt = 0
            while known is None:
                attempt += 1
                append = await asyncio.to_thread(self._plan, intent, Overlay())
                outcome = (await asyncio.wrap_future(self.committer.submit([append])))[0]
                known = self._settle(intent, append, outcome, attempt)
            return known

    def _known(self, intent: Intent) -> Receipt | None:
        """The receipt of the same request when it came before."""
        if intent.request.fresh:
            return None
        found = self.log.receipts(intent.tenant_id, [intent.request.key]).get(intent.request.key)
        return receipts.replay(intent.request, found) if found else None

    def _settle(self, intent: Intent, append: Append, outcome: Outcome, attempt: int) -> Receipt | None:
        """The receipt; None when the command must be decided anew. Raises: the refusal otherwise."""
        if isinstance(outcome, Receipt):
            if not outcome.replayed:
                self._remember(append, outcome)
            return outcome
        self.states.drop(intent.tenant_id, list(append.expects))
        if isinstance(outcome, Conflict) and attempt < ATTEMPTS:
            return None
        raise outcome

    # --- many commands ---

    def handle_batch(self, tenant_id: str, intents: Sequence[Intent]) -> list[Receipt | DomainError]:
        """Handles commands in order as one append; one that is refused costs no other.

        Gives: for each its receipt or its refusal. A command sees what the commands before it decided.
        """
        results: list[Receipt | DomainError | None] = [None] * len(intents)
        known = self.log.receipts(tenant_id, [intent.request.key for intent in intents])
        for at, intent in enumerate(intents):
            if intent.request.key in known:
                results[at] = _replayed(intent.request, known[intent.request.key])
        for _attempt in range(ATTEMPTS + 1):
            waiting = [at for at, result in enumerate(results) if result is None or isinstance(result, Conflict)]
            if not waiting:
                break
            self._attempt_batch(tenant_id, intents, waiting, results)
        return [result or Unavailable("try_again", "too many others wrote to the same things") for result in results]

    def _attempt_batch(
        self,
        tenant_id: str,
        intents: Sequence[Intent],
        waiting: Sequence[int],
        results: list[Receipt | DomainError | None],
    ) -> None:
        overlay = Overlay(batch=True)
        planned: list[tuple[int, Append]] = []
        refused: list[int] = []
        twins: list[tuple[int, int]] = []
        seen: dict[str, int] = {}
        for at in waiting:
            first = seen.setdefault(intents[at].request.key, at)
            if first != at:
                twins.append((at, first))
                continue
            try:
                planned.append((at, self._plan(intents[at], overlay)))
            except DomainError as refusal:
                results[at] = refusal
                refused.append(at)
        outcomes = self.committer.submit([append for _, append in planned]).result()
        for (at, append), outcome in zip(planned, outcomes, strict=True):
            results[at] = outcome
            if isinstance(outcome, Receipt) and not outcome.replayed:
                self._remember(append, outcome)
            elif isinstance(outcome, Conflict):
                self.states.drop(tenant_id, list(append.expects))
        if any(isinstance(outcome, Conflict) for outcome in outcomes):
            for at in refused:  # it may have been refused for what was stale
                results[at] = None
        for at, first in twins:
            results[at] = _as_twin(intents[at].request, intents[first].request, results[first])

    # --- planning: pure decisions between a read and an append ---

    def _plan(self, intent: Intent, overlay: Overlay) -> Append:
        """What a command appends. A refusal that rests on what was remembered is looked at again with what is."""
        overlay.remembered.clear()
        try:
            return self._decide(intent, overlay)
        except DomainError:
            if not overlay.remembered:
                raise
            self.states.drop(intent.tenant_id, overlay.remembered)
            return self._decide(intent, overlay)

    def _decide(self, intent: Intent, overlay: Overlay) -> Append:
        decision = DECISIONS[type(intent.command)]
        noun = NOUNS[decision.noun]
        tenant_id, command, now = intent.tenant_id, intent.command, self.clock()
        begins = decision.noun == "tenant" and decision.creates
        where = values.zone("UTC") if begins else self.zone(tenant_id)
        stream_id, held = self._primary(intent, decision, noun, overlay)
        ids, states = {decision.noun: stream_id}, {}
        expects = {stream_id: held.version}
        for read in decision.reads:
            found = self._related(intent, read, held.state, overlay)
            if found is not None:
                name, read_id, read_held = found
                ids[name], states[name] = read_id, read_held.state
                expects[read_id] = read_held.version
        effective_at = _effective_at(command, where, now)
        context = Context(tenant_id, intent.actor, now, effective_at, where, stream_id, self.new_id, states, ids)
        try:
            decided = decision.decide(held.state, command, context)
        except (ValueError, OverflowError) as error:  # days beyond the calendar and the like
            raise Invalid("out_of_range", "a date or an amount is out of range") from error
        owners = (getattr(state, "account", None) for state in (held.state, *states.values()))
        account_id = next((owner for owner in owners if owner), None)
        drafts = self._drafts(decided, decision, ids, expects, effective_at, account_id)
        claims = _claims(decision, command, context)
        try:
            append = self.log.prepare(
                tenant_id,
                stream_id,
                drafts,
                actor=intent.actor,
                reason=None if "reason" in _own(drafts) else command.reason,
                meta={**intent.meta, "visibility": command.visibility},
                expects=expects,
                request=intent.request,
                claims=claims,
            )
        except ValueError as error:  # what no door lets through, and no canonical form is there for
            raise Invalid("unwritable_text", "a text holds what cannot be written as JSON") from error
        related = {ids[name]: Held(expects[ids[name]], states[name]) for name in states}
        if overlay.batch:
            self._lay_over(overlay, append, claims, {stream_id: held, **related})
        return append

    def _primary(self, intent: Intent, decision: Decision, noun: Noun, overlay: Overlay) -> tuple[str, Held]:
        if decision.creates:
            return intent.new_id or self.new_id(noun.prefix), Held(0, noun.initial)
        named = intent.targets.get(decision.noun)
        if named is None:
            raise Invalid(f"{decision.noun}_missing", f"the {decision.noun} must be named")
        stream_id, held = self._load(intent.tenant_id, decision.noun, named, overlay)
        if intent.if_match is not None and held.version != intent.if_match:
            self.states.drop(intent.tenant_id, [stream_id])
            stream_id, held = self._load(intent.tenant_id, decision.noun, stream_id, overlay)
            if held.version != intent.if_match:
                raise Conflict("version_conflict", "it changed since you looked", current_version=held.version)
        return stream_id, held

    def _related(self, intent: Intent, read: str, state: Any, overlay: Overlay) -> tuple[str, str, Held] | None:
        name, optional = read.removesuffix("?"), read.endswith("?")
        said = intent.targets.get(name) or getattr(intent.command, name, None)
        named = said or getattr(state, name, None)
        if named is None:
            if optional:
                return None
            raise Invalid(f"{name}_missing", f"the {name} must be named")
        try:
            found = self._load(intent.tenant_id, name, named, overlay)
            own = getattr(state, "account", None)
            if name == "account" and own is not None and found[0] != own:
                raise Refused("other_account", "the thing belongs to another account than the one that was named")
            return (name, *found)
        except NotFound:
            if optional and not said:
                return None
            raise

    def _drafts(
        self,
        decided: Sequence[Any],
        decision: Decision,
        ids: Mapping[str, str],
        expects: Mapping[str, int],
        effective_at: int,
        account_id: str | None,
    ) -> list[Draft]:
        versions = dict(expects)
        drafts = []
        for item in decided:
            one = item if isinstance(item, Decided) else Decided(item)
            stream_id = ids[one.beside or decision.noun]
            versions[stream_id] += 1
            drafts.append(
                Draft(
                    one.event,
                    one.event_id or self.new_id("evt"),
                    stream_id,
                    versions[stream_id],
                    account_id or (stream_id if decision.noun == "account" else None),
                    effective_at if one.effective_at is None else one.effective_at,
                    getattr(one.event, "corrects", None),
                )
            )
        return drafts

    # --- states and references ---

    def zone(self, tenant_id: str) -> ZoneInfo:
        """The tenant's reporting time zone. Raises: NotFound when there is no such tenant."""
        return values.zone(self._load(tenant_id, "tenant", tenant_id, Overlay())[1].state.time_zone)

    def resolve(self, tenant_id: str, noun: str, named: str) -> str:
        """The id of a thing by id or reference; whether an id exists is not looked up. Raises: NotFound."""
        return self._resolve(tenant_id, noun, named, Overlay())

    def load(self, tenant_id: str, noun: str, named: str) -> tuple[str, Held]:
        """A thing's id and state by id or reference. Raises: NotFound."""
        return self._load(tenant_id, noun, named, Overlay())

    def _load(self, tenant_id: str, noun: str, named: str, overlay: Overlay) -> tuple[str, Held]:
        stream_id = self._resolve(tenant_id, noun, named, overlay)
        held = overlay.states.get(stream_id)
        if held is None and (held := self.states.get(tenant_id, stream_id)):
            overlay.remembered.add(stream_id)
        if held is None:
            kind = NOUNS[noun]
            version, state = 0, kind.initial
            for recorded in self.log.stream(tenant_id, stream_id):
                version, state = recorded.version, kind.evolve(state, recorded)
            if version == 0:
                raise NotFound(f"{noun}_not_found", f"there is no such {noun.replace('_', ' ')}")
            held = Held(version, state)
            self.states.put(tenant_id, stream_id, held)
        return stream_id, held

    def _resolve(self, tenant_id: str, noun: str, named: str, overlay: Overlay) -> str:
        missing = NotFound(f"{noun}_not_found", f"there is no such {noun.replace('_', ' ')}")
        if not named.startswith("ref:"):
            if values.is_typeid(named, NOUNS[noun].prefix):
                return named
            raise missing
        ref = named.removeprefix("ref:")
        found = overlay.refs.get((noun, ref)) or self._refs.get((tenant_id, noun, ref))
        if found is None:
            found = self.log.resolve(tenant_id, noun, ref)
            if found is None:
                raise missing
            if len(self._refs) > 100_000:
                self._refs.clear()
            self._refs[(tenant_id, noun, ref)] = found
        return found

    def _lay_over(
        self, overlay: Overlay, append: Append, claims: Sequence[tuple[str, str]], read: Mapping[str, Held]
    ) -> None:
        """Lets the next commands of a batch see what this one decided."""
        overlay.states.update({stream: held for stream, held in read.items() if stream not in overlay.states})
        overlay.refs.update(dict.fromkeys(claims, append.stream_id))
        expected = Receipt(append.stream_id, 0, len(append.facts), (), self.clock())
        self._evolve(self.log.recorded(append, expected), overlay.states)

    def _remember(self, append: Append, receipt: Receipt) -> None:
        """Keeps the states that an append led to."""
        grown = {stream: self.states.get(append.tenant_id, stream) for stream in append.expects}
        known = {
            stream: held
            for stream, held in grown.items()
            if held is not None and held.version == append.expects[stream]
        }
        known.update(
            {stream: Held(0, noun_of(stream).initial) for stream, version in append.expects.items() if version == 0}
        )
        self._evolve(self.log.recorded(append, receipt), known)
        for stream, held in known.items():
            if held.version:
                self.states.put(append.tenant_id, stream, held)

    def _evolve(self, events: Sequence[Recorded], states: dict[str, Held]) -> None:
        for recorded in events:
            held = states.get(recorded.stream_id)
            if held is None or held.version != recorded.version - 1:
                states.pop(recorded.stream_id, None)
                continue
            grown = noun_of(recorded.stream_id).evolve(held.state, recorded)
            states[recorded.stream_id] = Held(recorded.version, grown)


def _claims(decision: Decision, command: Command, context: Context) -> list[tuple[str, str]]:
    claims = []
    if isinstance(command, Creation) and command.external_ref:
        claims.append((decision.noun, command.external_ref))
    if decision.ref:
        claims.append((decision.noun, decision.ref(context)))
    return claims


def _effective_at(command: Command, where: ZoneInfo, now: int) -> int:
    """When a command is true. Raises: Invalid for the first day of the year 1 where it begins in the year before."""
    moment = values.moment_start(command.effective_at, where) if command.effective_at else now
    try:
        values.instant(moment)
    except OverflowError as error:
        raise Invalid("out_of_range", "effective_at is out of range") from error
    return moment


def _own(drafts: Sequence[Draft]) -> set[str]:
    """The members that the events have themselves: a reason that is a fact is not sealed besides."""
    return {name for draft in drafts for name in type(draft.event).model_fields}


def _as_twin(request: Request, first: Request, outcome: Receipt | DomainError | None) -> Receipt | DomainError | None:
    """The answer to the same event twice in one batch: its first's, or None while that says nothing about it."""
    if isinstance(outcome, Receipt):
        return _replayed(request, (first.fingerprint, outcome))
    alike = request.fingerprint == first.fingerprint and not isinstance(outcome, Conflict)
    return outcome if alike else None


def _replayed(request: Request, found: tuple[bytes, Receipt]) -> Receipt | DomainError:
    try:
        return receipts.replay(request, found)
    except DomainError as refusal:
        return refusal
