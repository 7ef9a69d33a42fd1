"""Reaching: the one condition by which a reader sees the accounts of a reach and no others, in tables and in replays.

Which accounts are in reach is read from `account_access` as it is now, for today's rights apply to what was known before, too.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson
from sqlalchemy import Connection, func, select

from app.domain.kernel.errors import NotAllowed
from app.domain.kernel.reach import Reach
from app.store.engine import Database
from projections.view import Condition, View
from projections.views import account_access

OF_TENANT: Final = frozenset(
    {"agents", "api_keys", "issuers", "policies", "policy_rules", "teams", "users", "webhook_endpoints"}
)
"""Views of no account that everybody may read who has the scope. Any other view of no account is for whom the whole tenant is in reach."""
OF_PERSON: Final = {"incentive_statements": "payee"}
"""Views of what is a person's own, and the member that says whose: it is read by whoever has that name in reach."""


class Reaching:
    """The condition of a reach. Takes: it, the database of the views, a clock of microseconds.

    What was worked out for replays, which have no `account_access` of their own, is kept as long as the object, as long as a request is.
    """

    def __init__(self, reach: Reach, database: Database, clock: Callable[[], int]) -> None:
        self.reach = reach
        self._database = database
        self._clock = clock
        self._listed: dict[str, str] = {}

    def conditions(self, tenant_id: str, view: View[Any], connection: Connection) -> list[Condition]:
        """What a view's row must meet. Takes: the connection that is asked, of the tables or of a replay.

        Raises: NotAllowed for a view of no account that only whoever reaches the whole tenant may read.
        """
        if self.reach.whole or view.name in OF_TENANT:
            return []
        if view.name in OF_PERSON:
            return [view.table.c[OF_PERSON[view.name]].in_(self.reach.names)]
        if "account" not in view.members:
            raise beyond_reach()
        account = view.table.c.account
        if connection.engine in (self._database.reader, self._database.writer, self._database.relaxed):
            return [account_access.of_reach(account, tenant_id, self.reach, self._clock())]
        return [account.in_(select(func.json_each(self._as_list(tenant_id)).table_valued("value").c.value))]

    def among(self, tenant_id: str, accounts: Iterable[str]) -> set[str]:
        """Which of some accounts are in reach."""
        if self.reach.whole:
            return {*accounts}
        query = account_access.in_reach(tenant_id, self.reach, self._clock())
        with self._database.read(tenant_id) as connection:
            return {*connection.scalars(query.where(account_access.VIEW.table.c.account.in_([*accounts])))}

    def all(self, tenant_id: str) -> list[str]:
        """Every account in reach."""
        with self._database.read(tenant_id) as connection:
            return sorted({*connection.scalars(account_access.in_reach(tenant_id, self.reach, self._clock()))})

    def _as_list(self, tenant_id: str) -> str:
        """All accounts in reach as JSON, which a replay takes as one value."""
        if tenant_id not in self._listed:
            self._listed[tenant_id] = orjson.dumps(self.all(tenant_id)).decode()
        return self._listed[tenant_id]


def beyond_reach() -> NotAllowed:
    """The refusal of what sums over the whole tenant, where only a part of it is in reach."""
    return NotAllowed("beyond_reach", "this is about all accounts of the tenant, and yours are a part of them")
