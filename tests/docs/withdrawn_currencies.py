"""The table of the currencies that were withdrawn, from the data of Unicode CLDR that Babel carries."""

from pathlib import Path
from typing import Final

import iso4217
from babel.core import get_global

PAGE: Final = Path(__file__).parents[2] / "app/domain/kernel/values/withdrawn_currencies.py"
_HEAD: Final = '''"""The currencies that were withdrawn since ISO 4217 began, each with its last day and the digits behind its point.

Written by `python -m tests.docs`. Source: Unicode CLDR, supplemental data, by the library Babel: the last day on which it
was legal tender anywhere.
"""

from typing import Final

ROWS: Final[tuple[tuple[str, str, int], ...]] = (
'''
_FIRST_EDITION: Final = "1978"


def page() -> str:
    """The module as it is to be."""
    in_use = {currency.code for currency in iso4217.Currency}
    last_days: dict[str, str] = {}
    for currencies in get_global("territory_currencies").values():
        for code, _since, until, tender in currencies:
            if tender:
                day = "{:04d}-{:02d}-{:02d}".format(*until) if until else "9999"
                last_days[code] = max(last_days.get(code, ""), day)
    fractions = get_global("currency_fractions")
    rows = [
        f'("{code}", "{day}", {fractions.get(code, fractions["DEFAULT"])[0]}),'
        for code, day in sorted(last_days.items())
        if code not in in_use and _FIRST_EDITION <= day < "9999"
    ]
    lines = [" ".join(rows[first : first + 4]) for first in range(0, len(rows), 4)]
    return _HEAD + "".join(f"    {line}\n" for line in lines) + ")  # fmt: skip\n"
