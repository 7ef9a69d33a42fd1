"""Deadlines: watchers that append an event when a deadline has passed.

Lives here: a file per watcher, each with a pass over what may be due; `due_actions`, which says what that is; and `schedule`,
which says when a pass runs. What a watcher appends goes through the handler like every command, under an idempotency key that
names the deadline, so that any number of workers append it once.
May import: the handler, the reader and what is below them; never `app.api`.
To add a watcher: a file with a class that has `run_once`, and a line in `app.bootstrap`.
"""

from app.services.deadlines.renewals import PassResult, RenewalDeadlines
from app.services.deadlines.schedule import DeadlineSchedule, Watchers
from app.services.deadlines.suggestions import SuggestionDeadlines

__all__ = ["DeadlineSchedule", "PassResult", "RenewalDeadlines", "SuggestionDeadlines", "Watchers"]
