"""Exchange rates: the value of one unit of a currency in another on a day, by a table of dated rates.

Exact integers throughout: rates of 10^-10, amounts of 10^-6; only what is converted is rounded, half away from zero.
"""

from bisect import bisect_right
from typing import Final

from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import half_up
from app.domain.policy.rules import RATE, FxRules, rate


class Rates:
    """A table prepared for look-ups: 20,000 rates are read once and then searched by halves. Takes: the table."""

    def __init__(self, rules: FxRules) -> None:
        self.base: Final = rules.base
        by_currency: dict[str, list[tuple[str, int]]] = {}
        for each in rules.rates:
            by_currency.setdefault(each.currency, []).append((each.date, rate(each.rate)))
        for steps in by_currency.values():
            steps.sort()
        self._days = {currency: [day for day, _ in steps] for currency, steps in by_currency.items()}
        self._rates = {currency: [value for _, value in steps] for currency, steps in by_currency.items()}

    @property
    def currencies(self) -> tuple[str, ...]:
        """Every currency of the table, the base first."""
        return (self.base, *sorted(self._days))

    def at(self, currency: str, day: str) -> int:
        """The value of one unit in the base, in 10^-10, by the latest rate on or before a day.

        Raises: Invalid for a currency or a day that the table does not have.
        """
        if currency == self.base:
            return RATE
        at = bisect_right(self._days.get(currency, ()), day)
        if at == 0:
            raise Invalid("fx_rate_missing", f"the table of exchange rates has none for {currency} on {day}")
        return self._rates[currency][at - 1]

    def steps(self, currency: str) -> tuple[tuple[str, int], ...]:
        """Every day on which a currency's rate changes, with the rate in 10^-10; none for the base."""
        return tuple(zip(self._days.get(currency, ()), self._rates.get(currency, ()), strict=True))

    def convert(self, amount: int, source: str, target: str, day: str) -> int:
        """An amount of one currency in another, on a day, both in 10^-6. Raises: as `at`."""
        if source == target:
            return amount
        return half_up(amount * self.at(source, day), self.at(target, day))


def rate_at(rules: FxRules, currency: str, day: str) -> int:
    """The value of one unit of a currency in the table's base on a day, in 10^-10. For many look-ups prepare `Rates`.

    Raises: Invalid for a currency or a day that the table does not have.
    """
    return Rates(rules).at(currency, day)
