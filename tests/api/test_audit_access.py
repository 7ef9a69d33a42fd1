"""Who could see what on a day in the past, over HTTP; and whose figures an account is in, before and after it was handed over."""

import pytest

from tests.api.test_reach import Agency, agency
from tests.support.server import Client, Server


@pytest.fixture(scope="module")
def agency_of_two(each_server: Server) -> Agency:
    """The agency of the tests of reach, in which ash went from anna to ben on 1 March."""
    made = agency(each_server)
    made.admin.write(f"/v1/accounts/{made.accounts['ash']}/owner", {"owner": "ben", "effective_at": "2026-03-01"})
    senior = {"role": "senior_account_manager", "reach": "self", "start": "2026-01-01"}
    made.admin.write(f"/v1/users/{made.people['otto']}/roles", senior)  # who owns a key account is one
    made.admin.write(
        f"/v1/accounts/{made.accounts['elm']}/key-account", {"key_account": True, "effective_at": "2026-02-01"}
    )
    made.admin.write(f"/v1/accounts/{made.accounts['elm']}/backup", {"backup": "anna", "effective_at": "2026-05-01"})
    made.admin.write(
        f"/v1/accounts/{made.accounts['elm']}/members",
        {"member": "ben", "function": "coordinator", "effective_at": "2026-06-01"},
    )
    return made


def seen(client: Client, agency: Agency, **asked: str) -> set[tuple[str, str, str | None]]:
    """Who could see what, and via what, by the names of the test."""
    people = {user: name for name, user in agency.people.items()}
    accounts = {account: name for name, account in agency.accounts.items()}
    found, cursor = set(), None
    while True:
        page = client.read("/v1/audit/access", limit=2, **asked, **({"cursor": cursor} if cursor else {}))
        found |= {
            (accounts[row["account"]], people[row["user"]], row["via"]) for row in page["data"] if row["user"] in people
        }
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def test_who_could_see_an_account_on_a_day_and_via_what(agency_of_two: Agency) -> None:
    admin = agency_of_two.admin
    always = {("ash", "sonja", "mentor"), ("ash", "dora", "department"), ("ash", "vera", "tenant")}
    before = seen(admin, agency_of_two, account="ref:ash", at="2026-02-28")
    after = seen(admin, agency_of_two, account="ref:ash", at="2026-03-01")
    assert before == {("ash", "anna", "owner"), *always}
    assert after == {("ash", "ben", "owner"), *always}
    assert seen(admin, agency_of_two, account="ref:ash", at="2025-11-01") == set()

    elm = {
        day: seen(admin, agency_of_two, account="ref:elm", at=day) for day in ("2026-01-31", "2026-04-30", "2026-06-30")
    }
    assert elm["2026-01-31"] == {("elm", "otto", "owner"), ("elm", "vera", "tenant")}
    assert elm["2026-04-30"] == {*elm["2026-01-31"], ("elm", "sonja", "key_account")}
    through = {
        ("elm", "anna", "backup"),
        ("elm", "ben", "member"),
        ("elm", "sonja", "mentor"),
        ("elm", "dora", "department"),
    }
    assert elm["2026-06-30"] == {*elm["2026-04-30"], *through}


def test_what_a_person_could_see_on_a_day_and_before_a_role_was_theirs(agency_of_two: Agency) -> None:
    admin = agency_of_two.admin
    assert seen(admin, agency_of_two, user="ref:anna", at="2026-02-28") == {
        ("ash", "anna", "owner"),
        ("birch", "anna", "owner"),
    }
    assert seen(admin, agency_of_two, user="ref:anna", at="2026-03-01") == {("birch", "anna", "owner")}
    assert seen(admin, agency_of_two, user="ref:anna", at="2025-12-31") == set()
    assert seen(admin, agency_of_two, user="ref:ben", account="ref:birch") == set()
    named = admin.read("/v1/audit/access", user="ref:sonja", account="ref:cedar")["data"]
    assert [(row["via"], row["of"], row["named_as"], row["role"]) for row in named] == [
        ("mentor", agency_of_two.people["ben"], "owner", "senior_account_manager")
    ]


