"""The stopwatch: our figures beside what a user would pick instead, in one run on one machine.

Lives here: one file per family of rows, the data they run on (`generate`, `stories`), and what they share: databases,
servers, a client in a process of its own. Every row measures our side and the peer's or the limit's in the same run.
To add a row: a function that gives `Row`s and one line in `catalogue.py`.
"""
