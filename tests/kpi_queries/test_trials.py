"""Trials under both values of `customer_from`: against a naive model that walks over days, and case by case."""

from decimal import Decimal
from random import Random
from typing import Any, Final, NamedTuple

import pytest

from app.domain.contract.commands import AmendContract, Line, RampStep, SetLine, SuspendContract, TerminateContract
from app.domain.kernel.errors import Invalid
from app.domain.kernel.values import add_days
from app.domain.policy.commands import DraftPolicyVersion
from app.domain.policy.rules import MetricRules
from tests.kpi_queries.history_factory import account, amounts, ask, contract, explained, in_force
from tests.support.application import Steward

DAYS: Final = [add_days("2024-12-31", number) for number in range(366)]
MONTHS: Final = [f"2025-{month:02}-01" for month in range(1, 13)]
FREE: Final = {"discount_percent": "100", "discount_end": "2025-04-01"}


def line(price: str, name: str = "main", **members: Any) -> Line:
    """A line a month."""
    return Line(line=name, product="retainer", unit_price=price, interval="month", **members)


# --- the naive model ---


class Told(NamedTuple):
    """A line as it was told: its price a month, less so many percent until a day, on a contract over [start, end)."""

    account: int
    price: int
    percent: int
    start: str
    until: str
    end: str | None

    def pays(self, day: str) -> int:
        """What is really paid, in percent of a unit."""
        if day < self.start or (self.end is not None and self.end <= day):
            return 0
        return self.price * (100 - self.percent if day < self.until else 100)

    def counts(self, day: str, customer_from: str) -> int:
        """What counts: all of it since something was paid, or since the start; a passing discount takes nothing off."""
        in_force = self.start <= day and (self.end is None or day < self.end)
        begun = customer_from == "start" or any(self.pays(earlier) for earlier in DAYS if earlier <= day)
        return self.price if in_force and begun else 0


def naive_waterfall(told: list[Told], customer_from: str) -> dict[str, int]:
    """The year's movements, each account compared from day to day."""
    rows: dict[str, int] = {}
    for one in {each.account for each in told}:
        levels = [sum(each.counts(day, customer_from) for each in told if each.account == one) for day in DAYS]
        ever = False
        for before, now in zip(levels, levels[1:], strict=False):
            gain = "new" if not ever else "expansion" if before else "reactivation"
            name = gain if now > before else "contraction" if now else "churn"
            rows[name] = rows.get(name, 0) + abs(now - before)
            ever = ever or now > 0
        rows["closing"] = rows.get("closing", 0) + levels[-1]
    return {name: amount for name, amount in rows.items() if amount}


def told(steward: Steward, random: Random) -> list[Told]:
    """Accounts of one or two contracts of one or two lines, free at first by price, by discount or not at all, ended or not."""
    every: list[Told] = []
    for number in range(9):
        client = account(steward, f"Client {number}")
        for _ in range(random.choice([1, 1, 2])):
            begins = random.randrange(0, 6)
            start, end = MONTHS[begins], random.choice([None, None, MONTHS[begins + random.randrange(1, 5)]])
            lines = []
            for name in random.choice([["main"], ["main", "more"]]):
                price, until, way = (
                    random.randrange(10, 99),
                    MONTHS[begins + random.randrange(1, 5)],
                    random.randrange(4),
                )
                percent = {0: 0, 1: 50}.get(way, 100)
                if way == 2:
                    ramp = (RampStep(start=until, unit_price=str(price)),)
                    lines.append(line("0", name, ramp=ramp))
                else:
                    less = {"discount_percent": str(percent), "discount_end": until} if percent else {}
                    lines.append(line(str(price), name, **less))
                every.append(Told(number, price, percent, start, until, end))
            made = contract(steward, client, "0", start, lines=tuple(lines))
            if end is not None:
                ended = TerminateContract(effective_end=end, reason="price", voluntary=True, effective_at=start)
                steward.do(ended, contract=made)
    return every


