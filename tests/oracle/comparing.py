"""Asks a server and the model the same, and gives the differences."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.oracle.contracts import midnight
from tests.oracle.renewals import Book, Row
from tests.oracle.telling import Telling

TOLERANCE = Fraction(1, 100)


def differences(telling: Telling, question: dict[str, Any]) -> Iterator[str]:
    """What the model and the server answer differently under both clocks of a question."""
    clocks, book, at = clocks_of(telling, question)
    names = names_of(telling)
    yield from rows_differ(telling, clocks, book.rows(at), names)
    for account in ("a0", "a1"):
        yield from next_renewal_differs(telling, clocks, book.next_renewal(at, account), account, names)
    yield from figures_differ(telling, clocks, book, at, question["period"])
    yield from revenue_differs(telling, clocks, book)


def clocks_of(telling: Telling, question: dict[str, Any]) -> tuple[dict[str, Any], Book, datetime]:
    """The parameters of a question, the model of what was known then, and the instant that it asks about."""
    clocks: dict[str, Any] = {}
    head = telling.client.position
    position = None if question["share"] is None else head * question["share"] // 10
    if position is not None:
        clocks["known_at"] = position
    if question["day"] is None:
        return clocks, telling.book(position), telling.now + timedelta(seconds=1)
    clocks["as_of"] = question["day"]
    tomorrow = date.fromisoformat(question["day"]) + timedelta(days=1)
    return clocks, telling.book(position), midnight(tomorrow, telling.zone) - timedelta(microseconds=1)


def names_of(telling: Telling) -> dict[str, str]:
    """The model's name of each contract, by its id."""
    handler = telling.server.runtime.handler
    names = [contract["contract"] for contract in telling.contracts.values() if contract]
    return {handler.resolve(telling.tenant, "contract", f"ref:{name}"): name for name in names}


def amount(money: Any) -> Fraction:
    """An amount of money as the API writes it."""
    return Fraction(money["amount"]) if money is not None else Fraction(0)


def near(one: Fraction | None, other: Fraction | None) -> bool:
    """Whether two figures are the same, as far as they are written."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= TOLERANCE / 2


# --- what falls due ---


def rows_differ(telling: Telling, clocks: dict[str, Any], rows: list[Row], names: dict[str, str]) -> Iterator[str]:
    """The list of what falls due, row by row: its outcome, what it is worth and what is renewed."""
    wanted = {(row["contract"], str(row["due"])): row for row in rows}
    page = telling.client.read("/v1/renewals", limit=200, **clocks)
    given = {(names[row["contract"]], row["due"]): row for row in page["data"]}
    for key in sorted(wanted.keys() | given.keys()):
        want, got = wanted.get(key), given.get(key)
        if want is None or got is None:
            told = (want["outcome"], want["how"]) if want else got and got["outcome"]
            yield f"renewals {clocks}: row {key} is {'missing' if got is None else 'too many'}: {told}"
            continue
        expected = (want["outcome"], want["noticed"] and want["outcome"] == "open")
        answered = (got["outcome"], got["noticed"] and got["outcome"] == "open")
        if expected != answered:
            yield f"renewals {clocks}: {key} outcome, noticed: want {expected} ({want['how']}), got {answered}"
        if not near(want["expiring"], amount(got["atr"])):
            yield f"renewals {clocks}: {key} expiring: want {want['expiring']}, got {got['atr']}"
        if (
            want["outcome"] == "renewed"
            and got["outcome"] == "renewed"
            and not near(want["renewed"], amount(got["renewed"]))
        ):
            yield f"renewals {clocks}: {key} renewed ({want['how']}): want {want['renewed']}, got {got['renewed']}"
        if str(want["notice_deadline"]) != got["notice_deadline"]:
            yield f"renewals {clocks}: {key} notice deadline: want {want['notice_deadline']}, got {got['notice_deadline']}"


def next_renewal_differs(
    telling: Telling, clocks: dict[str, Any], row: Row | None, account: str, names: dict[str, str]
) -> Iterator[str]:
    """What an account's page says is decided next."""
    answer = telling.client.see(f"/v1/accounts/ref:{account}", **clocks)
    if answer.status_code == 404 and row is None:
        return
    got = answer.json()["next_renewal"]
    want = row and (row["contract"], str(row["due"]))
    given = got and (names[got["contract"]], got["due"])
    if want != given:
        yield f"account {account} {clocks}: next renewal: want {want}, got {given}"
    elif row and not near(row["expiring"], amount(got["atr"])):
        yield f"account {account} {clocks}: next renewal's amount: want {row['expiring']}, got {got['atr']}"


# --- figures ---


def figures_differ(
    telling: Telling, clocks: dict[str, Any], book: Book, at: datetime, period: tuple[str, str]
) -> Iterator[str]:
    """What falls due in a period, and the rates of renewal."""
    rows = book.falling(at, date.fromisoformat(period[0]), date.fromisoformat(period[1]))
    wanted: dict[tuple[str, str], Fraction | None] = {
        ("available_to_renew", "in_force"): book.available_to_renew(rows),
        ("available_to_renew", "frozen"): book.frozen(rows, at),
        **{("renewal_rate", method): rate for method, rate in book.renewal_rate(rows).items()},
    }
    for (name, method), want in wanted.items():
        if name == "renewal_rate" and method != "count" and want is None:
            continue
        got = figure(telling, name, method=method, **{"from": period[0], "to": period[1]}, **clocks)
        if not near(want, got):
            yield f"{name} {method} {period} {clocks}: want {want and float(want)}, got {got and float(got)}"


def revenue_differs(telling: Telling, clocks: dict[str, Any], book: Book) -> Iterator[str]:
    """What is paid a month."""
    if "as_of" not in clocks:
        return
    want, got = book.mrr(date.fromisoformat(clocks["as_of"])), figure(telling, "mrr", **clocks)
    if not near(want, got):
        yield f"mrr {clocks}: want {float(want)}, got {got and float(got)}"


def figure(telling: Telling, name: str, **params: Any) -> Fraction | None:
    """A figure in dollars."""
    answer = telling.client.see(f"/v1/kpis/{name}", currency="USD", **params)
    assert answer.status_code == 200, (name, params, answer.text)
    value = answer.json()["value"]
    return None if value is None else Fraction(value)
