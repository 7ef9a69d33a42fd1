"""The instruments of the house itself: logs and metrics.

Lives here: JSON logs with an allow-list of members, and counters.
May import: the standard library, structlog, prometheus-client; nothing of the house.
To add a log member: its name in `logs.py`, after asking whether it could ever be personal.
"""
