"""The command line: every verb of the house, for people and for scripts.

Lives here: one file per theme, and in `shell.py` what they share: settings, answers, progress, errors in one line.
May import: everything below it.
To add a command: a function in its theme's file; it shows in the list below.
"""

import typer

from app.cli.catalogue import events, openapi, settings
from app.cli.console import run
from app.cli.deadlines import watch
from app.cli.demo import demo
from app.cli.import_events import import_
from app.cli.keys import app as keys
from app.cli.policies import app as policies
from app.cli.server import migrate, serve, worker
from app.cli.tenants import app as tenants
from app.cli.views import distribute, rebuild, status
from app.cli.webhooks import app as webhooks

app = typer.Typer(
    name="steward",
    help="The ledger of client relationships.",
    add_completion=False,
    rich_markup_mode=None,
)
for command in (migrate, serve, worker, demo, distribute, rebuild, status, openapi, events, settings, watch):
    app.command()(command)
app.command("import")(import_)
app.add_typer(tenants, name="tenants")
app.add_typer(keys, name="keys")
app.add_typer(webhooks, name="webhooks")
app.add_typer(policies, name="policies")


def main() -> None:
    """The entry point of `steward`."""
    run(app)
