"""The states of what falls due, by the rules of the page of KPIs, with facts of many kinds recorded in many orders."""

import json
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.domain.kernel.values import FOREVER, MICRO, add_days, day_start
from app.domain.recorded import Recorded
from projections.views import renewals
from projections.views.renewals import Passed, Renewal
from projections.views.renewals.fold import HEAD, timeline_of
from tests.projections.kpis.contract_lines_factory import UTC, at
from tests.support.campaigns import examples

Rows = dict[Any, Renewal]


class Book:
    """The events of one account, folded as they come; all are recorded when they are effective, or on a day that is named."""

    def __init__(self) -> None:
        self.rows: Rows = {}
        self.count = 0
        self.versions: dict[str, int] = {}
        self.recorded: str | None = None

    def on(self, topic: str, day: str, stream: str = "ctr_1", recorded: str | None = None, **data: Any) -> str:
        """One more event. Gives: its id."""
        self.count += 1
        self.versions[stream] = self.versions.get(stream, 0) + 1
        event = Recorded(
            tenant_id="tnt_1",
            position=self.count,
            event_id=f"evt_{self.count}",
            stream_id=stream,
            version=self.versions[stream],
            account_id="acct_1",
            type=topic,
            schema_version=2,
            effective_at=at(day),
            recorded_at=at(recorded or self.recorded or day),
            actor="x",
            body=b"",
            known={"data": json.loads(json.dumps(data)), "meta": {}},
        )
        if topic in renewals.VIEW.on:
            self.rows = dict(renewals.VIEW.fold(self.rows, event, UTC))
        return event.event_id

    def sign(self, start: str, end: str | None, price: str = "100.00", contract: str = "ctr_1", **more: Any) -> None:
        """A contract of one line a month, drafted and signed."""
        day, told = more.pop("on", start), more.pop("recorded", None)
        kind, currency = more.pop("kind", "recurring"), more.pop("currency", "EUR")
        self.on("contract.drafted", day, contract, told, account="acct_1", currency=currency, start=start, end=end,
                lines=[line(price, kind)], **more)  # fmt: skip
        self.on("contract.signed", day, contract, told, signed_at=start)

    def renew(
        self, day: str, start: str, end: str | None, price: str | None = None, recorded: str | None = None
    ) -> None:
        """A further term that somebody agreed on."""
        lines = {"lines": [line(price)]} if price else {}
        self.on(
            "contract.renewed", day, recorded=recorded, start=start, end=end, timing="on_time", closes=start, **lines
        )

    def raised(self, day: str, price: str, recorded: str | None = None) -> None:
        """Another price."""
        self.on("contract.amended", day, recorded=recorded, amendment_no=1,
                changes=[{"op": "set_line", "line": "main", "unit_price": price}])  # fmt: skip

    def due(self, day: str, contract: str = "ctr_1") -> list[tuple[str, str, int, int | None]]:
        """What falls due as of a day: due day, outcome, what expires and what goes on, a month."""
        passed = Passed(at(day), [renewals.Grace(-FOREVER, FOREVER, at(add_days(day, -30)), 30)], lambda due, _: due)
        there = [row for row in self.rows.values() if row.due and row.valid_from <= at(day) < row.valid_to]
        rows = sorted((passed.read(row) for row in there if row.contract == contract), key=lambda row: row.due)
        return [(row.due, row.outcome, monthly(row.atr), monthly(_goes_on(row))) for row in rows]


def _goes_on(row: Renewal) -> int | None:
    return row.continues if row.renewed is None else row.renewed


def monthly(amount: int | None) -> Any:
    return None if amount is None else amount // (12 * MICRO)


def line(price: str, kind: str = "recurring") -> dict[str, Any]:
    interval = {"interval": "month"} if kind == "recurring" else {}
    return {"line": "main", "product": "retainer", "kind": kind, "quantity": "1", "unit_price": price, **interval}


@pytest.fixture
def book() -> Book:
    return Book()


def test_each_term_that_begins_by_itself_is_decided_on_its_own_day_whatever_ends_the_contract_later(book: Book) -> None:
    book.sign("2019-05-31", "2019-11-30", auto_renew=True, renewal_term_months=6)
    book.on("contract.terminated", "2021-02-10", effective_end="2021-03-01", reason="left", voluntary=True)

    assert book.due("2019-12-01") == [("2019-11-30", "renewed", 100, 100), ("2020-05-31", "open", 100, 100)]
    assert book.due("2021-02-09")[-1] == ("2021-05-31", "open", 100, 100)
    assert book.due("2026-01-01") == [
        ("2019-11-30", "renewed", 100, 100), ("2020-05-31", "renewed", 100, 100), ("2020-11-30", "renewed", 100, 100),
        ("2021-05-31", "lost", 100, None),
    ]  # fmt: skip


