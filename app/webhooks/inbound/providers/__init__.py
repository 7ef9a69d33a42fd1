"""The senders: one file each, which checks a message over its raw bytes and says what it is called.

Lives here: `base.py` with what a provider is, and a file per provider.
May import: `app.webhooks.inbound.signing`, `app.domain`; never SQL, the handler or a web framework.
To add a provider: a file here and one line below.
"""

from typing import Final

from app.domain.kernel.errors import Invalid
from app.webhooks.inbound.provider import Provider
from app.webhooks.inbound.providers import generic_hmac, standard_webhooks

PROVIDERS: Final[tuple[Provider, ...]] = (
    standard_webhooks.PROVIDER,
    generic_hmac.PROVIDER,
)


def provider_named(name: str) -> Provider:
    """A provider by its name. Raises: Invalid when there is none."""
    found = next((provider for provider in PROVIDERS if provider.name == name), None)
    if found is None:
        raise Invalid("unknown_provider", f"a provider is one of {', '.join(provider.name for provider in PROVIDERS)}")
    return found
