"""The gate: who comes in, and what they may do.

Lives here: keys (making and checking them) and the policy of roles.
May import: `app.domain`, `app.store`, `app.write_side.handler`.
To add a role: a line in `policy.py`.
"""
