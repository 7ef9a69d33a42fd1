"""Authentication and authorization: API keys, what each role may do, and over whose accounts.

Lives here: `keys`, which issues and checks them; `caller`, whom a key lets in; `organisation` and `reach`, over whose accounts that is.
May import: `app.domain`, `app.store`, `app.write_side.handler`.
To add a role: a column of the table in `app.domain.kernel.roles`.
"""
