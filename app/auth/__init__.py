"""Authentication and authorization: API keys, and what each role may do.

Lives here: `keys`, which issues and checks them, and `caller`, whom a key lets in.
May import: `app.domain`, `app.store`, `app.write_side.handler`.
To add a role: a column of the table in `app.domain.kernel.roles`.
"""
