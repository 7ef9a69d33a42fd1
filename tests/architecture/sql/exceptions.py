"""The few statements that may break a rule, each with the reason."""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Allowed:
    """Statements that may break a rule. text: all of the statement, as an expression over one line."""

    rule: str
    text: re.Pattern[str]
    reason: str


def _allowed(rule: str, text: str, reason: str) -> Allowed:
    return Allowed(rule, re.compile(text), reason)


_VIEW: Final = r"[a-z_]+_v\d+"
_OF_NODE: Final = r"( WHERE {}\.tenant_id = ANY \(%\(tenants\)s::TEXT\[\]\))?"
"""Where a node is away, the others are asked one by one."""
EXCEPTIONS: Final = (
    _allowed(
        "tenant_not_bound",
        r"SELECT ledgers\.tenant_id(, ledgers\.head)? FROM ledgers"
        + _OF_NODE.format("ledgers")
        + r" ORDER BY ledgers\.tenant_id",
        "the directory role lists the tenants with their heads: whose views lag, whose keys are sealed",
    ),
    _allowed(
        "tenant_not_bound",
        r"SELECT positions\.tenant_id, positions\.follower, positions\.position, positions\.parked_at FROM positions"
        + _OF_NODE.format("positions"),
        "/metrics tells how far the views of all tenants have read",
    ),
    _allowed(
        "tenant_not_bound",
        r"SELECT DISTINCT follower FROM positions WHERE position < grows_to AND parked_at IS NULL",
        "a server that migrates waits until the views of all tenants have grown",
    ),
    _allowed(
        "tenant_not_bound",
        r"INSERT INTO tenants \(tenant_id\) SELECT tenant_id FROM ledgers",
        "a migration enters the tenants that there are into the table of which each node has all rows",
    ),
    _allowed(
        "tenant_not_bound",
        r"SELECT tenant_id, head, recorded_at FROM ledgers",
        "the owner lets views begin again for every tenant, when their table is made",
    ),
    _allowed(
        "tenant_not_bound",
        rf"SELECT %\(param_1\)s::INTEGER AS anon_1 FROM {_VIEW} LIMIT %\(param_2\)s::INTEGER",
        "the owner asks whether a backup left out the views",
    ),
    _allowed(
        "insert_without_tenant",
        rf"INSERT INTO ({_VIEW}) \([^)]*\) SELECT [^()]* FROM pg_temp\.new_\1 WHERE tenant_id = \$1 AND \"\w+\" IN "
        r"\(SELECT key FROM pg_temp\.differing_\1\)",
        "a rebuild is the owner's, whom no policy binds: its rows may be copied from the coordinator",
    ),
)


def is_allowed(rule: str, text: str) -> bool:
    """Whether a statement may break a rule."""
    line = " ".join(text.split())
    return any(allowed.rule == rule and allowed.text.fullmatch(line) for allowed in EXCEPTIONS)
