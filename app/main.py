"""The application: endpoints, middleware, and the worker that runs beside them."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from app import __version__
from app.api import ROUTERS
from app.api.http import problems
from app.api.http.about import SUMMARY
from app.api.http.bounded_protocol import STATE, BoundedProtocol
from app.api.http.compression import Compressed
from app.api.http.connections import Connections
from app.api.http.cors import Cors
from app.api.http.failed_keys import KeyChecks
from app.api.http.fair_threads import FairThreads
from app.api.http.fast_commands import FastCommandRouter, FastRoutes
from app.api.http.middleware import Surround
from app.api.http.openapi import contract
from app.api.http.read_records import ReadRecords
from app.api.http.tenant_limits import TenantLimits
from app.api.http.view_figures import ViewFigures
from app.api.http.waiting_reads import WaitingReads
from app.auth.credentials import Credentials
from app.auth.dpop import Proofs
from app.auth.egress import Egress
from app.auth.keys import ApiKeyAuthenticator
from app.auth.logins import Logins
from app.auth.provider_keys import ProviderKeys
from app.auth.tokens import TokenAuthenticator
from app.bootstrap import Ids, build, settle, system_clock
from app.domain.kernel.errors import DomainError
from app.observe import logs, metrics
from app.runtime import Clock, Runtime
from app.settings import Settings, load_settings
from app.worker import Worker

LOOK_SECONDS: Final = 5


class StewardApi(FastAPI):
    """FastAPI with our middleware, and the fast router for commands in front of it."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(**options)
        self._settings = settings
        self.state.limits = TenantLimits(settings)

    def build_middleware_stack(self) -> ASGIApp:
        """Our middleware outside, the framework's inside."""
        self.state.writes = FastRoutes(self.router.routes)
        commands = FastCommandRouter(Compressed(super().build_middleware_stack()), self.state.writes)
        surround = Surround(ReadRecords(commands), self._settings, self.state.limits, Ids(system_clock))
        origins = self._settings.cors_origins
        return Cors(surround, origins.split(",")) if origins else surround


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application with these settings. Takes: `clock`, for tests."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        runtime = build(settings, clock=clock)
        threads = FairThreads(
            4 * settings.pool_size, settings.pool_size
        )  # a tenant has half of the connections at most
        asyncio.get_running_loop().set_default_executor(threads)
        app.state.runtime = runtime
        app.state.grown = False
        app.state.authenticator = _credentials(runtime)
        app.state.proofs = Proofs(runtime.clock)
        app.state.key_checks = KeyChecks(app.state.authenticator, settings.failed_keys)
        app.state.waiting = WaitingReads(runtime.projector, settings.waiting_reads)
        app.state.view_figures = ViewFigures(
            runtime.projector, of_tenants=settings.metrics_tenants, seconds=settings.metrics_seconds
        )
        worker = Worker(runtime)
        if settings.projector:
            worker.start()
        settle()
        looking = asyncio.create_task(_look(runtime))
        yield {STATE: Connections(settings, runtime.new_id)}
        looking.cancel()
        worker.stop()
        runtime.close()

    app = StewardApi(
        settings,
        title="Steward",
        version=__version__,
        lifespan=lifespan,
        openapi_url=None,  # /openapi.json is ours, too
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # /metrics has ours; looking for a tracer costs every request
        summary=SUMMARY,
    )
    for router in ROUTERS:  # directly: an included router is searched twice for every request
        app.router.routes.extend(router.routes)
    app.add_exception_handler(DomainError, problems.domain_error)
    app.add_exception_handler(HTTPException, problems.http_error)
    app.add_exception_handler(RequestValidationError, problems.validation_error)
    app.add_exception_handler(Exception, problems.unforeseen)
    app.openapi = lambda: contract(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def _credentials(runtime: Runtime) -> Credentials:
    """Who checks keys and tokens."""
    settings, seconds = runtime.settings, runtime.settings.key_cache_seconds
    by_key = ApiKeyAuthenticator(runtime.handler, runtime.clock, seconds)
    keys = ProviderKeys(Egress(settings.egress_networks).fetch)
    by_token = TokenAuthenticator(by_key, runtime.issuers, keys, Logins(runtime.log), runtime.clock, seconds)
    return Credentials(by_key, by_token)


async def _look(runtime: Runtime) -> None:
    """Looks now and then for what nobody says by itself."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        runtime.look()


def server_options(settings: Settings) -> dict[str, Any]:
    """How uvicorn serves the application: nothing but HTTP/1.1, with our bounds on connections."""
    protocol = f"{BoundedProtocol.__module__}:{BoundedProtocol.__name__}"
    # By name: a process that uvicorn starts must answer it before it has imported the application, or it is taken for dead.
    return {
        "http": protocol,
        "ws": "none",
        "server_header": False,
        "timeout_keep_alive": settings.keep_alive,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": settings.trusted_proxies,
    }


def create_app_from_env() -> FastAPI:
    """The application with the settings of the environment, for server processes that are started by name."""
    settings = load_settings()
    logs.configure(settings.log_level)
    _end_with_supervisor()
    return create_app(settings)


def _end_with_supervisor() -> None:
    """Lets a server process end when the process that started it is gone: nobody else could stop it, and it would hold the port."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return

    def follow() -> None:
        supervisor.join()
        try:
            logs.logger().error("supervisor_gone")
            metrics.forget()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, name="supervisor", daemon=True).start()
