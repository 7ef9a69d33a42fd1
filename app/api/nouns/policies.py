"""Policies over HTTP: rules as data, drafted, put in force from a day, and what was in force when."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Response, Security
from pydantic import BaseModel, Field

from app.api.http.answers import Added, EachOf, From, SealedTexts
from app.api.http.lists import Asked, Filter, ListOf, page
from app.api.http.paging import start
from app.api.http.presenter import Presenter
from app.api.http.problems import answered, documented
from app.api.http.read_context import ReadContext, read_context
from app.api.http.response_models import WRITTEN, AsInstant, PageBody
from app.api.http.strict_json_route import StrictRoute
from app.api.http.write_context import WriteContext, write_context
from app.domain.kernel.errors import Invalid, NotFound
from app.domain.kernel.values import LAST, Moment, day_of
from app.domain.policy import commands as policy_commands
from app.domain.policy.rules import AnyRules, Kind
from app.read_side.clocks import When
from projections.views import policies, policy_rules
from projections.views.policies import Policy

router = APIRouter(prefix="/v1", tags=["policies"], route_class=StrictRoute)
Writing = Annotated[WriteContext, Security(write_context, scopes=["policies:write"])]
Reading = Annotated[ReadContext, Security(read_context, scopes=["policies:read"])]
Number = Annotated[int, Path(ge=1, le=2**53, description="which of the policy's versions")]
_ANSWERS = WRITTEN | documented(404, 409, 412, 415, 422)


class PolicyVersionBody(BaseModel):
    """A version and its days."""

    number: int = Field(examples=[1])
    name: str = Field(description="what answers call it", examples=["metric@default/1"])
    status: policies.Status = Field(examples=["active"])
    start: str | None = Field(description="the first day on which it counts", examples=["2026-01-01"])
    end: str | None = Field(description="the first day on which it counts no more")


class PolicyRulesBody(PolicyVersionBody):
    """A version with what it says."""

    rules: AnyRules


def _version(version: dict[str, Any], row: Policy, _texts: SealedTexts) -> dict[str, Any]:
    return {"number": version["number"], "name": f"{row.kind}@{row.name}/{version['number']}", **version}


class PolicyBody(BaseModel):
    """A policy: the rules of one kind under one name."""

    id: Annotated[str, From("policy")] = Field(examples=["pol_01jd7z5m40f8x9v0w1y2z3a4b5"])
    kind: Kind
    name: str = Field(examples=["default"])
    external_ref: str | None
    status: policies.Status = Field(description="active while a version is, else draft while one is, else retired")
    in_force: Annotated[int | None, Added()] = Field(
        description="the number of the version that counts on the day of as_of"
    )
    drafted_at: AsInstant
    version: int = Field(description="of the policy's own history, for If-Match")
    versions: Annotated[list[PolicyVersionBody], EachOf(_version)]


class PolicyDetailsBody(PolicyBody):
    """A policy with all that its versions say, and the position that it was read from."""

    versions: list[PolicyRulesBody]  # type: ignore[assignment]  # each says more than in a list of policies
    position: int


class PolicyRulesDetailsBody(PolicyRulesBody):
    """A version, and the position that it was read from."""

    position: int


_policies = Presenter(PolicyBody, Policy)
LISTED: Final = ListOf(
    policies.VIEW,
    _policies,
    filters={"kind": Filter(Kind), "name": Filter(), "status": Filter(policies.Status), "external_ref": Filter()},
    ranges={"drafted_at": Moment},
    sorts=("kind", "name", "drafted_at", "id"),
    default="kind",
)


def present(context: ReadContext, rows: Sequence[Policy], day: str) -> list[dict[str, Any]]:
    """Policies as they are answered, with the version in force on a day."""
    return [
        answer | {"in_force": policies.version_on(row, day)}
        for answer, row in zip(_policies(context, rows), rows, strict=True)
    ]


@router.post("/policies", operation_id="policies.draft", status_code=201, responses=_ANSWERS)
async def draft(command: policy_commands.DraftPolicy, context: Writing) -> Response:
    """Begin a policy with the draft of its first version."""
    return await context.write(command)


@router.post("/policies/{policy}/versions", operation_id="policies.draft_version", status_code=201, responses=_ANSWERS)
async def draft_version(policy: str, command: policy_commands.DraftPolicyVersion, context: Writing) -> Response:
    """Draft another version."""
    return await context.write(command, policy=policy)


@router.post(
    "/policies/{policy}/versions/{number}/activation",
    operation_id="policies.activate",
    status_code=201,
    responses=_ANSWERS,
)
async def activate(policy: str, number: Number, command: policy_commands.Activation, context: Writing) -> Response:
    """Put a version in force from a day; from then on it never changes."""
    return await context.write(policy_commands.ActivatePolicy(number=number, **command.model_dump()), policy=policy)


@router.post(
    "/policies/{policy}/versions/{number}/retirement",
    operation_id="policies.retire",
    status_code=201,
    responses=_ANSWERS,
)
async def retire(policy: str, number: Number, command: policy_commands.Retirement, context: Writing) -> Response:
    """Take a version out of force."""
    return await context.write(policy_commands.RetirePolicy(number=number, **command.model_dump()), policy=policy)


@router.get("/policies", operation_id="policies.list", responses=answered(PageBody[PolicyBody], 400, 404))
def list_policies(context: Reading, asked: Annotated[Asked, Depends(LISTED)]) -> Response:
    """Every policy with its versions, by kind and name."""
    begin = start(context, asked, policies.VIEW)
    day = _day(context, begin.when)
    return page(context, asked, begin=begin, present=lambda context, rows: present(context, rows, day))


@router.get("/policies/{policy}", operation_id="policies.get", responses=answered(PolicyDetailsBody, 400, 404))
def get_policy(policy: str, context: Reading) -> Response:
    """A policy with all that its versions say."""
    row, position, when = _policy_row(context, policy)
    rules = {version.number: version.rules for version in _rules_of(context, row, position)}
    body = present(context, [row], _day(context, when))[0]
    versions = [{**version, "rules": rules[version["number"]]} for version in body["versions"]]
    return context.answer(body | {"versions": versions, "position": position}, position, version=row.version)


@router.get(
    "/policies/{policy}/versions/{number}",
    operation_id="policies.get_version",
    responses=answered(PolicyRulesDetailsBody, 400, 404),
)
def get_version(policy: str, number: Number, context: Reading) -> Response:
    """One version of a policy: a table of rates alone may be long."""
    row, position, _ = _policy_row(context, policy)
    if number > len(row.versions):
        raise NotFound("unknown_version", f"{row.kind}@{row.name} has {len(row.versions)} versions")
    (drafted,) = _rules_of(context, row, position, number)
    version = _policies(context, [row])[0]["versions"][number - 1]
    body = {**version, "rules": drafted.rules, "position": position}
    return context.answer(body, position, version=row.version)


def _policy_row(context: ReadContext, named: str) -> tuple[Policy, int, When]:
    key = context.find("policy", named)
    when = context.when(policies.VIEW, policy_rules.VIEW)
    row, position = context.reader.one(context.tenant_id, policies.VIEW, key, when)
    return row, position, when


def _rules_of(
    context: ReadContext, row: Policy, position: int, number: int | None = None
) -> list[policy_rules.PolicyRules]:
    """The rules of the versions of a policy, or of one of them, that were known at a position."""
    when = When(LAST, position, now=True)
    rules = policy_rules.of_policy(row.policy, number)
    return context.reader.select(context.tenant_id, policy_rules.VIEW, rules, when)[0]


def _day(context: ReadContext, when: When) -> str:
    """The day of a read's business time, in the tenant's zone. Raises: Invalid beyond the calendar."""
    try:
        return day_of(when.as_of, context.runtime.handler.zone(context.tenant_id))
    except OverflowError as error:
        raise Invalid("invalid_as_of", "as_of is beyond the calendar") from error
