"""A subscription of the library's kind, without its threads."""

import threading
from collections.abc import Sequence

from eventsourcing.persistence import Notification, ProcessRecorder, Subscription


class LogSubscription(Subscription[ProcessRecorder]):
    """Follows the log by polling: a wake-up that is lost costs a moment, never an event."""

    poll_seconds = 0.05
    page_size = 500

    def __init__(self, recorder: ProcessRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder, gt=gt, topics=topics)
        self._after = gt or 0
        self._waiting: list[Notification] = []
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ends the iteration."""
        super().stop()
        self._stopped.set()

    def __next__(self) -> Notification:
        while not self._stopped.is_set():
            if self._waiting:
                return self._waiting.pop(0)
            page = self._recorder.select_notifications(
                self._after, self.page_size, topics=self._topics, inclusive_of_start=False
            )
            if page:
                self._waiting, self._after = list(page), page[-1].id
            else:
                self._stopped.wait(self.poll_seconds)
        raise StopIteration
