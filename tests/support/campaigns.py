"""How many random examples a property is tried with: few in the suite, very many in a campaign (`make laws`, `make oracle`).

Every run of the suite draws others, so what is rare is found over many runs, or by a campaign in one night.
"""

from fractions import Fraction
from math import ceil
from typing import Final

from hypothesis import settings

CAMPAIGNS: Final = ("laws", "oracle")
"""The profiles of campaigns: `--hypothesis-profile=`."""
TIMES: Final = {"suite": Fraction(1, 3), "laws": Fraction(30)}
"""How many times as many a profile tries."""


def examples(many: int) -> int:
    """How many examples are tried, of a property that takes many to be believed: at least one."""
    return ceil(many * TIMES.get(settings.get_current_profile_name(), Fraction(1)))
