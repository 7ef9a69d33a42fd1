"""Steward, the ledger of client relationships.

Lives here: the packages of the application, ordered by dependency.
May import: each package only the packages below it; `lint-imports` holds the law.
To add a package: give it a layer in `pyproject.toml` and a docstring like this one.
"""

__version__ = "0.1.0"
