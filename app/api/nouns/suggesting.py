"""Making and approving suggestions: a write is tried, kept with what it would do, and done later as somebody else's."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

import orjson
from fastapi import Request, Response

from app.api.http.operations import Operation, operation_of, tried
from app.api.http.write_context import WriteContext
from app.domain.agent.bounds import SUGGESTING
from app.domain.aggregates import aggregate_of
from app.domain.kernel.errors import Conflict, Invalid, NotAllowed, NotFound
from app.domain.kernel.rights import who_could
from app.domain.kernel.roles import who_may
from app.domain.kernel.values import MICRO, instant
from app.domain.suggestion import decisions
from app.domain.suggestion.commands import MakeSuggestion, RecordSuggestion
from app.domain.suggestion.events import RestsOn, SuggestionMade
from app.domain.suggestion.state import SuggestionState
from app.services import previews
from app.store.canonical import canonical
from app.write_side.command_envelope import Approval
from app.write_side.rehearsal import Rehearsal

USUAL_DAYS: Final = 30
"""For how many days a suggestion may be approved that names no end."""
NEEDED: Final = "needs_suggestion"
"""The code of a refusal which says that the caller may suggest it."""
_OF_AUTHOR: Final = ("agt_", "tnt_")
"""Streams that a suggestion does not rest on: the author's own bounds, which are no approver's, and the tenant."""


async def suggested(context: WriteContext, command: MakeSuggestion, operation: Operation) -> Response:
    """The receipt of a new suggestion. Raises: what the write would be refused with, but for want of the right to do it oneself."""
    named = replace(context, operation=f"{SUGGESTING}{operation.name}")
    rehearsal, may = await _tried(operation, named)
    return await named.write(await asyncio.to_thread(_record, context, command, operation, rehearsal, may))


async def _tried(operation: Operation, context: WriteContext) -> tuple[Rehearsal, Iterable[str]]:
    """What the write would append, and the roles that may do it."""
    unlogged = replace(context, if_match=None, preview=False)
    try:
        rehearsal = await tried(operation, unlogged)
    except NotAllowed as refusal:
        if refusal.code != NEEDED:
            raise
        principal = context.caller.principal._replace(trust="system")
        trusted = replace(unlogged, caller=replace(context.caller, principal=principal))
        may: Any = refusal.members.get("may", ())
        return await tried(operation, trusted), may
    return rehearsal, _roles(operation, rehearsal)


def _roles(operation: Operation, rehearsal: Rehearsal) -> list[str]:
    """The roles that have every scope of a write, and the right to do it."""
    having = [who_may(scope) for scope in operation.scopes]
    having += [who_could(right, noun) for right, noun in rehearsal.rights]
    return [role for role in having[0] if all(role in each for each in having)] if having else []


def _record(
    context: WriteContext, command: MakeSuggestion, operation: Operation, rehearsal: Rehearsal, may: Iterable[str]
) -> RecordSuggestion:
    runtime, tenant_id = context.runtime, context.caller.tenant_id
    _require_known(context, command.cites)
    (plan,) = rehearsal.plans
    expects = {stream: version for stream, version in plan.append.expects.items() if version}
    ends = instant(runtime.clock() + USUAL_DAYS * 86_400 * MICRO)
    return RecordSuggestion(
        **command.model_dump(include={"effective_at", "reason", "visibility"}),
        account=next((event.account_id for event in plan.events if event.account_id in expects), None),
        operation=operation.name,
        path=command.command.path,
        body=canonical(command.command.body).decode(),
        preview=orjson.dumps(previews.body_of(runtime.reader, tenant_id, rehearsal)).decode(),
        rests_on=tuple(
            RestsOn(stream=stream, version=version)
            for stream, version in sorted(expects.items())
            if not stream.startswith(_OF_AUTHOR)
        ),
        cites=command.cites,
        may=tuple(may),
        expires_at=command.expires_at or ends,
    )


def _require_known(context: WriteContext, cites: tuple[str, ...]) -> None:
    """Raises: Invalid for an event that there is none of, or that is about an account out of reach."""
    tenant_id, reader = context.caller.tenant_id, context.runtime.reader.within(context.caller.reach)
    found = {event.event_id: event.account_id for event in context.runtime.log.events(tenant_id, cites)}
    accounts = {account for account in found.values() if account is not None}
    reached = reader.reaches(tenant_id, accounts) if accounts else set()
    for event_id in cites:
        account = found.get(event_id)
        if event_id not in found or (account is not None and account not in reached):
            raise Invalid("unknown_event", f"there is no event {event_id}")


async def approved(context: WriteContext, request: Request, suggestion: str, body: dict[str, Any] | None) -> Response:
    """The receipt of the write that was suggested, done as the caller's own. Takes: another body to write, where there is one.

    Raises: Refused where it is decided, has expired or is stale; NotAllowed for its author; and what the write is refused with.
    """
    stream_id, made, own = await asyncio.to_thread(_opened, context, suggestion)
    operation = operation_of(request, made.path, own if body is None else body, "body")
    edited = body is not None and canonical(body) != canonical(own)
    doing = replace(context, operation=operation.name, if_match=None, approves=Approval(stream_id, edited))
    return await operation.run(doing)


def _opened(context: WriteContext, suggestion: str) -> tuple[str, SuggestionMade, dict[str, Any]]:
    """A suggestion that may be approved: its id, how it was made, and its body. Raises: NotFound, Conflict, Refused, NotAllowed."""
    runtime, tenant_id, principal = context.runtime, context.caller.tenant_id, context.caller.principal
    handler, log = runtime.handler, runtime.log
    stream_id, versioned = handler.load_as_stored(tenant_id, "suggestion", suggestion)
    state: SuggestionState = versioned.state
    if state.account is not None:
        account = handler.load_as_stored(tenant_id, "account", state.account)[1].state
        # Of the account itself: views may be behind, and a write does not wait for them.
        if not principal.reach.sees(account):
            raise NotFound("account_not_found", "there is no such account")
    if context.if_match is not None and context.if_match != versioned.version:
        raise Conflict("version_conflict", "it changed since you looked", current_version=versioned.version)
    versions = {
        stream: handler.load_as_stored(tenant_id, aggregate_of(stream).name, stream)[1].version
        for stream in state.rests_on
    }
    moved = {stream: version for stream, version in versions.items() if version != state.rests_on[stream]}
    # Read after these: its approval moves them, too.
    state = handler.load_as_stored(tenant_id, "suggestion", stream_id)[1].state
    replaying = log.replays(tenant_id, [context.request])[0]
    if replaying is None:
        decisions.approve(state, principal, runtime.clock(), moved=moved, own=False, appended=(), edited=False)
    first = next(log.stream(tenant_id, stream_id))
    (opened,) = log.reveal(tenant_id, [(first.event_id, first.data)])
    if opened["body"] is None:
        raise Invalid("suggestion_erased", "what was suggested was erased")
    return stream_id, SuggestionMade.model_validate(opened), orjson.loads(opened["body"])
