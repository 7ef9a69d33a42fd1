"""`python -m tests.golden` adds the golden files that are missing, and refuses when one that is there has changed."""

import sys

from tests.golden import add

try:
    added = add()
except ValueError as refusal:
    sys.exit(f"refused: {refusal}")
sys.stdout.write("".join(f"added {file}\n" for file in added) or "nothing to add\n")
