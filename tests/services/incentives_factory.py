"""Incentive plans, contracts and statements for tests."""

import itertools
from typing import Any

from app.domain.account.commands import OpenAccount
from app.domain.contract.commands import AmendContract, Line, RecordContract, RenewContract, SetLine, TerminateContract
from app.domain.incentive_statement.commands import ClawBack, IssueStatement
from app.domain.kernel.principal import Principal
from app.domain.policy.commands import ActivatePolicy, DraftPolicy
from app.domain.policy.rules import IncentiveRules
from app.services import incentive_statements as incentives
from app.services.incentive_statements import StatementPreview, StatementRequest
from app.services.service_call import ServiceCall
from app.store.receipts import Receipt, Request
from tests.support.application import Steward

RATES = (
    {"rule": "renewal", "percent": "2"},
    {"rule": "expansion", "percent": "5"},
    {"rule": "new_business", "percent": "10"},
)
_numbers = itertools.count()


def plan(steward: Steward, name: str = "default", start: str = "2020-01-01", **rules: Any) -> str:
    """A plan in force: 2 percent of renewals, 5 of expansions, 10 of new business, unless `rules` differ."""
    plan_rules = IncentiveRules.model_validate({"rates": RATES, "clawback_months": 6, **rules})
    policy = steward.do(DraftPolicy(name=name, rules=plan_rules)).id
    steward.do(ActivatePolicy(number=1, start=start), policy=policy)
    return policy


def client(steward: Steward, owner: str = "maria", opened: str = "2024-01-01", **members: Any) -> str:
    """An account with an owner."""
    return steward.do(OpenAccount(name="Northwind", currency="EUR", owner=owner, effective_at=opened, **members)).id


def signed(steward: Steward, account: str, price: str = "100.00", at: str = "2025-01-01", **members: Any) -> str:
    """A contract of one line a month, signed on the day on which it begins."""
    line = Line(line="main", product="retainer", unit_price=price, interval="month")
    terms = {"currency": "EUR", "start": at, "end": "2026-01-01", "signed_at": at, "lines": (line,), "effective_at": at}
    return steward.do(RecordContract(**{**terms, **members}), account=account).id


def reprice(steward: Steward, contract: str, price: str, at: str, **members: Any) -> str:
    """Sets the line to another price. Gives: the event."""
    change = SetLine(op="set_line", line="main", unit_price=price, **members)
    return steward.do(AmendContract(effective_at=at, changes=(change,)), contract=contract).events[0][0]


def renewed(steward: Steward, contract: str, at: str = "2025-12-01", **members: Any) -> str:
    """Renews a contract for a year. Gives: the event."""
    command = RenewContract(**{"end": "2027-01-01", "effective_at": at, **members})
    return steward.do(command, contract=contract).events[0][0]


def lost(steward: Steward, contract: str, end: str) -> str:
    """Terminates a contract. Gives: the event."""
    command = TerminateContract(effective_end=end, reason="price", voluntary=True, effective_at=end)
    return steward.do(command, contract=contract).events[0][0]


def preview(
    steward: Steward, start: str = "2025-01-01", end: str = "2026-01-01", payee: str = "maria", *, name: str = "default",
    currency: str | None = "EUR", as_of: str | None = None, known_at: int | None = None,
) -> StatementPreview:  # fmt: skip
    """The preview of a statement."""
    steward.catch_up()
    reader = steward.runtime.reader
    when = reader.when(steward.tenant, as_of, None if known_at is None else str(known_at))
    request = StatementRequest(f"ref:incentive@{name}", payee, start, end, currency)
    return incentives.preview(steward.runtime.handler, reader, steward.tenant, request, when)


def issue(
    steward: Steward, start: str = "2025-01-01", end: str = "2026-01-01", payee: str = "maria", *, name: str = "default",
    currency: str = "EUR", key: str | None = None, read: bool = True, **members: Any,
) -> Receipt:  # fmt: skip
    """Issues a statement. Takes: `read`, whether to bring the views to the head first."""
    if read:
        steward.catch_up()
    body = {"plan": f"ref:incentive@{name}", "payee": payee, "from": start, "to": end, "currency": currency, **members}
    command = IssueStatement.model_validate(body)
    request = Request(key or f"issue-{next(_numbers)}", repr(body).encode())
    return incentives.issue(call(steward, request), command)


def call(steward: Steward, request: Request) -> ServiceCall:
    """A call of a service by an administrator."""
    runtime = steward.runtime
    return ServiceCall(
        handler=runtime.handler,
        reader=runtime.reader,
        tenant_id=steward.tenant,
        principal=Principal("test", "admin"),
        request=request,
    )


def claw_back(steward: Steward, statement: str, loss: str) -> Receipt:
    """Claws back what a lost contract or account was paid."""
    steward.catch_up()
    request = Request(f"claw-{next(_numbers)}", loss.encode())
    return incentives.claw_back(call(steward, request), statement, ClawBack(event=loss))


def paid_lines(statement: StatementPreview) -> list[tuple[str, str, str, str]]:
    """The rule, value, factor and amount of each line."""
    return [(line.rule, line.value, line.factor, line.amount) for line in statement.lines]


def statements(steward: Steward) -> list[Any]:
    """The rows of all statements."""
    return steward.rows("incentive_statements")
