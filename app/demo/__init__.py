"""The stage: a made-up agency whose history shows everything that can happen.

Lives here: the cast, the words, the arcs of relationships, and how the story is told into a ledger.
May import: `app.bootstrap` and everything below it; nothing of it is imported but by the command line.
To add a kind of event: where it happens in `arcs.py`, `contacts.py` or `wishes.py`; then another number for the seed.
"""
