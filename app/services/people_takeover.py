"""PeopleTakeover: the people whom a ledger names become users, where it was written before there were any.

It runs once for each tenant and process, when the views have read the log, and goes on where it was: what it makes has a request that is
named for the name. It changes no event and no account; a name that becomes somebody's later is theirs with all that older events say.
"""

from collections.abc import Iterator
from typing import Final

from app.domain.kernel.values import is_typeid
from app.read_side.reader import Reader
from app.store.people import People
from app.store.receipts import Receipt
from app.write_side.handler import Handler
from app.write_side.noted_people import noting
from projections.views import accounts, portfolios

AT_ONCE: Final = 500
"""How many users are made in a batch."""


class PeopleTakeover:
    """Makes users of the names that accounts hold and nobody goes by. Takes: the handler that appends, the reader of the views."""

    def __init__(self, handler: Handler, reader: Reader) -> None:
        self._handler = handler
        self._reader = reader
        self._people = People(handler.log)
        self._done: set[str] = set()

    def run_once(self, tenant_id: str) -> int:
        """One pass, unless there was one in this process. Gives: how many users were made."""
        if tenant_id in self._done:
            return 0
        names = [*dict.fromkeys(name for name in self._names(tenant_id) if not is_typeid(name, "usr"))]
        made = 0
        for start in range(0, len(names), AT_ONCE):
            page = names[start : start + AT_ONCE]
            known = self._people.named(tenant_id, page)
            missing = [noting(tenant_id, name) for name in page if name not in known]
            outcomes = self._handler.handle_batch(tenant_id, missing) if missing else []
            made += sum(isinstance(outcome, Receipt) and not outcome.replayed for outcome in outcomes)
        self._done.add(tenant_id)
        return made

    def _names(self, tenant_id: str) -> Iterator[str]:
        """Everybody whom an account has or had for an owner, or has for a backup or a member."""
        when = self._reader.when(tenant_id, None, None)
        held = self._reader.select(tenant_id, portfolios.VIEW, [portfolios.ever_owned()], when)[0]
        yield from (row.owner for row in held)
        for row in self._reader.select(tenant_id, accounts.VIEW, [], when)[0]:
            yield from (name for name in (row.backup, *(each["member"] for each in row.members)) if name)