def test_a_term_is_open_then_in_grace_then_lost_and_a_late_renewal_gives_way_to_nothing(book: Book) -> None:
    book.sign("2024-02-01", "2025-02-01")
    book.renew("2025-06-10", "2025-06-15", "2026-06-15", "120.00")

    assert book.due("2025-02-20") == [("2025-02-01", "open", 100, None)]
    assert book.due("2025-03-03") == [("2025-02-01", "lost", 100, None)]
    assert book.due("2025-06-10") == [("2025-02-01", "renewed", 100, 120), ("2026-06-15", "open", 120, None)]


def test_an_early_renewal_closes_the_term_and_what_expires_is_what_runs_until_then(book: Book) -> None:
    book.sign("2024-01-01", "2026-01-01")
    book.raised("2025-09-01", "300.00")
    book.renew("2025-03-05", "2025-07-01", "2027-07-01", "150.00", recorded="2025-10-01")

    assert book.due("2025-03-04") == [("2026-01-01", "open", 100, None)]
    assert book.due("2025-03-05") == [("2026-01-01", "renewed", 100, 150), ("2027-07-01", "open", 150, None)]
    assert book.due("2025-09-02") == [("2026-01-01", "renewed", 100, 150), ("2027-07-01", "open", 300, None)]


def test_a_change_on_the_very_day_on_which_a_term_begins_counts_as_what_goes_on(book: Book) -> None:
    book.sign("2024-01-01", "2025-01-01")
    book.renew("2024-11-01", "2025-01-01", "2026-01-01")
    book.raised("2025-01-01", "130.00")

    assert book.due("2025-01-02")[0] == ("2025-01-01", "renewed", 100, 130)


def test_a_renewal_that_ends_no_later_leaves_one_decision_on_the_day(book: Book) -> None:
    book.sign("2024-01-01", "2026-01-01")
    book.renew("2024-12-01", "2025-01-01", "2026-01-01", "200.00")

    assert book.due("2024-12-15") == [("2026-01-01", "open", 200, None)]
    assert book.due("2024-11-30") == [("2026-01-01", "open", 100, None)]
    book.renew("2025-03-01", "2025-04-01", "2025-10-01", "90.00")
    assert book.due("2025-03-02") == [("2025-10-01", "open", 90, None)]


def test_a_notice_leaves_a_term_open_until_its_end_and_a_withdrawal_is_as_if_there_had_been_none(book: Book) -> None:
    book.sign("2025-01-01", "2026-01-01", auto_renew=True)
    book.on("contract.notice_given", "2025-05-01", by="client", effective_end="2025-10-01", late=False)
    assert [row.noticed for row in book.rows.values() if row.due and row.valid_to == FOREVER] == [True]
    assert book.due("2025-09-30") == [("2026-01-01", "open", 100, None)]
    assert book.due("2025-10-01") == [("2026-01-01", "lost", 100, None)]

    book.on("contract.notice_withdrawn", "2025-06-01")

    assert book.due("2025-05-15") == [("2026-01-01", "open", 100, None)]
    assert book.due("2025-10-01") == [("2026-01-01", "open", 100, 100)]


def test_a_notice_for_a_later_term_leaves_the_one_before_renewed(book: Book) -> None:
    book.sign("2025-01-01", "2026-01-01", auto_renew=True)
    book.on("contract.notice_given", "2025-11-20", by="client", effective_end="2027-01-01", late=True)

    assert book.due("2026-06-01") == [("2026-01-01", "renewed", 100, 100), ("2027-01-01", "open", 100, None)]
    assert book.due("2027-02-01")[-1] == ("2027-01-01", "lost", 100, None)


def test_a_contract_that_another_follows_is_renewed_by_it_whatever_ended_it(book: Book) -> None:
    book.sign("2024-01-01", "2025-01-01")
    book.on("contract.terminated", "2024-09-01", effective_end="2024-10-01", reason="moved", voluntary=True)
    book.sign("2024-11-01", "2025-11-01", "80.00", "ctr_2", replaces="ctr_1")

    assert book.due("2024-10-15") == [("2025-01-01", "lost", 100, None)]
    assert book.due("2024-11-02") == [("2025-01-01", "renewed", 100, 80)]
    book.on("contract.amended", "2024-11-01", "ctr_2", recorded="2024-12-01", amendment_no=1,
            changes=[{"op": "set_line", "line": "main", "unit_price": "90.00"}])  # fmt: skip
    assert book.due("2024-12-02") == [("2025-01-01", "renewed", 100, 90)]


