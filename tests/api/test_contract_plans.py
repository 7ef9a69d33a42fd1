"""Contracts over HTTP: what is agreed for later, what replaces what, and what was recorded wrongly."""

from typing import Any

import pytest

from tests.api.sample_agency import LINE, draft
from tests.support.server import Client

RAMP = [
    {"start": "2026-04-01", "unit_price": "1050.00"},
    {"start": "2026-07-01", "quantity": "2", "cause": "negotiation"},
]


@pytest.fixture
def account(client: Client) -> str:
    """The path of an account that was opened before the year begins."""
    body = {"name": "Northwind", "currency": "EUR", "effective_at": "2025-06-01", "external_ref": "nw"}
    return f"/v1/accounts/{client.write('/v1/accounts', body)['id']}"


def signed(client: Client, account: str, ref: str, **terms: Any) -> str:
    """The path of a signed contract over the year 2026, unless the terms differ."""
    receipt = client.write(f"{account}/contracts", draft(external_ref=ref, **terms))
    client.write(f"/v1/contracts/{receipt['id']}/signature", {"signed_at": "2025-12-20T10:00:00Z"})
    return f"/v1/contracts/{receipt['id']}"


@pytest.fixture
def contract(client: Client, account: str) -> str:
    """The path of a signed contract over the year 2026 at 1000.00 a month."""
    return signed(client, account, "c1")


def head(client: Client) -> int:
    """The position of the last event."""
    return max((event["position"] for event in client.read("/v1/events", limit=500)["data"]), default=0)


def refused(client: Client, path: str, body: dict[str, Any]) -> tuple[int, str]:
    """Status and code of a write that is refused, with nothing appended."""
    before = head(client)
    answer = client.post(path, json=body)
    assert head(client) == before
    return answer.status_code, answer.json()["code"]


def test_a_ramp_and_a_discount_stand_in_the_schedule_ahead(client: Client, account: str) -> None:
    line = {**LINE, "ramp": RAMP, "discount_percent": "10", "discount_end": "2026-03-01"}
    contract = signed(client, account, "r1", lines=[line])

    page = client.read(contract, as_of="2026-01-15")

    assert [
        (one["start"][:10], one["quantity"], one["unit_price"]["amount"], one["mrr"]["amount"], one["cause"])
        for one in page["schedule"]
    ] == [
        ("2026-03-01", "1", "1000.00", "1000.00", "discount_end"),
        ("2026-04-01", "1", "1050.00", "1050.00", "escalator"),
        ("2026-07-01", "2", "1050.00", "2100.00", "negotiation"),
    ]
    (line,) = page["lines"]
    assert (line["arr"]["amount"], line["gross_arr"]["amount"]) == ("12000.00", "12000.00")
    assert (line["discount_percent"], line["discount_end"], line["discount_counts"]) == ("10", "2026-03-01", False)
    later = client.read(contract, as_of="2026-07-01")
    assert (later["mrr"]["amount"], later["schedule"], later["lines"][0]["discount_percent"]) == ("2100.00", [], None)


def test_a_lasting_discount_lowers_what_recurs(client: Client, contract: str) -> None:
    change = {"op": "set_line", "line": "main", "discount_percent": "25"}
    client.write(f"{contract}/amendments", {"effective_at": "2026-03-01", "changes": [change]})

    page = client.read(contract, as_of="2026-03-01")

    assert (page["arr"]["amount"], page["lines"][0]["gross_arr"]["amount"]) == ("9000.00", "12000.00")
    assert (page["lines"][0]["discount_percent"], page["lines"][0]["discount_counts"]) == ("25", True)
    (entry,) = client.read(f"/v1/accounts/{page['account']}/timeline", type="contract.amended")["data"]
    assert entry["sentence"] == "Amendment 1: main to discount 25"


