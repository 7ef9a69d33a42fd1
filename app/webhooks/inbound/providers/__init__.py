"""The providers: one file each, which verifies a message over its raw bytes and names it.

Lives here: a file per provider. What a provider is stands in `app.webhooks.inbound.provider`.
May import: `app.webhooks.inbound.signing`, `app.domain`; never SQL, the handler or a web framework.
To add a provider: see the table of CONTRIBUTING.
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
    named = next((provider for provider in PROVIDERS if provider.name == name), None)
    if named is None:
        raise Invalid("unknown_provider", f"a provider is one of {', '.join(provider.name for provider in PROVIDERS)}")
    return named
