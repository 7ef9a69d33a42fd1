"""The inbox: a message is verified, stored and answered; its event is ingested afterwards by a worker."""

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from itertools import groupby
from typing import Any, Final, NamedTuple

from app.domain.kernel.errors import DomainError, NotFound, Refused, Unavailable
from app.domain.kernel.principal import Principal
from app.domain.kernel.strict_json import Malformed, decode
from app.domain.kernel.values import MICRO
from app.observe.logs import logger
from app.store.inbox import Message, MessageContent, MessageOutcome, Messages, WaitingMessage
from app.webhooks.inbound import forgiving_json
from app.webhooks.inbound.endpoints import Endpoint, Endpoints
from app.webhooks.inbound.forgiving_json import NotJson
from app.webhooks.inbound.provider import Delivery
from app.webhooks.inbound.translation import cloud_event, says_the_same
from app.write_side.ingestion import Ingestion, Item

BATCH: Final = 100
"""How many messages of a tenant are ingested before another tenant has its turn."""
MESSAGES_PER_TURN: Final = 1000
"""After how many messages a turn ends. The next begins with the tenants that waited."""
PATIENCE_SECONDS: Final = 0.5
"""How long the others wait for a tenant's turn. One that takes longer goes on beside them."""
TURNS_AT_ONCE: Final = 4
"""How many turns may go on at once, all but one of them such."""
SWEEP_SECONDS: Final = 1.0
"""How often the inboxes of all tenants are read. Messages that this process stored itself are ingested straight away."""


class Received(NamedTuple):
    """How a message was received: stored, a duplicate, or parked because its id was used before."""

    message_id: str
    status: str


