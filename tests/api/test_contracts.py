"""The whole life of a contract over HTTP."""

from typing import Any

import pytest

from tests.api.sample_agency import LINE, draft
from tests.support.server import Client


@pytest.fixture
def account(client: Client) -> str:
    """The path of an account that was opened before the year begins."""
    body = {"name": "Northwind", "currency": "EUR", "effective_at": "2025-06-01", "external_ref": "nw"}
    return f"/v1/accounts/{client.write('/v1/accounts', body)['id']}"


@pytest.fixture
def contract(client: Client, account: str) -> str:
    """The path of a signed contract over the year 2026 at 1000.00 a month."""
    path = f"/v1/contracts/{client.write(f'{account}/contracts', draft(external_ref='c1'))['id']}"
    client.write(f"{path}/signature", {"signed_at": "2025-12-20T10:00:00Z", "document_sha256": "ab" * 32})
    return path


def status_and_mrr(client: Client, contract: str, *days: str) -> list[tuple[str, str]]:
    """Status and monthly amount at the end of days."""
    pages = [client.read(contract, as_of=day) for day in days]
    return [(page["status"], page["mrr"]["amount"]) for page in pages]


def refused(client: Client, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """Status and code of a write that is refused."""
    answer = client.post(path, json=body)
    return answer.status_code, answer.json()["code"]


def test_a_contract_is_drafted_and_signed(client: Client, account: str) -> None:
    receipt = client.write(f"{account}/contracts", draft(external_ref="c1"))
    contract = f"/v1/contracts/{receipt['id']}"
    before = client.read(contract, as_of="2026-06-30")

    client.write(f"{contract}/signature", {"signed_at": "2025-12-20", "document_sha256": "ab" * 32})
    after = client.read("/v1/contracts/ref:c1", as_of="2026-06-30")

    assert (before["status"], before["lines"], before["arr"]["amount"]) == ("draft", [], "0.00")
    assert (after["status"], after["arr"], after["mrr"]) == (
        "active", {"amount": "12000.00", "currency": "EUR"}, {"amount": "1000.00", "currency": "EUR"})  # fmt: skip
    assert after["lines"][0] == {
        **{name: LINE[name] for name in ("line", "quantity")}, "unit_price": {"amount": LINE["unit_price"], "currency": "EUR"},
        "product": "retainer plain", "kind": "recurring", "arr": {"amount": "12000.00", "currency": "EUR"}, "suspended": False,
        "gross_arr": {"amount": "12000.00", "currency": "EUR"}, "discount_percent": None, "discount_end": None,
        "discount_counts": None,
        "interval": "month", "interval_count": None, "start": "2026-01-01", "end": "2027-01-01", "ramp": None,
        "event": receipt["events"][0]["id"],
    }  # fmt: skip
    assert (after["signed_at"], after["document_sha256"]) == ("2025-12-20T00:00:00.000000Z", "ab" * 32)
    assert status_and_mrr(client, contract, "2025-12-31", "2027-01-01") == [("signed", "0.00"), ("expired", "0.00")]
    assert refused(client, f"{contract}/signature", {"signed_at": "2026-01-01"}) == (409, "contract_signed")


def test_amendments_change_it_from_their_day_on(client: Client, contract: str) -> None:
    receipt = client.write(
        f"{contract}/amendments",
        {"effective_at": "2026-03-01",
         "changes": [{"op": "set_line", "line": "main", "unit_price": "1200.00", "cause": "negotiation"},
                     {"op": "add_line", **LINE, "line": "social", "unit_price": "400.00"}]},
    )  # fmt: skip
    client.write(
        f"{contract}/amendments", {"effective_at": "2026-09-01", "changes": [{"op": "remove_line", "line": "social"}]}
    )

    page = client.read(contract, as_of="2026-04-30")

    assert status_and_mrr(client, contract, "2026-02-28", "2026-03-01", "2026-08-31", "2026-09-01") == [
        ("active", "1000.00"), ("active", "1600.00"), ("active", "1600.00"), ("active", "1200.00")]  # fmt: skip
    assert [page["amendments"][0][name] for name in ("no", "effective_at", "event")] == [
        1, "2026-03-01T00:00:00.000000Z", receipt["events"][0]["id"]]  # fmt: skip
    assert [line["line"] for line in page["lines"]] == ["main", "social"]


def test_a_correction_changes_what_is_known_and_not_what_was_known(client: Client, contract: str) -> None:
    mistake, meant = ({"op": "set_line", "line": "main", "unit_price": price} for price in ("9000.00", "900.00"))
    wrong = client.write(f"{contract}/amendments", {"effective_at": "2026-03-01", "changes": [mistake]})

    client.write(f"{contract}/corrections", {"corrects": wrong["events"][0]["id"], "changes": [meant]})

    then, now = (client.read(contract, as_of="2026-03-01", **known) for known in ({"known_at": wrong["position"]}, {}))
    assert (then["mrr"]["amount"], now["mrr"]["amount"]) == ("9000.00", "900.00")
    assert refused(client, f"{contract}/corrections", {"corrects": "evt_x", "changes": [{"op": "remove_line", "line": "main"}]}) == (
        409, "unknown_event")  # fmt: skip


def test_notice_is_given_and_withdrawn(client: Client, account: str) -> None:
    contract = f"/v1/contracts/{client.write(f'{account}/contracts', draft(auto_renew=True))['id']}"
    client.write(f"{contract}/signature", {"signed_at": "2025-12-20"})
    assert status_and_mrr(client, contract, "2027-06-30") == [("active", "1000.00")]

    client.write(f"{contract}/notice", {"effective_at": "2026-11-10", "by": "client", "reason": "budget"})
    noticed = client.read(contract, as_of="2027-06-30")
    client.write(f"{contract}/notice-withdrawal")

    assert (noticed["status"], noticed["mrr"]["amount"]) == ("ended", "0.00")
    assert noticed["notice"] == {
        "by": "client", "effective_end": "2027-01-01", "late": False, "given_at": "2026-11-10T00:00:00.000000Z"}  # fmt: skip
    assert status_and_mrr(client, contract, "2027-06-30") == [("active", "1000.00")]
    assert client.read(contract)["notice"] is None
    assert refused(client, f"{contract}/notice-withdrawal", {}) == (409, "no_notice")


def test_a_rest_is_in_force_at_nothing(client: Client, contract: str) -> None:
    client.write(
        f"{contract}/suspension", {"effective_at": "2026-07-01", "effective_end": "2026-09-01", "by": "client"}
    )
    client.write(f"{contract}/resumption", {"effective_at": "2026-08-01"})

    assert status_and_mrr(client, contract, "2026-06-30", "2026-07-01", "2026-07-31", "2026-08-01") == [
        ("active", "1000.00"), ("suspended", "0.00"), ("suspended", "0.00"), ("active", "1000.00")]  # fmt: skip
    assert client.read(contract, as_of="2026-07-15")["lines"][0]["suspended"] is True


@pytest.mark.parametrize(
    ("body", "timing", "january"),
    [
        ({"end": "2028-01-01"}, "on_time", "active"),
        ({"start": "2026-11-01", "end": "2028-01-01"}, "early", "active"),
        ({"start": "2027-01-20", "end": "2028-01-01"}, "late", "signed"),
        ({"start": "2027-01-20", "end": "2028-01-01", "retroactive": True}, "late", "active"),
    ],
)
def test_a_renewal_is_early_on_time_late_or_retroactive(
    client: Client, contract: str, body: dict[str, Any], timing: str, january: str
) -> None:
    client.write(f"{contract}/renewals", body)

    page = client.read(contract, as_of="2027-01-10")

    assert (page["status"], page["end"]) == (january, "2028-01-01")
    assert [(term["start"], term["end"]) for term in page["terms"]][-1] == (
        "2027-01-01" if body.get("retroactive") or "start" not in body else body["start"], "2028-01-01")  # fmt: skip
    assert page["terms"][-1]["timing"] == timing
    assert status_and_mrr(client, contract, "2027-12-31", "2028-01-01") == [("active", "1000.00"), ("expired", "0.00")]


def test_a_terminated_contract_cannot_be_renewed(client: Client, contract: str) -> None:
    client.write(f"{contract}/termination",
                 {"effective_end": "2026-07-01", "reason": "price", "voluntary": True, "competitor": "Contoso"})  # fmt: skip

    assert status_and_mrr(client, contract, "2026-06-30", "2026-07-01") == [
        ("active", "1000.00"),
        ("terminated", "0.00"),
    ]
    assert client.read(contract)["termination"] == {
        "effective_end": "2026-07-01", "reason": "price", "voluntary": True, "competitor": "Contoso"}  # fmt: skip
    assert refused(client, f"{contract}/renewals", {"end": "2028-01-01"}) == (409, "contract_terminated")


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (
            "amendments",
            {"effective_at": "2027-02-01", "changes": [{"op": "remove_line", "line": "main"}]},
            409,
            "outside_term",
        ),
        (
            "amendments",
            {"effective_at": "2026-02-01", "changes": [{"op": "remove_line", "line": "x"}]},
            409,
            "unknown_line",
        ),
        ("amendments", {"effective_at": "2026-02-01", "changes": [{"op": "add_line", **LINE}]}, 409, "line_exists"),
        ("notice", {"effective_at": "2026-02-01", "effective_end": "2027-02-01"}, 409, "end_after_term"),
        ("suspension", {"effective_at": "2026-02-01", "effective_end": "2026-02-01"}, 422, "end_before_start"),
        ("resumption", {"effective_at": "2026-02-01"}, 409, "contract_not_suspended"),
        ("renewals", {"start": "2026-01-01", "end": "2028-01-01"}, 409, "overlapping_term"),
        ("renewals", {"start": "2027-03-01", "end": "2028-01-01", "retroactive": True}, 409, "grace_exceeded"),
        ("renewals", {"end": "2026-06-01"}, 422, "end_before_start"),
        ("termination", {"effective_end": "2028-01-01", "reason": "x", "voluntary": False}, 409, "end_after_term"),
        ("termination", {"effective_end": "2026-06-01", "reason": "x", "voluntary": "yes"}, 422, "invalid_body"),
        ("termination", {"effective_end": "2026-06-01", "reason": "x", "voluntary": 1}, 422, "invalid_body"),
    ],
)
def test_a_rule_that_says_no_has_a_name(
    client: Client, contract: str, path: str, body: dict[str, Any], status: int, code: str
) -> None:
    before = client.read(contract)["version"]

    assert refused(client, f"{contract}/{path}", body) == (status, code)
    assert client.read(contract)["version"] == before


