"""The telling: a story becomes history, through the same commands that everybody gives, once and only once."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from app.demo.computed import COMPUTED, compute
from app.demo.generator import digest, ids, story
from app.demo.people import AGENCY
from app.demo.scripted_command import Step
from app.domain.contract.commands import CorrectContract
from app.domain.kernel.command import Command
from app.domain.kernel.errors import DomainError, Refused
from app.domain.kernel.values import add_months, day_of, zone
from app.domain.tenant.commands import CreateTenant
from app.runtime import Runtime
from app.store.receipts import Receipt, Request, fingerprint
from app.write_side.handler import CommandEnvelope

SOURCE: Final = "urn:steward:demo"
FIRST: Final = "demo:1"
BATCH: Final = 256


@dataclass
class Told:
    """What became of a story: how many commands were new, known before, and refused, with the refusals' codes."""

    new: int = 0
    known: int = 0
    refused: tuple[str, ...] = ()
    position: int = 0


def create_tenant(runtime: Runtime) -> str:
    """A ledger for the demo agency. Gives: its id."""
    tenant_id = runtime.new_id("tnt")
    command = CreateTenant(name=AGENCY, time_zone="Europe/Berlin", currency="EUR")
    runtime.handler.handle(
        CommandEnvelope(tenant_id, "demo", command, Request(f"tenant:{tenant_id}", b""), new_id=tenant_id)
    )
    return tenant_id


def told_before(runtime: Runtime, tenant_id: str) -> bool:
    """Whether a ledger holds the demo, or its beginning."""
    return FIRST in runtime.log.receipts(tenant_id, [FIRST])


def tell(
    runtime: Runtime,
    tenant_id: str,
    *,
    accounts: int,
    years: int,
    begun: Callable[[int], None] = lambda _count: None,
    progress: Callable[[int], None] = lambda _done: None,
) -> Told:
    """Tells the demo into a ledger; what was told before is recognised, and a telling that was interrupted goes on.

    Takes: `begun(count)`, told how many commands there are, and `progress(done)`, told after each batch how many it had.
    Raises: NotFound for a tenant that does not exist; Refused when the ledger holds the demo told otherwise.
    """
    _, held = runtime.handler.load(tenant_id, "tenant", tenant_id)
    start = _began(runtime, tenant_id) or add_months(day_of(runtime.clock(), zone("UTC")), -12 * years)
    steps = story(
        start, accounts=accounts, years=years, currency=held.state.currency or "EUR", new_id=ids(tenant_id, start)
    )
    begun(len(steps))
    whole = digest(steps)
    receipts: dict[Step, Receipt] = {}
    told, refused = Told(), []
    for batch in _batches(list(enumerate(steps, start=1))):
        intents = [_intent(tenant_id, number, step, whole, receipts) for number, step in batch]
        outcomes = _outcomes(runtime, tenant_id, intents)
        for (number, step), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, DomainError):
                if number == 1:
                    raise _otherwise(outcome)
                refused.append(f"{type(step.command).__name__}: {outcome.code}")
                continue
            receipts[step] = outcome
            told.new += not outcome.replayed
            told.known += outcome.replayed
            told.position = max(told.position, outcome.position)
        progress(len(batch))
    told.refused = tuple(refused)
    return told


def _began(runtime: Runtime, tenant_id: str) -> str | None:
    """The first day of the story that a ledger holds."""
    found = runtime.log.receipts(tenant_id, [FIRST]).get(FIRST)
    if found is None:
        return None
    return day_of(runtime.log.after(tenant_id, found[1].position - 1, 1)[0].effective_at, zone("UTC"))


def _outcomes(runtime: Runtime, tenant_id: str, intents: Sequence[CommandEnvelope]) -> Sequence[Receipt | DomainError]:
    """What becomes of a batch; what has to be worked out first stands alone in its own."""
    if type(intents[0].command) not in COMPUTED:
        return runtime.handler.handle_batch(tenant_id, intents)
    try:
        return [compute(runtime, intents[0])]
    except DomainError as refusal:
        return [refusal]


def _batches(numbered: Sequence[tuple[int, Step]]) -> Iterator[list[tuple[int, Step]]]:
    """Batches of steps; one that cites another comes after that one's receipt is there, and what is worked out stands alone."""
    batch: list[tuple[int, Step]] = []
    told: set[Step] = set()
    for one in numbered:
        step, alone = one[1], type(one[1].command) in COMPUTED
        if batch and (alone or len(batch) == BATCH or (step.cites and step.cites[0] in told)):
            yield batch
            batch, told = [], set()
        batch.append(one)
        told.add(step)
        if alone:
            yield batch
            batch, told = [], set()
    if batch:
        yield batch


def _intent(tenant_id: str, number: int, step: Step, whole: bytes, receipts: dict[Step, Receipt]) -> CommandEnvelope:
    command: Command = step.command
    if step.cites and step.cites[0] in receipts:
        event = next(event for event, topic, _ in receipts[step.cites[0]].events if topic == step.cites[1])
        command = command.model_copy(update={"corrects" if isinstance(command, CorrectContract) else "event": event})
    key = f"demo:{number}"
    meta = {"source": SOURCE, "external_id": str(number)}
    return CommandEnvelope(tenant_id, step.actor, command, Request(key, fingerprint(whole, key.encode())), step.targets, new_id=step.new_id,
                  meta=meta, role=step.role)  # fmt: skip


def _otherwise(refusal: DomainError) -> DomainError:
    if refusal.code != "idempotency_key_reused":
        return refusal
    return Refused("demo_told_otherwise", "the ledger holds the demo of another size or version; take another tenant")
