"""An oracle for renewals: a naive model that knows nothing of the product, and random histories that both are told.

Lives here: `contracts`, what a contract pays on a day; `renewals`, what falls due and what became of it; `histories`, what may
be told, at random; `telling`, which tells it to a server through its API and asks; and the tests that compare.
"""