def test_days_at_the_end_of_the_calendar_are_refused_and_not_stumbled_over(
    client: Client, account: str, contract: str
) -> None:
    edges = [
        (f"{account}/contracts", draft(start="9999-12-31", end=None)),
        (f"{account}/contracts", draft(start="0001-01-01", end="9999-12-31", notice_days=3650)),
        (f"{contract}/notice", {"effective_at": "9999-12-31"}),
        (f"{contract}/amendments", {"effective_at": "0001-01-01", "changes": [{"op": "remove_line", "line": "main"}]}),
        (f"{contract}/renewals", {"end": "9999-12-31"}),
        (f"{contract}/suspension", {"effective_at": "2026-02-01", "effective_end": "9999-12-31"}),
    ]

    for path, body in edges:
        answer = client.post(path, json=body)
        assert answer.status_code in (201, 409, 422), answer.text
    for day in ("0001-01-02", "2026-06-30", "9999-12-30"):
        assert client.see(contract, as_of=day).status_code == 200


def test_contracts_are_listed_by_account_and_currency(client: Client, account: str, contract: str) -> None:
    other = client.write("/v1/accounts", {"name": "Contoso", "currency": "USD"})["id"]
    client.write(f"/v1/accounts/{other}/contracts", {**draft(), "currency": "USD"})

    def listed(**query: str) -> list[str]:
        return [one["currency"] for one in client.read("/v1/contracts", sort="id", **query)["data"]]

    assert listed() == ["EUR", "USD"]
    assert listed(account="ref:nw") == listed(currency="EUR") == listed(external_ref="c1") == ["EUR"]
    assert listed(account=other) == ["USD"]
    assert client.see("/v1/contracts", account="ref:nobody").status_code == 404
