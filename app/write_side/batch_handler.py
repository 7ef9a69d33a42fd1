"""BatchHandler: many commands of a tenant in order. A stretch of them is planned while the one before is being appended."""

from collections.abc import Sequence
from concurrent.futures import Future
from threading import Lock
from typing import Final

from app.domain.kernel.errors import Conflict, DomainError, Unavailable
from app.store import receipts
from app.store.append import Outcome
from app.store.committer import Committer
from app.store.receipts import Receipt, Request
from app.write_side.planner import CommandEnvelope, Plan, Planner
from app.write_side.states import PendingWrites

ATTEMPTS: Final = 4
"""How often what somebody else's writing has overtaken is decided."""
STRETCH: Final = 500
"""How many commands are appended at a time."""


class BatchHandler:
    """Handles commands in batches. Takes: who plans, and who appends."""

    def __init__(self, planner: Planner, committer: Committer) -> None:
        self.planner = planner
        self.committer = committer
        self._turn = Lock()

    def handle(self, tenant_id: str, intents: Sequence[CommandEnvelope]) -> list[Receipt | DomainError]:
        """Handles commands in order; one that is refused costs no other.

        Gives: for each its receipt or its refusal. A command sees what the commands before it decided.
        """
        results: list[Receipt | DomainError | None] = [None] * len(intents)
        known = self.planner.log.receipts(tenant_id, [intent.request.key for intent in intents])
        if known:
            for at, intent in enumerate(intents):
                if intent.request.key in known:
                    results[at] = _replayed(intent.request, known[intent.request.key])
        for _attempt in range(ATTEMPTS):
            waiting = [at for at, result in enumerate(results) if result is None or isinstance(result, Conflict)]
            if not waiting:
                break
            self._attempt(tenant_id, intents, waiting, results)
        return [result or Unavailable("try_again", "too many others wrote to the same things") for result in results]

    def _attempt(
        self,
        tenant_id: str,
        intents: Sequence[CommandEnvelope],
        waiting: Sequence[int],
        results: list[Receipt | DomainError | None],
    ) -> None:
        firsts: dict[str, int] = {}
        for at in waiting:
            firsts.setdefault(intents[at].request.key, at)
        turns = list(firsts.values())
        overlay = PendingWrites(batch=True)
        self.planner.prefetch(tenant_id, [intents[at] for at in turns], overlay)
        refused: list[int] = []
        overtaken = False
        planned: list[tuple[int, Plan]] = []
        answer: Future[list[Outcome]] = self.committer.submit([])
        for start in range(0, len(turns), STRETCH):
            following = self._plan(intents, turns[start : start + STRETCH], overlay, results, refused)
            overtaken |= self._settle(planned, answer.result(), results)
            planned, answer = following, self.committer.submit([plan.append for _, plan in following])
        overtaken |= self._settle(planned, answer.result(), results)
        if overtaken:
            for at in refused:  # it may have been refused for what was stale
                results[at] = None
        if len(turns) < len(waiting):
            for at in waiting:
                first = firsts[intents[at].request.key]
                if first != at:
                    results[at] = _as_twin(intents[at].request, intents[first].request, results[first])

    def _plan(
        self,
        intents: Sequence[CommandEnvelope],
        turns: Sequence[int],
        overlay: PendingWrites,
        results: list[Receipt | DomainError | None],
        refused: list[int],
    ) -> list[tuple[int, Plan]]:
        planned = []
        with self._turn:  # two threads that plan at once fight for the interpreter, and both take longer
            for at in turns:
                try:
                    planned.append((at, self.planner.plan(intents[at], overlay)))
                except DomainError as refusal:
                    results[at] = refusal
                    refused.append(at)
        return planned

    def _settle(
        self,
        planned: Sequence[tuple[int, Plan]],
        outcomes: Sequence[Outcome],
        results: list[Receipt | DomainError | None],
    ) -> bool:
        """Takes outcomes in. Gives: whether somebody else was faster with one of them."""
        overtaken = False
        for (at, plan), outcome in zip(planned, outcomes, strict=True):
            results[at] = outcome
            if isinstance(outcome, Receipt):
                if not outcome.replayed:
                    self.planner.stored(plan, outcome)
            else:
                self.planner.failed(plan)
                overtaken |= isinstance(outcome, Conflict)
        return overtaken


def _as_twin(request: Request, first: Request, outcome: Receipt | DomainError | None) -> Receipt | DomainError | None:
    """The answer to the same event twice in one batch: its first's, or None while that says nothing about it."""
    if isinstance(outcome, Receipt):
        return _replayed(request, (first.fingerprint, outcome))
    alike = request.fingerprint == first.fingerprint and not isinstance(outcome, Conflict)
    return outcome if alike else None


def _replayed(request: Request, found: tuple[bytes, Receipt]) -> Receipt | DomainError:
    try:
        return receipts.replay(request, found)
    except DomainError as refusal:
        return refusal
