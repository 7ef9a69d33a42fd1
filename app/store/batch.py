"""A batch: commands of one tenant that are checked and added one after another while the head row is locked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.domain.kernel.errors import DomainError, Refused
from app.domain.kernel.values import instant
from app.store import receipts
from app.store.append import AppendRequest, Outcome, overtaken
from app.store.mapper import StoredEnvelope, leaf
from app.store.receipts import Receipt, StoredReceipt

Row = tuple[Any, ...]
COUNTED: Final = "counted/"
"""How the nouns of claims begin that number writes, as counted/<whose>/<day>: who is second with a number takes the next one."""


@dataclass
class LookupKeys:
    """The keys that are looked up in the store before a batch is checked, each once."""

    receipts: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    claims: list[tuple[str, str]] = field(default_factory=list)
    data_keys: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    counts: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, requests: Sequence[AppendRequest]) -> "LookupKeys":
        """The keys of some requests. What the server made just now cannot be stored yet and is not looked up."""
        dependencies = {event_id for request in requests for event_id in request.depends_on}
        if dependencies:
            dependencies -= {event.event_id for request in requests for event in request.events}
        return cls(
            receipts=list({request.request.key: None for request in requests if not request.request.fresh}),
            versions=list({stream_id: None for request in requests for stream_id in request.expects}),
            claims=list({claim: None for request in requests for claim in request.claims}),
            data_keys=list({key.key_id: None for request in requests for key in request.data_keys if key.shared}),
            events=sorted(dependencies),
            counts=list({counted: None for request in requests for counted in request.counts}),
        )

    def parts(self) -> list[tuple[str, list[Any]]]:
        """The kinds of keys of which there are any, by name."""
        every: list[tuple[str, list[Any]]] = [
            ("receipts", self.receipts),
            ("versions", self.versions),
            ("claims", self.claims),
            ("data_keys", self.data_keys),
            ("events", self.events),
            ("counts", self.counts),
        ]
        return [part for part in every if part[1]]


@dataclass
class Existing:
    """What the store holds under the keys: receipts, versions of streams, owners of claims, data keys, events, and how many
    events of a topic an account has.

    A batch adds what it appends, so that each of its commands is checked against the ones before it too.
    """

    receipts: dict[str, StoredReceipt] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    claims: dict[tuple[str, str], str] = field(default_factory=dict)
    data_keys: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)


class Batch:
    """The rows that a batch adds. Takes: the tenant, the head, the batch's time in microseconds, what exists.

    Rows are tuples in the order of `app.store.statements.ADDED`, without the tenant and the time, which all rows share.
    """

    def __init__(self, tenant_id: str, head: int, recorded_at: int, existing: Existing) -> None:
        self.tenant_id = tenant_id
        self.head = head
        self.recorded_at = recorded_at
        self.existing = existing
        self.events: list[Row] = []
        self.receipts: list[Row] = []
        self.refs: list[Row] = []
        self.data_keys: list[Row] = []
        self._instant = instant(recorded_at).encode()

    def add(self, append: AppendRequest) -> Outcome:
        """Adds what a command appends. Gives: its receipt, or the reason why nothing of it is appended."""
        existing = self.existing
        key, fingerprint = append.request.key, append.request.fingerprint
        try:
            if earlier := existing.receipts.get(key):
                return receipts.replay(append.request, earlier)
            self._check(append)
        except DomainError as refusal:
            return refusal
        appended = []
        for event in append.events:
            self.add_event(event)
            existing.versions[str(event.originator_id)] = event.originator_version
            existing.events.add(event.event_id)
            appended.append((event.event_id, event.topic, self.head))
            if existing.counts and (counted := (str(event.account_id), event.topic)) in existing.counts:
                existing.counts[counted] += 1
        receipt = Receipt(
            id=append.stream_id,
            version=existing.versions.get(append.stream_id, 0),
            position=self.head,
            events=tuple(appended),
            recorded_at=self.recorded_at,
        )
        self.receipts.append((key, fingerprint, receipt.encoded))
        existing.receipts[key] = StoredReceipt(fingerprint, receipt)
        for claim in append.claims:
            if claim not in existing.claims:  # what the aggregate has claimed before is its own already
                self.refs.append((*claim, append.stream_id))
                existing.claims[claim] = append.stream_id
        for data_key in append.data_keys:
            self.data_keys.append((data_key.key_id, data_key.wrapped))
            existing.data_keys.add(data_key.key_id)
        return receipt

    def add_event(self, event: StoredEnvelope) -> None:
        """Adds an event at the next position."""
        self.head += 1
        self.events.append(event_row(event, self.head, leaf(self.tenant_id, event, self.head, self._instant)))

    def rows(self) -> list[tuple[str, list[Row]]]:
        """The rows by table, of tables that get any."""
        every = [
            ("events", self.events),
            ("receipts", self.receipts),
            ("refs", self.refs),
            ("data_keys", self.data_keys),
        ]
        return [part for part in every if part[1]]

    def _check(self, append: AppendRequest) -> None:
        existing = self.existing
        for stream_id, expected in append.expects.items():
            version = existing.versions.get(stream_id, 0)
            if version != expected:
                raise overtaken(stream_id)
        for counted, expected in append.counts.items():
            if existing.counts[counted] != expected:
                raise overtaken(counted[0])  # something was added to the account meanwhile
        if any(event_id not in existing.events for event_id in append.depends_on):
            raise overtaken(append.stream_id)  # what came before it in its batch was not stored
        for claim in append.claims:
            owner = existing.claims.get(claim)
            if owner is not None and claim[0].startswith(COUNTED):  # another write was the n-th: this one is the next
                raise overtaken(claim[0].split("/")[1])
            if owner is not None and owner != append.stream_id:
                raise claimed(claim[0])
        if any(key.key_id in existing.data_keys for key in append.data_keys):
            raise overtaken(append.stream_id)  # another command made the person's key just now


def event_row(event: StoredEnvelope, position: int, leaf: bytes) -> Row:
    """An event's row. The only place that makes one: a tuple, because it is made under the lock; a test holds the order."""
    return (
        position,
        event.event_id,
        str(event.originator_id),
        event.originator_version,
        event.account_id,
        event.topic,
        event.schema_version,
        event.effective_at,
        event.actor,
        event.state,
        leaf,
    )


def claimed(noun: str) -> Refused:
    """The refusal of a claim that is another aggregate's. Takes: the claim's noun; after a colon, the refusal's code."""
    claimant, _, code = noun.partition(":")
    if code:
        return Refused(code, f"another {claimant} has claimed it already")
    return Refused("external_ref_taken", f"another {claimant} has this reference already")


def looked_up_again(requests: Sequence[AppendRequest]) -> list[AppendRequest]:
    """The same requests after a failure that may have stored them: now even a key made by the server may have a receipt."""
    return [
        replace(append, request=replace(append.request, fresh=False)) if append.request.fresh else append
        for append in requests
    ]
