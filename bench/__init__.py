"""Benchmarks: Steward's figures beside what a user would pick instead, in one run on one machine.

Lives here: one file per family of benchmarks, their data (`generate`, `histories`), and what they share: databases, servers, a
client in a process of its own. Every result measures Steward and the peer, or the limit, in the same run.
To add a benchmark: write a function that returns `Result`s, and add one line to `catalogue.py`.
"""