def test_a_contract_in_another_currency_replaces_the_one_before(client: Client, account: str, contract: str) -> None:
    client.write(f"{contract}/termination", {"effective_end": "2026-07-01", "reason": "currency", "voluntary": True})

    switched = signed(client, account, "c2", start="2026-07-01", currency="USD", replaces="ref:c1")

    page = client.read(switched, as_of="2026-08-01")
    assert (page["replaces"], page["mrr"]) == (client.read(contract)["id"], {"amount": "1000.00", "currency": "USD"})
    assert client.read(contract)["replaces"] is None


def test_wrong_terms_are_set_right_and_stay_as_they_were_known(client: Client, account: str, contract: str) -> None:
    page = client.read(contract)
    drafted, known = page["terms"][0]["event"], page["position"]

    receipt = client.write(
        f"{contract}/corrections", {"corrects": drafted, "terms": {"start": "2025-12-01", "end": "2026-10-01"}}
    )

    then, now = client.read(contract, known_at=known), client.read(contract)
    assert (then["start"], then["end"], then["corrections"]) == ("2026-01-01", "2027-01-01", [])
    assert (now["start"], now["end"]) == ("2025-12-01", "2026-10-01")
    assert [(one["corrects"], one["terms"], one["changes"], one["event"]) for one in now["corrections"]] == [
        (drafted, {"start": "2025-12-01", "end": "2026-10-01"}, None, receipt["events"][0]["id"])
    ]
    paid = [client.read(contract, as_of=day)["mrr"]["amount"] for day in ("2025-12-01", "2026-09-30", "2026-10-01")]
    assert paid == ["1000.00", "1000.00", "0.00"]
    (entry,) = client.read(f"{account}/timeline", type="contract.terms_corrected")["data"]
    assert entry["sentence"] == "Contract terms corrected: start 2025-12-01, end 2026-10-01"


def test_a_contract_goes_on_by_itself_or_expires_when_its_day_has_passed(client: Client, account: str) -> None:
    past = {"start": "2024-01-01", "end": "2025-01-01"}
    plain, itself = signed(client, account, "p1", **past), signed(client, account, "p2", auto_renew=True, **past)

    client.write(f"{plain}/expiry", {"effective_at": "2025-01-31"})
    client.write(f"{itself}/automatic-renewal", {"effective_at": "2025-01-01"})

    assert (client.read(plain)["status"], client.read(itself)["end"]) == ("expired", "2026-01-01")
    assert client.read(itself)["terms"][-1]["automatic"] is True
    assert refused(client, f"{plain}/expiry", {}) == (409, "contract_expired")
    assert refused(client, f"{plain}/automatic-renewal", {}) == (409, "not_auto_renewing")
    assert refused(client, f"{itself}/expiry", {}) == (409, "not_ended")


