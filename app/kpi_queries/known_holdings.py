"""What accounts are asked for by: an owner, a tier or an industry that none ever had is refused, since every figure of it would be 0."""

from collections.abc import Iterable
from dataclasses import replace

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import NONE, as_compared
from app.read_side.clocks import When
from app.read_side.reader import Reader
from projections.views import portfolios


def require_known(reader: Reader, tenant_id: str, when: When, member: str, values: Iterable[str]) -> None:
    """Raises: Invalid for an owner, a tier or an industry that no account ever had, by what the read may know."""
    ever = replace(when, now=True)
    for value in values:
        had = [portfolios.ever_with(member, as_compared(value))]
        if value == NONE or reader.select(tenant_id, portfolios.VIEW, had, ever, limit=1)[0]:
            continue
        if member == "owner":
            raise Invalid("unknown_owner", "no account ever had this owner")
        if member == "tier":
            raise Invalid("unknown_tier", "no account was ever of this tier")
        raise Invalid("unknown_industry", "no account was ever in this industry")
