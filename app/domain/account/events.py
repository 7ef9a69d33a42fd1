"""What can have happened to an account, the client organisation."""

from app.domain.kernel.event import Event, WithNewMembers
from app.domain.kernel.values import Business, Public


class AccountOpened(WithNewMembers):
    """A client was taken on.

    name: the organisation's. currency: of its contracts by default. time_zone: where its people sit.
    tier: a label of the agency. owner: the account manager who is accountable, by a name of theirs. country: where it has its seat.
    """

    TOPIC = "account.opened"
    name: Business[str]
    currency: Public[str]
    time_zone: Public[str]
    industry: Business[str | None] = None
    country: Public[str | None] = None
    tier: Business[str | None] = None
    owner: Business[str | None] = None
    external_ref: Business[str | None] = None


class AccountRenamed(Event):
    """The organisation goes by another name."""

    TOPIC = "account.renamed"
    name: Business[str]


class AccountTierSet(Event):
    """The account was put into a tier, or into none."""

    TOPIC = "account.tier_set"
    tier: Business[str | None] = None


class AccountOwnerSet(WithNewMembers):
    """Another account manager became accountable. previous: who was. handover: by which it was accepted, where by one."""

    TOPIC = "account.owner_set"
    owner: Business[str]
    previous: Business[str | None] = None
    handover: Public[str | None] = None


class AccountBackupSet(Event):
    """Somebody stands in for the owner, or nobody does."""

    TOPIC = "account.backup_set"
    backup: Business[str | None] = None


class AccountMemberAssigned(Event):
    """Somebody works for the account in a function."""

    TOPIC = "account.member_assigned"
    member: Business[str]
    function: Public[str]


class AccountMemberReleased(Event):
    """Somebody works for the account in a function no more."""

    TOPIC = "account.member_released"
    member: Business[str]
    function: Public[str]


class KeyAccountSet(Event):
    """The account is one of those that matter most, or is so no more."""

    TOPIC = "account.key_account_set"
    key_account: Business[bool]


class AccountCountrySet(Event):
    """The account has its seat in another country, or it is not known any more."""

    TOPIC = "account.country_set"
    country: Public[str | None] = None


class AccountClosed(Event):
    """The relationship ended."""

    TOPIC = "account.closed"


class AccountReopened(Event):
    """The relationship was taken up again."""

    TOPIC = "account.reopened"


EVENTS = (
    AccountOpened,
    AccountRenamed,
    AccountTierSet,
    AccountOwnerSet,
    AccountBackupSet,
    AccountMemberAssigned,
    AccountMemberReleased,
    KeyAccountSet,
    AccountCountrySet,
    AccountClosed,
    AccountReopened,
)
