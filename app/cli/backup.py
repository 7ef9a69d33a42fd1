"""`steward backup`: a copy of a SQLite database while it serves."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import typer

from app.cli.console import Json, progress, settings_or_misuse, show, show_json
from app.domain.kernel.errors import Refused
from app.store import sqlite
from app.store.urls import sqlite_file

PAGES: Final = 1000
"""How many pages are copied between two looks at the progress."""


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the copy; must not exist yet.")],
    json_: Json = False,
) -> None:
    """Copy a SQLite database while it serves: all that was acknowledged before, and no half of anything. PostgreSQL has `pg_dump`."""
    settings = settings_or_misuse()
    source = sqlite_file(settings.database_url)
    if source is None:
        raise Refused(
            "backup_not_sqlite", "this copies a SQLite file; for PostgreSQL use pg_dump, see docs/operations.md"
        )
    if not Path(source).exists():
        raise Refused("database_missing", "there is no database to copy")
    if not file.parent.is_dir():
        raise Refused("folder_missing", f"there is no folder {file.parent}")
    if file.exists():
        raise Refused("file_exists", f"{file} exists already")
    copied = _copy(source, file)
    if json_:
        show_json(
            {
                "file": str(file),
                "bytes": copied,
                "vault_key_file": None if settings.vault_key else settings.vault_key_file,
            }
        )
        return
    show(f"{file}: {copied:,} bytes. The root key is not in it: keep a copy of it in another place.")


def _copy(source: str, file: Path) -> int:
    """Copies a database into a new file that appears when it is whole. Gives: its size in bytes."""
    driver, draft = sqlite.driver(), file.with_name(f".{file.name}.part")
    draft.unlink(missing_ok=True)
    with closing(driver.connect(source, timeout=15)) as original, closing(driver.connect(str(draft))) as copy:
        original.isolation_level = None
        original.execute("BEGIN")  # one snapshot: without it the copy begins again whenever somebody writes
        original.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with progress("copying pages", 1) as (bar, task):
            original.backup(
                copy,
                pages=PAGES,
                progress=lambda _status, left, all_: bar.update(task, total=all_, completed=all_ - left),
            )
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        if copy.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            draft.unlink()
            raise Refused("backup_failed", "the copy is damaged")
    draft.rename(file)
    return file.stat().st_size
