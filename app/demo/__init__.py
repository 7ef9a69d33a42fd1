"""The stage: a made-up agency whose history shows everything that can happen.

Lives here: the cast, the words, the arcs of relationships, the agency's own books, and how the story is told into a ledger.
May import: `app.bootstrap` and everything below it; nothing of it is imported but by the command line.
To add a kind of event: where it happens, in an account's life (`arcs`, `years`, `cycles`, `contacts`, `wishes`, `chances`, `offers`,
`budgets`) or at the director's desk (`books`; what rests on views also in `computed`); then another number for the seed.
"""
