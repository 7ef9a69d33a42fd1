"""The inbox at work: a message is checked, stored and answered; what it says is taken in afterwards."""

import threading
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final

from app.domain.kernel.errors import Conflict, DomainError, Invalid, NotFound, Refused, Unavailable
from app.domain.kernel.strict_json import Malformed, decode
from app.domain.kernel.values import MICRO
from app.observe.logs import logger
from app.store.inbox import Mark, Message, Messages, Waiting
from app.webhooks.inbound.endpoints import Endpoint, Endpoints
from app.webhooks.inbound.provider import Delivery
from app.webhooks.inbound.translation import cloud_event
from app.write_side.ingestion import Ingestion, Item

BATCH: Final = 100
SWEEP_SECONDS: Final = 1.0
"""How often the inboxes of all tenants are looked at; what this process stored itself is looked at straight away."""


class Inbox:
    """Takes messages in. Takes: endpoints, messages, ingestion, a clock of microseconds, what wakes the worker."""

    def __init__(
        self,
        endpoints: Endpoints,
        messages: Messages,
        ingestion: Ingestion,
        clock: Callable[[], int],
        wake: Callable[[], None],
    ) -> None:
        self.messages = messages
        self._endpoints = endpoints
        self._ingestion = ingestion
        self._clock = clock
        self._wake = wake
        self._hints: set[str] = set()
        self._swept_at: float | None = None
        self._lock = threading.Lock()

    # --- at the door ---

    def receive(self, endpoint: Endpoint, delivery: Delivery) -> tuple[str, bool]:
        """Checks a message over its raw bytes and stores it. Gives: its id, and whether it came for the first time.

        Raises: Unauthenticated with a reason, before anything is parsed; Malformed for a body that cannot be read;
        Refused when another body came under the same id.
        """
        now = self._clock()
        provider = endpoint.provider
        provider.verify(endpoint.state, self._endpoints.secrets(endpoint), delivery, now // MICRO)
        try:
            body = decode(delivery.body)
        except Invalid as error:
            raise Malformed(error.code, error.detail) from error
        message_id = provider.identify(delivery, body)
        headers = {name: delivery.only(name, "header_malformed") for name in provider.keeps}
        fresh = self.messages.put(endpoint.tenant_id, endpoint.endpoint_id, message_id, delivery.body, headers, now)
        self._hint(endpoint.tenant_id)
        return message_id, fresh

    def redrive(self, tenant_id: str, endpoint_id: str, message_id: str) -> Message:
        """Lets a parked message be tried again. Raises: NotFound; Refused when it is done."""
        if not message_id.isascii() or not message_id.isprintable():
            raise NotFound("message_not_found", "there is no such message")
        message = self.messages.redrive(tenant_id, endpoint_id, message_id)
        self._hint(tenant_id)
        return message

    def _hint(self, tenant_id: str) -> None:
        with self._lock:
            self._hints.add(tenant_id)
        self._wake()

    # --- in the worker ---

    def work(self) -> int:
        """Takes in what is waiting, for every tenant. Gives: how many messages found their end."""
        with self._lock:
            tenants, self._hints = self._hints, set()
        now = time.monotonic()
        if self._swept_at is None or now - self._swept_at >= SWEEP_SECONDS:
            tenants = tenants.union(self._endpoints.tenants())
            self._swept_at = now
        ended = 0
        for tenant_id in sorted(tenants):
            try:
                ended += self.process(tenant_id)
            except DomainError as fault:  # the next sweep comes by again
                logger().warning("inbox_waits", code=fault.code, tenant_id=tenant_id)
        return ended

    def process(self, tenant_id: str) -> int:
        """Takes in what is waiting, in order. Gives: how many messages found their end.

        A message whose event is in the ledger already is only marked: whoever died between the two left it so.
        """
        ended = 0
        while waiting := self.messages.waiting(tenant_id, BATCH):
            marks: list[Mark] = []
            for endpoint_id, group in groupby(waiting, key=lambda each: each.endpoint_id):
                marks += self._take_in(tenant_id, endpoint_id, list(group))
            self.messages.mark(tenant_id, marks)
            ended += len(marks)
            if len(marks) < len(waiting):
                break
        return ended

    def _take_in(self, tenant_id: str, endpoint_id: str, group: Sequence[Waiting]) -> list[Mark]:
        events = [_event(endpoint_id, one) for one in group]
        try:
            items = self._ingestion.ingest(tenant_id, f"webhook:{endpoint_id}", events)
        except Unavailable:
            return []
        except Exception as fault:  # noqa: BLE001 - one message must not hold up the others, whatever it does
            if len(group) > 1:
                return [mark for one in group for mark in self._take_in(tenant_id, endpoint_id, [one])]
            logger().error("message_failed", error=type(fault).__name__, tenant_id=tenant_id, endpoint_id=endpoint_id)
            items = [Item("refused", refusal=Refused("message_failed"))]
        return [
            _mark(one, item)
            for one, item in zip(group, items, strict=True)
            if not isinstance(item.refusal, Conflict | Unavailable)
        ]


def _event(endpoint_id: str, one: Waiting) -> Any:
    """The event that a message stands for, or the refusal of one that cannot be read any more."""
    if one.body is None:
        return Refused("body_lost", "the body was locked under another root key")
    try:
        return cloud_event(endpoint_id, one.message_id, decode(one.body))
    except DomainError as refusal:
        return refusal


def _mark(one: Waiting, item: Item) -> Mark:
    return Mark(
        one.endpoint_id,
        one.message_id,
        item.receipt.position if item.receipt else None,
        item.refusal.code if item.refusal else None,
    )
