"""BatchHandler: many commands of a tenant in order. The next commands are planned while the ones before are appended."""

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Lock
from time import monotonic
from typing import Final

from app.domain.kernel.errors import DomainError
from app.store import receipts
from app.store.append import Outcome, Overtaken, overtaken
from app.store.committer import Committer
from app.store.receipts import Receipt, Request, StoredReceipt
from app.write_side.command_envelope import CommandEnvelope
from app.write_side.pending import PendingWrites
from app.write_side.planner import Plan, Planner
from app.write_side.stream_turns import DECIDED_FOR

CHUNK: Final = 500
"""How many commands are appended at a time."""

Results = list[Receipt | DomainError | None]
"""What became of each command of a batch; None while it is not decided."""
Planned = list[tuple[int, Plan]]
"""Plans with the index of their command."""


class BatchHandler:
    """Handles commands in batches. Takes: the planner, the committer."""

    def __init__(self, planner: Planner, committer: Committer) -> None:
        self.planner = planner
        self.committer = committer
        self._planning = Lock()

    def handle(self, tenant_id: str, envelopes: Sequence[CommandEnvelope]) -> list[Receipt | DomainError]:
        """Handles commands in order; a refused one does not affect the others.

        Gives: for each its receipt or its refusal. A command sees what the commands before it decided.
        """
        results: Results = [*self.planner.log.replays(tenant_id, [envelope.request for envelope in envelopes])]
        deadline = monotonic() + DECIDED_FOR
        while open_ := [at for at, result in enumerate(results) if result is None or isinstance(result, Overtaken)]:
            self._attempt(tenant_id, envelopes, open_, results)
            if monotonic() >= deadline:
                break
        return [result or overtaken(tenant_id) for result in results]

    def _attempt(
        self, tenant_id: str, envelopes: Sequence[CommandEnvelope], open_: Sequence[int], results: Results
    ) -> None:
        """Decides and appends the commands that are still open. Takes: their indexes."""
        first_with_key: dict[str, int] = {}
        for at in open_:
            first_with_key.setdefault(envelopes[at].request.key, at)
        distinct = list(first_with_key.values())
        pending = PendingWrites(batch=True)
        self.planner.prefetch(tenant_id, [envelopes[at] for at in distinct], pending)
        refused: list[int] = []
        overtaken = False
        planned: Planned = []
        outcomes: Future[list[Outcome]] = self.committer.submit([])
        for start in range(0, len(distinct), CHUNK):
            following = self._plan(envelopes, distinct[start : start + CHUNK], pending, results, refused)
            overtaken |= self._settle(planned, outcomes.result(), results)
            planned, outcomes = following, self.committer.submit([plan.append for _, plan in following])
        overtaken |= self._settle(planned, outcomes.result(), results)
        if overtaken:
            for at in refused:  # it may have been refused because of a state that was out of date
                results[at] = None
        if len(distinct) < len(open_):
            for at in open_:
                first = first_with_key[envelopes[at].request.key]
                if first != at:
                    results[at] = _duplicate(envelopes[at].request, envelopes[first].request, results[first])

    def _plan(
        self,
        envelopes: Sequence[CommandEnvelope],
        chunk: Sequence[int],
        pending: PendingWrites,
        results: Results,
        refused: list[int],
    ) -> Planned:
        planned = []
        with self._planning:  # two threads that plan at once fight for the interpreter, and both take longer
            for at in chunk:
                try:
                    planned.append((at, self.planner.plan(envelopes[at], pending)))
                except DomainError as refusal:
                    results[at] = refusal
                    refused.append(at)
        return planned

    def _settle(self, planned: Planned, outcomes: Sequence[Outcome], results: Results) -> bool:
        """Notes the outcomes of an append. Gives: whether another writer was faster with one of them."""
        overtaken = False
        for (at, plan), outcome in zip(planned, outcomes, strict=True):
            results[at] = outcome
            if isinstance(outcome, Receipt):
                if not outcome.replayed:
                    self.planner.cache_states(plan, outcome)
            else:
                self.planner.drop_states(plan)
                overtaken |= isinstance(outcome, Overtaken)
        return overtaken


def _duplicate(request: Request, first: Request, result: Receipt | DomainError | None) -> Receipt | DomainError | None:
    """The answer to a request whose key came before in the same batch; None while it is not decided.

    Takes: the first request with the key, and its result.
    """
    if isinstance(result, Receipt):
        return receipts.replay_or_refusal(request, StoredReceipt(first.fingerprint, result))
    same = request.fingerprint == first.fingerprint and not isinstance(result, Overtaken)
    return result if same else None
