"""A made-up agency whose history shows everything that can happen.

Lives here: its people and phrases, the histories of its accounts, its back office, and the loader that gives all their commands.
May import: `app.bootstrap` and everything below it; only the command line imports it.
To add a kind of event: where it happens, in the history of an account (`scenarios`, `years`, `renewals`, `interactions`,
`scope_changes`, `opportunities`, `proposals`, `budgets`) or in the `back_office` (what needs views also in `computed`).
"""
