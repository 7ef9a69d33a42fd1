"""A batch: commands of one tenant that are looked at one after another under the lock of the head."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.kernel.errors import Conflict, DomainError, Refused
from app.domain.kernel.values import instant
from app.store import receipts
from app.store.append import AppendRequest, Outcome
from app.store.mapper import StoredEnvelope, leaf
from app.store.receipts import Receipt, StoredReceipt

Row = tuple[Any, ...]


@dataclass
class Wanted:
    """What must be known of the store before a batch can be taken, each thing once."""

    receipts: list[str] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    claims: list[tuple[str, str]] = field(default_factory=list)
    data_keys: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    @classmethod
    def by(cls, batch: Sequence[AppendRequest]) -> "Wanted":
        """What a batch asks for. What the server itself made just now cannot be there and is not looked up."""
        resting = {event_id for one in batch for event_id in one.depends_on}
        if resting:
            resting -= {fact.event_id for one in batch for fact in one.events}
        return cls(
            list({one.request.key: None for one in batch if not one.request.fresh}),
            list({stream: None for one in batch for stream in one.expects}),
            list({claim: None for one in batch for claim in one.claims}),
            list({key.key_id: None for one in batch for key in one.data_keys if key.shared}),
            sorted(resting),
        )

    def parts(self) -> list[tuple[str, list[Any]]]:
        """What there is to look up, by name."""
        everything: list[tuple[str, list[Any]]] = [
            ("receipts", self.receipts),
            ("versions", self.streams),
            ("claims", self.claims),
            ("data_keys", self.data_keys),
            ("events", self.events),
        ]
        return [part for part in everything if part[1]]


@dataclass
class Found:
    """What is in the store: receipts by key, streams' versions, who has a claim, and which keys and events there are."""

    receipts: dict[str, StoredReceipt] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)
    data_keys: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)


class Batch:
    """What a batch adds. Takes: the tenant, the head and the time that it will bear, in microseconds; what was found.

    The rows are tuples in the order of `app.store.statements`, without the tenant and the time, which all share.
    """

    def __init__(self, tenant_id: str, head: int, recorded_at: int, found: Found) -> None:
        self.tenant_id = tenant_id
        self.head = head
        self.recorded_at = recorded_at
        self.found = found
        self.events: list[Row] = []
        self.receipts: list[Row] = []
        self.refs: list[Row] = []
        self.data_keys: list[Row] = []
        self._instant = instant(recorded_at).encode()

    def take(self, one: AppendRequest) -> Outcome:
        """Takes a command in. Gives: its receipt, or why nothing of it is taken."""
        found = self.found
        try:
            if known := found.receipts.get(one.request.key):
                return receipts.replay(one.request, known)
            self._check(one)
        except DomainError as refusal:
            return refusal
        appended = []
        for fact in one.events:
            self.add(fact)
            found.versions[str(fact.originator_id)] = fact.originator_version
            found.events.add(fact.event_id)
            appended.append((fact.event_id, fact.topic, self.head))
        receipt = Receipt(
            one.stream_id, found.versions.get(one.stream_id, 0), self.head, tuple(appended), self.recorded_at
        )
        key, fingerprint = one.request.key, one.request.fingerprint
        self.receipts.append((key, fingerprint, receipt.encoded))
        found.receipts[key] = StoredReceipt(fingerprint, receipt)
        for claim in one.claims:
            self.refs.append((*claim, one.stream_id))
            found.claims[claim] = one.stream_id
        for data_key in one.data_keys:
            self.data_keys.append((data_key.key_id, data_key.wrapped))
            found.data_keys.add(data_key.key_id)
        return receipt

    def rows(self) -> list[tuple[str, list[Row]]]:
        """What there is to add, by table."""
        everything = [
            ("events", self.events),
            ("receipts", self.receipts),
            ("refs", self.refs),
            ("data_keys", self.data_keys),
        ]
        return [part for part in everything if part[1]]

    def _check(self, one: AppendRequest) -> None:
        found = self.found
        for stream_id, expected in one.expects.items():
            version = found.versions.get(stream_id, 0)
            if version != expected:
                raise Conflict("version_conflict", "the stream moved on", current_version=version)
        if any(event_id not in found.events for event_id in one.depends_on):
            raise Conflict("version_conflict", "what it rests on was not stored")
        for claim in one.claims:
            if found.claims.get(claim, one.stream_id) != one.stream_id:
                raise _taken(claim[0])
        if any(key.key_id in found.data_keys for key in one.data_keys):
            raise Conflict("data_key_exists", "the person's key was made by somebody else just now")

    def add(self, fact: StoredEnvelope) -> None:
        """Adds a fact at the next position."""
        self.head += 1
        self.events.append(
            (
                self.head,
                fact.event_id,
                str(fact.originator_id),
                fact.originator_version,
                fact.account_id,
                fact.topic,
                fact.schema_version,
                fact.effective_at,
                fact.actor,
                fact.state,
                leaf(self.tenant_id, fact, self.head, self._instant),
            )
        )


def _taken(noun: str) -> Refused:
    """The refusal of a claim that is somebody else's. Takes: its noun; behind a colon, what the refusal is called."""
    named, _, code = noun.partition(":")
    if code:
        return Refused(code, f"another {named} has claimed it already")
    return Refused("external_ref_taken", f"another {named} has this reference already")


def looked_up_again(batch: Sequence[AppendRequest]) -> list[AppendRequest]:
    """The same commands when it is not known whether they were stored: now even a fresh key may have its receipt."""
    return [replace(one, request=replace(one.request, fresh=False)) if one.request.fresh else one for one in batch]
