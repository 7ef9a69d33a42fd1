"""The context of a write: the caller, the request as its receipt knows it, and the answer with the receipt."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

import orjson
from fastapi import Header, Query, Request, Response, Security
from starlette.datastructures import State

from app.api.http.dependencies import caller
from app.api.http.parameters import RUN
from app.api.http.problems import Refusal
from app.api.http.strict_json_route import Json
from app.api.http.waiting_reads import WaitingReads
from app.api.http.withholding import readable_preview
from app.auth.caller import Caller
from app.domain.aggregates import DECISIONS
from app.domain.kernel.command import Command
from app.domain.kernel.errors import Invalid, Refused
from app.observe.metrics import appended
from app.runtime import Runtime
from app.services import previews
from app.services.service_call import ServiceCall
from app.store.canonical import canonical
from app.store.receipts import Receipt, fingerprint
from app.store.receipts import Request as ReceiptRequest
from app.write_side.command_envelope import Approval, CommandEnvelope
from app.write_side.handler import Handler
from app.write_side.rehearsal import Rehearsal

_KEY: Final = re.compile(r'^"?([\x21\x23-\x7e]{1,255})"?$')
_RUN: Final = re.compile(RUN)
_TAG: Final = re.compile(r'"?([0-9]{1,15})(?:-[0-9a-f]{16})?"?')
PREVIEW: Final = "preview"
"""The preference, RFC 7240, and the query parameter by which a write is asked for its preview."""
Run = Annotated[
    str | None,
    Header(
        alias="Steward-Run",
        description="your own name for the work that this write is a part of, such as one run of an agent or a job: "
        "1 to 64 of `A-Z a-z 0-9 . _ : -`; the events say it in `meta.run`",
    ),
]
"""The header that names the run."""
Prefer = Annotated[
    str | None,
    Header(
        description="`preview`: answers what the write would append, and which figures it would move, or the problem that it would "
        "be refused with; nothing is appended, and no key is used up"
    ),
]
"""The header that asks for a preview."""
Preview = Annotated[bool, Query(description="`true`: only what it would do; the same as `Prefer: preview`")]
"""The parameter that does the same."""
PREVIEWED: Final = {"Preference-Applied": PREVIEW}
"""The header by which an answer says that it is a preview."""
Computed = Receipt | tuple[Receipt, dict[str, Any]]
"""What a service gives: a receipt, or a receipt and what is answered besides."""
PATHS: Final = {
    "agt": "agents", "sug": "suggestions", "iss": "issuers",
    "tnt": "tenants", "key": "api-keys", "usr": "users", "tem": "teams",
    "acct": "accounts", "hnd": "handovers", "int": "interactions", "ctr": "contracts", "rnw": "renewals",
    "scr": "scope-changes", "whe": "webhook-endpoints", "pol": "policies", "prp": "proposals", "opp": "opportunities",
    "bud": "budgets", "ist": "incentive-statements", "crt": "kpi-certificates", "pcl": "period-closes",
}  # fmt: skip
"""The path of each aggregate's page, by the prefix of its id."""


@dataclass(frozen=True)
class WriteContext:
    """A write of a caller: who it is, and by what the request is recognised when it comes again.

    request: for the receipt; key: the idempotency key that is answered; if_match: the version that the caller saw.
    preview: whether only what it would do is asked for. operation: what the contract calls the write. approves: the suggestion that is
    approved with it.
    """

    runtime: Runtime
    caller: Caller
    request: ReceiptRequest
    key: str
    if_match: int | None
    waiting: WaitingReads
    preview: bool = False
    operation: str = ""
    approves: Approval | None = None

    async def write(self, command: Command, **targets: str) -> Response:
        """Handles a command. Takes: the ids of what it is about, by noun. Gives: 201 with the receipt."""
        if DECISIONS[type(command)].creates:
            self.require_unmatched()
        if self.preview:
            return await self._preview(lambda call: call.append(command, **targets))
        envelope = CommandEnvelope(
            self.caller.tenant_id,
            self.caller.principal,
            command,
            self.request,
            targets=targets,
            if_match=self.if_match,
            operation=self.operation,
            approves=self.approves,
            people_known=True,
        )
        return self.answer(await self.runtime.handler.handle_async(envelope))

    async def compute(self, service: Callable[[ServiceCall], Computed]) -> Response:
        """The same by a service, which computes before it appends: in a thread, but in none while it waits for views.

        Takes: a service that gives a receipt, or a receipt and what is answered besides.
        """
        if self.approves is not None:
            raise not_suggestible()
        if self.preview:
            return await self._preview(service)
        call = self.service_call(self.runtime.handler)
        computed = await self.waiting.patiently(lambda: asyncio.to_thread(service, call))
        return self.answer(computed) if isinstance(computed, Receipt) else self.answer(computed[0], **computed[1])

    async def _preview(self, service: Callable[[ServiceCall], Computed]) -> Response:
        body = await self.waiting.patiently(lambda: asyncio.to_thread(self._rehearsed, service))
        return Json(body, 200, PREVIEWED)

    def _rehearsed(self, service: Callable[[ServiceCall], Computed]) -> dict[str, Any]:
        """What a service would append. Raises: what it would be refused with."""
        tenant_id = self.caller.tenant_id
        rehearsal = Rehearsal(self.runtime.handler, tenant_id)
        computed = service(self.service_call(rehearsal))
        receipt = computed if isinstance(computed, Receipt) else computed[0]
        body = readable_preview(previews.body_of(self.runtime.reader, tenant_id, rehearsal), self.caller)
        return {"id": receipt.id, "version": receipt.version, **body}

    def service_call(self, handler: Handler) -> ServiceCall:
        """What a service works with."""
        return ServiceCall(
            handler=handler,
            reader=self.runtime.reader,
            tenant_id=self.caller.tenant_id,
            principal=self.caller.principal,
            request=self.request,
            if_match=self.if_match,
            operation=self.operation,
            approves=self.approves,
        )

    def require_unmatched(self) -> None:
        """Raises: Refusal where If-Match comes with a request that creates something: it has no version yet."""
        if self.if_match is not None:
            raise Refusal(Invalid("invalid_if_match", "what this request creates has no version to match yet"))

    def answer(self, receipt: Receipt, **more: Any) -> Response:
        """201 with a receipt, and further members where there are any."""
        if not receipt.replayed:
            for _, topic, _ in receipt.events:
                appended(topic).inc()
        if more:
            return Json({**receipt.body(), **more}, 201, self._headers(receipt))
        return Response(receipt.encoded, 201, self._headers(receipt), Json.media_type)

    def _headers(self, receipt: Receipt) -> dict[str, str]:
        path = PATHS.get(receipt.id.partition("_")[0])
        headers = {"ETag": f'"{receipt.version}"', "Event-Position": str(receipt.position), "Idempotency-Key": self.key}
        if path:
            headers["Location"] = f"/v1/{path}/{receipt.id}"
        if receipt.replayed:
            headers["Idempotency-Replayed"] = "true"
        return headers


