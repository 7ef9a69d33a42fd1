"""`steward migrate`, `serve` and `worker`: the processes of Steward."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Annotated, Any, Final

import typer
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from app.bootstrap import owner
from app.cli.console import Json, open_runtime, progress, settings_or_misuse, show, show_json
from app.cli.demo import kept_key, tips
from app.domain.kernel.errors import DomainError, Unavailable
from app.domain.kernel.values import day_of, zone
from app.observe import logs
from app.read_side.view_tables import create_tables
from app.runtime import Runtime
from app.settings import PREFIX, Settings
from app.store import schema
from app.worker import Worker

COUNTED_IN: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of the metrics' library: a process that begins with it keeps its counts in a file of that folder."""
IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
GRACE_SECONDS: Final = 10
ALIVE_SECONDS: Final = 30
"""How long a process may take to say that it lives before another one takes its place: on a busy machine it needs some to begin."""
BACKLOG: Final = 2048


def migrate(
    grow: Annotated[
        bool, typer.Option("--grow", help="Write the tables of new views from the log, too, until they can serve.")
    ] = False,
    json_: Json = False,
) -> None:
    """Bring the database to head, and make the tables of new views. Others may go on serving meanwhile."""
    database = owner(settings_or_misuse())
    try:
        revision = schema.migrate(database)
        create_tables(database)
    finally:
        database.close()
    if grow:
        with open_runtime() as runtime:
            _grow(runtime)
    if json_:
        show_json({"revision": revision})
    else:
        show(f"The database is at {revision}.")


def _grow(runtime: Runtime) -> None:
    """Lets every tenant's views read until they can serve, or stand still. Raises: Unavailable for a tenant whose views cannot."""
    heads = runtime.log.heads()
    failures = [f"{tenant_id}: {fault}" for tenant_id, fault in heads.away.items()]
    with progress("writing views", sum(heads.known.values())) as (bar, task):
        for tenant_id, head in heads.known.items():
            try:
                while any(
                    not at.grown and at.parked_at is None for at in runtime.projector.standings(tenant_id).values()
                ):
                    runtime.projector.catch_up(tenant_id)
            except (DomainError, RuntimeError) as fault:  # the other tenants' views grow all the same
                failures.append(f"{tenant_id}: {fault}")
            bar.advance(task, head)
    if failures:
        raise Unavailable("views_not_grown", "; ".join(failures))


def serve(
    host: Annotated[str | None, typer.Option(help="The address to serve on; default: STEWARD_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="The port; 0 takes a free one; default: STEWARD_PORT.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="How many processes; default: STEWARD_WORKERS.")] = None,
    no_projector: Annotated[bool, typer.Option("--no-projector", help="Leave the views to `steward worker`.")] = False,
) -> None:
    """Serve the API until SIGTERM or SIGINT, and keep the views up to date unless --no-projector is given."""
    settings = _with(
        settings_or_misuse(), host=host, port=port, workers=workers, projector=False if no_projector else None
    )
    with open_runtime(settings) as runtime:  # refuses an older schema before anybody can connect
        key, today = kept_key(runtime), day_of(runtime.clock(), zone("UTC"))
    from app.main import create_app, server_options  # takes longer to import than it takes to refuse

    listener = _bound(settings)
    url = _url(listener)
    config = uvicorn.Config(
        "app.main:create_app_from_env" if settings.workers > 1 else create_app(settings),
        factory=settings.workers > 1, workers=settings.workers, access_log=False, log_config=None,
        timeout_graceful_shutdown=GRACE_SECONDS, timeout_worker_healthcheck=ALIVE_SECONDS, **server_options(settings))  # fmt: skip
    announcement = f"Steward serves on {url}" + (f"\n\n{tips(url, key, today)}" if key else "")
    signal.signal(signal.SIGTERM, _stopped)
    if settings.workers > 1:
        os.environ |= _environment(settings)  # what the workers, which begin anew, read
        show(announcement)
        _supervise(Multiprocess(config, sockets=[listener]))
    else:
        _run(_Server(config, announcement), listener)


class _Server(uvicorn.Server):
    """uvicorn, which shows where it serves once it does."""

    def __init__(self, config: uvicorn.Config, announcement: str) -> None:
        super().__init__(config)
        self._announcement = announcement

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, then shows the announcement."""
        await super().startup(sockets)
        if self.started:
            show(self._announcement)


def _supervise(processes: Multiprocess) -> None:
    with _counted_together():
        processes.run()
    if any(process.exitcode == STARTUP_FAILURE for process in processes.processes):
        raise Unavailable("server_failed", "a server process could not start")


@contextmanager
def _counted_together() -> Iterator[None]:
    """Lets the processes that are started meanwhile count together, also those that end and are replaced.

    In memory, where there is a folder for that: counting needs no disk, and a full one ends no process.
    """
    memory = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    with TemporaryDirectory(prefix="steward-metrics-", dir=memory, ignore_cleanup_errors=True) as folder:
        os.environ[COUNTED_IN] = folder
        yield


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn has shut down by now and hands the signal on
        return


def worker(
    heartbeat: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file to touch after each round that went well.")
    ] = None,
) -> None:
    """Keep views up to date and take webhook messages in, until SIGTERM or SIGINT; any number may run."""
    with open_runtime() as runtime:
        running = Worker(runtime, heartbeat)

        def stop(_signal: int, _frame: FrameType | None) -> None:
            running.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        logs.logger().info("worker_started")
        running.run()
        logs.logger().info("worker_stopped")


def _with(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update={name: value for name, value in changes.items() if value is not None})


def _environment(settings: Settings) -> dict[str, str]:
    """Settings as environment variables."""
    values = settings.model_dump(exclude_none=True)
    return {PREFIX + name.upper(): str(value) for name, value in values.items()}


def _bound(settings: Settings) -> socket.socket:
    """A socket that listens. Raises: Unavailable when the address is in use."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        raise Unavailable("address_unavailable", f"cannot serve on {where}: {error.strerror or error}") from error
    listener.set_inheritable(True)
    return listener


def _url(listener: socket.socket) -> str:
    """Where to reach a listener from this machine."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _stopped(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM is no failure, neither before the server runs nor when it hands the signal on, having ended gracefully."""
    sys.exit(0)