def test_a_replacement_in_another_currency_counts_as_flat(book: Book) -> None:
    book.sign("2024-01-01", "2025-01-01")
    book.sign("2025-01-01", "2026-01-01", "9000.00", "ctr_2", replaces="ctr_1", currency="JPY")

    assert book.due("2025-02-01") == [("2025-01-01", "renewed", 100, 100)]


def test_nothing_falls_due_where_no_recurring_line_runs_and_a_resting_one_counts_as_agreed(book: Book) -> None:
    book.sign("2024-01-01", "2025-01-01", kind="one_off")
    book.sign("2024-01-01", "2025-01-01", "70.00", "ctr_2")
    book.on("contract.suspended", "2024-11-01", "ctr_2")

    assert book.due("2024-12-01") == []
    assert book.due("2024-12-01", "ctr_2") == [("2025-01-01", "open", 70, None)]


def test_a_deferral_moves_the_decision_and_no_revenue(book: Book) -> None:
    book.sign("2024-01-01", "2025-01-01", auto_renew=True)
    book.on("renewal.opened", "2024-07-05", "rnw_1", contract="ctr_1", due="2025-01-01", atr="1200", currency="EUR")
    book.on("renewal.deferred", "2024-12-01", "rnw_1", contract="ctr_1", due="2025-01-01", new_due="2025-02-10")

    assert book.due("2025-02-09")[0] == ("2025-01-01", "open", 100, 100)
    assert book.due("2025-02-10")[0] == ("2025-01-01", "renewed", 100, 100)
    assert {row.due_at for row in book.rows.values() if row.due == "2025-01-01"} == {
        day_start("2025-01-01", UTC), day_start("2025-02-10", UTC),
    }  # fmt: skip


def test_a_correction_rewrites_what_was_whatever_the_instant(book: Book) -> None:
    book.sign("2024-01-01", "2025-01-01")
    raised = book.on("contract.amended", "2024-03-01", amendment_no=1,
                     changes=[{"op": "set_line", "line": "main", "unit_price": "200.00"}])  # fmt: skip
    book.on("contract.corrected", "2024-03-01", recorded="2025-05-01", corrects=raised,
            changes=[{"op": "set_line", "line": "main", "unit_price": "120.00"}])  # fmt: skip

    assert book.due("2024-04-01") == [("2025-01-01", "open", 120, None)]


def test_what_watchers_append_changes_no_state_but_that_the_cycle_is_closed(book: Book) -> None:
    book.sign("2024-01-01", "2025-01-01", auto_renew=True)
    before = [book.due(day) for day in ("2024-06-01", "2025-06-01")]
    book.on("contract.renewed", "2025-01-01", start="2025-01-01", end="2026-01-01", timing="on_time", automatic=True)
    book.on("contract.expired", "2025-03-01", end="2025-01-01", voluntary=False)

    assert [book.due(day) for day in ("2024-06-01", "2025-06-01")] == before


# --- every order, and every shortcut ---

MEETING = ("2024-12-31", "2025-01-01", "2025-02-20", "2026-01-01", "2027-01-01")
"""Days on which terms begin and deferred decisions fall due, so that facts meet them."""
DAY = st.sampled_from(MEETING) | st.integers(0, 900).map(lambda days: add_days("2024-01-01", days))
START = st.sampled_from(MEETING[1:]) | st.sampled_from([0, 1, 40])
PRICE = st.integers(1, 9).map(lambda euros: f"{euros}00.00")
FACTS = st.one_of(
    st.tuples(st.just("raise"), DAY, PRICE),
    st.tuples(st.just("renew"), DAY, START, st.integers(1, 3), PRICE),
    st.tuples(st.just("notice"), DAY, st.integers(0, 400) | st.sampled_from(MEETING)),
    st.tuples(st.just("withdraw"), DAY),
    st.tuples(st.just("risk"), DAY, st.sampled_from(["2025-01-01", "2026-01-01"])),
    st.tuples(st.just("defer"), DAY, st.sampled_from(["2025-01-01", "2026-01-01"])),
)


