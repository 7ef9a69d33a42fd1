"""Logins: whose a login of an identity provider is."""

import hashlib

from app.domain.kernel.errors import NotAllowed
from app.domain.user.decisions import LOGIN, login_named
from app.domain.user.events import UserLoginBound
from app.store.log import Log
from app.store.opened import uncounted


class Logins:
    """Finds users by their logins. Takes: the log."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def user(self, tenant_id: str, issuer: str, subject: str) -> str:
        """The id of the user whose login it is. Raises: NotAllowed where it is nobody's, or was replaced by another one."""
        named = login_named(issuer, subject)
        for ref in (self._log.vault.mark(tenant_id, named.encode()).hex(), hashlib.sha256(named.encode()).hexdigest()):
            user_id = self._log.resolve(tenant_id, LOGIN, ref)
            if user_id is not None and self._is_present(tenant_id, user_id, issuer, subject):
                return user_id
        raise NotAllowed(
            "login_unknown", "you are signed in, but this login is no user's of this agency; an admin can bind it"
        )

    def _is_present(self, tenant_id: str, user_id: str, issuer: str, subject: str) -> bool:
        """Whether it is the login that the user has now. A person whose data was erased has none."""
        bound = [event for event in self._log.stream(tenant_id, user_id) if event.type == UserLoginBound.TOPIC]
        if not bound:
            return False
        with uncounted():
            (opened,) = self._log.reveal(tenant_id, [(bound[-1].event_id, bound[-1].data)])
        return (opened["issuer"], opened["subject"]) == (issuer, subject)
