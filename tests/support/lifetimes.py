"""Random lives of a tenant's clients, from a seed: every kind of event, in no wise order, dated back and ahead."""

import random
from collections.abc import Iterator
from typing import Any

from app.domain.kernel.values import add_days

CHANNELS = ("call", "mail", "meeting", "chat")


def life(seed: int, count: int) -> list[dict[str, Any]]:
    """CloudEvents to be taken in. Some will be refused; which ones is always the same."""
    return list(_events(random.Random(seed), count))


def _events(dice: random.Random, count: int) -> Iterator[dict[str, Any]]:
    accounts: list[str] = []
    contracts: list[tuple[str, str]] = []
    for number in range(count):
        kind = dice.choice(_KINDS) if accounts else "account.opened"
        if kind.startswith(("contract.", "renewal.")) and not contracts:
            kind = "contract.signed"
        account = f"a{number}" if kind == "account.opened" else dice.choice(accounts)
        contract = f"c{number}"
        if kind == "account.opened":
            accounts.append(account)
        elif kind == "contract.signed":
            contracts.append((contract, account))
        elif kind.startswith(("contract.", "renewal.")):
            contract, account = dice.choice(contracts)
        yield {
            "specversion": "1.0", "id": f"{number}", "source": "lives", "type": kind, "time": f"{_day(dice)}T10:00:00Z",
            "subject": f"ref:{account}", "data": _data(kind, dice, account, contract),
        }  # fmt: skip


_KINDS = (
    "account.opened", "account.renamed", "account.tier_set", "account.owner_set", "account.closed", "account.reopened",
    "interaction.logged", "interaction.logged", "contract.signed", "contract.signed", "contract.amended", "contract.amended",
    "contract.suspended", "contract.resumed", "contract.notice_given", "contract.notice_withdrawn", "contract.renewed",
    "contract.terminated", "renewal.opened", "scope_change.raised",
)  # fmt: skip


def _day(dice: random.Random) -> str:
    return add_days("2025-01-01", dice.randrange(900))


def _data(kind: str, dice: random.Random, account: str, contract: str) -> dict[str, Any]:
    day, price = _day(dice), f"{dice.randrange(1, 10_000)}.{dice.randrange(100):02d}"
    named = {"contract": f"ref:{contract}"} if kind.startswith(("contract.", "renewal.")) else {}
    line = {"line": "main", "product": "retainer", "quantity": "1", "unit_price": price, "interval": "month"}
    members: dict[str, Any] = {
        "account.opened": {
            "name": account,
            "currency": "EUR",
            "external_ref": account,
            "tier": "gold",
            "owner": "usr_1",
        },
        "account.renamed": {"name": price},
        "account.tier_set": {"tier": dice.choice(["gold", "silver", None])},
        "account.owner_set": {"owner": dice.choice(["usr_1", "usr_2"])},
        "interaction.logged": {
            "channel": dice.choice(CHANNELS),
            "direction": "inbound",
            "occurred_at": "2025-06-01T08:00:00Z",
            "summary": f"About {price}.",
            "topics": ["price"],
        },
        "contract.signed": {
            "currency": "EUR",
            "start": "2025-02-01",
            "end": dice.choice(["2026-02-01", None]),
            "signed_at": day,
            "auto_renew": dice.random() < 0.3,
            "lines": [line, {**line, "line": "extra"}],
        },
        "contract.amended": {
            "changes": [{"op": "set_line", "line": dice.choice(["main", "extra"]), "unit_price": price}]
        },
        "contract.notice_given": {"effective_end": day},
        "contract.renewed": {
            "start": dice.choice(["2026-02-01", day]),
            "end": "2027-06-01",
            "lines": dice.choice([None, [line]]),
        },
        "contract.terminated": {"effective_end": day, "reason": "price", "voluntary": True},
        "scope_change.raised": {"title": f"Wish {price}", "request": f"More of {price}."},
    }.get(kind, {})
    return {**named, **members}
