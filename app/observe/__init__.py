"""Logs and metrics of Steward itself.

Lives here: JSON logs with an allow-list of members, and counters.
May import: the standard library, structlog, prometheus-client; nothing of Steward.
To add a log member: its name in `logs.py`, after asking whether it could ever be personal.
"""
