"""Authentication and authorization: API keys, and what each role may do.

Lives here: `keys`, which issues and checks them, and `roles`.
May import: `app.domain`, `app.store`, `app.write_side.handler`.
To add a role: a line in `roles.py`.
"""