def test_figures_are_what_a_naive_model_says_from_the_first_paid_day_and_from_the_start(
    sqlite_steward: Steward,
) -> None:
    steward = sqlite_steward
    for seed in (1, 4):
        steward.tenant = steward.new_tenant("Agency")
        history = told(steward, Random(seed))
        policy = in_force(steward, MetricRules(customer_from="start"), None)
        steward.catch_up()

        for customer_from, named in (("first_paid_day", None), ("start", f"{policy}:1")):
            shown = amounts(ask(steward, "mrr_waterfall", policy=named))
            assert {name: Decimal(amount) for name, amount in shown.items()} == naive_waterfall(history, customer_from)
            for day in MONTHS[::2]:
                expected = sum(each.counts(day, customer_from) for each in history)
                answer, rows, _ = explained(steward, "mrr", None, as_of=day, policy=named)
                assert Decimal(ask(steward, "mrr", None, as_of=day, policy=named)["value"]) == expected
                assert Decimal(answer["value"]) == expected
                assert sum(Decimal(row["contribution"]["numerator"]) for row in rows) == expected


# --- case by case ---


def both(steward: Steward, name: str, *query: Any, **more: Any) -> list[Any]:
    """A figure's answers from the first paid day, and from the start."""
    return [ask(steward, name, *query, policy=f"ref:metric@default:{number}", **more) for number in (1, 2)]


def policies(steward: Steward) -> None:
    """The default rules in force, and a draft of the others."""
    policy = in_force(steward, MetricRules())
    steward.do(DraftPolicyVersion(rules=MetricRules(customer_from="start")), policy=policy)
    steward.catch_up()


def test_who_pays_first_in_april_is_new_in_april_in_every_figure_or_in_january_from_the_start(steward: Steward) -> None:
    contract(steward, account(steward, "Stays"), "100")
    client = account(steward, "Tries")
    contract(steward, client, "0", "2025-01-15", lines=(line("60", **FREE),))
    policies(steward)

    def values(name: str, *query: Any, **more: Any) -> list[str | None]:
        return [answer["value"] for answer in both(steward, name, *query, **more)]

    assert values("mrr", None, as_of="2025-03-31") == ["100.00", "160.00"]
    assert values("mrr", None, as_of="2025-04-01") == ["160.00", "160.00"]
    assert values("arpa", None, as_of="2025-02-01") == ["100.00", "80.00"]
    first, second = ("2025-01-01", "2025-04-01"), ("2025-04-01", "2025-07-01")
    assert [amounts(answer) for answer in both(steward, "mrr_waterfall", first)] == [
        {"opening": "100.00", "closing": "100.00"}, {"opening": "100.00", "new": "60.00", "closing": "160.00"},
    ]  # fmt: skip
    assert [amounts(answer) for answer in both(steward, "mrr_waterfall", second)] == [
        {"opening": "100.00", "new": "60.00", "closing": "160.00"}, {"opening": "160.00", "closing": "160.00"},
    ]  # fmt: skip
    assert [answer["denominator"] for answer in both(steward, "client_retention_rate", second)] == ["1", "2"]
    cohorts = [
        [cell["cohort"] for cell in answer["cells"] if cell["age"] == 0]
        for answer in both(steward, "cohort_retention", None, as_of="2025-06-15")
    ]
    assert cohorts == [["2024-01", "2025-04"], ["2024-01", "2025-01"]]
    assert values("committed_arr", None, as_of="2025-02-01") == ["1920.00", "1920.00"]
    rows = explained(steward, "mrr_waterfall", second)[1]
    assert [[(one["at"][:10], one["kind"]) for one in row["movements"]] for row in rows if row["movements"]] == [
        [("2025-04-01", "new")]
    ]


def test_a_trial_that_is_given_up_was_no_client_or_one_that_left(sqlite_steward: Steward) -> None:
    steward = sqlite_steward
    tried = contract(steward, account(steward, "Tries"), "0", "2025-01-15", lines=(line("60", **FREE),))
    known = steward.catch_up()
    gone = TerminateContract(effective_end="2025-03-01", reason="price", voluntary=True, effective_at="2025-02-10")
    steward.do(gone, contract=tried)
    policies(steward)

    waterfalls = [amounts(answer) for answer in both(steward, "mrr_waterfall")]
    assert waterfalls == [{}, {"new": "60.00", "churn": "60.00"}]
    assert amounts(ask(steward, "mrr_waterfall", known_at=known)) == {"new": "60.00", "closing": "60.00"}
    sizes = [
        [cell["size"] for cell in answer["cells"]][:1]
        for answer in both(steward, "cohort_retention", None, as_of="2025-12-31")
    ]
    assert sizes == [[], [1]]


