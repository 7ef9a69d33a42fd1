"""Problem documents: every refusal, ours and the framework's, as RFC 9457 with a stable code."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.api.http.challenges import challenge
from app.domain.kernel import errors, faults
from app.domain.kernel.strict_json import Malformed
from app.domain.withholding import WITHHELD, left_of
from app.observe.metrics import REFUSALS
from app.store.intact import DAMAGED
from app.write_side.in_flight import InFlight

STATUSES: Final[tuple[tuple[type[errors.DomainError], int], ...]] = (
    (Malformed, 400),
    (InFlight, 409),
    (errors.Invalid, 422),
    (errors.Refused, 409),
    (errors.NotFound, 404),
    (errors.Conflict, 412),
    (errors.NotAllowed, 403),
    (errors.Unauthenticated, 401),
    (errors.Throttled, 429),
    (errors.Unavailable, 503),
)
READERS_SCOPES: Final = "steward.scopes"
"""Where a request keeps what its caller may do, once that is known."""
BY_CODE: Final[dict[str, int]] = {
    **dict.fromkeys(("unknown_parameter", "invalid_parameter", "invalid_header", "invalid_cursor",
                     "invalid_as_of", "invalid_known_at", "known_at_ahead", "invalid_if_match",
                     "invalid_idempotency_key", "invalid_period", "period_missing", "period_not_allowed", "unknown_method",
                     "currency_not_allowed", "invalid_policy", "not_a_metric_policy",
                     "parameter_repeated", "unknown_owner", "unknown_tier", "unknown_industry",
                     "currency_twice", "option_not_allowed", "invalid_option",
                     "known_at_reversed", "too_many_points", "invalid_host", "header_repeated"), 400),
    "invalid_path": 404,
    "position_ahead": 409,
    **dict.fromkeys(("too_large", "event_too_large", "too_many_events"), 413),
    **dict.fromkeys(("unsupported_media_type", "unsupported_encoding"), 415),
    "headers_too_large": 431,
}  # fmt: skip
"""Codes that say more than their class: a wrong parameter or header is 400, where a body that does not fit is 422; nothing is at a path
that is no text."""
TITLES: Final = {
    400: "Bad request", 401: "Unauthenticated", 403: "Not allowed", 404: "Not found", 405: "Method not allowed", 408: "Too slow",
    409: "Refused", 410: "Gone", 412: "Precondition failed", 413: "Too large", 415: "Unsupported media type", 422: "Does not fit",
    429: "Too many requests", 431: "Headers too large", 500: "Internal error", 503: "Unavailable",
}  # fmt: skip
_FRAMEWORK_CODES: Final = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}


class FieldError(BaseModel):
    """What is wrong where in a body."""

    pointer: str = Field(examples=["#/lines/0/unit_price"])
    code: str
    detail: str


class MovedStream(BaseModel):
    """A stream that is no longer as it was when something was decided on it."""

    stream: str = Field(examples=["ctr_01jd7z5m3sf8x9v0w1y2z3a4b5"])
    version: int = Field(description="then", examples=[2])
    current_version: int = Field(description="now", examples=[3])


class Problem(BaseModel):
    """Why a request was not fulfilled."""

    type: str = Field(examples=["https://steward.invalid/problems/account_not_found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    code: str = Field(examples=["account_not_found"])
    detail: str
    instance: str = Field(description="the request's id")
    errors: list[FieldError] | None = None
    current_version: int | None = None
    head: int | None = Field(None, description="of position_ahead: where the ledger ends")
    position: int | None = Field(None, description="of log_damaged: the first position at which it is seen")
    retry_after: int | None = None
    violated_policies: list[str] | None = None
    scope: str | None = Field(None, description="of scope_missing: the scope that is needed")
    withheld: list[str] | None = Field(None, description="of member_withheld: what the caller may not read")
    moved: list[MovedStream] | None = Field(None, description="of suggestion_stale: what it rests on that has moved")
    may: list[str] | None = Field(None, description="of a refusal for want of rights: the roles that could do it")
    rule: str | None = Field(
        None,
        description="of not_yours_to_do and needs_suggestion: the capability, your role and its limit, as the table of rights has them",
    )
    may_suggest: bool | None = Field(None, description="whether you may suggest it instead: `POST /v1/suggestions`")


class Refusal(HTTPException):
    """A DomainError on its way through the framework, which would hide any other exception of a body."""

    def __init__(self, error: errors.DomainError, status: int | None = None) -> None:
        super().__init__(status or status_of(error), error.detail)
        self.error = error


def status_of(error: errors.DomainError) -> int:
    """The HTTP status of a refusal."""
    by_class = next((status for kind, status in STATUSES if isinstance(error, kind)), 409)
    return BY_CODE.get(error.code, by_class)


def problem(
    request_id: str, status: int, code: str, detail: str, members: Mapping[str, Any] | None = None
) -> JSONResponse:
    """A problem document."""
    more = dict(members or {})
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in more:
        headers["Retry-After"] = str(more["retry_after"])
    REFUSALS.labels(code).inc()
    body = {
        "type": f"https://steward.invalid/problems/{code}",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "code": code,
        "detail": detail,
        "instance": request_id,
        **more,
    }
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def problem_of(
    request_id: str, error: errors.DomainError, status: int | None = None, scopes: Collection[str] = ()
) -> JSONResponse:
    """The problem document of a refusal. Takes: the scopes of whoever reads it; amounts are left out without the right to read them."""
    return problem(request_id, status or status_of(error), error.code, error.detail, members_of(error, scopes))


def members_of(error: errors.DomainError, scopes: Collection[str]) -> dict[str, Any]:
    """What a refusal says besides, as it is shown to whoever has some scopes."""
    members, left_out = left_of(error, scopes)
    return members | ({WITHHELD: left_out} if left_out else {})


def of(request: Request, error: errors.DomainError, status: int | None = None) -> JSONResponse:
    """The problem document of a refusal of a request. A log that somebody changed needs somebody to see to it."""
    if error.code == DAMAGED:
        request.app.state.runtime.alarms.begin(DAMAGED, **error.members)
    answer = problem_of(request_id(request), error, status, request.scope.get(READERS_SCOPES, ()))
    asked = challenge(request, error)
    if asked is not None:
        answer.headers["WWW-Authenticate"] = asked
    return answer


def request_id(request: Request) -> str:
    """The id under which a request stands in the log."""
    return str(request.scope.get("steward.request_id", ""))


async def domain_error(request: Request, error: Exception) -> Response:
    """Answers a DomainError."""
    assert isinstance(error, errors.DomainError)  # noqa: S101 - registered for nothing else
    return of(request, error)


async def http_error(request: Request, error: Exception) -> Response:
    """Answers what the framework refuses; OPTIONS, which no endpoint takes, asks for what is allowed."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    if isinstance(error, Refusal):
        return of(request, error.error, error.status_code)
    if error.status_code == 405:
        allow = {"Allow": allowed_methods(request.app.router.routes, request.scope["path"])}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allow)
        error.headers = allow
    code = _FRAMEWORK_CODES.get(error.status_code, "refused" if error.status_code < 500 else "internal_error")
    answer = problem(request_id(request), error.status_code, code, TITLES.get(error.status_code, "Refused"))
    if error.headers:
        answer.headers.update(error.headers)
    return answer


