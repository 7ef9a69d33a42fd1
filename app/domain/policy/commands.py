"""The commands of a policy; each is the body of its request."""

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from app.domain.kernel.command import Command, Creation
from app.domain.kernel.values import Day
from app.domain.policy.rules import AnyRules

DEFAULT: Final = "default"
"""The name of the policy that counts where none is named."""
PolicyName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,99}$")]


class DraftPolicy(Creation):
    """Begins a policy with its first version. There is one of a kind and name; `ref:<kind>@<name>` finds it."""

    name: PolicyName = Field(DEFAULT, description="`default` counts wherever no other policy is named")
    rules: AnyRules


class DraftPolicyVersion(Command):
    """Adds a version with other rules of the same kind."""

    rules: AnyRules


class Activation(Command):
    """From when a version counts, and until when."""

    start: Day | None = Field(
        None, description="the first day on which it counts; default: today, in the tenant's zone"
    )
    end: Day | None = Field(None, description="the first day on which it counts no more; default: none")
    replaces: int | None = Field(
        None, ge=1, le=2**53, description="a version that counts then, and is retired as of `start`"
    )


class ActivatePolicy(Activation):
    """Puts a version in force."""

    number: int = Field(ge=1, le=2**53)


class Retirement(Command):
    """Until when a version counts."""

    end: Day = Field(description="the first day on which it counts no more")


class RetirePolicy(Retirement):
    """Takes a version out of force."""

    number: int = Field(ge=1, le=2**53)
