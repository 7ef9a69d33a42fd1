"""The watchmen: followers that append, where a day came that somebody should know of.

Lives here: one file per watcher, each a pass over what may be due, and `turns` which says when to look. What a watcher
appends goes through the handler like everything else, under a request key that names the deadline, so that any number of
workers append it once. May import: the handler, the reader and what is below them; never a door.
To add a watcher: a file with a class that has `look`, and a line in `app.bootstrap`.
"""

from app.services.deadlines.renewals import PassResult, RenewalDeadlines
from app.services.deadlines.schedule import DeadlineSchedule

__all__ = ["DeadlineSchedule", "PassResult", "RenewalDeadlines"]