def not_suggestible() -> Refused:
    """The refusal of a suggestion of a write that is computed, or that more than one append makes."""
    return Refused("not_suggestible", "this write is not suggested: whoever may do it does it")


async def write_context(
    request: Request,
    known: Annotated[Caller, Security(caller)],
    idempotency_key: Annotated[
        str | None, Header(description="the same key with the same request is answered once; made when absent")
    ] = None,
    if_match: Annotated[
        str | None, Header(description='the version that you saw, `"7"`, or the ETag of what you read')
    ] = None,
    steward_run: Run = None,
    prefer: Prefer = None,
    preview: Preview = False,
) -> WriteContext:
    """The context of the caller's write."""
    return write_context_of(
        request.app.state,
        known,
        method=request.method,
        path=request.url.path,
        body=await request.body(),
        idempotency_key=idempotency_key,
        if_match=if_match,
        run=steward_run,
        preview=preview or prefers_preview(prefer),
        operation=request.scope["route"].operation_id,
    )


def prefers_preview(prefer: str | None) -> bool:
    """Whether a Prefer header asks for a preview."""
    return prefer is not None and PREVIEW in (part.strip() for part in prefer.lower().replace(";", ",").split(","))


def write_context_of(
    state: State,
    known: Caller,
    *,
    method: str,
    path: str,
    body: bytes,
    idempotency_key: str | None,
    if_match: str | None,
    run: str | None,
    preview: bool = False,
    operation: str = "",
) -> WriteContext:
    """The context of a caller's write, from the parts of its request and the values of its headers. Takes: the application's state."""
    runtime: Runtime = state.runtime
    if preview:  # it uses no key up, and none that was used answers for it
        idempotency_key = None
    key = _idempotency_key(idempotency_key) if idempotency_key is not None else runtime.new_id("req")
    mark = runtime.vault.mark(known.tenant_id, fingerprint(method.encode(), path.encode(), _said(body)))
    request = ReceiptRequest(f"http:{known.sender}:{key}", mark, fresh=idempotency_key is None)
    return WriteContext(
        runtime,
        in_run(known, run),
        request,
        key,
        _version(if_match),
        state.waiting,
        preview=preview,
        operation=operation,
    )


def in_run(known: Caller, run: str | None) -> Caller:
    """The caller, in the run that a header names. Raises: Refusal for one that does not have the form."""
    if run is None:
        return known
    if not _RUN.fullmatch(run):
        raise Refusal(
            Invalid("invalid_run", "Steward-Run is 1 to 64 of A-Z a-z 0-9 . _ : -, and begins with a letter or digit")
        )
    return replace(known, principal=known.principal._replace(run=run))


def _said(body: bytes) -> bytes:
    """A body without what does not count in JSON: the order of members, and blanks."""
    try:
        return canonical(orjson.loads(body))
    except ValueError:
        return body


def _idempotency_key(text: str) -> str:
    match = _KEY.match(text)
    if not match:
        raise Refusal(Invalid("invalid_idempotency_key", "Idempotency-Key is 1 to 255 visible ASCII characters"))
    return match[1]


def _version(if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    match = _TAG.fullmatch(if_match.strip())
    if not match:
        raise Refusal(Invalid("invalid_if_match", 'If-Match is a version in quotes, "7", or the ETag of what you read'))
    return int(match[1])
