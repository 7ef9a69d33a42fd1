"""Steward, the ledger of client relationships.

Lives here: the rooms of the house, ordered by dependency (README, "The house").
May import: each room only the rooms below it; `lint-imports` holds the law.
To add a room: give it a step in `pyproject.toml` and a card like this one.
"""

__version__ = "0.1.0"
