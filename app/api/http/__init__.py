"""What every endpoint shares.

Lives here: dependencies, strict bodies, paging, problem documents, CSV, the contract file.
May import: `app.runtime` and what is below it; never a noun, a board or a KPI.
To add a shared part: a file named for what it does.
"""
