"""Writers that compete: real commands on few streams, a tenth of which must fail."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from app.bootstrap import build
from app.domain.account.commands import RenameAccount
from app.domain.account.events import AccountRenamed
from app.domain.interaction.commands import LogInteraction
from app.domain.kernel.errors import DomainError
from app.domain.kernel.principal import Principal
from app.runtime import Runtime
from app.settings import Settings
from app.store.append import AppendRequest
from app.store.new_event import NewEvent
from app.store.receipts import Receipt, Request
from app.write_side.command_envelope import CommandEnvelope
from tests.support.application import KEY, Steward


@dataclass
class Tally:
    """The answers to writers: events by id with the position that was acknowledged, and the codes of refusals."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Adds another writer's tally."""
        self.acknowledged |= other.acknowledged
        self.refused += other.refused


def runtime_of(url: str) -> Runtime:
    """A runtime with the system's clock, as a server process has one."""
    return build(Settings(database_url=url, vault_key=KEY))


def renaming(
    runtime: Runtime,
    tenant_id: str,
    stream_id: str,
    version: int,
    key: str,
    *,
    event_id: str | None = None,
    claims: tuple[tuple[str, str], ...] = (),
) -> AppendRequest:
    """An append of one event that takes a stream to a version, past all decisions."""
    new_event = NewEvent(
        event=AccountRenamed(name=f"name {version}"),
        event_id=event_id or runtime.new_id("evt"),
        stream_id=stream_id,
        version=version,
        account_id=stream_id,
        effective_at=0,
    )
    return runtime.log.prepare(
        tenant_id,
        stream_id,
        [new_event],
        actor="test",
        meta={},
        reason=None,
        expects={stream_id: version - 1},
        request=Request(key, b"same"),
        claims=claims,
    )


def begin(steward: Steward, key: str, **members: object) -> AppendRequest:
    """An append that begins a stream of its own."""
    return renaming(steward.runtime, steward.tenant, steward.runtime.new_id("acct"), 1, key, **members)  # type: ignore[arg-type]


def doubled(append: AppendRequest) -> AppendRequest:
    """An append that the database itself must refuse: its one event twice."""
    return replace(append, events=(*append.events, *append.events))


def write(runtime: Runtime, tenant_id: str, seed: int, count: int, streams: list[str]) -> Tally:
    """Handles commands one after another; every tenth is refused, out of date or broken in the middle of the append."""
    dice, tally = random.Random(seed), Tally()
    for number in range(count):
        key, stream = f"writer-{seed}-{number}", dice.choice(streams)
        try:
            tally.acknowledged |= _one(runtime, tenant_id, key, stream, dice)
        except DomainError as refusal:
            tally.refused.append(refusal.code)
        except Exception as fault:
            tally.refused.append(type(fault).__name__)
    return tally


def _one(runtime: Runtime, tenant_id: str, key: str, stream: str, dice: random.Random) -> dict[str, int]:
    fate, request, targets = dice.random(), Request(key, b""), {"account": stream}
    if fate < 0.04:
        command = RenameAccount(name="out of date")
        receipt = runtime.handler.handle(
            CommandEnvelope(tenant_id, Principal("test"), command, request, targets, if_match=99_999)
        )
    elif fate < 0.07:
        command = RenameAccount(name=runtime.handler.load(tenant_id, "account", stream)[1].state.name)
        receipt = runtime.handler.handle(CommandEnvelope(tenant_id, Principal("test"), command, request, targets))
    elif fate < 0.1:
        version = runtime.handler.load(tenant_id, "account", stream)[1].version
        broken = doubled(renaming(runtime, tenant_id, stream, version + 1, key))
        answer = runtime.committer.submit([broken]).result()[0]
        if not isinstance(answer, Receipt):
            raise answer
        receipt = answer
    elif fate < 0.5:
        command = RenameAccount(name=f"named by {key}")
        receipt = runtime.handler.handle(CommandEnvelope(tenant_id, Principal("test"), command, request, targets))
    else:
        log = LogInteraction(channel="call", direction="inbound", occurred_at="2026-01-15T09:00:00Z")
        receipt = runtime.handler.handle(CommandEnvelope(tenant_id, Principal("test"), log, request, targets))
    return {event_id: position for event_id, _, position in receipt.events}


def sound(steward: Steward) -> list[str]:
    """The ids of all events, once it is sure that there is no gap."""
    stored = steward.runtime.log.after(steward.tenant, 0, 10_000)
    assert [event.position for event in stored] == list(range(1, steward.runtime.log.head(steward.tenant) + 1))
    return [event.event_id for event in stored]


def four_writers(url: str, tenant_id: str, seed: int, count: int, hot: list[str]) -> Tally:
    """What a process of its own does: four writers at once. Gives: their tally."""
    runtime, total = runtime_of(url), Tally()
    with ThreadPoolExecutor(4) as pool:
        for tally in pool.map(lambda number: write(runtime, tenant_id, seed + number, count, hot), range(4)):
            total.add(tally)
    runtime.close()
    return total
