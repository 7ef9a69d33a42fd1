"""Whether the server lives, is ready, and how it does."""

from contextlib import suppress
from typing import Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from app.api.http.dependencies import runtime_of
from app.api.http.strict_json_route import StrictRoute
from app.api.http.view_figures import ViewFigures
from app.domain.kernel.errors import DomainError
from app.observe.metrics import exposition
from app.read_side.node_checks import silent_nodes
from app.read_side.view_tables import require_all_grown, require_tables
from app.store.intact import DAMAGED
from app.store.schema import SchemaNewer, require_head

router = APIRouter(tags=["system"], route_class=StrictRoute)


class LivenessBody(BaseModel):
    """The process answers."""

    status: Literal["alive"] = Field(description="alive, else there would be no answer")


class ReadinessBody(BaseModel):
    """Whether the server can serve, and what is amiss."""

    status: Literal["ready", "degraded", "not_ready"] = Field(
        description="whether it can serve; degraded: not the tenants of some nodes of the database, or not a log that somebody changed"
    )
    component: Literal["vault", "database", "views"] | None = Field(
        None, description="what is amiss; only where it is not ready"
    )
    code: str | None = Field(None, description="why, as a code; only where it is not ready, or degraded by log_damaged")
    away: dict[str, str] | None = Field(
        None,
        description="the nodes of the database that do not answer, each with why, as a code; only where it is degraded",
    )


class PlainText(Response):
    """Text in the form that Prometheus reads."""

    media_type = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/livez", operation_id="system.livez", responses={200: {"model": LivenessBody}})
async def livez() -> Response:
    """The process answers."""
    return JSONResponse({"status": "alive"})


@router.get(
    "/readyz",
    operation_id="system.readyz",
    responses={200: {"model": ReadinessBody}, 503: {"model": ReadinessBody, "description": "Not ready"}},
)
def readyz(request: Request) -> Response:
    """Whether the database answers, takes writes, has this code's schema, and is sealed under this server's root key.

    Where tenants are distributed over nodes, each is asked for a tenant. While some do not answer, the others' tenants are served.
    And what it shows is whole: the views of this version have grown. A database that a newer version has migrated goes on serving.
    """
    runtime = runtime_of(request)
    try:
        with suppress(SchemaNewer):
            require_head(runtime.database)
        require_tables(runtime.database)
        runtime.require_root_key()
        runtime.health.require()
        away = silent_nodes(runtime.database)
        damaged = runtime.alarms.stands(DAMAGED)
        if not away and not request.app.state.grown:
            require_all_grown(runtime.database)
            request.app.state.grown = True  # what has grown stays so as long as a process lives
    except DomainError as error:
        component = (
            "vault" if error.code.startswith("vault_") else "views" if error.code == "view_growing" else "database"
        )
        return JSONResponse({"status": "not_ready", "component": component, "code": error.code}, 503)
    amiss = {**({"code": damaged} if damaged else {}), **({"away": away} if away else {})}
    return JSONResponse({"status": "degraded", **amiss} if amiss else {"status": "ready"})


@router.get("/metrics", operation_id="system.metrics", response_class=PlainText)
def metrics(request: Request) -> Response:
    """Figures for Prometheus: requests, refusals, events, and how far each view has read."""
    figures: ViewFigures = request.app.state.view_figures
    return PlainText(exposition() + figures.text())
