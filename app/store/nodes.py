"""Nodes: where a database is distributed, one that does not answer holds up nobody but the tenants whose rows it has.

A node that is down refuses at once. One that is frozen does not, and each transaction with it would keep a connection and a thread until
there are none left. So no node has more than half of the connections; and one from which nothing came for a second is asked by itself.
While it is silent, its tenants are refused at once, and what waits for it is given up.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from app.domain.kernel.errors import Unavailable
from app.observe.logs import logger
from app.store.bounded import BoundedConnection
from app.store.placement import Placement

QUIET_SECONDS: Final = 1.0
"""After how long without an answer a node is asked whether it is there."""
CROWDED_SECONDS: Final = 0.5
"""After how long a newcomer is refused, where the node has its share of the connections already."""
PATIENCE_SECONDS: Final = 5.0
"""How long a newcomer waits for one of them, where the node answers."""
LOOK_SECONDS: Final = 0.25
"""How often it is looked whether all nodes answer."""


@dataclass(eq=False)
class Holder:
    """A transaction with a node. connection: what it waits on, once it has one."""

    began: float
    connection: BoundedConnection | None = None


@dataclass(eq=False)
class Node:
    """What is known of a node. tenant: one of those whose rows it has."""

    name: str
    tenant: str = ""
    holders: set[Holder] = field(default_factory=set)
    answered: float = 0.0
    silent: bool = False

    def quiet(self, now: float) -> float:
        """For how long somebody has waited for it while nothing came for anybody."""
        return now - max(min((holder.began for holder in self.holders), default=now), self.answered)


class Nodes:
    """The nodes of a distributed database, as this process sees them.

    Takes: the placement; `ask`, which reads one row of a tenant and raises where that cannot be done soon; how many transactions with a
    node there may be at a time.
    """

    def __init__(self, placement: Placement, ask: Callable[[str], None], share: int) -> None:
        self.placement = placement
        self._ask = ask
        self._share = share
        self._nodes: dict[str, Node] = {}
        self._changed = threading.Condition()
        self._watch: threading.Thread | None = None
        self._closed = threading.Event()

    def silent(self) -> list[str]:
        """The nodes that do not answer."""
        return sorted(node.name for node in list(self._nodes.values()) if node.silent)

    @contextmanager
    def turn(self, tenant_id: str) -> Iterator[Holder | None]:
        """A transaction with a tenant's node. Gives: where to note its connection; None where there is but one node.

        Raises: Unavailable while the node is silent, or has too many already.
        """
        name = self.placement.node_of(tenant_id)
        if name is None:
            yield None
            return
        with self._enter(name, tenant_id) as holder:
            yield holder

    @contextmanager
    def everywhere(self) -> Iterator[Sequence[Holder]]:
        """A transaction with all nodes. Raises: Unavailable while one of them is silent."""
        with ExitStack() as stack:
            yield [stack.enter_context(self._enter(name, "")) for name in self.placement.nodes()]

    @contextmanager
    def _enter(self, name: str, tenant_id: str) -> Iterator[Holder]:
        holder = Holder(monotonic())
        with self._changed:
            node = self._nodes.setdefault(name, Node(name))
            node.tenant = node.tenant or tenant_id
            self._admit(node, holder.began)
            node.holders.add(holder)
            if self._watch is None:
                self._watch = threading.Thread(target=self._look, name="nodes", daemon=True)
                self._watch.start()
        try:
            yield holder
        finally:
            with self._changed:
                node.holders.discard(holder)
                if holder.connection is None or not holder.connection.given_up:
                    node.answered = monotonic()
                self._changed.notify_all()

    def _admit(self, node: Node, began: float) -> None:
        """Waits for a place. Raises: Unavailable."""
        while True:
            now = monotonic()
            if node.silent:
                raise away(node.name)
            if len(node.holders) < self._share:
                return
            if node.quiet(now) > CROWDED_SECONDS:
                raise away(node.name)
            if now - began > PATIENCE_SECONDS:
                raise Unavailable("store_busy", "all connections to the database are in use; try again", retry_after=1)
            self._changed.wait(CROWDED_SECONDS)

    # --- asking ---

    def _look(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            for node in self._doubtful():
                self._find_out(node)

    def _doubtful(self) -> list[Node]:
        """The nodes to ask: those that are silent, and those from which nothing came for long."""
        now = monotonic()
        with self._changed:  # transactions come and go meanwhile
            return [
                node
                for node in self._nodes.values()
                if node.tenant and (node.silent or node.quiet(now) > QUIET_SECONDS)
            ]

    def _find_out(self, node: Node) -> None:
        try:
            self._ask(node.tenant)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the node does not answer
            if not node.silent:
                logger().error("node_silent", node=node.name, error=type(fault).__name__)
            with self._changed:
                node.silent = True
                for holder in node.holders:  # at once: what has ended is here no more
                    if holder.connection is not None:
                        holder.connection.give_up()
                self._changed.notify_all()
            return
        if node.silent:
            logger().warning("node_answers", node=node.name)
        with self._changed:
            node.silent, node.answered = False, monotonic()
            self._changed.notify_all()

    def close(self) -> None:
        """Asks no more."""
        self._closed.set()
        if self._watch is not None and self._watch is not threading.current_thread():
            with suppress(RuntimeError):
                self._watch.join(timeout=10)


def away(name: str) -> Unavailable:
    """That a node does not answer."""
    return Unavailable("node_away", f"the node {name} of the database does not answer; the others do", retry_after=1)
