"""Webhooks: signed messages from other systems.

Lives here: signatures, endpoints and their secrets, the inbox, and one file per provider.
May import: `app.write_side.ingestion`, `app.write_side.handler`, `app.store`, `app.domain`, `app.observe`; never a web framework.
To add a provider: a file in `providers/` and its line in `providers/__init__.py`.
"""
