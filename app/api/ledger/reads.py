"""The read log over HTTP: who has read what of persons, what was exported, and what auditors have read."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http.formatting import at
from app.api.http.paging import Paging, listing, next_cursor, paging, start
from app.api.http.parameters import OperationName, PathName, RunName
from app.api.http.problems import answered
from app.api.http.read_context import ReadContext, plain_read_context
from app.api.http.response_models import PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.nouns.users import EXAMPLE_USER
from app.domain.kernel.values import Moment, moment_start
from app.store.read_log import Read

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=StrictRoute)
Auditing = Annotated[ReadContext, Security(plain_read_context, scopes=["access:read"])]
Kind = Literal["personal", "export", "auditor"]
Values = list[str] | None


class ReadBody(BaseModel):
    """A read: who, what, when, and why where they said so."""

    id: str = Field(examples=["rea_01jd7z5m3vf8x9v0w1y2z3a4b5"])
    read_at: str = Field(examples=["2026-01-15T09:00:00.000000Z"])
    actor: str = Field(description="who has read it: the person, or the key of a service", examples=[EXAMPLE_USER])
    on_behalf_of: str | None = Field(description="for whom, where somebody reads for another")
    client: str | None = Field(description="the key, or the application of an access token")
    run: str | None = Field(description="the caller's own name for the work that it was a part of")
    operation: str = Field(description="what was asked, as the contract calls it", examples=["interactions.list"])
    target: str = Field(description="the path", examples=["/v1/interactions"])
    query: str = Field(description="the parameters, without cursors", examples=["account=ref%3A4711"])
    kind: Kind = Field(
        description="personal: sealed texts were shown; export: a file of rows; auditor: whatever an auditor reads"
    )
    texts: int = Field(description="how many sealed texts were shown", examples=[12])
    reason: str | None = Field(description="why, as `Steward-Reason` said", examples=["The client has called"])


@router.get("/reads", operation_id="audit.reads", responses=answered(PageBody[ReadBody], 400))
def reads(
    context: Auditing,
    paged: Annotated[Paging, Depends(paging)],
    actor: Annotated[Values, Query(description="only of these")] = None,
    client: Annotated[Values, Query(description="only through these")] = None,
    run: Annotated[list[RunName] | None, Query(description="only in these runs")] = None,
    operation: Annotated[
        list[OperationName] | None, Query(description="only of these operations", examples=[["users.get"]])
    ] = None,
    target: Annotated[list[PathName] | None, Query(description="only of these paths")] = None,
    kind: Annotated[list[Kind] | None, Query(description="only of these kinds")] = None,
    since: Annotated[Moment | None, Query(alias="read_at.gte", description="read_at not before")] = None,
    until: Annotated[Moment | None, Query(alias="read_at.lt", description="read_at before")] = None,
) -> Response:
    """Who has read what, the newest first: reads that showed something of persons, files of rows, and whatever auditors read."""
    begin = start(context, paged)
    zone = context.runtime.handler.zone(context.tenant_id)
    given = {"actor": actor, "client": client, "run": run, "operation": operation, "target": target, "kind": kind}
    found = context.runtime.read_log.page(
        context.tenant_id,
        conditions={name: list(values) for name, values in given.items() if values},
        since=None if since is None else moment_start(since, zone),
        until=None if until is None else moment_start(until, zone),
        before=str(begin.after[0]) if begin.after is not None else None,
        limit=paged.limit + 1,
    )
    shown, position = found[: paged.limit], context.runtime.log.head(context.tenant_id)
    after = [shown[-1].read_id] if len(found) > paged.limit else None
    return listing(
        context,
        paged,
        [_shown(read) for read in shown],
        position,
        next_cursor(context, paged, after, position, begin.when),
    )


def _shown(read: Read) -> dict[str, Any]:
    body = read._asdict()
    return {"id": body.pop("read_id"), **body, "read_at": at(read.read_at)}
