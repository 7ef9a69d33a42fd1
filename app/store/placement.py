"""Placement: which node of a distributed database has a tenant's rows. Everything is on one where it is not distributed.

Source: docs.citusdata.com, "Citus Tables and Views": `pg_dist_shard`, `pg_dist_placement`, `pg_dist_node`; each node may read them.
"""

import threading
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from time import monotonic
from typing import Final

from sqlalchemy import Connection, text

from app.domain.kernel.errors import DomainError

FRESH_SECONDS: Final = 10.0
"""How long it is believed where the shards are, which may move."""
MOST_DIGESTS: Final = 200_000
SHARDS: Final = """
    SELECT CAST(s.shardminvalue AS int), n.nodename || ':' || n.nodeport
    FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary'
    WHERE s.logicalrelid = to_regclass('ledgers') AND s.shardminvalue IS NOT NULL
    ORDER BY 1"""


class Placement:
    """Knows the nodes. Takes: what opens a transaction on what the first node knows by itself."""

    def __init__(self, directory: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._directory = directory
        self._digests: dict[str, int] = {}
        """By tenant, the number that its shard is found by. It never changes."""
        self._shards: tuple[list[int], list[str]] = ([], [])
        """Where each shard begins, and its node."""
        self._looked_at = float("-inf")
        self._lock = threading.Lock()

    def nodes(self) -> list[str]:
        """All nodes with rows of tenants; none where the database is not distributed."""
        self._look()
        return sorted(set(self._shards[1]))

    def known(self, tenant_id: str) -> str | None:
        """A tenant's node, where that can be said without a look into the database."""
        (starts, names), digest = self._shards, self._digests.get(tenant_id)
        return names[bisect_right(starts, digest) - 1] if starts and digest is not None else None

    def node_of(self, tenant_id: str) -> str | None:
        """A tenant's node; None where the database is not distributed."""
        self._look()
        if self._shards[0] and tenant_id not in self._digests:
            self._digest([tenant_id])
        return self.known(tenant_id)

    def by_node(self, tenants: Iterable[str]) -> dict[str, list[str]]:
        """Tenants by their nodes."""
        tenants = list(tenants)
        self._look()
        unknown = [tenant_id for tenant_id in tenants if tenant_id not in self._digests]
        if self._shards[0] and unknown:
            self._digest(unknown)
        by_node: dict[str, list[str]] = defaultdict(list)
        for tenant_id in tenants:
            by_node[self.known(tenant_id) or ""].append(tenant_id)
        return by_node

    def _look(self) -> None:
        first = self._looked_at == float("-inf")
        if monotonic() - self._looked_at < FRESH_SECONDS or not self._lock.acquire(blocking=first):
            return
        try:
            if monotonic() - self._looked_at < FRESH_SECONDS:
                return
            before, self._looked_at = self._looked_at, monotonic()
            try:
                found = self._find()
            except DomainError:
                if not self._shards[0]:
                    self._looked_at = before
                    raise
            else:
                self._shards = ([start for start, _ in found], [name for _, name in found])
        finally:
            self._lock.release()

    def _find(self) -> list[tuple[int, str]]:
        with self._directory() as connection:
            if not connection.execute(text("SELECT to_regclass('pg_catalog.pg_dist_shard') IS NOT NULL")).scalar_one():
                return []
            return [(start, name) for start, name in connection.execute(text(SHARDS))]

    def _digest(self, tenants: list[str]) -> None:
        query = text("SELECT t, worker_hash(t) FROM unnest(CAST(:tenants AS text[])) AS t")
        with self._directory() as connection:
            rows = connection.execute(query, {"tenants": tenants})
            found = {tenant_id: digest for tenant_id, digest in rows}  # noqa: C416 - rows are not pairs to mypy
        with self._lock:
            if len(self._digests) > MOST_DIGESTS:
                self._digests.clear()
            self._digests |= found
