"""`steward policies`: rules as data, from files of JSON."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from app.cli.console import (
    Json,
    TenantId,
    open_runtime,
    operator,
    require_tenant,
    show,
    show_json,
    show_rows,
    validated,
)
from app.cli.failures import Misuse
from app.domain.kernel.command import Command
from app.domain.kernel.errors import NotFound
from app.domain.kernel.strict_json import decode
from app.domain.kernel.values import day_of
from app.domain.policy.commands import DEFAULT, ActivatePolicy, DraftPolicy, DraftPolicyVersion, RetirePolicy
from app.domain.policy.decisions import policy_reference
from app.domain.policy.state import PolicyState
from app.runtime import Runtime
from app.store.receipts import Receipt, Request
from app.write_side.command_envelope import CommandEnvelope

LARGEST: Final = 262_144
"""As large as an event may be."""
app = typer.Typer(help="Rules of a tenant: how figures are counted, who approves what, exchange rates.")
PolicyRef = Annotated[str, typer.Argument(metavar="POLICY", help="The policy's id, or ref:<kind>@<name>.")]
Number = Annotated[int, typer.Argument(help="Which of its versions.")]
Reason = Annotated[str | None, typer.Option(help="Why.")]


@app.command("list")
def list_(tenant: TenantId, json_: Json = False) -> None:
    """List every version of every policy, and which are in force today."""
    with open_runtime() as runtime:
        require_tenant(runtime, tenant)
        today = day_of(runtime.clock(), runtime.handler.zone(tenant))
        rows = [row for policy, state in _policies(runtime, tenant) for row in _rows(policy, state, today)]
    show_rows(rows, ("policy", "name", "status", "start", "end", "in_force"), json_=json_)


def _policies(runtime: Runtime, tenant: str) -> list[tuple[str, PolicyState]]:
    """Every policy and its state, read from the log: a view may lag behind."""
    after, head = 0, runtime.log.head(tenant)
    states: dict[str, PolicyState] = {}
    while events := runtime.log.after(tenant, after, 1000, until=head, types=("policy.drafted",)):
        for policy in {event.stream_id for event in events} - states.keys():
            states[policy] = runtime.handler.load(tenant, "policy", policy)[1].state
        after = events[-1].position
    return sorted(states.items(), key=lambda item: (item[1].kind, item[1].name))


def _rows(policy: str, state: PolicyState, today: str) -> list[dict[str, Any]]:
    return [
        {"policy": policy, "name": state.version_name(version.number),
         "status": "draft" if version.start is None else "retired" if version.retired else "active",
         "start": version.start, "end": version.end, "in_force": version.in_force_on(today)}
        for version in state.versions
    ]  # fmt: skip


@app.command()
def draft(
    file: Annotated[Path, typer.Argument(help="The rules, as a JSON object.")],
    tenant: TenantId,
    kind: Annotated[
        str | None, typer.Option(help="metric, fx, approval, incentive or renewal, where the file does not say.")
    ] = None,
    name: Annotated[str, typer.Option(help="The policy's name.")] = DEFAULT,
    reason: Reason = None,
    json_: Json = False,
) -> None:
    """Draft a version of the policy of this kind and name; the first begins it."""
    rules = _object(file)
    first = validated(DraftPolicy, rules={**rules, "kind": rules.get("kind", kind)}, name=name, reason=reason)
    with open_runtime() as runtime:
        require_tenant(runtime, tenant)
        try:
            policy = runtime.handler.load(tenant, "policy", f"ref:{policy_reference(first)}")[0]
        except NotFound:
            receipt = _handle(runtime, tenant, "draft", first)
        else:
            receipt = _handle(
                runtime, tenant, "draft", validated(DraftPolicyVersion, rules=first.rules, reason=reason), policy
            )
        state: PolicyState = runtime.handler.load(tenant, "policy", receipt.id)[1].state
    number = len(state.versions)
    if json_:
        show_json({"policy": receipt.id, "number": number, "position": receipt.position})
    else:
        show(f"{receipt.id}  {state.version_name(number)}, a draft; `steward policies activate` puts it in force.")


def _object(file: Path) -> dict[str, Any]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise Misuse("file_unreadable", file.name) from error
    if len(raw) > LARGEST:
        raise Misuse("too_large", f"rules may have {LARGEST} bytes")
    rules = decode(raw)
    if not isinstance(rules, dict):
        raise Misuse("file_unfit", f"{file.name} holds no JSON object")
    return rules


@app.command()
def activate(
    policy: PolicyRef,
    number: Number,
    tenant: TenantId,
    start: Annotated[str | None, typer.Option(help="The first day on which it counts; default: today.")] = None,
    end: Annotated[str | None, typer.Option(help="The first day on which it counts no more; default: none.")] = None,
    replaces: Annotated[int | None, typer.Option(help="The version that it takes over from.")] = None,
    reason: Reason = None,
    json_: Json = False,
) -> None:
    """Put a version in force from a day."""
    command = validated(ActivatePolicy, number=number, start=start, end=end, replaces=replaces, reason=reason)
    with open_runtime() as runtime:
        require_tenant(runtime, tenant)
        _show(
            _handle(runtime, tenant, "activate", command, policy),
            f"Version {number} is in force from its day on.",
            json_=json_,
        )


@app.command()
def retire(
    policy: PolicyRef,
    number: Number,
    tenant: TenantId,
    end: Annotated[str, typer.Option(help="The first day on which it counts no more.")],
    reason: Reason = None,
    json_: Json = False,
) -> None:
    """Take a version out of force."""
    command = validated(RetirePolicy, number=number, end=end, reason=reason)
    with open_runtime() as runtime:
        require_tenant(runtime, tenant)
        _show(
            _handle(runtime, tenant, "retire", command, policy),
            f"Version {number} counts until before {end}.",
            json_=json_,
        )


def _handle(runtime: Runtime, tenant: str, name: str, command: Command, policy: str | None = None) -> Receipt:
    targets = {"policy": policy} if policy else {}
    principal, request = operator(f"policies.{name}"), Request(runtime.new_id("req"), b"")
    return runtime.handler.handle(CommandEnvelope(tenant, principal, command, request, targets))


def _show(receipt: Receipt, sentence: str, *, json_: bool) -> None:
    if json_:
        show_json({"policy": receipt.id, "position": receipt.position})
    else:
        show(sentence)
