"""Failed API keys and access tokens: how many wrong ones of an address are looked at in a minute. Guessing costs nobody else anything.

A good key is not shut out by the wrong ones that come from the same address: one that was good before is always checked, and what is
no key at all, by its checksum, leaves half of the quota to those that may be one.
"""

import asyncio
from typing import Final

from app.api.http.connections import peer_of
from app.api.http.fair_threads import WHOSE
from app.api.http.quotas import Quota
from app.auth.caller import Caller
from app.auth.credentials import WRONG, Credentials, is_well_formed, malformed, whose
from app.domain.kernel.errors import Throttled, Unauthenticated
from app.observe.logs import logger

MINUTE: Final = 60
LONGEST_HOST: Final = 64
"""How much is remembered of an address that a proxy says."""


class KeyChecks:
    """Checks the keys that are not believed any more.

    Takes: what checks them, and how many wrong ones of an address are looked at in a minute; 0: all.
    """

    def __init__(self, authenticator: Credentials, wrong_a_minute: int) -> None:
        self._authenticator = authenticator
        self._quota = Quota("wrong-keys", wrong_a_minute, MINUTE) if wrong_a_minute else None

    async def check(self, key: str, host: str) -> Caller:
        """The caller with a key that comes from an address. Raises: Unauthenticated; Throttled, where the key was not looked at."""
        quota = self._quota
        if quota is None or self._authenticator.knows(key):
            return await self._checked(key)
        peer, may_be_one = peer_of(host[:LONGEST_HOST]), is_well_formed(key)
        needed = 1 if may_be_one else quota.amount // 2 + 1
        if quota.left(peer) < needed:
            if quota.first(peer):
                logger().warning("wrong_keys_throttled", peer=peer)
            wait = quota.wait(peer, needed)
            raise Throttled("too_many_wrong_keys", "too many wrong API keys came from this address", retry_after=wait)
        quota.take(peer)  # before it is known to be wrong: many may come at once
        if not may_be_one:
            raise malformed(key)
        wrong = False
        try:
            return await self._checked(key)
        except Unauthenticated as refusal:
            wrong = refusal.code in WRONG  # that of a user who is suspended is none
            raise
        finally:
            if not wrong:  # or nobody knows
                quota.give_back(peer)

    async def _checked(self, key: str) -> Caller:
        WHOSE.set(whose(key))  # whose it is must be found out first
        return await asyncio.to_thread(self._authenticator.check, key)