def test_what_was_recorded_later_let_nobody_in_by_what_was_known(agency_of_two: Agency) -> None:
    admin, head = agency_of_two.admin, agency_of_two.admin.read("/v1/events")["position"]
    moved = admin.write(
        f"/v1/accounts/{agency_of_two.accounts['cedar']}/owner", {"owner": "otto", "effective_at": "2026-04-01"}
    )
    assert ("cedar", "otto", "owner") in seen(admin, agency_of_two, account="ref:cedar", at="2026-04-02")
    then = seen(admin, agency_of_two, account="ref:cedar", at="2026-04-02", known_at=str(head))
    assert ("cedar", "ben", "owner") in then
    assert ("cedar", "otto", "owner") not in then
    admin.write(f"/v1/accounts/{agency_of_two.accounts['cedar']}/owner", {"owner": "ben", "effective_at": "2026-04-01"})
    assert moved["position"] > head


def test_only_auditors_and_admins_ask_and_they_name_an_account_or_a_person(agency_of_two: Agency) -> None:
    assert agency_of_two.clients["vera"].get("/v1/audit/access", params={"account": "ref:ash"}).status_code == 403
    assert len(seen(agency_of_two.admin, agency_of_two)) > len(agency_of_two.people)
    assert agency_of_two.admin.get("/v1/audit/access", params={"user": "ref:nobody"}).status_code == 404


@pytest.mark.parametrize("attribution", ["start", "end", "now", "2026-01-31", "2026-03-31"])
def test_figures_of_all_owners_sum_to_the_agencys_whenever_it_counts_whose_an_account_is(
    agency_of_two: Agency, attribution: str
) -> None:
    period = {"from": "2026-02-01", "to": "2026-07-01", "attribution": attribution}
    whole = agency_of_two.admin.read("/v1/kpis/net_revenue_retention", **period)
    of_owners = [
        agency_of_two.admin.read("/v1/kpis/net_revenue_retention", owner=owner, **period)
        for owner in ("anna", "ben", "sonja", "otto", "none")
    ]
    for member in ("numerator", "denominator"):
        assert float(whole[member]) == sum(float(one[member]) for one in of_owners)
    expected = attribution if attribution != "now" else of_owners[0]["scope"]["attribution"]
    assert {one["scope"]["attribution"] for one in of_owners} == {expected}
    assert len(expected) == 10 or attribution in ("start", "end")


def test_an_account_handed_over_is_in_ones_figures_before_and_in_the_others_after(agency_of_two: Agency) -> None:
    """Its owner of then counts, whose figures are asked for; whose reach it is in is a matter of today."""
    admin, vera = agency_of_two.admin, agency_of_two.clients["vera"]
    for client in (admin, vera):
        figures = {
            (owner, day): float(client.read("/v1/kpis/mrr", owner=owner, as_of=day)["value"])
            for owner in ("anna", "ben")
            for day in ("2026-02-28", "2026-03-01")
        }
        assert figures == {
            ("anna", "2026-02-28"): 300.0, ("anna", "2026-03-01"): 200.0, ("ben", "2026-02-28"): 300.0, ("ben", "2026-03-01"): 400.0,
        }  # fmt: skip
        now = {
            (owner, day): client.read("/v1/kpis/mrr", owner=owner, as_of=day, attribution="now")
            for owner in ("anna", "ben")
            for day in ("2026-02-28", "2026-03-01")
        }
        assert {key: float(figure["value"]) for key, figure in now.items()} == {
            ("anna", "2026-02-28"): 200.0, ("anna", "2026-03-01"): 200.0, ("ben", "2026-02-28"): 400.0, ("ben", "2026-03-01"): 400.0,
        }  # fmt: skip
        day = now["anna", "2026-02-28"]["scope"]["attribution"]
        assert (
            client.read("/v1/kpis/mrr", owner="anna", as_of="2026-02-28", attribution=day) == now["anna", "2026-02-28"]
        )
        assert client.get(now["anna", "2026-02-28"]["explain_url"]).json()["figure"]["value"] == "200.00"
    own = agency_of_two.clients["anna"].read("/v1/kpis/mrr", as_of="2026-02-28")
    assert (own["value"], own["scope"]["reach"]["kind"]) == ("700.00", "portfolio")
