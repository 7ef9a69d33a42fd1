"""The commands of an issuer; each is the body of its request."""

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from app.domain.kernel.command import Command
from app.domain.kernel.values import IssuerUrl, Label, ProviderUrl

Algorithm = Literal["RS256", "ES256", "EdDSA"]
Audience = Annotated[str, StringConstraints(max_length=200, pattern=r"^[\x21-\x7e]+$")]
Claim = Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9_:./-]+$")]
ALGORITHMS: Final[tuple[Algorithm, ...]] = ("RS256", "ES256", "EdDSA")


class _Issuer(Command):
    """The members of an issuer."""

    issuer: IssuerUrl = Field(
        description="the URL of the identity provider, exactly as its tokens have it in `iss`",
        examples=["https://login.harbour-pine.example"],
    )
    claim: Claim = Field(
        "sub", description="the member of a token that finds the user's login; with `email`, a verified one"
    )
    algorithms: tuple[Algorithm, ...] = Field(
        ALGORITHMS, min_length=1, max_length=3, description="by which its tokens may be signed"
    )
    jwks_url: ProviderUrl | None = Field(
        None, description="where its keys are; default: where its metadata says", examples=[None]
    )
    plain_jwt: bool = Field(
        False, description="whether tokens of the type `JWT` are taken, too; by default only `at+jwt` of RFC 9068"
    )
    dpop_required: bool = Field(
        False, description="whether each token must be bound to a key of its client, which proves it with each request"
    )
    label: Label | None = None


class RegisterIssuer(_Issuer):
    """Lets users in with the access tokens of an identity provider. Their logins are bound one by one."""

    audience: Audience | None = Field(
        None,
        description="what its tokens for this agency have in `aud`; no two agencies share issuer and audience. "
        "Default: the address of this server and the agency's id, which is nobody else's",
        examples=["https://steward.harbour-pine.example"],
    )


class RecordIssuer(_Issuer):
    """The same with the audience that it was given."""

    audience: Audience


class CloseIssuer(Command):
    """Lets nobody in any more with its tokens."""
