"""Incoming webhooks: verified over raw bytes, stored, then translated and appended.

Lives here: endpoints and their secrets, signatures, the inbox, translation, and a file per provider in `providers`.
May import: `app.write_side`, `app.store`, `app.domain`, `app.observe`; never a web framework.
To add a provider: see the table of CONTRIBUTING.
"""
