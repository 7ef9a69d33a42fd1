"""Alarms: what stands still or is refused until somebody sees to it, as a line in the log at its beginning and its end, and a metric."""

import threading
from typing import Any, Final, Literal, get_args

from prometheus_client import Gauge

from app.observe.logs import logger
from app.observe.metrics import REGISTRY

Alarm = Literal["storage_full", "store_read_only", "clock_ahead", "writes_stuck", "views_behind", "log_damaged"]
ALARMS: Final[tuple[Alarm, ...]] = get_args(Alarm)
STANDING = Gauge(
    "steward_alarm",
    "1 while something needs somebody: see operations.",
    ["alarm"],
    registry=REGISTRY,
    multiprocess_mode="livemax",
)


class Alarms:
    """The alarms of a process."""

    def __init__(self) -> None:
        self._standing: frozenset[Alarm] = frozenset()
        self._lock = threading.Lock()
        for alarm in ALARMS:
            STANDING.labels(alarm).set(0)

    def stands(self, *any_of: Alarm) -> Alarm | None:
        """The first of these that stands."""
        return next((alarm for alarm in any_of if alarm in self._standing), None) if self._standing else None

    def begin(self, alarm: Alarm, **facts: Any) -> None:
        """Something needs somebody from now on. Takes: what the log may say of it."""
        with self._lock:
            if alarm in self._standing:
                return
            self._standing |= {alarm}
            STANDING.labels(alarm).set(1)
        logger().error("alarm_begins", code=alarm, **facts)

    def end(self, *ended: Alarm) -> None:
        """It is over, where it stood."""
        if not self._standing.intersection(ended):
            return
        with self._lock:
            over = sorted(self._standing.intersection(ended))
            self._standing -= set(over)
            for alarm in over:
                STANDING.labels(alarm).set(0)
        for alarm in over:
            logger().warning("alarm_ends", code=alarm)
