"""Records of reads: an answer that shows something of persons, a file of rows, and whatever an auditor reads leaves once it is recorded.

It is decided here, for every operation alike: by whether a sealed text was opened for the request, by the form of the answer, and by
the roles of the caller. An endpoint can neither forget it nor do without.
"""

import asyncio
import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.dependencies import CALLER
from app.api.http.path_segments import encoded
from app.api.http.problems import problem_of
from app.auth.caller import Caller
from app.domain.kernel.errors import DomainError, Invalid, Unavailable
from app.observe.logs import logger
from app.runtime import Runtime
from app.store.opened import OPENED, Opened
from app.store.read_log import Read

SECONDS: Final = 10
"""How long an answer waits until it is recorded that it was given."""
LONGEST: Final = 2000
HEADER: Final = b"steward-reason"
_REASON: Final = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_NOT_SAID: Final = frozenset({"cursor"})


class ReadRecords:
    """Records reads before their answers leave. Takes: the application around which it stands."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers; where a read cannot be recorded, with why."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        opened, refusal = Opened(), None

        async def answer(message: Message) -> None:
            nonlocal refusal
            if message["type"] == "http.response.start":
                kind = _kind(scope, message, opened)
                if kind is not None:
                    try:
                        await _record(scope, kind, opened.texts)
                    except DomainError as error:
                        refusal = error
            if refusal is None:
                await send(message)

        before = OPENED.set(opened)
        try:
            await self.app(scope, receive, answer)
        finally:
            OPENED.reset(before)
        if refusal is not None:
            status = 400 if isinstance(refusal, Invalid) else 503
            await problem_of(str(scope.get("steward.request_id", "")), refusal, status)(scope, receive, send)


def _kind(scope: Scope, message: Message, opened: Opened) -> str | None:
    """As what an answer is recorded; None where it need not be."""
    caller: Caller | None = scope.get(CALLER)
    status = message["status"]
    if caller is None or status >= 400:
        return None
    reads = scope["method"] == "GET"
    if opened.texts and status < 300:
        return "personal"
    if reads and status < 300 and dict(message.get("headers", [])).get(b"content-type", b"").startswith(b"text/csv"):
        return "export"
    return "auditor" if reads and "auditor" in caller.roles else None


async def _record(scope: Scope, kind: str, texts: int) -> None:
    """Records a read. Raises: Invalid for a reason that is none, or where one is needed; Unavailable."""
    runtime: Runtime = scope["app"].state.runtime
    caller: Caller = scope[CALLER]
    read = Read(
        read_id=runtime.new_id("rea"),
        read_at=runtime.clock(),
        actor=caller.principal.actor,
        on_behalf_of=caller.principal.on_behalf_of,
        client=caller.principal.client,
        run=caller.principal.run,
        operation=str(getattr(scope.get("route"), "operation_id", None) or "unknown"),
        target=encoded(scope["path"])[:LONGEST],
        query=_query(scope),
        kind=kind,
        texts=texts,
        reason=_reason(scope, required=runtime.settings.read_reasons and kind != "auditor"),
    )
    recorded = asyncio.wrap_future(runtime.read_log.record(caller.tenant_id, read))
    try:
        await asyncio.wait_for(recorded, SECONDS)
    except DomainError:
        raise
    except Exception as fault:
        logger().error("read_not_recorded", tenant_id=caller.tenant_id, error=type(fault).__name__)
        raise Unavailable("read_log_full", "the read could not be recorded; try again", retry_after=1) from fault


def _query(scope: Scope) -> str:
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return urlencode([(name, value) for name, value in pairs if name not in _NOT_SAID])[:LONGEST]


def _reason(scope: Scope, *, required: bool) -> str | None:
    """Why it is read, as the caller says. Raises: Invalid."""
    said = [value for name, value in scope["headers"] if name == HEADER]
    if not said:
        if required:
            raise Invalid("reason_required", "say why you read this, in the header Steward-Reason")
        return None
    text: Any = said[0].decode("utf-8", "replace").strip()
    if len(said) > 1 or _REASON.fullmatch(text) is None:
        raise Invalid("invalid_reason", "Steward-Reason is one line of 1 to 200 characters")
    return str(text)
