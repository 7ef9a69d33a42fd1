"""What all commands share: settings, a runtime for as long as it is needed, answers, progress, errors in one line."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from app.bootstrap import build
from app.domain.kernel.errors import DomainError, Invalid
from app.domain.tenant.state import TenantState
from app.observe import logs
from app.runtime import Runtime
from app.settings import Settings

ACTOR: Final = "cli"
"""Who did it, where it was done on the command line."""
REFUSED: Final = 1
MISUSED: Final = 2
WIDEST: Final = 400
"""How long a line of a table may become."""


Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
TenantId = Annotated[str, typer.Option("--tenant", metavar="ID", help="The tenant's id.")]
Model = TypeVar("Model", bound=BaseModel)


class Misuse(Exception):
    """The command line does not make sense. Its text is shown as it is."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


# --- running ---


def run(app: typer.Typer) -> NoReturn:
    """Runs the command line and ends the process: 0 done, 1 refused, 2 misused, 130 interrupted; never a traceback."""
    try:
        sys.exit(app(sys.argv[1:] or ["--help"], prog_name="steward", standalone_mode=False) or 0)
    except typer.TyperException as error:
        fail("usage", error.format_message(), MISUSED)
    except Misuse as error:
        fail(error.code, error.detail, MISUSED)
    except DomainError as error:
        fail(error.code, error.detail, REFUSED)
    except SQLAlchemyError as error:
        fail("database_failed", type(error).__name__, REFUSED)
    except ValidationError as error:
        fail("invalid_command", _first(error), REFUSED)
    except (OSError, RuntimeError, ValueError) as error:
        fail("failed", str(error) or type(error).__name__, REFUSED)
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold what nobody should read
        fail("failed", type(error).__name__, REFUSED)


def fail(code: str, detail: str, status: int) -> NoReturn:
    """One line on stderr, and the end."""
    typer.echo(f"error: {code}: {' '.join(detail.split())}", err=True)
    sys.exit(status)


def told() -> Settings:
    """The settings of the environment and `.env`. Raises: Misuse for one that does not exist or does not fit."""
    try:
        settings = Settings.from_env(os.environ, Path(".env"))
    except ValidationError as error:
        raise Misuse("invalid_settings", _first(error)) from error
    except (ValueError, OSError) as error:
        raise Misuse("invalid_settings", str(error)) from error
    for name in ("database_url", "owner_url"):
        _require_database(name, getattr(settings, name))
    return settings


def _require_database(name: str, url: str | None) -> None:
    try:
        known = url is None or make_url(url).get_backend_name() in ("sqlite", "postgresql")
    except ArgumentError:
        known = False
    if not known:
        raise Misuse("invalid_settings", f"{name}: must be sqlite:///path or postgresql+psycopg://…")


@contextmanager
def house(settings: Settings | None = None) -> Iterator[Runtime]:
    """A runtime for as long as it is needed. Raises: SchemaOutdated."""
    settings = settings or told()
    logs.configure(settings.log_level)
    runtime = build(settings)
    try:
        yield runtime
    finally:
        runtime.close()


def require_tenant(runtime: Runtime, tenant_id: str) -> TenantState:
    """A tenant's state. Raises: NotFound."""
    state: TenantState = runtime.handler.load(tenant_id, "tenant", tenant_id)[1].state
    return state


def made(kind: type[Model], **members: Any) -> Model:
    """A command of what was said on the command line. Raises: Invalid with the first thing that does not fit."""
    try:
        return kind.model_validate(members)
    except ValidationError as error:
        raise Invalid("invalid_command", _first(error)) from error


def _first(error: ValidationError) -> str:
    """What is wrong where first; the value itself is not repeated, for it may be a secret."""
    wrong = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in wrong["loc"])
    return f"{where}: {wrong['msg']}" if where else str(wrong["msg"])


# --- answering ---


def say(text: str = "") -> None:
    """A line for people on stdout."""
    typer.echo(text)


def note(text: str) -> None:
    """A line for people on stderr."""
    typer.echo(text, err=True)


def as_json(body: Any) -> None:
    """A body for scripts on stdout."""
    typer.echo(json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False))


def as_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows for people on stdout, as wide as they are: an id that is cut off is none."""
    console = Console(width=WIDEST, markup=False, highlight=False, emoji=False)
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    console.print(table)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def listed(body: Sequence[Mapping[str, Any]], columns: Sequence[str], *, json_: bool) -> None:
    """Things, for scripts as they are, for people by some of their members."""
    if json_:
        as_json(list(body))
    else:
        as_table(columns, ([one[column] for column in columns] for one in body))


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[tuple[Progress, Any]]:
    """A progress bar on stderr, shown only to people. Gives: the bar and its task."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        yield bar, bar.add_task(label, total=total)
