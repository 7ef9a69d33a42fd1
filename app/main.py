"""The application: doors, what surrounds them, and what runs beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from os import environ
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from app import __version__
from app.api import ROUTERS
from app.api.http import problems
from app.api.http.fast_commands import FastCommandRouter
from app.api.http.middleware import Surround
from app.api.http.openapi import contract
from app.auth.keys import ApiKeyAuthenticator
from app.bootstrap import Ids, build, settle, system_clock
from app.domain.kernel.errors import DomainError
from app.observe import logs
from app.runtime import Clock
from app.settings import Settings
from app.worker import Worker


class StewardApi(FastAPI):
    """FastAPI with our surroundings, and with the short way for commands in front of it."""

    def __init__(self, settings: Settings, **told: Any) -> None:
        super().__init__(**told)
        self._settings = settings

    def build_middleware_stack(self) -> ASGIApp:
        """Ours outside, the framework's inside."""
        commands = FastCommandRouter(super().build_middleware_stack(), self.router.routes)
        return Surround(
            commands,
            limit=self._settings.body_limit,
            events_limit=self._settings.events_body_limit,
            new_id=Ids(system_clock),
        )


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application of some settings. Takes: `clock`, for tests."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        runtime = build(settings, clock=clock)
        app.state.runtime = runtime
        app.state.gate = ApiKeyAuthenticator(runtime.handler, runtime.clock, settings.key_cache_seconds)
        worker = Worker(runtime)
        if settings.projector:
            worker.start()
        settle()
        yield
        worker.stop()
        runtime.close()

    app = StewardApi(
        settings,
        title="Steward",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # /metrics tells; looking for it costs every request
        summary="The ledger of client relationships",
    )
    for router in ROUTERS:  # as they are, for an included router is searched twice for every request
        app.router.routes.extend(router.routes)
    app.add_exception_handler(DomainError, problems.domain_error)
    app.add_exception_handler(HTTPException, problems.http_error)
    app.add_exception_handler(RequestValidationError, problems.validation_error)
    app.add_exception_handler(Exception, problems.unforeseen)
    app.openapi = lambda: contract(app)  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def create_app_from_env() -> FastAPI:
    """The application of the environment, for server processes that are started by name."""
    settings = Settings.from_env(environ, Path(".env"))
    logs.configure(settings.log_level)
    return create_app(settings)
