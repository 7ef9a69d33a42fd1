"""Who could see which accounts, on a day in the past too."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Response, Security
from pydantic import BaseModel, Field

from app.api.http.paging import Paging, listing, next_cursor, paging, start
from app.api.http.problems import answered
from app.api.http.read_context import ReadContext, log_read_context
from app.api.http.response_models import EXAMPLE_ACCOUNT, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.nouns.users import EXAMPLE_USER
from app.auth.access import Sight, sights
from app.auth.organisation import Organisations
from app.domain.kernel.roles import Reach, Role
from app.domain.kernel.values import day_of
from app.read_side.clocks import When
from projections.views import account_access

router = APIRouter(prefix="/v1/audit", tags=["audit"], route_class=StrictRoute)
Auditing = Annotated[ReadContext, Security(log_read_context, scopes=["access:read"])]
Via = Literal["owner", "backup", "member", "mentor", "team", "department", "key_account", "tenant"]
NamedAs = Literal["owner", "backup", "member"]
_MEMBERS: Final = Sight._fields


class AccessBody(BaseModel):
    """A reason why a person could see an account."""

    account: str = Field(examples=[EXAMPLE_ACCOUNT])
    user: str = Field(description="who could see it", examples=[EXAMPLE_USER])
    via: Via = Field(
        description="owner, backup, member: the account named them; mentor, team, department: it named `of`, who reported to them, "
        "was in a team with them, or belonged to their department; key_account: they mentor, and it is one; tenant: they saw all"
    )
    of: str | None = Field(description="whom it named, where that is another person", examples=[EXAMPLE_USER])
    named_as: NamedAs | None = Field(description="as what the account named that person, or them")
    role: Role = Field(description="of the grant that gave the reach")
    reach: Reach = Field(description="of the grant: over whose accounts it was given")
    department: str | None = Field(description="of the grant")


@router.get("/access", operation_id="audit.access", responses=answered(PageBody[AccessBody], 400, 404))
def access(
    context: Auditing,
    paged: Annotated[Paging, Depends(paging)],
    account: Annotated[str | None, Query(description="who could see this account, by id or ref:…")] = None,
    user: Annotated[str | None, Query(description="what this person could see, by id or ref:…")] = None,
    at_: Annotated[
        str | None,
        Query(
            alias="at",
            description="a day (its end, in the tenant's zone) or an instant; default now",
            examples=["2026-03-01"],
        ),
    ] = None,
) -> Response:
    """Who could see an account, or what a person could see, at an instant, and why; by what is known now, or was at `known_at`.

    Somebody could see an account while a role that reads accounts was theirs, with a reach that it was within. What was recorded only
    later let nobody in then: name the same day as `known_at`. Keys of services are not listed: they reach the whole tenant.
    """
    account_id, user_id = context.existing("account", account), context.existing("user", user)
    reader, tenant_id = context.reader, context.tenant_id
    begin = start(context, paged, account_access.VIEW)
    when = begin.when if at_ is None else reader.when(tenant_id, at_)
    position = reader.position(tenant_id, [account_access.VIEW]) if begin.when.known_at is None else begin.when.known_at
    conditions = account_access.at_instant(when.as_of, account_id)
    named, position = reader.select(tenant_id, account_access.VIEW, conditions, When(when.as_of, position, now=True))
    organisation = Organisations(context.runtime.log).then(tenant_id, position, when.as_of)
    day = day_of(when.as_of, context.runtime.handler.zone(tenant_id))
    users = sorted(organisation.users) if user_id is None else [user_id]
    found = sights(organisation, users, day, named)
    first = int(begin.after[0]) if begin.after is not None else 0
    rows, more = found[first : first + paged.limit], len(found) > first + paged.limit
    cursor = next_cursor(context, paged, [first + paged.limit] if more else None, position, when)
    return listing(context, paged, [_shown(row) for row in rows], position, cursor)


def _shown(row: Sight) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _MEMBERS}
