"""Sharing out: by what figures are grouped, and amounts in proportion to parts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projections.views.portfolios import MEMBERS

OPTION: Final = "group_by"
HELD: Final = MEMBERS
"""What an account has one of."""
GROUPS: Final = (*HELD, "currency", "product")
"""What figures are grouped by."""
ENDS: Final = ("reason", "voluntary", "competitor")
"""What is known of how a contract ended."""


def share_out(amounts: Sequence[int], parts: Mapping[Any, int]) -> dict[str | None, list[int]]:
    """Amounts in proportion, exactly: the last part takes what division leaves.

    A part below nothing, that of a credit, takes no share, so that no part is worth more than the whole; parts that are all below it do.
    """
    shares = {name: part for name, part in parts.items() if part > 0} or {
        name: -part for name, part in parts.items() if part
    }
    whole = sum(shares.values())
    if not whole:
        return {None: list(amounts)}
    split = {name: [amount * part // whole for amount in amounts] for name, part in shares.items()}
    last = list(split)[-1]
    for at, amount in enumerate(amounts):
        split[last][at] += amount - sum(amounts_of_part[at] for amounts_of_part in split.values())
    return split
