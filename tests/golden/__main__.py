"""`python -m tests.golden` adds the golden events and answers that are missing, and refuses when one that is there has changed."""

import sys

from tests.golden import add
from tests.golden.answers import NOW, ZONE, add_answers, answers, load
from tests.support.application import Steward
from tests.support.databases import Databases

databases = Databases()
try:
    added = add()
    steward = Steward(databases.fresh("sqlite"), time_zone=ZONE, now=NOW)
    load(steward)
    added += add_answers(lambda kpi: answers(steward, kpi))
    steward.close()
except ValueError as refusal:
    sys.exit(f"refused: {refusal}")
finally:
    databases.close()
sys.stdout.write("".join(f"added {file}\n" for file in added) or "nothing to add\n")
