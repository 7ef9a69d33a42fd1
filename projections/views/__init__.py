"""The views: what a list or a page reads, folded from the log.

Lives here: one file per view, with its row, its fold, its table and its queries.
May import: `projections.view`, the parts that views share, events and values of `app.domain`; never another view.
To add a view: see the table of CONTRIBUTING; no migration.
"""
