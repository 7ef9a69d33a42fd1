"""Loads the demo: every command of the story is given once, through the real handler, and recorded at its own day."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from app.bootstrap import build
from app.demo.computed import COMPUTED, compute
from app.demo.generator import digest, ids, story
from app.demo.people import AGENCY
from app.demo.scripted_command import ScriptedCommand
from app.domain.contract.commands import CorrectContract
from app.domain.kernel.command import Command
from app.domain.kernel.errors import DomainError, Refused
from app.domain.kernel.principal import Principal
from app.domain.kernel.values import MICRO, add_months, day_of, day_start, zone
from app.domain.tenant.commands import CreateTenant
from app.runtime import Runtime
from app.store.receipts import Receipt, Request, fingerprint
from app.write_side.command_envelope import Approval, CommandEnvelope

SOURCE: Final = "urn:steward:demo"
CLIENT: Final = "cli:demo"
"""The client that the events of the demo name."""
FIRST: Final = "demo:1"
BATCH: Final = 256
DAY: Final = 86_400 * MICRO
Numbered = tuple[int, ScriptedCommand]


@dataclass
class LoadResult:
    """How many commands of a story were new, known before, and refused (with the refusals' codes), and the last position."""

    new: int = 0
    known: int = 0
    refused: tuple[str, ...] = ()
    position: int = 0


class StoryClock:
    """A clock that stands at a moment of the story until it is set to a later one. Takes: microseconds."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        """The moment."""
        return self.now


@contextmanager
def _runtime_at(runtime: Runtime, start: str) -> Iterator[tuple[Runtime, StoryClock]]:
    """A second runtime on the same database whose clock stands at a day's first moment, and that clock."""
    clock = StoryClock(day_start(start, zone("UTC")))
    second = build(runtime.settings, clock=clock)
    try:
        yield second, clock
    finally:
        second.close()


def create_tenant(runtime: Runtime, years: int) -> str:
    """A ledger for the demo agency, begun on the story's first day. Gives: its id."""
    tenant_id = runtime.new_id("tnt")
    command = CreateTenant(name=AGENCY, time_zone="Europe/Berlin", currency="EUR")
    with _runtime_at(runtime, _first_day(runtime, years)) as (then, _clock):
        then.handler.handle(
            CommandEnvelope(
                tenant_id=tenant_id,
                principal=Principal("demo", client=CLIENT),
                command=command,
                request=Request(f"tenant:{tenant_id}", b""),
                new_id=tenant_id,
            )
        )
    return tenant_id


def _first_day(runtime: Runtime, years: int) -> str:
    return add_months(day_of(runtime.clock(), zone("UTC")), -12 * years)


def holds_demo(runtime: Runtime, tenant_id: str) -> bool:
    """Whether a ledger holds the demo, or its beginning."""
    return FIRST in runtime.log.receipts(tenant_id, [FIRST])


def load_demo(
    runtime: Runtime,
    tenant_id: str,
    *,
    accounts: int,
    years: int,
    on_start: Callable[[int], None] = lambda _count: None,
    progress: Callable[[int], None] = lambda _done: None,
) -> LoadResult:
    """Loads the demo into a ledger; commands that were loaded before are recognised, an interrupted load goes on.

    Each command is recorded at its own day, so that `known_at` shows what the agency knew then. Time never runs back along a log:
    in a ledger that exists already nothing is recorded before its last event.

    Takes: `on_start(count)`, called with the number of commands, and `progress(done)`, called after each batch with its size.
    Raises: NotFound for a tenant that does not exist; Refused when the ledger holds the demo of another size or version.
    """
    _, tenant = runtime.handler.load(tenant_id, "tenant", tenant_id)
    start = _start_of(runtime, tenant_id) or _first_day(runtime, years)
    new_id = ids(tenant_id, start)
    script = story(start, accounts=accounts, years=years, currency=tenant.state.currency or "EUR", new_id=new_id)
    on_start(len(script))
    whole = digest(script)
    receipts: dict[ScriptedCommand, Receipt] = {}
    result, refused = LoadResult(), []
    with _runtime_at(runtime, start) as (then, clock):
        for batch in _batches(list(enumerate(script, start=1))):
            envelopes = [_envelope(tenant_id, number, scripted, whole, receipts) for number, scripted in batch]
            clock.now = batch[-1][1].at
            outcomes = _outcomes(then, tenant_id, envelopes)
            for (number, scripted), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, DomainError):
                    if number == 1:
                        raise _other_demo(outcome)
                    refused.append(f"{type(scripted.command).__name__}: {outcome.code}")
                    continue
                receipts[scripted] = outcome
                result.new += not outcome.replayed
                result.known += outcome.replayed
                result.position = max(result.position, outcome.position)
            progress(len(batch))
    result.refused = tuple(refused)
    return result


def _start_of(runtime: Runtime, tenant_id: str) -> str | None:
    """The first day of the story that a ledger holds."""
    first = runtime.log.receipts(tenant_id, [FIRST]).get(FIRST)
    if first is None:
        return None
    return day_of(runtime.log.after(tenant_id, first[1].position - 1, 1)[0].effective_at, zone("UTC"))


def _outcomes(
    runtime: Runtime, tenant_id: str, envelopes: Sequence[CommandEnvelope]
) -> Sequence[Receipt | DomainError]:
    """Handles a batch; a command that a service computes is alone in its batch."""
    if type(envelopes[0].command) not in COMPUTED:
        return runtime.handler.handle_batch(tenant_id, envelopes)
    try:
        return [compute(runtime, envelopes[0])]
    except DomainError as refusal:
        return [refusal]


def _batches(numbered: Sequence[Numbered]) -> Iterator[list[Numbered]]:
    """Batches of one day each; a command that cites another follows in a later batch, a computed one stands alone."""
    batch: list[Numbered] = []
    in_batch: set[ScriptedCommand] = set()
    for item in numbered:
        scripted, alone = item[1], type(item[1].command) in COMPUTED
        cites = scripted.cites is not None and scripted.cites[0] in in_batch
        if batch and (alone or cites or len(batch) == BATCH or batch[-1][1].at // DAY != scripted.at // DAY):
            yield batch
            batch, in_batch = [], set()
        batch.append(item)
        in_batch.add(scripted)
        if alone:
            yield batch
            batch, in_batch = [], set()
    if batch:
        yield batch


def _envelope(
    tenant_id: str, number: int, scripted: ScriptedCommand, whole: bytes, receipts: dict[ScriptedCommand, Receipt]
) -> CommandEnvelope:
    command: Command = scripted.command
    if scripted.cites and scripted.cites[0] in receipts:
        event = next(event for event, topic, _ in receipts[scripted.cites[0]].events if topic == scripted.cites[1])
        command = command.model_copy(update={"corrects" if isinstance(command, CorrectContract) else "event": event})
    key = f"demo:{number}"
    return CommandEnvelope(
        tenant_id=tenant_id,
        principal=Principal(
            scripted.actor, scripted.role, on_behalf_of=scripted.on_behalf_of, client=CLIENT, trust="system"
        ),
        command=command,
        request=Request(key, fingerprint(whole, key.encode())),
        targets=scripted.targets,
        new_id=scripted.new_id,
        meta={"source": SOURCE, "external_id": str(number)},
        operation=scripted.operation,
        approves=None if scripted.approves is None else Approval(scripted.approves),
    )


def _other_demo(refusal: DomainError) -> DomainError:
    if refusal.code != "idempotency_key_reused":
        return refusal
    return Refused("demo_told_otherwise", "the ledger holds the demo of another size or version; take another tenant")