def test_an_export_may_tell_of_ramps_discounts_and_expiry(client: Client, account: str) -> None:
    def cloud_event(number: int, topic: str, data: dict[str, Any]) -> dict[str, Any]:
        return {"specversion": "1.0", "id": f"e{number}", "source": "crm", "type": topic, "subject": "ref:nw",
                "time": "2025-01-31T00:00:00Z", "data": {"contract": "ref:old", **data}}  # fmt: skip

    line = {
        **LINE,
        "ramp": [{"start": "2024-04-01", "unit_price": "1100.00"}],
        "discount_percent": "5",
        "discount_end": "2024-03-01",
    }
    terms = {"currency": "EUR", "start": "2024-01-01", "end": "2025-01-01", "signed_at": "2023-12-01", "lines": [line]}
    events = [cloud_event(1, "contract.signed", terms), cloud_event(2, "contract.expired", {})]

    answer = client.post("/v1/events", json=events, headers={"Content-Type": "application/cloudevents-batch+json"})

    assert [one["status"] for one in answer.json()["results"]] == ["accepted", "accepted"], answer.text
    client.position = answer.json()["position"]
    page = client.read("/v1/contracts/ref:old", as_of="2024-05-01")
    assert (page["status"], page["mrr"]["amount"]) == ("active", "1100.00")


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([{**LINE, "ramp": [RAMP[1], RAMP[0]]}], "ramp_unordered"),
        ([{**LINE, "ramp": [RAMP[0], RAMP[0]]}], "ramp_unordered"),
        ([{**LINE, "ramp": [{"start": "2027-01-01", "quantity": "2"}]}], "ramp_outside_term"),
        ([{**LINE, "ramp": [{"start": "2026-04-01"}]}], "invalid_body"),
        ([{**LINE, "ramp": [{"start": "2026-02-30", "quantity": "2"}]}], "invalid_body"),
        ([{**LINE, "ramp": [{"start": "2026-04-01", "quantity": "-2"}]}], "invalid_body"),
        ([{**LINE, "ramp": [{"start": "2026-04-01", "quantity": "999999999999"}]}], "amount_out_of_range"),
        ([{**LINE, "discount_end": "2026-04-01"}], "invalid_body"),
        ([{**LINE, "discount_percent": "5", "discount_end": "2026-01-01"}], "end_before_start"),
        ([{**LINE, "discount_percent": "101"}], "invalid_body"),
        ([LINE, LINE], "overlapping_lines"),
        ([{**LINE, "start": "2026-05-01", "end": "2026-05-01"}], "invalid_body"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_by_name(
    client: Client, account: str, lines: list[dict[str, Any]], code: str
) -> None:
    assert refused(client, f"{account}/contracts", draft(lines=lines)) == (422, code)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("renewals", {"end": "2028-01-01"}, (409, "contract_terminated")),
        ("automatic-renewal", {}, (409, "contract_terminated")),
        ("expiry", {}, (409, "contract_terminated")),
        ("amendments", {"effective_at": "2099-01-01", "changes": [{"op": "remove_line", "line": "main"}]},
         (409, "contract_terminated")),
        ("corrections", {"corrects": "evt_x", "terms": {"end": "2028-01-01"}}, (409, "unknown_event")),
        ("corrections", {"corrects": "evt_x"}, (422, "invalid_body")),
        ("corrections", {"corrects": "evt_x", "terms": {}}, (422, "invalid_body")),
        ("corrections", {"corrects": "evt_x", "terms": {"notice_days": 10**9}}, (422, "invalid_body")),
        ("corrections", {"corrects": "{drafted}", "terms": {"end": "2025-01-01"}}, (422, "end_before_start")),
        ("corrections", {"corrects": "{drafted}", "terms": {"end": "2026-06-01"}}, (409, "end_after_term")),
        ("corrections", {"corrects": "{drafted}", "terms": {"start": "9999-12-31", "end": "0001-01-01"}}, (422, "end_before_start")),
        ("corrections", {"corrects": "{drafted}", "terms": {"effective_end": "2026-06-01"}}, (409, "not_correctable")),
        ("corrections", {"corrects": "{drafted}", "terms": {"end": "2027-01-01"}}, (409, "nothing_to_correct")),
    ],
)  # fmt: skip
def test_a_terminated_contract_refuses_by_name_what_no_longer_can_be(
    client: Client, contract: str, path: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    drafted = client.read(contract)["terms"][0]["event"]
    client.write(f"{contract}/termination", {"effective_end": "2026-07-01", "reason": "price", "voluntary": True})
    if body.get("corrects") == "{drafted}":
        body = {**body, "corrects": drafted}

    assert refused(client, f"{contract}/{path}", body) == expected


def test_nobody_follows_another_accounts_contract(client: Client, contract: str) -> None:
    other = client.write("/v1/accounts", {"name": "Contoso", "currency": "EUR"})["id"]

    assert refused(client, f"/v1/accounts/{other}/contracts", draft(replaces="ref:c1")) == (409, "other_account")
    assert refused(client, f"/v1/accounts/{other}/contracts", draft(replaces="ref:nobody")) == (
        404,
        "contract_not_found",
    )
    assert refused(client, f"/v1/accounts/{other}/contracts", draft(replaces="acct_1")) == (404, "contract_not_found")