def test_the_end_of_a_trial_beside_a_paid_line_is_expansion_and_no_escalator(sqlite_steward: Steward) -> None:
    steward = sqlite_steward
    ramp = (RampStep(start="2025-04-01", unit_price="40", cause="escalator"),)
    client = account(steward, "Tries")
    contract(
        steward,
        client,
        "0",
        "2025-01-01",
        lines=(line("100"), line("0", "more", ramp=ramp), line("7", "extra", **FREE)),
    )
    policies(steward)

    first, second = both(steward, "mrr_waterfall")
    assert amounts(first) == {"new": "100.00", "expansion": "47.00", "closing": "147.00"}
    assert amounts(second) == {"new": "147.00", "closing": "147.00"}
    (expansion,) = [row for row in first["rows"] if row["name"] == "expansion"]
    assert expansion["of_which_contracted_escalator"] == "0.00"
    steward.do(DraftPolicyVersion(rules=MetricRules(hold="unchanged")), policy="ref:metric@default")
    steward.catch_up()
    by_rows = ask(steward, "mrr_waterfall", policy="ref:metric@default:3")["rows"]
    assert [row["of_which_contracted_escalator"] for row in by_rows if row["name"] == "expansion"] == ["0.00"]


def test_a_full_discount_in_mid_term_moves_nothing_under_either_rule(sqlite_steward: Steward) -> None:
    steward = sqlite_steward
    paying = contract(steward, account(steward, "Pays"), "100", "2025-01-01")
    free = SetLine(op="set_line", line="main", discount_percent="100", discount_end="2025-08-01")
    steward.do(AmendContract(effective_at="2025-05-01", changes=(free,)), contract=paying)
    policies(steward)

    for answer in both(steward, "mrr_waterfall"):
        assert amounts(answer) == {"new": "100.00", "closing": "100.00"}


def test_a_contract_that_rests_from_its_first_day_becomes_paying_when_it_is_paid(sqlite_steward: Steward) -> None:
    steward = sqlite_steward
    tried = contract(steward, account(steward, "Rests"), "0", "2025-01-01", lines=(line("60", **FREE),))
    steward.do(SuspendContract(effective_at="2025-01-01", effective_end="2025-03-01"), contract=tried)
    policies(steward)

    def months(name: str, **more: Any) -> list[list[str]]:
        days = ("2025-02-01", "2025-03-01", "2025-04-01")
        return [[answer["value"] for answer in both(steward, name, None, as_of=day, **more)] for day in days]

    assert months("mrr") == [["0.00", "0.00"], ["0.00", "60.00"], ["60.00", "60.00"]]


def test_which_discounts_count_does_not_decide_from_when_on_an_account_pays(sqlite_steward: Steward) -> None:
    steward = sqlite_steward
    contract(steward, account(steward, "Tries"), "0", "2025-01-01", lines=(line("60", **FREE),))
    policies(steward)
    for discounts in ("all", "none"):
        for customer_from in ("first_paid_day", "start"):
            rules = MetricRules(discounts=discounts, customer_from=customer_from)
            steward.do(DraftPolicyVersion(rules=rules), policy="ref:metric@default")
    steward.catch_up()

    named = [f"ref:metric@default:{number}" for number in (3, 4, 5, 6)]
    trial = [ask(steward, "mrr", None, as_of="2025-02-01", policy=policy)["value"] for policy in named]
    assert trial == ["0.00", "60.00", "0.00", "60.00"]
    assert {ask(steward, "mrr", None, as_of="2025-04-01", policy=policy)["value"] for policy in named} == {"60.00"}


def test_a_trial_in_another_currency_is_an_amount_from_the_start_only(sqlite_steward: Steward) -> None:
    steward = sqlite_steward
    contract(steward, account(steward, "Pays"), "100", "2025-01-01")
    contract(steward, account(steward, "Tries"), "0", "2025-01-01", lines=(line("60", **FREE),), currency="EUR")
    policies(steward)

    for name in ("mrr", "customer_lifetime_value", "concentration"):
        assert ask(steward, name, None, as_of="2025-02-01")["currency"] == "USD"
        with pytest.raises(Invalid, match="currencies"):
            ask(steward, name, None, as_of="2025-02-01", policy="ref:metric@default:2")