class Inbox:
    """Receives and ingests messages. Takes: endpoints, messages, ingestion, a clock of microseconds.

    wake: set when there is something for a worker to do.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        messages: Messages,
        ingestion: Ingestion,
        clock: Callable[[], int],
    ) -> None:
        self.messages = messages
        self._endpoints = endpoints
        self._ingestion = ingestion
        self._clock = clock
        self.wake = threading.Event()
        self._hints: dict[str, None] = {}
        self._pool = ThreadPoolExecutor(TURNS_AT_ONCE, "inbox")
        self._held: dict[str, Future[int]] = {}
        """Turns that take long, by tenant."""
        self._swept_at: float | None = None
        self._lock = threading.Lock()

    # --- in the API ---

    def receive(self, endpoint: Endpoint, delivery: Delivery) -> Received:
        """Verifies a message over its raw bytes and stores it, whatever it says: what that means is found out afterwards.

        Raises: Unauthenticated with a reason, before anything is parsed. And, though the message is kept under an id of its
        own: Malformed for a body that should be JSON and is none; Refused for a message id that its sender used before.
        """
        provider = endpoint.provider
        provider.verify(endpoint.state, self._endpoints.secrets(endpoint), delivery, self._clock() // MICRO)
        try:
            body = forgiving_json.read(delivery.body)
        except NotJson:
            body, refused = None, delivery.claims_json
        else:
            refused = False
        message_id = provider.identify(endpoint.state, delivery, body)
        if refused:
            self._store(endpoint, delivery, own_id(message_id, delivery.body))
            raise Malformed("malformed_json", "the body is not JSON; the message is kept, parked")
        if self._store(endpoint, delivery, message_id):
            return Received(message_id, "stored")
        _, earlier = self.messages.message(endpoint.tenant_id, endpoint.endpoint_id, message_id)
        if earlier.body is None or says_the_same(earlier.body, delivery.body):
            return Received(message_id, "duplicate")
        message_id = own_id(message_id, delivery.body)
        self._store(endpoint, delivery, message_id, parked="message_id_reused")
        if provider.owns_ids:
            raise Refused(
                "message_id_reused", "another body came under this message id before; this one is kept, parked"
            )
        return Received(message_id, "parked")

    def _store(self, endpoint: Endpoint, delivery: Delivery, message_id: str, parked: str | None = None) -> bool:
        named = {name: delivery.first(name) for name in (*endpoint.provider.stored_headers, "content-type")}
        headers = {name: value for name, value in named.items() if value is not None}
        new = self.messages.store(
            endpoint.tenant_id, endpoint.endpoint_id, message_id, body=delivery.body, headers=headers,
            now=self._clock(), parked=parked,
        )  # fmt: skip
        self._hint(endpoint.tenant_id)
        return new

    def content(self, tenant_id: str, endpoint_id: str, message_id: str) -> tuple[Message, MessageContent]:
        """A message and what it brought. Raises: NotFound."""
        _require_name(message_id)
        return self.messages.message(tenant_id, endpoint_id, message_id)

    def redrive(self, tenant_id: str, endpoint_id: str, message_id: str) -> Message:
        """Makes a parked message wait again. Raises: NotFound; Refused when it is done."""
        _require_name(message_id)
        message = self.messages.redrive(tenant_id, endpoint_id, message_id)
        self._hint(tenant_id)
        return message

    def _hint(self, tenant_id: str) -> None:
        with self._lock:
            self._hints[tenant_id] = None
        self.wake.set()

    # --- in the worker ---

    def work(self) -> int:
        """Ingests what is waiting, a batch of each tenant in turn. Gives: how many messages are done or parked.

        What is left after `MESSAGES_PER_TURN` of them comes first the next time.
        """
        tenants, finished = self._tenants(), 0
        while tenants and finished < MESSAGES_PER_TURN:
            tenant_id = tenants.popleft()
            turn = self._pool.submit(self.process, tenant_id, BATCH)
            wait([turn], PATIENCE_SECONDS)
            if not turn.done():  # its ledger is held: it goes on alone
                self._held[tenant_id] = turn
                continue
            done = _finished(tenant_id, turn)
            finished += done
            if done == BATCH:
                tenants.append(tenant_id)
        with self._lock:
            self._hints = dict.fromkeys(tenants) | self._hints
        return finished

    def _tenants(self) -> deque[str]:
        """The tenants that may have messages, those that have waited longest first. A turn that still goes on is not begun twice."""
        for tenant_id, turn in list(self._held.items()):
            if turn.done():
                del self._held[tenant_id]
                _finished(tenant_id, turn)
        with self._lock:
            tenants, self._hints = self._hints, {}
        now = time.monotonic()
        if self._swept_at is None or now - self._swept_at >= SWEEP_SECONDS:
            tenants |= dict.fromkeys(self._endpoints.tenants())
            self._swept_at = now
        return deque(tenant_id for tenant_id in tenants if tenant_id not in self._held)

    def close(self) -> None:
        """Begins no turn any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def process(self, tenant_id: str, most: int = MESSAGES_PER_TURN) -> int:
        """Ingests what is waiting, in order, about `most` messages. Gives: how many of them are done or parked.

        A message whose event is stored already only gets its outcome: a worker may have stopped between the two.
        """
        finished = 0
        while finished < most and (waiting := self.messages.waiting(tenant_id, BATCH)):
            outcomes: list[MessageOutcome] = []
            for endpoint_id, group in groupby(waiting, key=lambda message: message.endpoint_id):
                outcomes += self._ingest(tenant_id, endpoint_id, list(group))
            self.messages.record(tenant_id, outcomes)
            finished += len(outcomes)
            if len(outcomes) < len(waiting):
                break
        return finished

    def _ingest(self, tenant_id: str, endpoint_id: str, group: Sequence[WaitingMessage]) -> list[MessageOutcome]:
        events = [_event(endpoint_id, message) for message in group]
        try:
            principal = Principal(f"webhook:{endpoint_id}", client=endpoint_id, trust="service")
            items = self._ingestion.ingest(tenant_id, principal, events)
        except Unavailable:
            return []
        except Exception as fault:  # noqa: BLE001 - a message must not hold up the others, whatever is wrong with it
            if len(group) > 1:
                return [outcome for message in group for outcome in self._ingest(tenant_id, endpoint_id, [message])]
            logger().error("message_failed", error=type(fault).__name__, tenant_id=tenant_id, endpoint_id=endpoint_id)
            items = [Item("refused", refusal=Refused("message_failed"))]
        return [
            _outcome(message, item)
            for message, item in zip(group, items, strict=True)
            if not isinstance(item.refusal, Unavailable)
        ]


def _finished(tenant_id: str, turn: Future[int]) -> int:
    """How many messages a turn that has ended finished. Where it failed, the next sweep tries again."""
    fault = turn.exception()
    if fault is None:
        return turn.result()
    if isinstance(fault, DomainError):
        logger().warning("inbox_waits", code=fault.code, tenant_id=tenant_id)
    else:  # one tenant's trouble keeps no other waiting
        logger().error("inbox_stands_still", error=type(fault).__name__, tenant_id=tenant_id)
    return 0


def own_id(message_id: str, body: bytes) -> str:
    """The id of a message that may not have its sender's: the same again for the same body."""
    return f"{message_id}.{hashlib.sha256(body).hexdigest()[:32]}"


def _require_name(message_id: str) -> None:
    if not message_id.isascii() or not message_id.isprintable():
        raise NotFound("message_not_found", "there is no such message")


def _event(endpoint_id: str, message: WaitingMessage) -> Any:
    """The event of a message, or the refusal of a message that cannot be read any more."""
    if message.body is None:
        return Refused("body_lost", "the body does not open any more")
    try:
        return cloud_event(endpoint_id, message.message_id, decode(message.body))
    except DomainError as refusal:
        return refusal


def _outcome(message: WaitingMessage, item: Item) -> MessageOutcome:
    return MessageOutcome(
        endpoint_id=message.endpoint_id,
        message_id=message.message_id,
        position=item.receipt.position if item.receipt else None,
        code=item.refusal.code if item.refusal else None,
    )
