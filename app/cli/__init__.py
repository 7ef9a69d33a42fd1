"""The command line: every command of Steward, for people and for scripts.

Lives here: the list of commands, one file per theme, and in `console.py` what they share: settings, a runtime, answers, progress.
May import: everything below it; this file and `lazy.py` only typer, so that `steward --help` answers at once.
To add a command: a function in its theme's file, and a line in the list below.
"""

import sys
from typing import Annotated, Final, NoReturn

import typer

from app import __version__
from app.cli.lazy import Entry, group_of

COMMANDS: Final = {
    "migrate": Entry("app.cli.server:migrate", "Bring the database to head, and make the tables of new views."),
    "serve": Entry("app.cli.server:serve", "Serve the API until SIGTERM or SIGINT."),
    "worker": Entry("app.cli.server:worker", "Keep views up to date and take webhook messages in."),
    "demo": Entry("app.cli.demo:demo", "Write three years of a made-up agency into a ledger."),
    "import": Entry("app.cli.import_events:import_", "Take a file of events in."),
    "tenants": Entry("app.cli.tenants:app", "Tenants: a ledger each."),
    "keys": Entry("app.cli.keys:app", "API keys of a tenant."),
    "webhooks": Entry("app.cli.webhooks:app", "Webhook endpoints of a tenant."),
    "policies": Entry("app.cli.policies:app", "Rules of a tenant: counting, approvals, exchange rates."),
    "watch": Entry("app.cli.deadlines:watch", "Append what is due now: renewals, milestones, expiries."),
    "status": Entry("app.cli.status:status", "Show how far each tenant's views have read, and where tenants are."),
    "rebuild": Entry("app.cli.views:rebuild", "Rebuild views from the log, and compare them."),
    "verify": Entry(
        "app.cli.verify:verify", "Check that every event is the one that was written, and none is missing."
    ),
    "backup": Entry("app.cli.backup:backup", "Copy a SQLite database while it serves."),
    "distribute": Entry("app.cli.cluster:distribute", "Distribute every tenant table over a Citus cluster."),
    "events": Entry("app.cli.catalogue:events", "Print the catalogue of events."),
    "openapi": Entry("app.cli.catalogue:openapi", "Print the HTTP contract, the same at every call."),
    "settings": Entry("app.cli.show_settings:settings", "Print all settings and where each comes from."),
}

app = typer.Typer(
    name="steward",
    cls=group_of(COMMANDS),
    help="The ledger of client relationships.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(shown: bool) -> None:
    if shown:
        typer.echo(f"steward {__version__}")
        raise typer.Exit


@app.callback()
def steward(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """The ledger of client relationships."""


def main() -> NoReturn:
    """The entry point of `steward`. Ends the process: 0 done, 1 refused, 2 misused, 130 interrupted; never a traceback."""
    try:
        status = app(sys.argv[1:] or ["--help"], prog_name="steward", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold what nobody should read
        from app.cli.failures import describe  # what can go wrong knows half of Steward

        failure = describe(error)
        typer.echo(f"error: {failure.code}: {' '.join(failure.detail.split())}", err=True)
        sys.exit(failure.status)
    sys.exit(status or 0)
