"""References: what is accepted as one can be reached by it, in a path, a parameter, a body and a subject."""

from urllib.parse import quote

import pytest

from tests.api.test_events import SINGLE, event, ingest
from tests.support.server import Client

REFERENCES = [
    "DE/4711", "a//b/", "/", "..", "../..", "./x", "?", "a?b=c&d", "#1", "100%", "%2F", "a%252Fb", "a;b;c", "a b", "a+b",
    "ref:x", "ref:",
    "'\"<>\\", "{}", "[a]", "a,b", "~!@$^&*()=|`",
    "Müller/Söhne", "田中さん", "👩‍🚀/🚀", "ـمـ/ــ", "nil", "null", "0", "-1",
    "acct_01jd7z5m3pf8x9v0w1y2z3a4b5", "interactions", "a/interactions", "a:b", "\\\\server\\share", "x" * 200, "http://a/b?c#d",
]  # fmt: skip


def test_every_reference_that_is_accepted_is_reached_everywhere(visitor: Client) -> None:
    for number, reference in enumerate(REFERENCES):
        ref, path = f"ref:{reference}", f"/v1/accounts/ref:{quote(reference, safe='')}"
        account = visitor.write("/v1/accounts", {"name": f"n{number}", "currency": "EUR", "external_ref": reference})[
            "id"
        ]

        assert visitor.read(path)["id"] == account, reference
        call = {"channel": "call", "direction": "inbound", "occurred_at": "2026-01-15T09:00:00Z"}
        first = visitor.write(f"{path}/interactions", call)["id"]
        assert ingest(visitor, event(number, "interaction.logged", subject=ref, data=call), SINGLE).status_code == 201
        assert first in {one["id"] for one in visitor.read("/v1/interactions", account=ref)["data"]}
        timeline = visitor.see(f"{path}/timeline", limit=1)
        following = timeline.headers["link"].partition(">")[0].lstrip("<")
        assert visitor.get(following).status_code == 200, following


def test_a_slash_that_is_not_encoded_still_ends_a_name(visitor: Client) -> None:
    visitor.write("/v1/accounts", {"name": "n", "currency": "EUR", "external_ref": "DE/4711"})

    assert visitor.get("/v1/accounts/ref:DE/4711").status_code == 404
    assert visitor.get("/v1%2Faccounts").status_code == 404


@pytest.mark.parametrize(
    "name", ["ref:%EF%B7%90", "ref:%00", "ref:%ff", "ref:%E2%80%AE", "ref:%20", "ref:", "%2F", "ref:%2F%2F"]
)
def test_what_no_reference_can_be_is_not_found(visitor: Client, name: str) -> None:
    assert visitor.get(f"/v1/accounts/{name}").status_code == 404


def test_a_reference_is_found_in_every_way_that_it_can_be_written(visitor: Client) -> None:
    account = visitor.write(
        "/v1/accounts", {"name": "n", "currency": "EUR", "external_ref": "Müller", "tier": "Süd", "owner": "é"}
    )["id"]

    for written in ("Mu\u0308ller", " Müller", "M\u00fcller\u00a0", "\ufeffMüller"):
        assert visitor.read(f"/v1/accounts/ref:{quote(written)}")["id"] == account
        assert len(visitor.read("/v1/accounts", external_ref=written)["data"]) == 1
    assert len(visitor.read("/v1/accounts", tier="Su\u0308d", owner="e\u0301 ")["data"]) == 1
    assert visitor.read("/v1/kpis/mrr", owner="e\u0301")["scope"]["owner"] == "é"