def allowed_methods(routes: Iterable[BaseRoute], path: str) -> str:
    """The methods that a path takes, over all its routes: HEAD wherever GET is, and OPTIONS."""
    taken = {
        method
        for route in routes
        if isinstance(route, Route) and route.path_regex.match(path)
        for method in route.methods or ()
    }
    return ", ".join(sorted(taken | {"OPTIONS"} | ({"HEAD"} if "GET" in taken else set())))


def internal_error(request_id: str) -> JSONResponse:
    """The problem document of a fault of ours: never its cause."""
    return problem(request_id, 500, "internal_error", "something went wrong on our side; quote the instance")


async def unforeseen(request: Request, _error: Exception) -> Response:
    """Answers a fault of ours, where the framework saw it first."""
    return internal_error(request_id(request))


async def validation_error(request: Request, error: Exception) -> Response:
    """Answers members that do not fit; the values themselves are not repeated."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    if any(fault["loc"][0] == "path" for fault in error.errors()):
        return problem(request_id(request), 404, "not_found", "there is nothing at this path")
    field_errors, wrong_parameter = [], False
    for error_entry in faults.relevant(error.errors()):
        where, *path = error_entry["loc"]
        if where == "body":
            field_errors.append(faults.fault(error_entry, path, error.body))
        else:
            wrong_parameter = True
            field_errors.append(
                {"pointer": str(path[0] if path else where), "code": error_entry["type"], "detail": error_entry["msg"]}
            )
    code = "invalid_parameter" if wrong_parameter else "invalid_body"
    detail = "the request does not fit what this call takes"
    if wrong_parameter:
        detail = "; ".join(f"{wrong['pointer']}: {wrong['detail']}" for wrong in field_errors[:3])
    return problem(request_id(request), 400 if wrong_parameter else 422, code, detail, {"errors": field_errors})


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of an endpoint, for the contract."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    always = (401, 403, 429, 503)
    return {status: {"description": TITLES[status], "content": content} for status in sorted({*always, *statuses})}


def answered(model: type[BaseModel], *statuses: int) -> dict[int | str, dict[str, Any]]:
    """The good answer of a read and its problems, for the contract."""
    good: dict[int | str, dict[str, Any]] = {
        200: {"model": model, "description": "The answer"},
        304: {"description": "What the caller has is still right"},
    }
    return {**good, **documented(409, *statuses)}
