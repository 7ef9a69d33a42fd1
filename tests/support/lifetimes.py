"""Random histories of a tenant's clients, from a seed: many types of events, in random order, back-dated and dated ahead."""

import random
from collections.abc import Iterator
from typing import Any

from app.domain.kernel.values import add_days

CHANNELS = ("call", "mail", "meeting", "chat")


def life(seed: int, count: int) -> list[dict[str, Any]]:
    """CloudEvents to ingest. Some are refused; the same ones each time."""
    return list(_events(random.Random(seed), count))


def _events(randomness: random.Random, count: int) -> Iterator[dict[str, Any]]:
    accounts: list[str] = []
    contracts: list[tuple[str, str]] = []
    for number in range(count):
        kind = randomness.choice(_KINDS) if accounts else "account.opened"
        if kind.startswith(("contract.", "renewal.")) and not contracts:
            kind = "contract.signed"
        account = f"a{number}" if kind == "account.opened" else randomness.choice(accounts)
        contract = f"c{number}"
        if kind == "account.opened":
            accounts.append(account)
        elif kind == "contract.signed":
            contracts.append((contract, account))
        elif kind.startswith(("contract.", "renewal.")):
            contract, account = randomness.choice(contracts)
        yield {
            "specversion": "1.0", "id": f"{number}", "source": "lives", "type": kind, "time": f"{_day(randomness)}T10:00:00Z",
            "subject": f"ref:{account}", "data": _data(kind, randomness, account, contract),
        }  # fmt: skip


_KINDS = (
    "account.opened", "account.renamed", "account.tier_set", "account.owner_set", "account.closed", "account.reopened",
    "interaction.logged", "interaction.logged", "contract.signed", "contract.signed", "contract.amended", "contract.amended",
    "contract.suspended", "contract.resumed", "contract.notice_given", "contract.notice_withdrawn", "contract.renewed",
    "contract.terminated", "renewal.opened", "scope_change.raised",
)  # fmt: skip


def _day(randomness: random.Random) -> str:
    return add_days("2025-01-01", randomness.randrange(900))


def _data(kind: str, randomness: random.Random, account: str, contract: str) -> dict[str, Any]:
    day, price = _day(randomness), f"{randomness.randrange(1, 10_000)}.{randomness.randrange(100):02d}"
    subject = {"contract": f"ref:{contract}"} if kind.startswith(("contract.", "renewal.")) else {}
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
        "account.tier_set": {"tier": randomness.choice(["gold", "silver", None])},
        "account.owner_set": {"owner": randomness.choice(["usr_1", "usr_2"])},
        "interaction.logged": {
            "channel": randomness.choice(CHANNELS),
            "direction": "inbound",
            "occurred_at": "2025-06-01T08:00:00Z",
            "summary": f"About {price}.",
            "topics": ["price"],
        },
        "contract.signed": {
            "currency": "EUR",
            "start": "2025-02-01",
            "end": randomness.choice(["2026-02-01", None]),
            "signed_at": day,
            "auto_renew": randomness.random() < 0.3,
            "lines": [line, {**line, "line": "extra"}],
        },
        "contract.amended": {
            "changes": [{"op": "set_line", "line": randomness.choice(["main", "extra"]), "unit_price": price}]
        },
        "contract.notice_given": {"effective_end": day},
        "contract.renewed": {
            "start": randomness.choice(["2026-02-01", day]),
            "end": "2027-06-01",
            "lines": randomness.choice([None, [line]]),
        },
        "contract.terminated": {"effective_end": day, "reason": "price", "voluntary": True},
        "scope_change.raised": {"title": f"Request {price}", "request": f"More of {price}."},
    }.get(kind, {})
    return {**subject, **members}