def starts(fact: tuple[Any, ...]) -> str:
    """Where the term of a renewal begins."""
    return fact[2] if isinstance(fact[2], str) else add_days(fact[1], fact[2])


def acceptable(facts: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The facts without renewals that a contract refuses: by when they were decided, each term begins behind the one before."""
    begun, refused = "2024-01-01", []
    for fact in sorted(facts, key=lambda fact: fact[1]):
        if fact[0] == "renew" and starts(fact) <= begun:
            refused.append(fact)
        elif fact[0] == "renew":
            begun = starts(fact)
    return [fact for fact in facts if fact not in refused]


def recordable(facts: list[tuple[Any, ...]]) -> bool:
    """Whether a contract takes the facts in this order: no new lines behind what changed them later (`lines_changed_since`)."""
    for place, fact in enumerate(facts):
        later = [
            starts(each) if each[0] == "renew" else each[1] for each in facts[:place] if each[0] in ("raise", "renew")
        ]
        if fact[0] == "renew" and any(day >= starts(fact) for day in later):
            return False
    return True


HISTORIES = st.lists(FACTS, max_size=7, unique_by=lambda fact: fact[1]).map(acceptable)


def add(book: Book, fact: tuple[Any, ...]) -> None:
    """Records a fact of a history."""
    match fact:
        case ("raise", day, price):
            book.raised(day, price)
        case ("renew", day, _, years, price):
            start = starts(fact)
            book.renew(day, start, f"{int(start[:4]) + years}{start[4:7]}-01", price)
        case ("notice", day, days):
            end = days if isinstance(days, str) else add_days(day, days)
            book.on("contract.notice_given", day, by="client", effective_end=end, late=False)
        case ("withdraw", day):
            book.on("contract.notice_withdrawn", day)
        case ("risk", day, due):
            book.on("renewal.risk_set", day, f"rnw_{due}", contract="ctr_1", due=due, risk="watch", drivers=[])
        case ("defer", day, due):
            new_due = add_days(due, 50)
            book.on("renewal.deferred", day, f"rnw_{due}", contract="ctr_1", due=due, new_due=new_due)


@settings(max_examples=examples(60))
@given(HISTORIES, st.booleans(), st.booleans())
def test_states_kept_event_by_event_are_those_derived_from_all_facts_at_once(
    facts: list[tuple[Any, ...]], auto_renew: bool, live: bool
) -> None:
    book = Book()
    if live:
        facts.sort(key=lambda fact: fact[1])
    else:
        book.recorded = "2027-01-01"
    book.sign("2024-01-01", "2025-01-01", auto_renew=auto_renew)
    for fact in facts:
        add(book, fact)
        head = book.rows["acct_1", "ctr_1", *HEAD]
        derived, horizon = timeline_of(book.rows, head, UTC).states()
        assert {key[2:]: row for key, row in book.rows.items() if row.due} == {
            (row.due, row.valid_from): row for row in derived
        }
        assert [key[3] for key in book.rows if not key[2] and key[2:] != HEAD] == [horizon] * (horizon < FOREVER)


@settings(max_examples=examples(60))
@given(HISTORIES, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_recording_changes_nothing(facts: list[tuple[Any, ...]], auto_renew: bool, random: Any) -> None:
    shuffled = list(facts)
    random.shuffle(shuffled)
    assume(recordable(facts) and recordable(shuffled))
    answers = []
    for order in (facts, shuffled):
        book = Book()
        book.recorded = "2027-01-01"
        book.sign("2024-01-01", "2025-01-01", auto_renew=auto_renew)
        for fact in order:
            add(book, fact)
        answers.append([book.due(day) for day in ("2024-06-01", "2025-02-15", "2026-03-01", "2028-01-01")])
    assert answers[0] == answers[1]


def test_what_was_signed_years_ago_falls_due_then_also_where_it_is_told_today() -> None:
    # given a contract of 2021 that is drafted and signed in the ledger in 2026, with no other date than that of its signature
    book = Book()
    book.sign("2021-05-01", "2022-05-01", on="2026-11-20", auto_renew=True)

    # then each day has the terms that it had, and a day before the signature has none
    assert book.due("2021-04-30") == []
    assert [(day, outcome) for day, outcome, *_ in book.due("2022-01-01")] == [("2022-05-01", "open")]
    assert [(day, outcome) for day, outcome, *_ in book.due("2022-06-01")] == [
        ("2022-05-01", "renewed"), ("2023-05-01", "open"),
    ]  # fmt: skip
